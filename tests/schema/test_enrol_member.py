"""enrolMember: a person joins, once per key, under a handle and a number that nobody else has."""

import asyncio

import pytest

from gamification.member import is_loyalty_number
from schema.ids import to_global_id
from tests.schema.api import STAFF, Api, Json
from tests.schema.documents import ENROL_MEMBER, RECORD_ACTIVITY, STATEMENT

EVERYTHING: Json = {
    "key": "till-7/ada",
    "displayName": "Ada Lovelace",
    "handle": "ada_1",
    "avatarUrl": "https://images.example/ada.png?size=2",
    "language": "da",
    "timeZone": "Europe/Copenhagen",
    "birthday": "1990-05-17",
    "externalId": "C-4711",
    "joinedAt": "2026-01-15T13:00:00+01:00",
}
UNSEEN = "needs a character that can be seen"
LEAST: Json = {"key": "till-7/bo", "displayName": "Bo"}
FUTURE = "lies in the future by more than 300 seconds"
HANDLE_RULE = "has 3 to 30 of a-z, 0-9 and _, and begins with a letter or digit"
URL_RULE = "must be an https address of at most 500 characters"
ZONE_RULE = "must be an IANA time zone such as Europe/Copenhagen"
DATE_RULE = "must be a day of the calendar such as 1990-05-17"
KEY_RULE = "may hold letters, digits, spaces and _ . , : ; / @ + = # ( ) & -, and starts with a word"
OPERATOR = '{"$ne":null}'
NO_OPERATORS = "must not hold a database operator such as $gt"


async def test_everything_that_can_be_told(api: Api) -> None:
    result = await api.result(ENROL_MEMBER, input=EVERYTHING)
    (stored,) = (await api.contents())["members"]
    number = result["member"].pop("loyaltyNumber")
    assert is_loyalty_number(number)
    assert result == {
        "__typename": "EnrolMemberSuccess",
        "replayed": False,
        "member": {
            "id": to_global_id("Member", stored["_id"]),
            "displayName": "Ada Lovelace",
            "handle": "ada_1",
            "alias": None,
            "avatarUrl": "https://images.example/ada.png?size=2",
            "language": "da",
            "timeZone": "Europe/Copenhagen",
            "birthday": "1990-05-17",
            "externalId": "C-4711",
            "enrolledAt": "2026-01-15T12:00:00.000Z",
            "showcase": [],
            "visibility": {"profile": False, "avatar": True, "tier": True, "badges": True, "board": "SHOWN"},
        },
    }
    found = await api.data("query Q($n: String!) { member(loyaltyNumber: $n) { handle } }", STAFF, n=number)
    assert found == {"member": {"handle": "ada_1"}}
    known = stored["state"]
    assert (known["seq"], known["time_zone"], known["birthday"]) == (1, "Europe/Copenhagen", "1990-05-17")


async def test_the_least_that_must_be_told(api: Api) -> None:
    member = (await api.result(ENROL_MEMBER, input=LEAST))["member"]
    assert member["enrolledAt"] == "2026-05-01T12:00:00.000Z"
    told = ("handle", "avatarUrl", "language", "timeZone", "birthday", "externalId")
    assert {name: member[name] for name in told} == dict.fromkeys(told)


async def test_enrolment_is_the_first_record_and_may_earn(coffee: Api) -> None:
    member = (await coffee.result(ENROL_MEMBER, input=LEAST))["member"]
    page = (await coffee.data(STATEMENT, STAFF, id=member["id"]))["statement"]
    assert [(one["account"], one["points"], one["activityKey"]) for one in page["nodes"]] == [
        ("PENDING", 20, "#enrolment")
    ]
    record = to_global_id("Record", f"{(await coffee.contents())['members'][0]['_id']}:1")
    found = await coffee.data(
        "query Q($id: ID!) { node(id: $id) { ... on Record { seq key kind } } }", STAFF, id=record
    )
    assert found == {"node": {"seq": 1, "key": "#enrolment", "kind": "enrolment"}}


