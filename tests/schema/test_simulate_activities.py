"""simulateActivities: what steps foretell one after the other is what then happens, and nothing is written."""

from typing import Any

import pytest

from gamification.member import Member
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.documents import RECORD_ACTIVITY, SIMULATE_CHAIN, in_short
from tests.schema.test_simulation import MEMBER_NODE, NODES, ids_in, unnamed

WHYS = """
query Q($input: SimulateActivitiesInput!) {
  simulateActivities(input: $input) {
    ... on SimulateActivitiesSuccess {
      records { id }
      steps { after { tier { current { code } why { text recordId } } } }
    }
  }
}
"""


def chain(member: Member, *steps: Json, **more: Any) -> Json:
    return {"memberId": global_id(member), "steps": list(steps), **more}


def buy(amount: str, **more: Any) -> Json:
    return {"activity": {"amount": amount, "items": [{"sku": "CD", "amount": amount}], **more}}


async def test_many_chains_at_once_are_refused(api: Api) -> None:
    ada = await api.enrol("Ada")
    fields = " ".join(f"f{place}: simulateActivities(input: $input) {{ __typename }}" for place in range(20))
    query = f"query Q($input: SimulateActivitiesInput!) {{ {fields} }}"
    assert await api.codes(query, input=chain(ada, *[buy("1")] * 50)) == ["QUERY_TOO_MANY_STEPS"]
    two = await api.data(query.replace(fields, fields.split(" f2:")[0]), STAFF, input=chain(ada, buy("1")))
    assert two == {name: {"__typename": "SimulateActivitiesSuccess"} for name in ("f0", "f1")}


async def test_this_today_and_that_in_june(api: Api) -> None:
    ada = await api.enrol("Ada")
    answer = await api.nothing_written(
        SIMULATE_CHAIN,
        input=chain(
            ada, buy("80"), {"at": "2026-06-01T00:00:00Z"}, buy("30.50"), buy("9", occurredAt="2026-06-03T08:00:00Z")
        ),
    )
    assert answer["__typename"] == "SimulateActivitiesSuccess"
    assert (answer["before"]["points"]["available"], answer["after"]["points"]["available"]) == (0, 144)
    assert [(step["at"], step["points"], [one["seq"] for one in step["records"]]) for step in answer["steps"]] == [
        ("2026-05-01T12:00:00.000Z", 80, [2]),
        ("2026-06-01T00:00:00.000Z", 0, []),
        ("2026-06-01T00:00:00.000Z", 30, [3]),
        ("2026-06-03T08:00:00.000Z", 34, [4]),
    ]
    assert [step["after"]["tier"]["current"]["code"] for step in answer["steps"]] == [
        "bronze",
        "bronze",
        "silver",
        "silver",
    ]
    assert [(one["seq"], one["key"], one["occurredAt"]) for one in answer["records"]] == [
        (2, "simulated-01", "2026-05-01T12:00:00.000Z"),
        (3, "simulated-03", "2026-06-01T00:00:00.000Z"),
        (4, "simulated-04", "2026-06-03T08:00:00.000Z"),
    ]
    assert answer["points"] == 144, "the third purchase in a row has a reward of 25"
    assert answer["steps"][-1]["after"] == answer["after"]
    ids = ids_in(answer["records"])
    assert (await api.data(NODES, STAFF, ids=ids))["nodes"] == [None] * len(ids)


