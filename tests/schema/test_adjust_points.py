"""adjustPoints: points given and taken by staff, never more than there are."""

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase
from tests.schema.documents import ADJUST_POINTS

POINTS_RULE = "from -1000000000000 to 1000000000000 points are allowed"


def adjustment(member: Member, points: object = 5, **changes: object) -> Json:
    given = {"key": "adjust-1", "points": points, "reason": "A late parcel", "memberId": global_id(member)}
    return given | changes


async def test_points_given(api: Api) -> None:
    ada = await api.enrol("Ada")
    result = await api.result(ADJUST_POINTS, input=adjustment(ada, 50))
    (entry,) = result["record"].pop("effects")
    assert result == {
        "__typename": "RecordActivitySuccess",
        "replayed": False,
        "record": {
            "id": to_global_id("Record", f"{ada.member_id}:2"),
            "seq": 2,
            "key": "adjust-1",
            "kind": "adjustment",
            "occurredAt": "2026-05-01T12:00:00.000Z",
            "effectiveAt": "2026-05-01T12:00:00.000Z",
            "recordedAt": "2026-05-01T12:00:00.000Z",
            "programVersion": 1,
            "points": 50,
        },
        "member": {"id": global_id(ada), "points": {"available": 50}},
    }
    assert (entry["account"], entry["points"]) == ("AVAILABLE", 50)
    assert entry["why"] == {
        "text": "A late parcel",
        "source": "STAFF",
        "rule": None,
        "campaign": None,
        "code": "adjustment",
        "arithmetic": "+50",
        "inputs": [{"name": "reason", "value": "A late parcel"}],
        "lots": ["adjust-1.0"],
        "because": None,
    }
    totals = (await api.stored(ada)).state.totals
    assert (totals.earned, totals.spent) == (0, 0), "what staff give is not earned"


async def test_points_taken_come_from_the_oldest_lots(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW.replace(month=2), 3000), purchase("p2", NOW.replace(month=3), 2000))
    result = await api.result(ADJUST_POINTS, input=adjustment(ada, -40))
    (entry,) = result["record"]["effects"]
    assert (entry["account"], entry["points"], entry["why"]["lots"]) == ("AVAILABLE", -40, ["p1.0", "p2.0"])
    assert result["member"]["points"] == {"available": 10}
    assert (await api.stored(ada)).state.totals.spent == 40


async def test_all_that_is_there_and_not_a_point_more(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.result(ADJUST_POINTS, input=adjustment(ada, 50))
    assert await api.nothing_written(ADJUST_POINTS, input=adjustment(ada, -51, key="adjust-2")) == {
        "__typename": "InsufficientPoints",
        "code": "INSUFFICIENT_POINTS",
        "message": "51 points are needed and 50 are available.",
        "needed": 51,
        "available": 50,
    }
    result = await api.result(ADJUST_POINTS, input=adjustment(ada, -50, key="adjust-2"))
    assert result["member"]["points"] == {"available": 0}, "the key of a refused call is free"


async def test_pending_points_cannot_be_taken(coffee: Api) -> None:
    ada = await coffee.enrol("Ada", joined_at=NOW)
    refused = await coffee.nothing_written(ADJUST_POINTS, input=adjustment(ada, -1))
    assert (refused["needed"], refused["available"]) == (1, 0)
    coffee.clock.now = NOW.replace(day=2)
    result = await coffee.result(ADJUST_POINTS, input=adjustment(ada, -1))
    assert result["member"]["points"] == {"available": 19}, "they were unlocked at midnight"


async def test_a_retry_and_a_conflict(api: Api) -> None:
    ada = await api.enrol("Ada")
    first = await api.result(ADJUST_POINTS, input=adjustment(ada, 50))
    api.clock.now = NOW.replace(hour=20)
    again = await api.nothing_written(ADJUST_POINTS, input=adjustment(ada, 50))
    assert again == first | {"replayed": True}
    for other in (adjustment(ada, 51), adjustment(ada, 50, reason="Another")):
        assert (await api.nothing_written(ADJUST_POINTS, input=other))["__typename"] == "IdempotencyConflict"


async def test_a_retry_of_a_debit_that_emptied_the_account(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.result(ADJUST_POINTS, input=adjustment(ada, 50))
    first = await api.result(ADJUST_POINTS, input=adjustment(ada, -50, key="adjust-2"))
    assert await api.nothing_written(ADJUST_POINTS, input=adjustment(ada, -50, key="adjust-2")) == first | {
        "replayed": True
    }


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"points": 0}, [("points", "must not be zero")]),
        ({"points": 10**12 + 1}, [("points", f"is {10**12 + 1}; {POINTS_RULE}")]),
        ({"points": -(10**12) - 1}, [("points", f"is {-(10**12) - 1}; {POINTS_RULE}")]),
        ({"points": 10**18}, [("points", f"is {10**18}; {POINTS_RULE}")]),
        ({"points": "-" + "9" * 399}, [("points", f"is too small; {POINTS_RULE}")]),
        ({"points": "9" * 40}, [("points", f"is too large; {POINTS_RULE}")]),
        ({"reason": ""}, [("reason", "must say why the points are adjusted")]),
        ({"reason": "   "}, [("reason", "must say why the points are adjusted")]),
        ({"reason": "a\nb"}, [("reason", "must not hold control characters or half characters")]),
        ({"reason": "r" * 257}, [("reason", "is 257 characters long; at most 256 are allowed")]),
        ({"reason": "$gt"}, [("reason", "must not hold a database operator such as $gt")]),
        ({"reason": '{"$ne":null}'}, [("reason", "must not hold a database operator such as $gt")]),
        ({"key": ""}, [("key", "must not be empty")]),
        ({"key": "k" * 129}, [("key", "is 129 characters long; at most 128 are allowed")]),
        ({"memberId": None}, [("memberId", "or loyaltyNumber is needed, one of the two")]),
        (
            {"memberId": None, "loyaltyNumber": "860341460408"},
            [("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong")],
        ),
    ],
)
async def test_an_adjustment_that_breaks_a_rule(api: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    ada = await api.enrol("Ada")
    refused = await api.nothing_written(ADJUST_POINTS, input=adjustment(ada, **changes))
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_a_member_who_is_not_there(api: Api) -> None:
    ada = await api.enrol("Ada")
    for named in ({"memberId": "nobody"}, {"memberId": None, "loyaltyNumber": "860341460407"}):
        refused = await api.nothing_written(ADJUST_POINTS, input=adjustment(ada, **named))
        assert refused["__typename"] == "MemberNotFound"


async def test_what_is_not_even_a_whole_number(api: Api) -> None:
    ada = await api.enrol("Ada")
    for points in (1.5, True, "five", "1e3", None, {"$gt": 0}):
        assert await api.codes(ADJUST_POINTS, STAFF, input=adjustment(ada, points)) == ["BAD_USER_INPUT"], points
