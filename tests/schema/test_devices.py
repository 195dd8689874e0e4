"""registerDevice, removeDevice, setNotificationPreferences, markOpened, and what staff see of deliveries."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gamification.member import Member
from gamification.merging import Merged
from gamification.requests import MergeRequest
from schema.ids import to_global_id
from tests.schema.api import NOW, STAFF, Api, Caller, Json, global_id, themself

TOKEN = "canary:" + "t" * 40
DEVICE = "id platform language timeZone registeredAt"
REGISTER = f"""
mutation ($input: RegisterDeviceInput!) {{
  registerDevice(input: $input) {{
    __typename
    ... on RegisterDeviceSuccess {{ device {{ {DEVICE} }} }}
    ... on InvalidInput {{ problems {{ path message }} }}
  }}
}}
"""
REMOVE = """
mutation ($input: RemoveDeviceInput!) {
  removeDevice(input: $input) {
    __typename
    ... on RemoveDeviceSuccess { devices { id } }
    ... on InvalidInput { problems { path message } }
  }
}
"""
PREFERENCES = "push inbox kinds { kind push inbox } quietHours { from to } bestTime"
SET = f"""
mutation ($input: SetNotificationPreferencesInput!) {{
  setNotificationPreferences(input: $input) {{
    __typename
    ... on NotificationPreferencesSuccess {{ preferences {{ {PREFERENCES} }} }}
    ... on InvalidInput {{ problems {{ path message }} }}
  }}
}}
"""
OPENED = """
mutation ($input: MarkOpenedInput!) {
  markOpened(input: $input) {
    __typename
    ... on MarkOpenedSuccess { openedCount }
    ... on InvalidInput { problems { path message } }
  }
}
"""
DEVICES = f"{{ me {{ devices {{ {DEVICE} }} }} }}"
DELIVERIES = """
query ($id: ID!, $after: String) {
  noticeDeliveries(noticeId: $id, first: 2, after: $after) {
    nodes { state reason attempts platform kind dead member { id } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
DEAD = "query ($after: String) { deadDeliveries(first: 1, after: $after) { nodes { id } pageInfo { endCursor } } }"
COUNTS = "{ deliveryCounts(days: 2) { waiting queued dead ended { state platform reason count } } }"
REQUEUE = """
mutation ($input: RequeueDeliveriesInput!) {
  requeueDeliveries(input: $input) {
    __typename
    ... on RequeueDeliveriesSuccess { ids }
    ... on InvalidInput { problems { path message } }
  }
}
"""


async def register(api: Api, member: Member, token: str = TOKEN, **more: Any) -> Json:
    given = {"platform": "FCM", "token": token, **more}
    result: Json = await api.result(REGISTER, themself(member), input=given)
    assert result["__typename"] == "RegisterDeviceSuccess", result
    device: Json = result["device"]
    return device


async def devices(api: Api, member: Member) -> list[Json]:
    found: list[Json] = (await api.data(DEVICES, themself(member)))["me"]["devices"]
    return found


async def deliver(api: Api, member: Member, name: str, **fields: Any) -> str:
    """A delivery as a worker leaves it; its id."""
    notice_id = f"{member.member_id}:{name}"
    document = {
        "_id": f"{notice_id}:{fields.get('device_id', 'phone')}",
        "notice_id": notice_id,
        "device_id": "phone",
        "member_id": member.member_id,
        "holder": member.member_id,
        "kind": "badge_won",
        "platform": "fcm",
        "lane": "0:fcm",
        "position": 1,
        "state": "sent",
        "reason": "",
        "attempts": 1,
        "count": 1,
        "fence": 1,
        "created_at": NOW,
        "told_at": NOW,
        "due_at": None,
        "ended_at": NOW,
        **fields,
    }
    await api.database["deliveries"].insert_one(document)
    return str(document["_id"])


async def test_a_device_is_registered_shown_and_removed(api: Api) -> None:
    ann = await api.enrol("ann")
    device = await register(api, ann, language="da", timeZone="Asia/Tokyo")
    assert device == {
        "id": device["id"],
        "platform": "FCM",
        "language": "da",
        "timeZone": "Asia/Tokyo",
        "registeredAt": "2026-05-01T12:00:00.000Z",
    }
    api.clock.now = NOW + timedelta(hours=1)
    other = await register(api, ann, "b" * 40)
    assert [one["id"] for one in await devices(api, ann)] == [other["id"], device["id"]]
    left = await api.result(REMOVE, themself(ann), input={"id": device["id"]})
    assert left == {"__typename": "RemoveDeviceSuccess", "devices": [{"id": other["id"]}]}
    assert await api.nothing_written(REMOVE, themself(ann), input={"id": device["id"]}) == left


async def test_registering_again_keeps_one_device_with_what_is_told_now(api: Api) -> None:
    ann = await api.enrol("ann")
    first = await register(api, ann, language="da")
    api.clock.now = NOW + timedelta(hours=1)
    assert await register(api, ann) == {**first, "language": None, "registeredAt": "2026-05-01T13:00:00.000Z"}
    assert len(await devices(api, ann)) == 1


async def test_a_device_moves_to_whoever_registers_it_last_with_nothing_of_the_former(api: Api) -> None:
    ann, bob = await api.enrol("ann"), await api.enrol("bob")
    device = await register(api, ann)
    device_id = (await api.database["devices"].find_one({}) or {})["_id"]
    later = NOW + timedelta(hours=8)
    waiting = await deliver(api, ann, "1", state="waiting", due_at=later, ended_at=None, device_id=device_id)
    queued = await deliver(api, ann, "2", state="queued", due_at=later, ended_at=None, device_id=device_id)
    sent = await deliver(api, ann, "3", device_id=device_id)
    assert (await register(api, bob))["id"] == device["id"]
    assert (await devices(api, ann), len(await devices(api, bob))) == ([], 1)
    found = {one["_id"]: (one["state"], one["reason"]) async for one in api.database["deliveries"].find()}
    assert found == {
        waiting: ("dropped", "device_moved"),
        queued: ("dropped", "device_moved"),
        sent: ("sent", ""),
    }
    not_anns: Json = await api.result(REMOVE, themself(ann), input={"id": device["id"]})
    assert (not_anns["devices"], len(await devices(api, bob))) == ([], 1)


async def test_of_too_many_devices_the_one_registered_longest_ago_is_forgotten(api: Api) -> None:
    ann = await api.enrol("ann")
    for number in range(22):
        api.clock.now = NOW + timedelta(minutes=number)
        await register(api, ann, f"{number:040}")
    found = await devices(api, ann)
    assert [one["registeredAt"][14:16] for one in found] == [f"{number:02}" for number in reversed(range(2, 22))]


async def test_no_answer_shows_a_token(api: Api) -> None:
    ann = await api.enrol("ann")
    answer = await api.post(REGISTER, themself(ann), input={"platform": "FCM", "token": TOKEN})
    listed = await api.post(DEVICES, themself(ann))
    assert TOKEN not in answer.text + listed.text
    wrong = await api.post(REGISTER, themself(ann), input={"platform": "APNS", "token": TOKEN})
    assert TOKEN not in wrong.text


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"token": ""}, ["token"]),
        ({"token": "x" * 3000}, ["token"]),
        ({"token": "too short"}, ["token"]),
        ({"platform": "APNS"}, ["token"]),
        ({"platform": "WEB"}, ["keys.p256dh", "keys.auth"]),
        ({"keys": {"p256dh": "a", "auth": "b"}}, ["keys.p256dh", "keys.auth"]),
        ({"language": "no language", "timeZone": "Mars/Base"}, ["language", "timeZone"]),
    ],
)
async def test_what_cannot_be_a_device_is_refused(api: Api, given: Json, paths: list[str]) -> None:
    ann = await api.enrol("ann")
    result = await api.nothing_written(REGISTER, themself(ann), input={"platform": "FCM", "token": TOKEN, **given})
    assert (result["__typename"], [one["path"] for one in result["problems"]]) == ("InvalidInput", paths)