async def test_steps_that_are_done_now_are_what_then_happens(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    given: list[Json] = [
        {"items": [{"sku": "B-1", "category": "beans", "quantity": 16, "amount": "2400"}]},
        {"kind": "visit", "attributes": {"bar": "Nyhavn"}},
        {"kind": "recycling.cup", "attributes": {"count": 7}},
    ]
    before = (await coffee.data(MEMBER_NODE, STAFF, id=global_id(ada)))["node"]
    foretold = await coffee.nothing_written(SIMULATE_CHAIN, input=chain(ada, *({"activity": one} for one in given)))
    assert foretold["before"] == before
    for number, (activity, step) in enumerate(zip(given, foretold["steps"], strict=True)):
        # Under the same key, because lots are named after it.
        key = f"simulated-{number + 1:02}"
        recorded = await coffee.result(RECORD_ACTIVITY, input=activity | {"key": key, "memberId": global_id(ada)})
        made = {one["seq"]: one for one in foretold["records"]}[step["records"][-1]["seq"]]
        assert unnamed(recorded["record"]) == {
            name: value for name, value in unnamed(made).items() if name != "isRevision"
        }
        assert (await coffee.data(MEMBER_NODE, STAFF, id=global_id(ada)))["node"] == step["after"]


async def test_what_time_brings_is_told_too(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    visit = {"activity": {"kind": "visit", "attributes": {"bar": "Nyhavn"}}}
    answer = await coffee.nothing_written(SIMULATE_CHAIN, input=chain(ada, visit, {"at": "2026-05-02T12:00:00Z"}))
    visited, waited = answer["steps"]
    assert [[one["seq"] for one in step["records"]] for step in answer["steps"]] == [[2, 3], [4]]
    unlocked = answer["records"][-1]
    assert (unlocked["kind"], unlocked["occurredAt"]) == (None, "2026-05-01T22:00:00.000Z")
    assert [in_short(effect)[:4] for effect in unlocked["effects"]][:2] == [
        ("PENDING", -2, "CLOCK", "unlock"),
        ("AVAILABLE", 2, "CLOCK", "unlock"),
    ]
    assert (visited["after"]["points"]["pending"], waited["after"]["points"]["pending"]) == (2, 0)
    assert waited["after"]["points"]["available"] == visited["after"]["points"]["available"] + 2


async def test_a_late_one_is_put_where_it_belongs(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW.replace(month=4), 6000))
    late, now = buy("50", occurredAt="2026-03-01T12:00:00Z"), buy("5")
    answer = await api.nothing_written(SIMULATE_CHAIN, input=chain(ada, late, now))
    assert [step["points"] for step in answer["steps"]] == [50, 55], (
        "the third purchase, and the third month in a row, have a reward"
    )
    assert [record["isRevision"] for record in answer["records"]] == [True, False]
    assert answer["after"]["points"]["available"] == 165


async def test_budgets_are_as_they_were(coffee: Api) -> None:
    """`nothing_written` compares what is left of every campaign, too."""
    ada = await coffee.enrol("Ada")
    steps = [{"activity": {"amount": "400", "occurredAt": f"2026-05-{day:02}T10:00:00Z"}} for day in range(2, 30)]
    answer = await coffee.nothing_written(SIMULATE_CHAIN, input=chain(ada, *steps))
    assert len(answer["steps"]) == 28
    assert (await coffee.stored(ada)).state == ada.state


async def test_standings_say_why_by_what_is_foretold(api: Api) -> None:
    ada = await api.enrol("Ada")
    answer = await api.result(WHYS, input=chain(ada, buy("80"), buy("30")))
    first, second = (step["after"]["tier"] for step in answer["steps"])
    assert first["current"] == {"code": "bronze"}
    assert second["current"] == {"code": "silver"}
    assert second["why"]["recordId"] == answer["records"][1]["id"]


ORDER = "lies before the step that comes before it"
BAD: dict[str, tuple[list[Json], list[tuple[str, str]]]] = {
    "none": ([], [("steps", "has 0 entries; from 1 to 50 are allowed")]),
    "many": ([buy("1")] * 51, [("steps", "has 51 entries; from 1 to 50 are allowed")]),
    "both-in-one": (
        [buy("1"), buy("1") | {"at": "2026-06-01T00:00:00Z"}],
        [("steps.1", "is either an activity or a moment to wait for, not both")],
    ),
    "neither": ([{}], [("steps.0", "needs an activity, or a moment to wait for")]),
    "backwards": (
        [{"at": "2026-06-02T00:00:00Z"}, {"at": "2026-06-01T00:00:00Z"}, buy("1", occurredAt="2026-05-31T00:00:00Z")],
        [("steps.1.at", ORDER), ("steps.2.activity.occurredAt", ORDER)],
    ),
    "before-now-after-now": (
        [buy("1"), buy("1", occurredAt="2026-04-30T00:00:00Z")],
        [("steps.1.activity.occurredAt", ORDER)],
    ),
    "no-zone": (
        [{"at": "2026-06-01T00:00:00"}],
        [("steps.0.at", "needs a time zone, such as 2026-05-01T12:00:00Z")],
    ),
    "too-far": (
        [buy("1"), {"at": "2036-05-10T12:00:01Z"}],
        [("steps.1.at", "lies in the future by more than 3660 days")],
    ),
    "too-far-to-buy": (
        [buy("1", occurredAt="9999-12-31T23:59:59Z")],
        [("steps.0.activity.occurredAt", "lies in the future by more than 3660 days")],
    ),
    "amounts": (
        [buy("1"), {"activity": {"amount": "1.001", "items": [{"sku": "", "quantity": 0, "amount": "0.001"}]}}],
        [
            ("steps.1.activity.items.0.amount", "has more than 2 decimals"),
            ("steps.1.activity.amount", "has more than 2 decimals"),
        ],
    ),
    "quantities": (
        [buy("1"), {"activity": {"items": [{"sku": "A", "quantity": 0}]}}],
        [("steps.1.activity.items.0.quantity", "is 0; from 1 to 1000000 pieces are allowed")],
    ),
    "own-kinds": (
        [{"activity": {"kind": "adjustment"}}],
        [("steps.0.activity.kind", "adjustment is recorded by adjustPoints")],
    ),
}


@pytest.mark.parametrize(("steps", "problems"), BAD.values(), ids=BAD.keys())
async def test_what_breaks_a_rule(api: Api, steps: list[Json], problems: list[tuple[str, str]]) -> None:
    ada = await api.enrol("Ada")
    refused = await api.nothing_written(SIMULATE_CHAIN, input=chain(ada, *steps))
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_a_chain_is_about_one_member(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    same = await api.nothing_written(
        SIMULATE_CHAIN, input=chain(ada, buy("1", memberId=global_id(ada)), buy("2", loyaltyNumber=ada.loyalty_number))
    )
    assert same["points"] == 3
    refused = await api.nothing_written(
        SIMULATE_CHAIN,
        input=chain(ada, buy("1"), buy("2", memberId=global_id(bo)), buy("2", loyaltyNumber=bo.loyalty_number)),
    )
    assert [(one["path"], one["message"]) for one in refused["problems"]] == [
        ("steps.1.activity.memberId", "names another member; a chain is about one"),
        ("steps.2.activity.loyaltyNumber", "names another member; a chain is about one"),
    ]


async def test_whose_it_is(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    own = await api.nothing_written(SIMULATE_CHAIN, themself(ada), input={"steps": [buy("5")]})
    assert own["points"] == 5
    assert await api.codes(SIMULATE_CHAIN, themself(ada), input=chain(bo, buy("5"))) == ["FORBIDDEN"]
    refused = await api.nothing_written(SIMULATE_CHAIN, STAFF, input={"steps": [buy("5")]})
    assert refused["message"] == "memberId or loyaltyNumber is needed, one of the two"
    nobody = await api.nothing_written(SIMULATE_CHAIN, input={"memberId": "MTpNZW1iZXI6bm9ib2R5", "steps": [buy("5")]})
    assert nobody["code"] == "MEMBER_NOT_FOUND"
