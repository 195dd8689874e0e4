"""reverseActivity: the member is as if it had never been, every change says why, and nothing is taken back twice."""

import asyncio
from typing import Any

import pytest

from gamification.member import Member
from schema.principals import Scope
from schema.types.why import Source
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.documents import RECORD_ACTIVITY, REVERSE_ACTIVITY, STAND, in_short
from tests.schema.listening import Door, buy

STANDING = "query Q($id: ID!) { node(id: $id) { ...Stand } }" + STAND % "Member"
REVERSALS = """
mutation M($input: ReverseActivityInput!) {
  reverseActivity(input: $input) { ... on AlreadyReversed { reversals { key seq reverses } } }
}
"""
EVENTS = """
subscription {
  myEvents {
    __typename
    ... on Recorded {
      record { reverses isRevision effects { __typename ... on BoardScored { score } } } points { available }
    }
  }
}
"""
WHYS = """
query Q($id: ID!) {
  node(id: $id) {
    ... on Member {
      tier { current { code } why { text activityKey recordId } }
      badges(first: 20) { nodes { code why { text activityKey } } }
      challenges(first: 20) { nodes { code why { text activityKey } } }
    }
  }
}
"""
CART: Json = {
    "key": "order-17",
    "amount": "120.00",
    "items": [
        {"sku": "CD-1", "quantity": 3, "amount": "60.00"},
        {"sku": "CD-2", "quantity": 2, "amount": "40.00"},
        {"sku": "LP-1", "quantity": 1, "amount": "20.00"},
    ],
}


def of(member: Member, **given: Any) -> Json:
    return {"key": "order-17", "memberId": global_id(member), **given}


async def standing(api: Api, member: Member) -> Json:
    return dict((await api.data(STANDING, STAFF, id=global_id(member)))["node"])


async def bought(api: Api) -> Member:
    ada = await api.enrol("Ada")
    await api.result(RECORD_ACTIVITY, input=CART | {"memberId": global_id(ada)})
    return ada


async def test_no_lines_at_all_are_not_the_whole(api: Api) -> None:
    ada = await bought(api)
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, lines=[]))
    assert refused["problems"] == [{"path": "lines", "message": "must name the lines, or be left out for the whole"}]
    assert (await api.result(REVERSE_ACTIVITY, input=of(ada, lines=None)))["member"]["points"] == {"available": 0}


async def test_the_whole_of_it_has_never_been(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("first", NOW.replace(month=4), 8000))
    before = await standing(api, ada)
    await api.result(RECORD_ACTIVITY, input=CART | {"memberId": global_id(ada)})
    assert (await standing(api, ada)) != before
    till = await api.service(Scope.ACTIVITIES_WRITE)
    result = await api.result(REVERSE_ACTIVITY, till, input=of(ada, reason="Scratched"))
    assert await standing(api, ada) == before
    record = result["record"]
    assert (result["__typename"], result["replayed"]) == ("ReverseActivitySuccess", False)
    assert result["member"] == {"id": global_id(ada), "points": {"available": 80}}
    told = {name: record[name] for name in ("seq", "key", "kind", "points", "reverses", "reason", "isRevision")}
    assert told == {
        "seq": 4,
        "key": "#reversal:order-17",
        "kind": "reversal",
        "points": -120,
        "reverses": "order-17",
        "reason": "Scratched",
        "isRevision": True,
    }
    assert record["revisedFrom"] == "2026-05-01T12:00:00.000Z"
    assert [in_short(effect) for effect in record["effects"]] == [
        ("AVAILABLE", -120, "RULE", "dollars", None),
        ("TierMoved", "silver", "bronze", False, None),
        ("TierProgressed", "bronze", None),
        ("ChallengeProgressed", "third-purchase", 2.0, 1.0, 3.0, None),
        ("ChallengeProgressed", "ten-cds", 7.0, 1.0, 10.0, None),
        ("ChallengeProgressed", "three-months", 2.0, 1.0, 3.0, None),
        ("BadgeLost", "big-spender", 1, 0, None),
        ("BadgeLost", "collector", 1, 0, None),
        ("BoardScored", "all-time", "all", None, 200.0, 80.0, None),
        ("BoardScored", "weekly", "2026-W18", None, 120.0, None, None),
        ("BoardScored", "collectors", "2026-05", None, 6.0, None, None),
        ("TotalsMoved", None),
        ("LotMoved", "order-17.0", None),
    ]
    assert record["effects"][1]["reason"] == "REVISED"
    ladder, sums, lot = (record["effects"][place] for place in (2, -2, -1))
    assert (ladder["previousProgress"]["counted"], ladder["progress"]["counted"]) == (200.0, 80.0)
    assert (sums["previousTotals"]["spend"], sums["totals"]["spend"]) == (200.0, 80.0)
    assert (lot["previousLot"]["remaining"], lot["lot"]) == (120, None)
    assert lot["why"]["text"].startswith("Taken back (order-17): A point for every dollar: 120")
    assert record["effects"][0]["why"] == {
        "text": "Taken back (order-17): A point for every dollar: 200 - 120 = 80",
        "source": Source.RULE.name,
        "rule": "dollars",
        "campaign": None,
        "code": "dollars",
        "arithmetic": "200 - 120 = 80",
        "inputs": [
            {"name": "reversed", "value": "order-17"},
            {"name": "before", "value": "200"},
            {"name": "after", "value": "80"},
        ],
        "lots": ["order-17.0"],
        "because": None,
    }