async def test_an_activity_may_have_the_enrolment_s_key(api: Api) -> None:
    member = (await api.result(ENROL_MEMBER, input=EVERYTHING))["member"]
    bought = {"key": EVERYTHING["key"], "memberId": member["id"], "amount": "10"}
    first = await api.result(RECORD_ACTIVITY, input=bought)
    assert (first["__typename"], first["replayed"], first["record"]["seq"]) == ("RecordActivitySuccess", False, 2)
    assert (first["record"]["key"], first["record"]["points"]) == ("till-7/ada", 10)
    assert await api.nothing_written(RECORD_ACTIVITY, input=bought) == first | {"replayed": True}
    again = await api.nothing_written(ENROL_MEMBER, input=EVERYTHING)
    assert (again["replayed"], again["member"]) == (True, member)


async def test_a_retry_finds_the_member_as_they_are_now(api: Api) -> None:
    first = await api.result(ENROL_MEMBER, input=EVERYTHING)
    for same in (EVERYTHING, EVERYTHING | {"joinedAt": "2026-01-15T12:00:00.000Z"}):
        assert await api.nothing_written(ENROL_MEMBER, input=same) == first | {"replayed": True}
    await api.database["members"].update_one({}, {"$set": {"profile.display_name": "Ada King"}})
    again = await api.nothing_written(ENROL_MEMBER, input=EVERYTHING)
    assert again == {**first, "replayed": True, "member": first["member"] | {"displayName": "Ada King"}}


async def test_a_retry_may_leave_the_time_to_us(api: Api) -> None:
    first = await api.result(ENROL_MEMBER, input=LEAST)
    api.clock.now = api.clock.now.replace(hour=20)
    assert await api.nothing_written(ENROL_MEMBER, input=LEAST) == first | {"replayed": True}