async def test_preferences_are_the_programs_until_one_chooses(coffee: Api) -> None:
    ann = await coffee.enrol("ann")
    caller = themself(ann)
    before = await preferences(coffee, caller)
    assert (before["push"], before["inbox"], before["bestTime"]) == (True, True, None)
    assert before["quietHours"] == {"from": "22:00", "to": "08:00"}
    settings = {one["kind"]: (one["push"], one["inbox"]) for one in before["kinds"]}
    assert (settings["POINTS_EARNED"], settings["CAMPAIGN_STARTED"]) == ((False, True), (True, False))
    choices = [
        {"channel": "PUSH", "kind": "POINTS_EARNED", "on": True},
        {"channel": "INBOX", "kind": "BADGE_WON", "on": False},
        {"channel": "INBOX", "on": False},
    ]
    changes = {"choices": choices, "quietHours": None, "bestTime": "18:30"}
    after = (await coffee.result(SET, caller, input=changes))["preferences"]
    assert (after["push"], after["inbox"], after["quietHours"], after["bestTime"]) == (True, False, None, "18:30")
    settings = {one["kind"]: (one["push"], one["inbox"]) for one in after["kinds"]}
    assert (settings["POINTS_EARNED"], settings["BADGE_WON"]) == ((True, True), (True, False))
    assert await preferences(coffee, caller) == after
    await register(coffee, ann)
    assert await preferences(coffee, caller) == after, "what was chosen stays, whatever registers"
    quiet = {"quietHours": {"from": "20:00", "to": "09:15"}}
    assert (await coffee.result(SET, caller, input=quiet))["preferences"] == {**after, **quiet}
    given_back = (await coffee.result(SET, caller, input={"programQuietHours": True}))["preferences"]
    assert given_back == {**after, "quietHours": before["quietHours"]}


