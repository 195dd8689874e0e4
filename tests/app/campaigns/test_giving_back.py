"""What is taken back goes back to the campaign that gave it, to the point, whoever buys meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product

import pytest

from app.campaigns.allowances import Slice, _give_back
from app.campaigns.audit import BudgetAudit
from app.clock import utc_now
from app.wiring import Laurel
from gamification.activity import Activity
from gamification.campaigning import Left
from gamification.requests import Recorded, RecordRequest, ReverseRequest
from gamification.reversal import AlreadyReversed
from tests.app.campaigns.arena import (
    Place,
    bonus,
    buy,
    buy_one,
    crowd,
    differences,
    given_by_campaign,
    left,
    run_campaign,
    take_back,
    terms,
)


async def report(laurel: Laurel, member_id: str, key: str, occurred_at: datetime) -> Recorded:
    """A purchase that is reported with its time."""
    request = RecordRequest(member_id, Activity(key, "purchase", occurred_at, 1000))
    [result] = await laurel.game.recorder.record([request])
    assert isinstance(result, Recorded), result
    return result


async def watch(laurel: Laurel) -> None:
    """What the watcher does all the time: the first look notes that a campaign has begun, the next reads its limits."""
    for _ in range(2):
        await laurel.campaigning.watcher.look()


async def given(laurel: Laurel, code: str = "flash") -> dict[str, int]:
    """What the members have of a campaign, but for those who have nothing."""
    by_member = (await given_by_campaign(laurel)).get(code, {})
    return {member: points for member, points in by_member.items() if points}


@pytest.mark.parametrize("turn", range(4))
def test_no_slice_gets_back_more_than_was_taken_of_it(turn: int) -> None:
    slices = [
        Slice("c", "points", n, remaining, taken) for n, (remaining, taken) in enumerate([(5, 0), (0, 7), (2, 3)])
    ]
    changed = {each.number: each for each in _give_back(slices, 9, turn)}
    assert 0 not in changed
    assert sum(each.remaining - slices[number].remaining for number, each in changed.items()) == 9
    for number, each in changed.items():
        before = slices[number]
        assert (each.remaining + each.given, each.version) == (before.remaining + before.given, before.version + 1)
        assert each.given >= 0
    assert _give_back(slices, 10, turn) == _give_back(slices, 11, turn)
    assert _give_back([], 5, turn) == []


async def test_points_go_back_to_a_budget(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 100}))
    members = await crowd(shop, 10)
    await buy(shop, [(member, "k") for member in members], callers=10)
    assert await left(shop) == Left(30)

    reversals = [await take_back(shop, member, "k") for member in members[:4]]

    assert [bonus(each) for each in reversals] == [-7] * 4
    assert await left(shop) == Left(58)
    assert await given(shop) == dict.fromkeys(members[4:], 7)
    assert await differences(shop) == []


async def test_an_audit_bears_with_what_goes_back_meanwhile(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 100}, first_members=3))
    ann, ben = await crowd(shop, 2)
    await buy_one(shop, ann, "k")
    audit = BudgetAudit(shop.campaigning.store)
    await audit.begin()
    async for _ in audit.passing(shop.journal.stream()):
        pass
    await take_back(shop, ann, "k")
    await buy_one(shop, ben, "k")
    assert await audit.finish() == []


async def test_a_second_reversal_gives_nothing_back(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 100}, first_members=3))
    [ann] = await crowd(shop, 1)
    await buy_one(shop, ann, "k")
    assert await left(shop) == Left(93, 2)
    first = await take_back(shop, ann, "k")
    assert await left(shop) == Left(100, 3)
    again = await shop.game.recorder.reverse(ReverseRequest(ann, "k"))
    assert again == AlreadyReversed("k")
    assert first.record.settlements[0].points == -7
    assert await left(shop) == Left(100, 3)
    assert await differences(shop) == []


async def test_a_place_goes_back_and_to_whom_it_is_next(shop: Laurel) -> None:
    await run_campaign(shop, terms(first_members=2))
    ann, ben, eve = await crowd(shop, 3)
    assert [bonus(await buy_one(shop, who, "k")) for who in (ann, ben, eve)] == [7, 7, 0]

    await take_back(shop, ann, "k")

    assert await left(shop) == Left(None, 1)
    assert bonus(await buy_one(shop, eve, "next")) == 7
    assert bonus(await buy_one(shop, ann, "next")) == 0
    assert await given(shop) == {ben: 7, eve: 7}
    assert await left(shop) == Left(None, 0)
    assert await differences(shop) == []


async def test_a_place_stays_as_long_as_another_purchase_holds_it(shop: Laurel) -> None:
    await run_campaign(shop, terms(first_members=2))
    [ann] = await crowd(shop, 1)
    await buy(shop, [(ann, "one"), (ann, "two")], callers=1)
    await take_back(shop, ann, "one")
    assert await left(shop) == Left(None, 1)
    await take_back(shop, ann, "two")
    assert await left(shop) == Left(None, 2)
    assert await differences(shop) == []


async def test_what_goes_back_to_a_dry_budget_is_there_for_the_next(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 10}))
    ann, ben, eve = await crowd(shop, 3)
    assert [bonus(await buy_one(shop, who, "k")) for who in (ann, ben, eve)] == [7, 3, 0]
    await take_back(shop, ann, "k")
    assert await left(shop) == Left(7)
    assert bonus(await buy_one(shop, eve, "next")) == 7
    assert await given(shop) == {ben: 3, eve: 7}
    assert await differences(shop) == []


async def test_what_goes_back_to_a_campaign_that_its_budget_has_ended_starts_it_no_more(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 7}))
    ann, ben = await crowd(shop, 2)
    assert [bonus(await buy_one(shop, who, "k")) for who in (ann, ben)] == [7, 0]
    await watch(shop)
    await take_back(shop, ann, "k")
    await watch(shop)
    assert await left(shop) == Left(7)
    assert (await shop.campaigning.store.get(["flash"]))["flash"].ended_by == "budget"
    assert bonus(await buy_one(shop, ben, "next")) == 0
    assert await differences(shop) == []


async def test_a_cap_of_the_member_is_free_again(shop: Laurel) -> None:
    await run_campaign(shop, terms(caps={"member": 10}, budget={"points": 100}))
    [ann] = await crowd(shop, 1)
    assert [bonus(await buy_one(shop, ann, key)) for key in ("one", "two", "three")] == [7, 3, 0]
    # Without the first, the second gets its 7 and the third the 3 that are left of the cap.
    assert bonus(await take_back(shop, ann, "one")) == 0
    assert await left(shop) == Left(90)
    assert bonus(await take_back(shop, ann, "two")) == -3
    assert await left(shop) == Left(93)
    assert await differences(shop) == []


async def test_a_reversal_races_the_member_s_own_purchases(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms(budget={"points": 200}, caps={"member": 60}))
    [ann, ben] = await crowd(shop, 2)
    await buy(shop, [(who, f"k{number}") for who, number in product((ann, ben), range(6))], callers=2)
    async with place.opened() as other:
        await asyncio.gather(
            buy(shop, [(ann, f"more{number}") for number in range(12)], callers=3),
            *(take_back(other, ann, f"k{number}") for number in range(3)),
            take_back(shop, ann, "k4"),
            take_back(other, ben, "k0"),
        )
    # 2 of the first 6 are left and 12 more, of which the cap lets 60 points through; and 5 of Ben's.
    assert await given(shop) == {ann: 60, ben: 35}
    assert await left(shop) == Left(200 - 95)
    assert await differences(shop) == []


async def test_two_processes_take_the_same_back_once(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms(budget={"points": 100}, first_members=5))
    members = await crowd(shop, 5)
    await buy(shop, [(member, "k") for member in members], callers=5)
    async with place.opened() as other:
        results = await asyncio.gather(
            *(each.game.recorder.reverse(ReverseRequest(who, "k")) for each in (shop, other) for who in members)
        )
    assert sum(isinstance(result, Recorded) for result in results) == 5
    assert sum(isinstance(result, AlreadyReversed) for result in results) == 5
    assert await left(shop) == Left(100, 5)
    assert await given(shop) == {}
    assert await differences(shop) == []


@pytest.mark.parametrize("points", [50, 500])
async def test_late_purchases_race_each_other_and_reversals(shop: Laurel, place: Place, points: int) -> None:
    """However they meet, what is taken of the budget is what the journal gave, and no member's order matters."""
    await run_campaign(shop, terms(budget={"points": points}))
    members = await crowd(shop, 4)
    began_at = utc_now()
    await buy(shop, [(member, "first") for member in members], callers=4)
    async with place.opened() as other:

        async def late(laurel: Laurel, keys: Sequence[str]) -> None:
            for (number, key), member in product(enumerate(keys, 1), members):
                await report(laurel, member, key, began_at - timedelta(minutes=number * 3))

        await asyncio.gather(
            late(shop, ["a1", "a2", "a3"]),
            late(other, ["b1", "b2", "b3"]),
            *(take_back(other, member, "first") for member in members),
        )
    held = await given(shop)
    assert sum(held.values()) == min(points, 4 * 6 * 7)
    assert await left(shop) == Left(points - min(points, 4 * 6 * 7))
    assert await differences(shop) == []
