"""extendPoints: staff puts off when points expire, of one lot or of all that are left."""

import pytest

from gamification.member import Member
from tests.schema.api import STAFF, Api, Json, global_id, purchase, themself
from tests.schema.documents import ERRORS
from tests.schema.time_shop import on

EXTEND_POINTS = (
    """
mutation M($input: ExtendPointsInput!) {
  extendPoints(input: $input) {
    __typename ...Errors
    ... on RecordActivitySuccess {
      replayed
      record { seq key kind reason points effects { ...Moved } }
      member { points { expiring(within: 3660) { expiresAt goneAt points } } }
    }
  }
}
fragment Moved on LotMoved {
  __typename code previousLot { expiresAt } lot { expiresAt } why { text }
}
"""
    + ERRORS
)


async def shopper(api: Api) -> Member:
    """A member with 10 points that expire on 1 June and 20 that expire on 3 June, two days of grace not counted."""
    ada = await api.enrol("Ada")
    api.clock.now = on(5, 4)
    return await api.record(ada, purchase("p1", on(5, 1), 1000), purchase("p2", on(5, 3), 2000))


def extension(member: Member, **changes: object) -> Json:
    given = {"key": "e1", "reason": "The shop was closed", "days": 7, "memberId": global_id(member)} | changes
    return {name: value for name, value in given.items() if value is not None}


def ends(result: Json) -> list[tuple[str, str, int]]:
    expiring = result["member"]["points"]["expiring"]
    return [(each["expiresAt"][:10], each["goneAt"][:10], each["points"]) for each in expiring]


async def test_all_points_by_some_days(shop_in_time: Api) -> None:
    ada = await shopper(shop_in_time)
    result = await shop_in_time.result(EXTEND_POINTS, input=extension(ada))
    assert (result["__typename"], result["replayed"]) == ("RecordActivitySuccess", False)
    record = result["record"]
    assert (record["key"], record["kind"], record["reason"]) == ("e1", "extension", "The shop was closed")
    assert record["points"] == 0
    assert [(effect["__typename"], effect["code"], effect["why"]["text"]) for effect in record["effects"]] == [
        ("LotMoved", "p1.0", "The shop was closed"),
        ("LotMoved", "p2.0", "The shop was closed"),
    ]
    told = [[effect[name]["expiresAt"][:10] for name in ("previousLot", "lot")] for effect in record["effects"]]
    assert told == [["2026-06-01", "2026-06-08"], ["2026-06-03", "2026-06-10"]]
    assert ends(result) == [("2026-06-08", "2026-06-10", 10), ("2026-06-10", "2026-06-12", 20)]


async def test_one_lot_to_a_day(shop_in_time: Api) -> None:
    ada = await shopper(shop_in_time)
    given = extension(ada, days=None, until="2026-12-31", lot="p1.0")
    result = await shop_in_time.result(EXTEND_POINTS, input=given)
    assert ends(result) == [("2026-06-03", "2026-06-05", 20), ("2027-01-01", "2027-01-03", 10)]


async def test_no_end_moves_up(shop_in_time: Api) -> None:
    ada = await shopper(shop_in_time)
    result = await shop_in_time.result(EXTEND_POINTS, input=extension(ada, days=None, until="2026-06-01"))
    assert ends(result) == [("2026-06-02", "2026-06-04", 10), ("2026-06-03", "2026-06-05", 20)]


async def test_a_retry_is_answered_as_the_first_call_also_when_it_could_not_be_done_any_more(
    shop_in_time: Api,
) -> None:
    api = shop_in_time
    ada = await shopper(api)
    given = extension(ada, days=None, until="2026-06-05", lot="p1.0")
    first = await api.result(EXTEND_POINTS, input=given)
    api.clock.now = on(8, 1)
    again = await api.nothing_written(EXTEND_POINTS, input=given)
    assert (again["replayed"], again["record"]) == (True, first["record"])
    assert ends(again) == [], "the member is told as of now"
    for other in ({"until": "2026-06-06"}, {"lot": None}, {"reason": "Another"}, {"until": None, "days": 7}):
        refused = await api.nothing_written(EXTEND_POINTS, input=given | other)
        assert (refused["__typename"], refused.get("key")) == ("IdempotencyConflict", "e1"), other


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"days": None}, [("days", "or until must be given, and not both")]),
        ({"until": "2026-07-01"}, [("days", "or until must be given, and not both")]),
        ({"days": 0}, [("days", "must be a whole number from 1 to 36600")]),
        ({"days": 36601}, [("days", "must be a whole number from 1 to 36600")]),
        ({"days": None, "until": "soon"}, [("until", "must be a day such as 2026-12-31")]),
        ({"days": None, "until": "2027-W01-1"}, [("until", "must be a day such as 2026-12-31")]),
        ({"days": None, "until": "20270101"}, [("until", "must be a day such as 2026-12-31")]),
        ({"days": None, "until": "2026-02-30"}, [("until", "must be a day such as 2026-12-31")]),
        ({"days": None, "until": "2026-05-03"}, [("until", "must be from today to 36600 days from now")]),
        ({"days": None, "until": "9999-12-31"}, [("until", "must be from today to 36600 days from now")]),
        ({"lot": "p3.0"}, [("lot", "is none of the lots that the member has left")]),
        ({"lot": ""}, [("lot", "is none of the lots that the member has left")]),
        ({"reason": " "}, [("reason", "must say why the points are extended")]),
        ({"reason": "r" * 257}, [("reason", "is 257 characters long; at most 256 are allowed")]),
        ({"key": ""}, [("key", "must not be empty")]),
        ({"key": "#enrolment", "days": 0}, [
            ("key", "may hold letters, digits, spaces and _ . , : ; / @ + = # ( ) & -, and starts with a word"),
            ("days", "must be a whole number from 1 to 36600"),
        ]),
        ({"memberId": None}, [("memberId", "or loyaltyNumber is needed, one of the two")]),
    ],
)  # fmt: skip
async def test_an_extension_that_breaks_a_rule(
    shop_in_time: Api, changes: Json, problems: list[tuple[str, str]]
) -> None:
    ada = await shopper(shop_in_time)
    refused = await shop_in_time.nothing_written(EXTEND_POINTS, input=extension(ada, **changes))
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_who_is_not_there_and_who_may_not(shop_in_time: Api) -> None:
    ada = await shopper(shop_in_time)
    refused = await shop_in_time.nothing_written(EXTEND_POINTS, input=extension(ada, memberId="nobody"))
    assert refused["__typename"] == "MemberNotFound"
    assert await shop_in_time.codes(EXTEND_POINTS, themself(ada), input=extension(ada)) == ["FORBIDDEN"]
    by_number = extension(ada, memberId=None, loyaltyNumber=ada.loyalty_number)
    assert (await shop_in_time.result(EXTEND_POINTS, STAFF, input=by_number))["replayed"] is False


async def test_it_cannot_be_reported_as_an_activity(shop_in_time: Api) -> None:
    ada = await shopper(shop_in_time)
    report = "mutation M($input: ActivityInput!) { recordActivity(input: $input) { __typename ...Errors } }" + ERRORS
    for kind in ("extension", "tier.grant", "streak.pause", "merge", "merged", "unmerge", "unmerged"):
        given = {"key": "x", "kind": kind, "memberId": global_id(ada)}
        refused = await shop_in_time.nothing_written(report, input=given)
        message = f"{kind} is what Laurel itself records; choose another name"
        assert refused["problems"] == [{"path": "kind", "message": message}]
