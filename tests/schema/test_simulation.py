"""simulateActivity: what it foretells is what then happens, and it writes nothing."""

from datetime import UTC, datetime

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from tests.schema.api import NOW, STAFF, Api, Caller, Json, global_id, purchase, themself
from tests.schema.documents import EFFECTS, RECORD, RECORD_ACTIVITY, SIMULATE, STAND, in_short

RECORD_NODE = "query Q($id: ID!) { node(id: $id) { ...Line } }" + RECORD + EFFECTS
MEMBER_NODE = "query Q($id: ID!) { node(id: $id) { ...Stand } }" + STAND % "Member"
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"

SHOP: dict[str, Json] = {
    "purchase": {"amount": "29.33", "items": [{"sku": "CD", "quantity": 2, "amount": "29.33"}]},
    "tier-and-badges": {"amount": "600", "items": [{"sku": "CD", "quantity": 30, "amount": "600"}]},
    "nothing-earned": {"amount": "0.99", "items": []},
    "late": {"amount": "29.33", "occurredAt": "2026-02-01T12:00:00Z"},
    "unknown-kind": {"kind": "review"},
}
COFFEE: dict[str, Json] = {
    "chain": {"items": [{"sku": "B-1", "category": "beans", "quantity": 16, "amount": "2400"}]},
    "oat": {"items": [{"sku": "OAT-1", "quantity": 3, "amount": "126"}], "attributes": {"bar": "Nyhavn"}},
    "early-bird": {"amount": "36", "occurredAt": "2026-05-01T05:30:00Z"},
    "night-owl": {"amount": "36", "occurredAt": "2026-04-30T20:30:00Z"},
    "visit": {"kind": "visit", "attributes": {"bar": "Nyhavn"}},
    "cups": {"kind": "recycling.cup", "attributes": {"count": 7}},
    "cups-that-are-no-number": {"kind": "recycling.cup", "attributes": {"count": "many"}},
}


def unnamed(record: Json) -> Json:
    """A record without ids and keys, which a dry run has of its own; lots are named after the key."""
    own = {"id", "key", "activityKey"}
    effects = [{name: value for name, value in one.items() if name not in own} for one in record["effects"]]
    for effect in effects:
        if effect["__typename"] == "LotMoved":
            effect["code"] = effect["code"].replace(f"{record['key']}.", "own.")
        lots = [lot.replace(f"{record['key']}.", "own.") for lot in effect["why"]["lots"]]
        inputs = [one for one in effect["why"]["inputs"] if one["name"] != "late"]
        text = effect["why"]["text"].replace(f"({record['key']})", "(own)")
        effect["why"] = effect["why"] | {"lots": lots, "inputs": inputs, "text": text}
    return {name: value for name, value in record.items() if name not in own} | {"effects": effects}


def ids_in(records: list[Json]) -> list[str]:
    """The ids of records and of the ledger entries in them."""
    entries = [one["id"] for record in records for one in record["effects"] if one["__typename"] == "LedgerEntry"]
    return [record["id"] for record in records] + entries


async def foretold_and_then_recorded(api: Api, member: Member, given: Json) -> None:
    """Hold a dry run, the recording that follows, and the member after it against each other."""
    before = (await api.data(MEMBER_NODE, STAFF, id=global_id(member)))["node"]
    foretold = await api.nothing_written(SIMULATE, input=given)
    assert foretold["__typename"] == "SimulateActivitySuccess"
    recorded = await api.result(RECORD_ACTIVITY, input=given)
    last = recorded["record"]["seq"]
    assert [record["seq"] for record in foretold["records"]] == list(
        range(last - len(foretold["records"]) + 1, last + 1)
    )
    for record in foretold["records"]:
        written = to_global_id("Record", f"{member.member_id}:{record['seq']}")
        found = (await api.data(RECORD_NODE, STAFF, id=written))["node"]
        assert unnamed(found) == unnamed(record)
    assert foretold["records"][-1]["key"] == "simulated"
    assert unnamed(foretold["records"][-1]) == unnamed(recorded["record"])
    ids = ids_in(foretold["records"])
    assert (await api.data(NODES, STAFF, ids=ids))["nodes"] == [None] * len(ids), "even when the same has been recorded"
    assert foretold["points"] == sum(record["points"] for record in foretold["records"])
    assert foretold["before"] == before
    assert foretold["after"] == (await api.data(MEMBER_NODE, STAFF, id=global_id(member)))["node"]