async def test_a_merged_account_leaves_what_it_chose_to_the_one_that_goes_on_until_that_is_undone(coffee: Api) -> None:
    ann, bob = await coffee.enrol("ann"), await coffee.enrol("bob")
    await coffee.result(SET, themself(ann), input={"choices": [{"channel": "PUSH", "on": False}], "bestTime": "18:30"})
    before = await preferences(coffee, themself(bob))
    merged = MergeRequest(ann.member_id, bob.member_id, by="staff-1")
    assert isinstance(await coffee.laurel.game.merger.change(merged), Merged)
    both = {**before, "push": False, "bestTime": "18:30"}
    assert await preferences(coffee, themself(bob)) == both
    changed = await coffee.result(SET, themself(ann), input={"bestTime": "20:00"})
    assert changed["preferences"] == {**both, "bestTime": "20:00"}, "whoever asks as the other one asks as the one"
    assert await preferences(coffee, themself(bob)) == {**both, "bestTime": "20:00"}
    undone = replace(merged, undoes=True)
    assert isinstance(await coffee.laurel.game.merger.change(undone), Merged)
    assert await preferences(coffee, themself(bob)) == {**before, "bestTime": "20:00"}
    assert await preferences(coffee, themself(ann)) == both


async def preferences(api: Api, caller: Caller) -> Json:
    found: Json = (await api.data(f"{{ me {{ notificationPreferences {{ {PREFERENCES} }} }} }}", caller))["me"]
    shown: Json = found["notificationPreferences"]
    return shown


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"quietHours": {"from": "22", "to": "25:00"}}, ["quietHours.from", "quietHours.to"]),
        ({"quietHours": {"from": "22:00", "to": "22:00"}}, ["quietHours.to"]),
        ({"quietHours": None, "programQuietHours": True}, ["quietHours"]),
        ({"bestTime": "noon"}, ["bestTime"]),
        ({"choices": [{"channel": "PUSH", "on": True}, {"channel": "PUSH", "on": False}]}, ["choices"]),
        ({"choices": [{"channel": "PUSH", "on": True}] * 39}, ["choices"]),
    ],
)
async def test_preferences_that_cannot_be_are_refused(api: Api, given: Json, paths: list[str]) -> None:
    ann = await api.enrol("ann")
    result = await api.nothing_written(SET, themself(ann), input=given)
    assert (result["__typename"], [one["path"] for one in result["problems"]]) == ("InvalidInput", paths)


async def test_what_waits_is_decided_anew_when_wishes_or_the_time_zone_change(api: Api) -> None:
    ann = await api.enrol("ann")
    later = NOW + timedelta(hours=8)
    zone = "mutation ($z: String!) { updateProfile(input: {timeZone: $z}) { __typename } }"
    for name, change in (
        ("1", lambda: api.result(SET, themself(ann), input={"bestTime": "18:30"})),
        ("2", lambda: api.result(zone, themself(ann), z="Asia/Tokyo")),
        ("3", lambda: register(api, ann, timeZone="America/New_York")),
    ):
        delivery_id = await deliver(api, ann, name, state="waiting", due_at=later, ended_at=None)
        await change()
        found = await api.database["deliveries"].find_one({"_id": delivery_id}) or {}
        assert (found["state"], found["due_at"].replace(tzinfo=NOW.tzinfo)) == ("waiting", NOW)


async def test_devices_and_preferences_are_for_the_member_alone(api: Api) -> None:
    ann = await api.enrol("ann")
    await register(api, ann)
    asked = "query ($id: ID!) { node(id: $id) { ... on Member { devices { id } notificationPreferences { push } } } }"
    answer: Json = (await api.post(asked, STAFF, id=global_id(ann))).json()
    assert answer["data"]["node"] == {"devices": None, "notificationPreferences": None}
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["FORBIDDEN"] * 2


