"""pauseStreak: days on which a streak cannot break, planned by the member or by staff within the program's bounds."""

from typing import Any

import pytest

from gamification.member import Member
from tests.schema.api import NOW, STAFF, Api, Json, global_id, themself
from tests.schema.documents import ERRORS
from tests.schema.time_shop import on, visit

PAUSE_STREAK = (
    """
mutation M($input: PauseStreakInput!) {
  pauseStreak(input: $input) {
    __typename ...Errors
    ... on RecordActivitySuccess {
      replayed record { key kind reason } member { streaks { nodes { code pauses { firstDay lastDay } } } }
    }
  }
}
"""
    + ERRORS
)
DAILY = """
{ me { streaks(first: 1) { nodes {
  state length endsAt pausedUntil freezes { held } pauses { firstDay } periods { firstDay fate }
} } } }
"""


def pause(**changes: Any) -> Json:
    return {"key": "s1", "from": "2026-05-02", "until": "2026-05-03"} | changes


async def daily(api: Api, member: Member) -> Json:
    found: Json = (await api.data(DAILY, themself(member)))["me"]["streaks"]["nodes"][0]
    return found


async def test_a_member_plans_a_pause_for_themself(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, visit(NOW))
    result = await api.result(PAUSE_STREAK, themself(ada), input=pause())
    assert result == {
        "__typename": "RecordActivitySuccess",
        "replayed": False,
        "record": {"key": "s1", "kind": "streak.pause", "reason": None},
        "member": {
            "streaks": {
                "nodes": [
                    {"code": "daily", "pauses": [{"firstDay": "2026-05-02", "lastDay": "2026-05-03"}]},
                    {"code": "weekly", "pauses": []},
                ]
            }
        },
    }
    api.clock.now = on(5, 3)
    paused = await daily(api, ada)
    assert (paused["state"], paused["length"], paused["pausedUntil"]) == ("PAUSED", 1, "2026-05-04T00:00:00.000Z")
    assert paused["endsAt"] == "2026-05-05T00:00:00.000Z"
    api.clock.now = on(5, 4)
    await api.record(ada, visit(on(5, 4)))
    over = await daily(api, ada)
    assert (over["state"], over["length"], over["freezes"]["held"], over["pauses"]) == ("DONE", 2, 1, [])
    assert [each["fate"] for each in over["periods"]] == ["DONE", "PAUSED", "PAUSED", "DONE"]


async def test_staff_plan_one_with_a_reason(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    given = pause(loyaltyNumber=ada.loyalty_number, streak="daily")
    refused = await api.nothing_written(PAUSE_STREAK, input=given)
    assert refused["problems"] == [{"path": "reason", "message": "must say why the streak is paused"}]
    result = await api.result(PAUSE_STREAK, STAFF, input=given | {"reason": "In hospital"})
    assert result["record"]["reason"] == "In hospital"
    assert (await daily(api, ada))["pauses"] == [{"firstDay": "2026-05-02"}]


async def test_a_retry_is_answered_as_the_first_call_also_when_the_bounds_are_reached(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    first = await api.result(PAUSE_STREAK, themself(ada), input=pause())
    api.clock.now = on(5, 20)
    again = await api.nothing_written(PAUSE_STREAK, themself(ada), input=pause())
    assert (again["replayed"], again["record"]) == (True, first["record"])
    for other in ({"until": "2026-05-04"}, {"from": "2026-05-01"}, {"streak": "daily"}, {"reason": "A reason"}):
        refused = await api.nothing_written(PAUSE_STREAK, themself(ada), input=pause(**other))
        assert refused["__typename"] == "IdempotencyConflict", other
    second = pause(key="s2", **{"from": "2026-06-01", "until": "2026-06-01"})
    refused = await api.nothing_written(PAUSE_STREAK, themself(ada), input=second)
    message = "is the start of one pause too many; 1 may begin in a year"
    assert refused["problems"] == [{"path": "from", "message": message}]


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"streak": "weekly"}, [("streak", "cannot be paused by members")]),
        ({"streak": "none"}, [("streak", "is none of the program's streaks")]),
        ({"until": "2026-05-05"}, [("until", "makes 4 days; a pause has at most 3")]),
        ({"until": "2026-04-30"}, [("until", "lies before the pause begins, or is over")]),
        ({"from": "2027-05-03", "until": "2027-05-03"}, [("from", "lies more than 366 days ahead")]),
        (
            {"from": "20260502", "until": "2026-02-30"},
            [("from", "must be a day such as 2026-05-01"), ("until", "must be a day such as 2026-05-01")],
        ),
        ({"reason": "r" * 257}, [("reason", "is 257 characters long; at most 256 are allowed")]),
        ({"key": "k" * 129}, [("key", "is 129 characters long; at most 128 are allowed")]),
    ],
)
async def test_a_pause_that_breaks_a_rule(shop_in_time: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    ada = await shop_in_time.enrol("Ada")
    refused = await shop_in_time.nothing_written(PAUSE_STREAK, themself(ada), input=pause(**changes))
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_not_for_others_and_not_for_nobody(shop_in_time: Api) -> None:
    ada, bo = await shop_in_time.enrol("Ada"), await shop_in_time.enrol("Bo")
    others = pause(memberId=global_id(ada))
    assert await shop_in_time.codes(PAUSE_STREAK, themself(bo), input=others) == ["FORBIDDEN"]
    gone = pause(memberId="nobody", reason="Why not")
    assert (await shop_in_time.nothing_written(PAUSE_STREAK, input=gone))["__typename"] == "MemberNotFound"
    unnamed = await shop_in_time.nothing_written(PAUSE_STREAK, input=pause(reason="Why not"))
    assert unnamed["problems"][0]["path"] == "memberId"


async def test_a_program_without_streaks(api: Api) -> None:
    ada = await api.enrol("Ada")
    refused = await api.nothing_written(PAUSE_STREAK, themself(ada), input=pause())
    assert refused["problems"] == [{"path": "streak", "message": "cannot be paused: the program has none"}]