@pytest.mark.parametrize("given", SHOP.values(), ids=SHOP.keys())
async def test_the_record_shop(api: Api, given: Json) -> None:
    ada = await api.enrol("Ada")
    await api.record(ada, *(purchase(f"p{month}", NOW.replace(month=month), 4000, cds=3) for month in (2, 3)))
    await foretold_and_then_recorded(api, ada, {"key": "k1", "memberId": global_id(ada), **given})


@pytest.mark.parametrize("given", COFFEE.values(), ids=COFFEE.keys())
async def test_the_coffee_bar(coffee: Api, given: Json) -> None:
    ada = await coffee.enrol("Ada")
    await foretold_and_then_recorded(coffee, ada, {"key": "k1", "memberId": global_id(ada), **given})


async def test_one_after_the_other(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    for name, given in sorted(COFFEE.items(), key=lambda pair: pair[1].get("occurredAt", "9")):
        await foretold_and_then_recorded(coffee, ada, {"key": name, "memberId": global_id(ada), **given})


async def test_points_that_unlock_on_the_way_are_a_record_of_their_own(coffee: Api) -> None:
    ada = await coffee.enrol("Ada", joined_at=datetime(2026, 4, 30, 12, tzinfo=UTC))
    given = {"key": "k1", "memberId": global_id(ada), "kind": "visit"}
    unlocked, visited = (await coffee.nothing_written(SIMULATE, input=given))["records"]
    assert (unlocked["kind"], unlocked["points"], unlocked["occurredAt"]) == (None, 0, "2026-04-30T22:00:00.000Z")
    assert [in_short(effect) for effect in unlocked["effects"]] == [
        ("PENDING", -20, "CLOCK", "unlock", None),
        ("AVAILABLE", 20, "CLOCK", "unlock", None),
    ]
    assert [in_short(effect) for effect in visited["effects"]] == [
        ("PENDING", 2, "RULE", "visit", None),
        ("StreakMoved", "daily-cup", 0, 1, 0, None),
        ("ChallengeProgressed", "busy-month", 0.0, 2.0, 100.0, 0),
        ("BoardScored", "weekly", "2026-W18", None, None, 2.0, None),
        ("BoardScored", "all-time", "all", None, None, 2.0, None),
    ]


async def test_the_member_before_and_after(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = {"key": "k1", "memberId": global_id(ada), "amount": "120"}
    answer = await api.nothing_written(SIMULATE, input=given)
    assert answer["points"] == 120
    assert answer["before"]["points"] == {"available": 0, "pending": 0, "earned": 0}
    assert answer["after"]["points"] == {"available": 120, "pending": 0, "earned": 120}
    assert answer["before"]["tier"] == {"current": {"code": "bronze"}, "progress": {"label": "0 / 100 USD"}}
    assert answer["after"]["tier"] == {"current": {"code": "silver"}, "progress": {"label": "120 / 250 USD"}}
    assert {one["code"] for one in answer["after"]["badges"]["nodes"]} == {"first-purchase", "big-spender"}


async def test_members_foretell_for_themselves_without_saying_who_they_are(api: Api) -> None:
    ada = await api.enrol("Ada")
    callers: list[tuple[Caller, Json]] = [
        (themself(ada), {}),
        (themself(ada), {"memberId": global_id(ada)}),
        (themself(ada), {"loyaltyNumber": ada.loyalty_number}),
        (STAFF, {"memberId": global_id(ada)}),
    ]
    given = {"amount": "5"}
    answers = [await api.nothing_written(SIMULATE, who, input=given | named) for who, named in callers]
    assert [answer["points"] for answer in answers] == [5, 5, 5, 5]
    told = [answer | {"records": [unnamed(record) for record in answer["records"]]} for answer in answers]
    assert told == [told[0]] * 4


async def test_the_ids_of_a_dry_run_are_its_own_and_lead_nowhere(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = {"memberId": global_id(ada), "amount": "5"}
    first, second = [ids_in((await api.nothing_written(SIMULATE, input=given))["records"]) for _ in range(2)]
    assert (len(first), len(second)) == (2, 2), "a record and an entry each"
    assert len({*first, *second}) == 4
    for caller in (STAFF, themself(ada)):
        assert (await api.data(NODES, caller, ids=first + second))["nodes"] == [None] * 4


async def test_staff_have_to_say_who(api: Api) -> None:
    refused = await api.nothing_written(SIMULATE, STAFF, input={"amount": "5"})
    assert refused["message"] == "memberId or loyaltyNumber is needed, one of the two"