@pytest.mark.parametrize(
    "other",
    [
        {"displayName": "Ada"},
        {"handle": None},
        {"language": "en"},
        {"externalId": "C-4712"},
        {"joinedAt": "2026-01-15T12:00:00.001Z"},
        {"joinedAt": None},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_key_used_for_someone_else_is_a_conflict(api: Api, other: Json) -> None:
    await api.result(ENROL_MEMBER, input=EVERYTHING)
    assert await api.nothing_written(ENROL_MEMBER, input=EVERYTHING | other) == {
        "__typename": "IdempotencyConflict",
        "code": "IDEMPOTENCY_CONFLICT",
        "message": "The key till-7/ada was used before with other input; something new needs a new key.",
        "key": "till-7/ada",
    }


@pytest.mark.parametrize(("field", "value"), [("handle", "ada_1"), ("externalId", "C-4711")])
async def test_what_another_member_has_already(api: Api, field: str, value: str) -> None:
    await api.result(ENROL_MEMBER, input=EVERYTHING)
    assert await api.nothing_written(ENROL_MEMBER, input=LEAST | {field: value}) == {
        "__typename": "AlreadyTaken",
        "code": "ALREADY_TAKEN",
        "message": f"Another member has this {field}.",
        "field": field,
    }
    assert (await api.result(ENROL_MEMBER, input=LEAST))["replayed"] is False, "the key of a refused call is free"


async def test_of_many_who_want_one_handle_at_once_one_gets_it(api: Api) -> None:
    wanting = [{"key": f"k{number}", "displayName": f"m{number}", "handle": "ada"} for number in range(6)]
    results = await asyncio.gather(*(api.result(ENROL_MEMBER, input=one) for one in wanting))
    assert sorted(one["__typename"] for one in results) == ["AlreadyTaken"] * 5 + ["EnrolMemberSuccess"]
    assert len((await api.contents())["members"]) == 1


async def test_the_same_enrolment_many_times_at_once_is_one(api: Api) -> None:
    results = await asyncio.gather(*(api.result(ENROL_MEMBER, input=EVERYTHING) for _ in range(6)))
    assert sorted(one["replayed"] for one in results) == [False] + [True] * 5
    assert len({one["member"]["id"] for one in results}) == 1
    assert len((await api.contents())["members"]) == 1


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"key": ""}, [("key", "must not be empty")]),
        ({"key": "k" * 129}, [("key", "is 129 characters long; at most 128 are allowed")]),
        ({"key": "$gt"}, [("key", KEY_RULE)]),
        ({"key": OPERATOR}, [("key", KEY_RULE)]),
        ({"displayName": ""}, [("displayName", "must not be empty")]),
        ({"displayName": " "}, [("displayName", "must not be empty")]),
        ({"displayName": "\u200b\u200d"}, [("displayName", UNSEEN)]),
        ({"displayName": " \u2060\ufe0f\xad"}, [("displayName", UNSEEN)]),
        ({"displayName": "\u3164\u2800"}, [("displayName", UNSEEN)]),
        ({"displayName": "a" * 81}, [("displayName", "is 81 characters long; at most 80 are allowed")]),
        ({"displayName": "$gt"}, [("displayName", NO_OPERATORS)]),
        ({"displayName": OPERATOR}, [("displayName", NO_OPERATORS)]),
        ({"displayName": "a\x00"}, [("displayName", "must not hold control characters or half characters")]),
        ({"handle": ""}, [("handle", HANDLE_RULE)]),
        ({"handle": "ab"}, [("handle", HANDLE_RULE)]),
        ({"handle": "a" * 31}, [("handle", HANDLE_RULE)]),
        ({"handle": "Ada"}, [("handle", HANDLE_RULE)]),
        ({"handle": "_ada"}, [("handle", HANDLE_RULE)]),
        ({"handle": "ada\n"}, [("handle", HANDLE_RULE)]),
        ({"handle": "$gt"}, [("handle", HANDLE_RULE)]),
        ({"handle": OPERATOR}, [("handle", HANDLE_RULE)]),
        ({"avatarUrl": "http://images.example/a.png"}, [("avatarUrl", URL_RULE)]),
        ({"avatarUrl": "javascript:alert(1)"}, [("avatarUrl", URL_RULE)]),
        ({"avatarUrl": 'https://a.example/"onerror='}, [("avatarUrl", URL_RULE)]),
        ({"avatarUrl": "https://" + "a" * 493}, [("avatarUrl", URL_RULE)]),
        ({"avatarUrl": OPERATOR}, [("avatarUrl", URL_RULE)]),
        ({"language": "fr"}, [("language", "must be one of en, da")]),
        ({"language": "$gt"}, [("language", "must be one of en, da")]),
        ({"timeZone": "Europe/Atlantis"}, [("timeZone", ZONE_RULE)]),
        ({"timeZone": "../../etc/passwd"}, [("timeZone", ZONE_RULE)]),
        ({"timeZone": "$gt"}, [("timeZone", ZONE_RULE)]),
        ({"birthday": ""}, [("birthday", DATE_RULE)]),
        ({"birthday": "1990-02-30"}, [("birthday", DATE_RULE)]),
        ({"birthday": OPERATOR}, [("birthday", DATE_RULE)]),
        ({"birthday": "1899-12-31"}, [("birthday", "lies before 1900-01-01")]),
        ({"birthday": "2026-05-02"}, [("birthday", "lies in the future")]),
        ({"externalId": ""}, [("externalId", "must not be empty")]),
        ({"externalId": "c" * 65}, [("externalId", "is 65 characters long; at most 64 are allowed")]),
        ({"externalId": "$gt"}, [("externalId", KEY_RULE)]),
        ({"externalId": OPERATOR}, [("externalId", KEY_RULE)]),
        ({"joinedAt": "2026-05-01T12:05:00.001Z"}, [("joinedAt", FUTURE)]),
        ({"joinedAt": "9999-12-31T23:59:59-23:59"}, [("joinedAt", FUTURE)]),
        ({"joinedAt": "1969-12-31T23:59:59Z"}, [("joinedAt", "lies before 1970-01-01")]),
        (
            {"joinedAt": "2026-05-01T12:00:00"},
            [("joinedAt", "needs a time zone, such as 2026-05-01T12:00:00Z")],
        ),
        (
            {"key": "", "displayName": "", "language": "fr", "externalId": ""},
            [
                ("key", "must not be empty"),
                ("displayName", "must not be empty"),
                ("language", "must be one of en, da"),
                ("externalId", "must not be empty"),
            ],
        ),
    ],
)
async def test_an_enrolment_that_breaks_a_rule(api: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    refused = await api.nothing_written(ENROL_MEMBER, input=EVERYTHING | changes)
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "k" * 128},
        {"displayName": "Åse 🎷 O'Neill"},
        {"handle": "0_a"},
        {"handle": "a" * 30},
        {"avatarUrl": "https://" + "a" * 492},
        {"externalId": "c" * 64},
        {"joinedAt": "2026-05-01T12:05:00Z"},
        {"joinedAt": "1970-01-01T00:00:00Z"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_is_just_within_bounds(api: Api, changes: Json) -> None:
    assert (await api.result(ENROL_MEMBER, input=EVERYTHING | changes))["__typename"] == "EnrolMemberSuccess"
