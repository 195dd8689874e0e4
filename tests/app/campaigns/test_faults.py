"""Campaigns stay exact when callers go away, clocks disagree, and the database is an older one all of a sudden."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import pytest

from app.clock import utc_now
from app.stores.connection import Document
from app.stores.outbox import Changed
from app.wiring import Laurel
from gamification.campaigning import Left, end, extend, pause
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.member import Profile
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
    terms,
    until_async,
)

SOON_SECONDS = 5.0
SKEW = timedelta(minutes=3)
COLLECTIONS = ("campaigns", "campaign_terms", "campaign_events", "counters", "allowances")


async def test_callers_who_go_away_and_come_back_get_it_once(shop: Laurel) -> None:
    rng = random.Random(3)
    await run_campaign(shop, terms(budget={"points": 300}, first_members=30))
    members = await crowd(shop, 60)

    buying = [asyncio.create_task(buy_one(shop, member, "k")) for member in members]
    while not all(task.done() for task in buying):
        rng.choice(buying).cancel()
        await asyncio.sleep(0.001)
    again = await asyncio.gather(*(buy_one(shop, member, "k") for member in members))

    given = (await given_by_campaign(shop))["flash"]
    assert {result.record.member_id: bonus(result) for result in again if bonus(result)} == given
    assert Counter(given.values()) == {7: 30}
    assert any(result.replayed for result in again)
    assert await left(shop) == Left(300 - 7 * 30, 0)
    assert await differences(shop) == []


async def test_a_commit_that_is_followed_by_a_fault_is_not_made_again(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 300}))
    members = await crowd(shop, 5)
    faults = iter([RuntimeError("told too much")])

    def faulty(changes: Sequence[Changed]) -> None:
        for fault in faults:
            raise fault

    shop.journal._on_written = faulty
    results = await buy(shop, [(member, "k") for member in members], callers=5)

    assert [bonus(result) for result in results] == [7] * 5
    assert await left(shop) == Left(300 - 7 * 5)
    assert await differences(shop) == []


async def test_limits_of_a_welcome_bonus_hold_though_two_enrol_the_same(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms("welcome", on="enrolment", budget={"points": 100}, first_members=20))
    await run_campaign(shop, terms("hello", on="enrolment", budget={"points": 100, "too_little": "none"}))
    requests = [EnrolRequest(f"e{number}", Profile(f"Member {number}"), utc_now()) for number in range(40)]

    async with place.opened() as other:
        batches = [
            laurel.game.enroller.enrol(requests[first : first + 5])
            for first in range(0, 40, 5)
            for laurel in (shop, other)
        ]
        answers = [answer for batch in await asyncio.gather(*batches) for answer in batch]

    assert all(isinstance(answer, Enrolled) for answer in answers)
    assert await shop.connection["members"].count_documents({}) == 40
    given = await given_by_campaign(shop)
    assert sorted(given["welcome"].values()) == [2, *[7] * 14]
    assert sorted(given["hello"].values()) == [7] * 14
    assert await left(shop, "welcome") == Left(0, 5)
    assert await left(shop, "hello") == Left(2)
    assert await differences(shop) == []


async def test_clocks_that_disagree_do_not_change_what_is_given(shop: Laurel, place: Place) -> None:
    """One process is ahead, so for it the campaign has ended and members have aged; another one is behind."""
    await run_campaign(shop, terms("ending", budget={"points": 300}, ends_at=utc_now() + SKEW / 2))
    await run_campaign(shop, terms("capped", caps={"member": 25, "member_day": 20}, first_members=5))
    members = await crowd(shop, 20)
    async with place.opened(lambda: utc_now() + SKEW) as ahead, place.opened(lambda: utc_now() - SKEW) as behind:
        for number, laurel in enumerate((behind, ahead, behind, shop)):
            await buy(laurel, [(member, f"k{number}") for member in members], callers=8)
            await laurel.campaigning.watcher.look()

    given = await given_by_campaign(shop)
    assert sum(given["ending"].values()) == 300
    assert sum(given["capped"].values()) == 5 * 20
    assert [event.kind for event in await shop.campaigning.store.audit("ending", 0, 100)].count("ended") == 1
    assert await differences(shop) == []


@pytest.mark.parametrize("change", [pause, end, extend(budget=10_000)], ids=["pause", "end", "extend"])
async def test_changes_while_a_crowd_buys_leave_the_sums_right(shop: Laurel, place: Place, change: Any) -> None:
    await run_campaign(shop, terms(budget={"points": 900}, first_members=30))
    members = await crowd(shop, 40)
    purchases = [(member, f"k{number}") for number, member in product(range(8), members)]
    async with place.opened() as other:
        buying = asyncio.gather(buy(shop, purchases[::2], 16), buy(other, purchases[1::2], 16))
        await until_async(partial(_has_given, shop, 100))
        await shop.campaigning.store.change("flash", change, "ann", utc_now())
        await buying

    given = (await given_by_campaign(shop))["flash"]
    state = (await shop.campaigning.store.get(["flash"]))["flash"]
    assert state.terms.budget is not None
    points = sum(given.values())
    assert (await left(shop)).points == state.terms.budget.points - points
    assert len(given) == 30 or state.status != "running"
    assert await differences(shop) == []


async def test_an_older_copy_of_the_database_is_believed(shop: Laurel, place: Place) -> None:
    """A process that goes on over a restored backup must not hold to what it has seen."""
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms(budget={"points": 10}))
    backup = {name: await shop.connection[name].find().to_list(None) for name in COLLECTIONS}
    async with place.opened() as other:
        await shop.campaigning.store.change("flash", extend(budget=12), "ann", utc_now())
        assert [bonus(await buy_one(other, member, key)) for key in "abc"] == [7, 5, 0]
        await shop.campaigning.store.change("flash", pause, "ann", utc_now())
        await until_async(partial(_is, other, "paused"), SOON_SECONDS)

        await _restore(shop, backup)

        await until_async(partial(_is, other, "running"), SOON_SECONDS)
        assert [bonus(await buy_one(other, member, key)) for key in "def"] == [7, 3, 0]
        await shop.campaigning.store.change("flash", extend(budget=20), "ann", utc_now())
        await until_async(partial(_has_version, other, 2), SOON_SECONDS)
        assert [bonus(await buy_one(other, member, key)) for key in "ghi"] == [7, 3, 0]
    assert await left(shop) == Left(0)


async def _restore(shop: Laurel, backup: Mapping[str, Sequence[Document]]) -> None:
    for name, documents in backup.items():
        await shop.connection[name].delete_many({})
        await shop.connection[name].insert_many(documents)


async def _has_given(shop: Laurel, points: int) -> bool:
    now = await left(shop)
    return now.points is not None and now.points <= 900 - points


async def _is(laurel: Laurel, status: str) -> bool:
    return [state.status for state in await laurel.campaigning.store.current()] == [status]


async def _has_version(laurel: Laurel, version: int) -> bool:
    return [state.version for state in await laurel.campaigning.store.current()] == [version]
