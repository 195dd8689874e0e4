"""Previews: what a campaign would have given, worked out by hand and against the real thing."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from gamification.campaigns import Offer, Offers
from gamification.history import Checkpoint, Past
from gamification.preview import Example, Preview, preview
from gamification.program.campaigns import Campaign
from gamification.schedule import Schedule
from gamification.state import State
from tests.gamification.clerk import Clerk
from tests.gamification.market import VERSION, Market, minute
from tests.gamification.programs import JOINED_AT, Part, at, campaign, event, program, purchase, rule
from tests.gamification.test_campaign_invariants import Batches, batches, catalogues, played
from tests.gamification.test_merging import OTHER_ID, change, enrolled

SHOP = program(rules=[rule()])
SINCE = minute(0)


def pasts(market: Market) -> dict[str, Past]:
    return {who: Past(Checkpoint(State.new(JOINED_AT), 1), tuple(each)) for who, each in market.records.items()}


async def previewed(market: Market, since: datetime = SINCE, **parts: object) -> Preview:
    """What a proposed campaign would have given in a market."""
    proposed = Campaign.model_validate(campaign("proposed", **parts))
    terms = {(each.code, VERSION): each for each in market.terms}
    return await preview(pasts(market), Schedule.always(market.program, VERSION), terms, proposed, since)


def market(*terms: Part) -> Market:
    """Ann buys for 10 before the days begin; then Ann for 20, Ben for 30 and Ann for 40."""
    made = Market(SHOP, *terms)
    made.record(purchase(minute(-10), 1000), "ann")
    made.record(purchase(minute(1), 2000), "ann")
    made.record(purchase(minute(2), 3000), "ben")
    made.record(purchase(minute(3), 4000), "ann")
    made.record(event("visit", minute(4)), "eve")
    return made


async def test_what_it_would_have_given() -> None:
    assert await previewed(market()) == Preview(
        members=2,
        activities=3,
        points=90,
        net_points=90,
        examples=(Example("ann", 60, 2), Example("ben", 30, 1)),
        members_read=3,
        records_read=5,
    )


async def test_it_counts_for_the_days_whatever_its_own_start_and_end() -> None:
    future: dict[str, Any] = {"starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-02T00:00:00Z"}
    assert (await previewed(market(), **future)).points == 90
    assert (await previewed(market(), since=minute(-60), **future)).points == 100
    assert (await previewed(market(), since=minute(3), **future)).points == 40


async def test_nobody_would_have_got_anything() -> None:
    assert await previewed(market(), when="activity.amount > 100.0") == Preview(members_read=3, records_read=5)
    assert await previewed(Market(SHOP)) == Preview()


async def test_its_budget_runs_out_in_the_order_of_time_over_all_members() -> None:
    made = await previewed(market(), budget={"points": 35})
    assert (made.points, made.exhausted_at, made.reduced) == (35, minute(2), {"budget": 2})
    assert made.examples == (Example("ann", 20, 1), Example("ben", 15, 1))
    made = await previewed(market(), budget={"points": 35, "too_little": "none"})
    assert (made.points, made.exhausted_at, made.reduced) == (20, minute(2), {"budget": 2})
    made = await previewed(market(), budget={"points": 90})
    assert (made.points, made.exhausted_at, made.reduced) == (90, minute(3), {})
    assert (await previewed(market(), budget={"points": 91})).exhausted_at is None


async def test_its_caps_and_places_cut_too() -> None:
    made = await previewed(market(), caps={"member": 25}, first_members=1)
    assert (made.points, made.members, made.activities, made.reduced) == (25, 1, 2, {"places": 1, "cap": 1})


async def test_the_recorded_campaigns_are_there_as_they_were_and_may_lose_their_place() -> None:
    others = campaign("other", stacking="best", effect={"multiplier": "1.5"})
    made = await previewed(market(others))
    assert (made.points, made.net_points) == (90, 90)
    made = await previewed(market(others), stacking="best")
    assert (made.points, made.net_points) == (90, 45)
    made = await previewed(market(campaign("other", stacking="exclusive")))
    assert (made.points, made.net_points) == (0, 0)


async def test_first_purchases_are_those_of_the_whole_history() -> None:
    made = await previewed(market(), when="member.purchases == 1", effect={"bonus": 5})
    assert made.examples == (Example("ben", 5, 1),)


async def test_terms_that_exist_under_the_same_code_are_replaced() -> None:
    made = Market(SHOP, campaign("proposed"))
    made.record(purchase(minute(1), 1000))
    preview_of_same = await previewed(made)
    assert (preview_of_same.points, preview_of_same.net_points) == (10, 0)


async def test_others_get_their_turn_meanwhile() -> None:
    busy = Market(SHOP)
    for number in range(500):
        busy.record(purchase(minute(number), 1000, key=f"k{number}"))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert (await previewed(busy)).activities == 500
    counting.cancel()
    assert turns >= 10


def accounts(*terms: Campaign) -> tuple[Clerk, Clerk]:
    """One buys for 10 before the days begin and for 20 after, the other for 30. They are one person."""
    one, other = enrolled(SHOP, JOINED_AT), enrolled(SHOP, JOINED_AT, OTHER_ID)
    for clerk, purchases in ((one, [(-10, 1000), (1, 2000)]), (other, [(2, 3000)])):
        clerk.offers = Offers([Offer(each, VERSION, None, None) for each in terms])
        clerk.terms = {(each.code, VERSION): each for each in terms}
        for when, amount in purchases:
            clerk.record(purchase(minute(when), amount))
    return one, other


async def previewed_of(clerks: Mapping[str, Clerk], since: datetime = SINCE) -> Preview:
    """What doubling would have given these, each told with the records of the other."""
    start = Checkpoint(State.new(JOINED_AT), 1)
    told = {
        who: Past(start, tuple(clerk.records), {other: each.records for other, each in clerks.items() if other != who})
        for who, clerk in clerks.items()
    }
    proposed = Campaign.model_validate(campaign("proposed"))
    terms = next(iter(clerks.values())).terms
    return await preview(told, Schedule.always(SHOP), terms, proposed, since)


async def test_a_merged_account_counts_once_and_for_whoever_has_it() -> None:
    one, other = accounts()
    change(one, other, minute(5))
    made = await previewed_of({"m": one, OTHER_ID: other})
    assert made == Preview(
        members=1,
        activities=2,
        points=50,
        net_points=50,
        examples=(Example("m", 50, 2),),
        members_read=1,
        records_read=4,
    )
    change(one, other, minute(6), undoes=True)
    made = await previewed_of({"m": one, OTHER_ID: other})
    assert made == Preview(
        members=2,
        activities=2,
        points=50,
        net_points=50,
        examples=(Example(OTHER_ID, 30, 1), Example("m", 20, 1)),
        members_read=2,
        records_read=5,
    )


async def test_what_a_merged_account_was_given_is_no_news() -> None:
    one, other = accounts(Campaign.model_validate(campaign("proposed")))
    change(one, other, minute(5))
    made = await previewed_of({"m": one, OTHER_ID: other})
    assert (made.points, made.net_points) == (50, 0)
    later = await previewed_of({"m": one, OTHER_ID: other}, minute(3))
    assert (later.points, later.net_points) == (0, 0), "what changed hands in these days was given before"
    change(one, other, minute(6), undoes=True)
    made = await previewed_of({"m": one, OTHER_ID: other})
    assert (made.points, made.net_points) == (50, 0)


async def test_a_missing_version_is_named() -> None:
    made = market()
    with pytest.raises(KeyError, match="1"):
        await preview(pasts(made), Schedule.always(SHOP, 2), {}, Campaign.model_validate(campaign()), at("2026-05-01"))


@given(catalogues, batches)
def test_the_preview_of_a_single_campaign_is_what_it_then_gives(
    catalogue: tuple[Part, ...], happenings: Batches
) -> None:
    """Members' purchases as they were made without it, previewed with it, against those made with it."""
    shop = program(rules=[rule()], time_zone="Europe/Copenhagen")
    # One after another: recorded together, the order over members is that of arrival, not of time.
    alone = [[(who, items, amount, gap + 1, 0)] for batch in happenings for who, items, amount, gap, _ in batch]
    proposed = catalogue[0] | {"starts_at": at("2026-10-24 12:00"), "ends_at": None}
    without, real = played(shop, (), alone), played(shop, (proposed,), alone)
    terms = Campaign.model_validate(proposed)
    foretold = asyncio.run(preview(pasts(without), Schedule.always(shop, VERSION), {}, terms, at("2026-10-24 12:00")))
    assert foretold.points == real.given("one")
    assert foretold.members == sum(1 for who in real.records if real.given("one", who))