async def test_a_notice_is_opened_once_on_all_devices_that_got_it(api: Api) -> None:
    ann, bob = await api.enrol("ann"), await api.enrol("bob")
    await deliver(api, ann, "1")
    await deliver(api, ann, "1", device_id="tablet", state="failed", reason="too_large")
    await deliver(api, ann, "2", state="queued", due_at=NOW, ended_at=None)
    await deliver(api, ann, "3", state="waiting", due_at=NOW, told_at=None, ended_at=None)
    ids = [to_global_id("Notice", f"{ann.member_id}:{name}") for name in ("1", "2", "3", "nothing")]
    assert (await api.nothing_written(OPENED, themself(bob), input={"ids": ids}))["openedCount"] == 0
    assert (await api.result(OPENED, themself(ann), input={"ids": ids}))["openedCount"] == 2
    assert (await api.nothing_written(OPENED, themself(ann), input={"ids": ids}))["openedCount"] == 0
    states = [one["state"] async for one in api.database["deliveries"].find().sort("_id")]
    assert states == ["opened", "failed", "opened", "waiting"]
    wrong = await api.nothing_written(OPENED, themself(ann), input={"ids": ["nonsense"]})
    assert [one["path"] for one in wrong["problems"]] == ["ids.0"]


async def test_staff_see_what_became_of_a_notice_on_each_device(api: Api) -> None:
    ann = await api.enrol("ann")
    await deliver(api, ann, "1", device_id="a")
    await deliver(api, ann, "1", device_id="b", state="failed", reason="too_large")
    await deliver(api, ann, "1", device_id="c", state="dropped", reason="cap", attempts=0)
    await deliver(api, ann, "10")
    notice_id = to_global_id("Notice", f"{ann.member_id}:1")
    page = (await api.data(DELIVERIES, STAFF, id=notice_id))["noticeDeliveries"]
    told = {"platform": "FCM", "kind": "BADGE_WON", "dead": False, "member": {"id": global_id(ann)}}
    assert page["nodes"] == [
        {"state": "SENT", "reason": "", "attempts": 1, **told},
        {"state": "FAILED", "reason": "too_large", "attempts": 1, **told},
    ]
    after = page["pageInfo"]["endCursor"]
    rest = (await api.data(DELIVERIES, STAFF, id=notice_id, after=after))["noticeDeliveries"]
    assert rest["nodes"] == [{"state": "DROPPED", "reason": "cap", "attempts": 0, **told}]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_what_was_given_up_is_listed_latest_first_and_queued_again_once(api: Api) -> None:
    ann = await api.enrol("ann")
    for name, minutes in (("1", 0), ("2", 2), ("3", 1)):
        at = NOW + timedelta(minutes=minutes)
        await deliver(api, ann, name, state="failed", reason="Unavailable", attempts=20, ended_at=at, dead_at=at)
    await deliver(api, ann, "4", state="failed", reason="too_large")
    assert (await api.data(COUNTS, STAFF))["deliveryCounts"] == {"waiting": 0, "queued": 0, "dead": 3, "ended": []}
    listed, after = [], None
    while page := (await api.data(DEAD, STAFF, after=after))["deadDeliveries"]:
        if not page["nodes"]:
            break
        listed.append(page["nodes"][0]["id"])
        after = page["pageInfo"]["endCursor"]
    assert listed == [to_global_id("Delivery", f"{ann.member_id}:{name}:phone") for name in ("2", "3", "1")]
    other = to_global_id("Delivery", f"{ann.member_id}:4:phone")
    again = await api.result(REQUEUE, STAFF, input={"ids": [listed[0], other]})
    assert again["ids"] == [listed[0]]
    assert (await api.nothing_written(REQUEUE, STAFF, input={"ids": [listed[0], other]}))["ids"] == []
    counts = (await api.data(COUNTS, STAFF))["deliveryCounts"]
    assert (counts["queued"], counts["dead"]) == (1, 2)


async def test_counts_add_up_the_days_that_are_asked_for(api: Api) -> None:
    for days, count in ((0, 5), (1, 7), (2, 100)):
        await api.laurel.push.telling.deliveries.count(  # type: ignore[attr-defined]
            {"sent:fcm:": count}, NOW - timedelta(days=days)
        )
    counts = (await api.data(COUNTS, STAFF))["deliveryCounts"]
    assert counts["ended"] == [{"state": "SENT", "platform": "FCM", "reason": "", "count": 12}]
    assert await api.codes("{ deliveryCounts(days: 32) { dead } }", STAFF) == ["BAD_USER_INPUT"]
