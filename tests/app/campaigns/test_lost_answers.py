"""A commit whose answer is lost has happened, or has not: either way a purchase gets its bonus once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from app.wiring import Laurel
from gamification.campaigning import Left
from tests.app.campaigns.arena import (
    Place,
    bonus,
    buy_one,
    crowd,
    differences,
    given_by_campaign,
    left,
    run_campaign,
    terms,
    until_async,
)
from tests.app.campaigns.relay import Relay, relayed

MEMBERS = 10
BUDGET = 1_000
COMMIT = b"commitTransaction"
EVERY = 1_000_000
IMPATIENT_SECONDS = 2.0
"""The driver sends a commit again and again until that is over."""


@pytest.fixture
async def relay_and_till(shop: Laurel, place: Place) -> AsyncIterator[tuple[Relay, Laurel]]:
    """A process whose commits pass a relay."""
    with relayed(place.mongo_url, COMMIT) as (url, relay):
        async with replace(place, mongo_url=url, timeout_seconds=IMPATIENT_SECONDS).opened() as till:
            await till.programs.current()
            yield relay, till


@pytest.mark.parametrize("lost", [1, 3, EVERY])
async def test_a_commit_whose_answer_is_lost_counts_once(
    shop: Laurel, relay_and_till: tuple[Relay, Laurel], lost: int
) -> None:
    relay, till = relay_and_till
    members = await crowd(shop, MEMBERS)
    await run_campaign(shop, terms("spent", budget={"points": BUDGET}))
    await run_campaign(shop, terms("placed", first_members=MEMBERS))
    await run_campaign(shop, terms("capped", caps={"member": 10}))

    relay.loses = lost
    refusals: list[str] = []
    buying = asyncio.gather(*(buy_one(till, member, "k", refusals) for member in members))
    if lost == EVERY:
        await until_async(partial(_all_are_refused, refusals))
        assert not buying.done()
        relay.loses = 0
    bought = await buying
    again = await asyncio.gather(*(buy_one(till, member, "k") for member in members))

    assert [bonus(result) for result in bought] == [21] * MEMBERS
    assert [(result.record, result.replayed) for result in again] == [(result.record, True) for result in bought]
    if lost == EVERY:
        assert set(refusals) == {"MongoDB did not say whether the transaction was committed"}
        assert [result.replayed for result in bought] == [True] * MEMBERS
    else:
        assert (relay.lost, refusals) == (lost, [])
    once = dict.fromkeys(members, 7)
    assert await given_by_campaign(shop) == {"spent": once, "placed": once, "capped": once}
    assert await left(shop, "spent") == Left(BUDGET - 7 * MEMBERS)
    assert await left(shop, "placed") == Left(None, 0)
    assert await differences(shop) == []


async def _all_are_refused(refusals: Sequence[str]) -> bool:
    return len(refusals) >= MEMBERS