async def test_the_words_are_in_the_reader_s_language(coffee: Api) -> None:
    ada = await coffee.enrol("Ada", language="da")
    await coffee.result(RECORD_ACTIVITY, input={"key": "kop", "memberId": global_id(ada), "amount": "36"})
    result = await coffee.result(REVERSE_ACTIVITY, input=of(ada, key="kop"))
    assert result["record"]["effects"][0]["why"]["text"].startswith("Taget tilbage (kop): ")


async def test_parts_come_to_the_whole_at_most(api: Api) -> None:
    ada = await bought(api)
    steps: list[tuple[Json, int]] = [
        ({"reversalKey": "r1", "lines": [{"line": 0, "quantity": 1}]}, 100),
        ({"reversalKey": "r2", "lines": [{"sku": "CD-2"}]}, 60),
        ({"reversalKey": "r3", "lines": [{"line": 0, "amount": "5.50"}]}, 54),
        ({"reversalKey": "r4", "amount": "4.50"}, 50),
    ]
    for part, left in steps:
        result = await api.result(REVERSE_ACTIVITY, input=of(ada, **part))
        assert (result["record"]["key"], result["record"]["reverses"]) == (part["reversalKey"], "order-17")
        assert result["member"]["points"] == {"available": left}
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, reversalKey="r5", amount="50.01"))
    assert refused["problems"] == [
        {"path": "amount", "message": "must be more than 0 and at most the 50.00 USD that are left"}
    ]
    rest = await api.result(REVERSE_ACTIVITY, input=of(ada))
    assert rest["member"]["points"] == {"available": 0}
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, reversalKey="r6", amount="0.01"))
    assert (refused["code"], refused["key"]) == ("ALREADY_REVERSED", "order-17")
    told = await api.result(REVERSALS, input=of(ada))
    assert [(one["key"], one["seq"]) for one in told["reversals"]] == [
        ("#reversal:order-17", 7),
        ("r4", 6),
        ("r3", 5),
        ("r2", 4),
        ("r1", 3),
    ]


LEFT = "has 60.00 USD left to take back"
BAD: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "no-key-for-a-part": (
        {"reversalKey": None, "amount": "1"},
        [("reversalKey", "is needed for a part, so that a retry takes nothing back twice")],
    ),
    "odd-key": (
        {"reversalKey": "{}"},
        [
            (
                "reversalKey",
                "may hold letters, digits, spaces and _ . , : ; / @ + = # ( ) & -, and starts with a word",
            )
        ],
    ),
    "fractions-of-a-cent": (
        {"amount": "1.001", "lines": [{"line": 0, "amount": "0.001"}]},
        [("lines.0.amount", "has more than 2 decimals"), ("amount", "has more than 2 decimals")],
    ),
    "too-much": ({"amount": "120.01"}, [("amount", "must be more than 0 and at most the 120.00 USD that are left")]),
    "nothing": ({"amount": "0"}, [("amount", "must be more than 0 and at most the 120.00 USD that are left")]),
    "less-than-nothing": (
        {"amount": "-1"},
        [("amount", "must be more than 0 and at most the 120.00 USD that are left")],
    ),
    "both": (
        {"amount": "1", "lines": [{"line": 0}]},
        [("amount", "and lines exclude each other; each line may have an amount of its own")],
    ),
    "no-such-lines": (
        {"lines": [{"line": 3}, {"line": -1}, {"sku": "CD-9"}, {"line": 0, "sku": "CD-2"}, {}]},
        [(f"lines.{number}", "names no single line of the activity") for number in range(5)],
    ),
    "too-many-pieces": ({"lines": [{"line": 0, "quantity": 4}]}, [("lines.0", "has 3 pieces left to take back")]),
    "no-pieces": ({"lines": [{"line": 0, "quantity": 0}]}, [("lines.0", "has 3 pieces left to take back")]),
    "too-much-of-a-line": ({"lines": [{"line": 0, "amount": "60.01"}]}, [("lines.0", LEFT)]),
    "too-much-for-a-piece": ({"lines": [{"line": 0, "quantity": 1, "amount": "60.01"}]}, [("lines.0", LEFT)]),
    "the-same-line-twice": (
        {"lines": [{"line": 2}, {"sku": "LP-1"}]},
        [("lines.1", "has 0 pieces left to take back")],
    ),
    "too-many-lines": ({"lines": [{"line": 0}] * 501}, [("lines", "has 501 entries; at most 500 are allowed")]),
    "to-come": (
        {"occurredAt": "2026-05-01T13:00:00Z"},
        [("occurredAt", "lies in the future by more than 300 seconds")],
    ),
    "without-a-zone": (
        {"occurredAt": "2026-05-01T12:00:00"},
        [("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z")],
    ),
    "reason": ({"reason": "x" * 257}, [("reason", "is 257 characters long; at most 256 are allowed")]),
    "nobody": ({"memberId": None}, [("memberId", "or loyaltyNumber is needed, one of the two")]),
}


@pytest.mark.parametrize(("given", "problems"), BAD.values(), ids=BAD.keys())
async def test_what_breaks_a_rule(api: Api, given: Json, problems: list[tuple[str, str]]) -> None:
    ada = await bought(api)
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, **{"reversalKey": "r1"} | given))
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_what_is_not_there_or_not_theirs(api: Api) -> None:
    ada, bo = await bought(api), await api.enrol("Bo")
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, key="order-18"))
    assert (refused["code"], refused["key"]) == ("UNKNOWN_ACTIVITY", "order-18")
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(bo))
    assert refused["code"] == "UNKNOWN_ACTIVITY", "it is another member's"
    nobody = "MTpNZW1iZXI6bm9ib2R5"
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, memberId=nobody))
    assert refused["code"] == "MEMBER_NOT_FOUND"


async def test_what_stays(api: Api) -> None:
    ada = await bought(api)
    await api.result(REVERSE_ACTIVITY, input=of(ada, reversalKey="r1"))
    for key, kind in (("#enrolment", "enrolment"), ("r1", "reversal")):
        refused = await api.nothing_written(REVERSE_ACTIVITY, input=of(ada, key=key))
        assert (refused["code"], refused["key"], refused["kind"]) == ("NOT_REVERSIBLE", key, kind)


async def test_a_retry_gets_the_first_result(api: Api) -> None:
    ada = await bought(api)
    given = of(ada, reversalKey="r1", amount="20", reason="Late")
    first = await api.result(REVERSE_ACTIVITY, input=given)
    again = await api.nothing_written(REVERSE_ACTIVITY, input=given)
    assert again == first | {"replayed": True}
    for change in ({"amount": "21"}, {"reason": "Early"}, {"amount": None}):
        refused = await api.nothing_written(REVERSE_ACTIVITY, input=given | change)
        assert (refused["code"], refused["key"]) == ("IDEMPOTENCY_CONFLICT", "r1")
    refused = await api.nothing_written(REVERSE_ACTIVITY, input=given | {"reversalKey": "order-17"})
    assert refused["code"] == "IDEMPOTENCY_CONFLICT", "the key is an activity's"


async def test_the_same_call_twice_at_once(api: Api) -> None:
    ada = await bought(api)
    given = of(ada, reversalKey="r1", amount="20")
    results = await asyncio.gather(*(api.result(REVERSE_ACTIVITY, input=given) for _ in range(4)))
    assert sorted(result["replayed"] for result in results) == [False, True, True, True]
    assert (await api.stored(ada)).state.balance.available == 100


async def test_nobody_takes_back_their_own(api: Api) -> None:
    ada = await bought(api)
    assert await api.codes(REVERSE_ACTIVITY, themself(ada), input=of(ada)) == ["FORBIDDEN"]


async def test_what_a_member_has_says_why(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("first", NOW.replace(month=4), 8000), purchase("second", NOW, 12000))
    told = (await api.data(WHYS, STAFF, id=global_id(ada)))["node"]
    assert told["tier"]["current"] == {"code": "silver"}
    assert told["tier"]["why"]["activityKey"] == "second"
    assert {one["code"]: one["why"]["activityKey"] for one in told["badges"]["nodes"]} == {
        "big-spender": "second",
        "first-purchase": "first",
    }
    whys = {one["code"]: one["why"] and one["why"]["activityKey"] for one in told["challenges"]["nodes"]}
    assert whys["third-purchase"] == "second"
    await api.result(REVERSE_ACTIVITY, input=of(ada, key="second"))
    told = (await api.data(WHYS, themself(ada), id=global_id(ada)))["node"]
    assert told["tier"] == {"current": {"code": "bronze"}, "why": None} or told["tier"]["why"]["text"].startswith(
        "Taken back (second): "
    )
    assert [(one["code"], one["why"]["activityKey"]) for one in told["badges"]["nodes"]] == [
        ("first-purchase", "first")
    ]
    whys = {one["code"]: one["why"] for one in told["challenges"]["nodes"]}
    assert whys["third-purchase"] == {
        "text": "Taken back (second): Third time lucky: 2 became 1",
        "activityKey": "#reversal:second",
    }


async def test_it_is_told_live(shop: Api, door: Door) -> None:
    ada = await shop.enrol("Ada")
    await buy(shop, ada, "p1")
    async with door.subscribed(EVENTS, themself(ada)) as events:
        assert (await events.next())["__typename"] == "EventsBegan"
        await shop.result(REVERSE_ACTIVITY, input=of(ada, key="p1"))
        told = await events.next()
    assert (told["record"]["reverses"], told["record"]["isRevision"]) == ("p1", True)
    gone = [one for one in told["record"]["effects"] if one["__typename"] == "BoardScored"]
    assert gone
    assert {one["score"] for one in gone} == {None}
    assert told["points"] == {"available": 0}
