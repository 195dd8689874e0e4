"""Previews of programs: what a changed one would do, worked out by hand and against the real thing."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import EARLIEST
from gamification.campaigns import Offer, Offers
from gamification.history import Checkpoint, Past
from gamification.member import Member
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.program_preview import Change, Comparison, ProgramPreview, preview_program
from gamification.prospects import MAX_PROSPECTS, Prospect, Prospects, Swing, TierFlow
from gamification.schedule import Edition, Schedule
from gamification.state import State
from tests.gamification.clerk import Clerk, drive
from tests.gamification.programs import (
    adjustment,
    at,
    badge,
    campaign,
    challenge,
    event,
    ladder,
    program,
    purchase,
    rule,
)
from tests.gamification.strategies import STARTS, Happening, happenings, programs, timeline
from tests.gamification.test_merging import OTHER_ID, change, enrolled
from tests.gamification.test_time_and_truth import comparable, in_order, named

JOINED_AT = at("2026-01-01")
NOW = at("2026-04-01")
HISTORY = EARLIEST


def shop(per: str = "1", silver: int = 100, **parts: Any) -> Program:
    """A point per ``per`` dollars, tiers by spend, a badge for two purchases and 50 points for three."""
    buyer = badge("buyer", earned={"measure": "member.purchases"}, levels=[2])
    trio = challenge("trio", **parts.pop("trio", {"target": 3, "reward": {"points": 50}}))
    return program(
        rules=[rule(earn={"points": 1, "per_amount": per})],
        tiers=ladder("spend", "lifetime", bronze=0, silver=silver, gold=300),
        badges=parts.pop("badges", [buyer]),
        challenges=[trio],
        **parts,
    )


def clerks() -> dict[str, Clerk]:
    """Ann buys for 100, 150 and 60, is gold, has the badge, 310 + 50 points, and spends 300 of them.

    Ben buys for 120, is silver and has 120 points. Cat only looks in.
    """
    made = {name: Clerk(shop(), JOINED_AT) for name in ("ann", "ben", "cat")}
    for when, amount in (("2026-01-10", 10_000), ("2026-02-10", 15_000), ("2026-03-10", 6_000)):
        made["ann"].record(purchase(at(when), amount))
    made["ann"].record(adjustment(at("2026-03-20"), -300))
    made["ben"].record(purchase(at("2026-02-01"), 12_000))
    made["cat"].record(event("visit", at("2026-02-01")))
    return made


def past(clerk: Clerk) -> Past:
    return Past(Checkpoint(State.new(clerk.member.enrolled_at), 1), tuple(clerk.records))


def stored(made: dict[str, Clerk]) -> list[tuple[Member, Past]]:
    return [(replace(clerk.member, member_id=name), past(clerk)) for name, clerk in made.items()]


async def previewed(changed: Program, from_at: datetime = HISTORY, now: datetime = NOW) -> Prospects:
    made = await preview_program(stored(clerks()), Schedule.always(shop()), {}, Change(changed, from_at, now))
    assert not made.is_sample
    return made.prospects


SAME = (TierFlow("bronze", "bronze", 1), TierFlow("silver", "silver", 1), TierFlow("gold", "gold", 1))
UNCHANGED = Prospects(members=3, tiers=SAME)


async def test_the_same_program_changes_nothing() -> None:
    assert await previewed(shop()) == UNCHANGED
    assert await previewed(shop(), NOW) == UNCHANGED


async def test_twice_the_points_for_all_of_history() -> None:
    assert await previewed(shop(per="0.5")) == Prospects(
        members=3,
        changed=2,
        available=Swing(310 + 120),
        tiers=SAME,
        winners=(
            Prospect("ann", 60, 370, "gold", "gold"),
            Prospect("ben", 120, 240, "silver", "silver"),
        ),
    )


async def test_only_what_happened_since_is_judged_again() -> None:
    found = await previewed(shop(per="0.5"), at("2026-02-05"))
    assert (found.changed, found.available) == (1, Swing(150 + 60))
    assert found.winners == (Prospect("ann", 60, 270, "gold", "gold"),)
    on_the_instant = await previewed(shop(per="0.5"), at("2026-03-10"))
    assert on_the_instant.available == Swing(60)
    assert (await previewed(shop(per="0.5"), at("2026-03-10 00:01"))) == UNCHANGED


async def test_what_was_spent_stands_and_may_be_owed() -> None:
    """Ann has 31 + 50 points and has spent 300: she owes 219. Ben has 12."""
    found = await previewed(shop(per="10"))
    assert (found.available, found.owing) == (Swing(0, 279 + 108), Swing(1))
    assert found.losers == (
        Prospect("ann", 60, -219, "gold", "gold"),
        Prospect("ben", 120, 12, "silver", "silver"),
    )
    assert found.winners == ()


async def test_a_higher_threshold() -> None:
    fallen = Prospects(
        members=3,
        changed=1,
        tiers=(TierFlow("bronze", "bronze", 1), TierFlow("silver", "bronze", 1), TierFlow("gold", "gold", 1)),
        losers=(Prospect("ben", 120, 120, "silver", "bronze"),),
    )
    assert await previewed(shop(silver=130)) == fallen
    assert await previewed(shop(silver=130), NOW) == fallen, "due at once, though only the future is judged by it"
    assert await previewed(shop(silver=130), at("2027-01-01")) == fallen, "when it comes into force"
    assert await previewed(shop(silver=120)) == UNCHANGED


async def test_a_badge_that_is_removed() -> None:
    found = await previewed(shop(badges=[]))
    assert found.badges == {"buyer": Swing(0, 1)}
    assert found.losers == (Prospect("ann", 60, 60, "gold", "gold", badges_lost=("buyer",)),)
    assert await previewed(shop(badges=[]), NOW) == UNCHANGED


async def test_a_badge_that_is_new() -> None:
    first = badge("first", earned={"measure": "member.purchases"}, levels=[{"at": 1, "points": 5}])
    found = await previewed(shop(badges=[first]))
    assert found.badges == {"buyer": Swing(0, 1), "first": Swing(2)}
    assert found.available == Swing(5 + 5)
    assert found.winners == (
        Prospect("ben", 120, 125, "silver", "silver", badges_won=("first",)),
        Prospect("ann", 60, 65, "gold", "gold", badges_won=("first",), badges_lost=("buyer",)),
    )


async def test_another_target_with_another_reward() -> None:
    """Of four purchases Ann lacks one, and loses 50; of one she has done it three times, and Ben once."""
    found = await previewed(shop(trio={"target": 4, "reward": {"points": 80}}))
    assert (found.challenges, found.available) == ({"trio": Swing(0, 1)}, Swing(0, 50))
    assert found.losers == (Prospect("ann", 60, 10, "gold", "gold"),)
    found = await previewed(shop(trio={"target": 1, "repeat": "always", "reward": {"points": 40}}))
    assert (found.challenges, found.available) == ({"trio": Swing(2 + 1)}, Swing((3 * 40 - 50) + 40))


async def test_points_that_wait_are_told_by_themselves() -> None:
    """Of Ann's 360 points 250 had come when she spent 300, so she owes 50; 60 and 50 come on 9 April."""
    found = await previewed(shop(points={"pending_days": 30}))
    assert (found.available, found.pending, found.owing) == (Swing(0, 110), Swing(110), Swing(1))
    assert (found.changed, found.winners, found.losers) == (1, (), ())


async def test_only_the_future_changes_no_points() -> None:
    assert await previewed(shop(per="0.5"), NOW) == UNCHANGED
    assert await previewed(shop(per="10"), NOW + timedelta(days=90)) == UNCHANGED


async def test_what_campaigns_have_left_is_given_out_once() -> None:
    """Both had 100 of a budget of 250. At twice the points each would have 200 of it, but only 50 are left."""
    terms = Campaign.model_validate(campaign(starts_at="2026-01-01T00:00:00Z", budget={"points": 250}))
    made = {name: Clerk(shop(), JOINED_AT, [Offer(terms, 1, 250, None)]) for name in ("ann", "ben")}
    for clerk in made.values():
        clerk.record(purchase(at("2026-01-10"), 10_000))
        assert clerk.state.balance.available == 200
    offers = Offers([Offer(terms, 1, 50, None)])
    change = Change(shop(per="0.5"), HISTORY, NOW)
    found = await preview_program(stored(made), Schedule.always(shop()), {("double", 1): terms}, change, offers)
    assert found.prospects.winners == (
        Prospect("ann", 200, 350, "silver", "silver"),
        Prospect("ben", 200, 300, "silver", "silver"),
    )
    left = offers.left("double")
    assert left == Offer(terms, 1, 50, None), "nothing was taken in earnest"


async def test_what_is_yet_to_be_judged_again_is_no_news() -> None:
    """A version that doubles the points was applied, but the clock has not come round to the members yet."""
    schedule = Schedule((Edition(1, shop(), EARLIEST), Edition(2, shop(per="0.5"), EARLIEST, backfills=True)))
    same = await preview_program(stored(clerks()), schedule, {}, Change(shop(per="0.5"), HISTORY, NOW))
    assert same.prospects == UNCHANGED
    back = await preview_program(stored(clerks()), schedule, {}, Change(shop(), HISTORY, NOW))
    assert back.prospects.available == Swing(0, 430)
    ahead = await preview_program(stored(clerks()), schedule, {}, Change(shop(), NOW, NOW))
    assert ahead.prospects == UNCHANGED


async def test_only_the_largest_changes_are_named() -> None:
    members = {}
    for number in range(MAX_PROSPECTS + 2):
        members[f"m{number:02}"] = Clerk(shop(), JOINED_AT)
        members[f"m{number:02}"].record(purchase(at("2026-02-01"), 100 * (number + 1)))
    change = Change(shop(per="0.5"), HISTORY, NOW)
    found = (await preview_program(stored(members), Schedule.always(shop()), {}, change)).prospects
    assert [each.member_id for each in found.winners] == [f"m{number:02}" for number in range(11, 1, -1)]
    assert (found.changed, found.available, found.losers) == (12, Swing(sum(range(13))), ())


async def test_others_get_their_turn_meanwhile() -> None:
    busy = Clerk(shop(), JOINED_AT)
    for number in range(500):
        busy.record(purchase(JOINED_AT + timedelta(minutes=number), 1000, key=f"k{number}"))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    change = Change(shop(per="0.5"), HISTORY, NOW)
    made = await preview_program(stored({"ann": busy}), Schedule.always(shop()), {}, change)
    counting.cancel()
    assert (made.prospects.available, made.records_read) == (Swing(5000), 500)
    assert turns >= 10


async def test_others_get_their_turn_between_members_who_did_little() -> None:
    members = {}
    for number in range(40):
        members[f"m{number:02}"] = Clerk(shop(), JOINED_AT)
        members[f"m{number:02}"].record(purchase(at("2026-02-01"), 100))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await preview_program(stored(members), Schedule.always(shop()), {}, Change(shop(per="0.5"), HISTORY, NOW))
    counting.cancel()
    assert turns >= 40


async def test_a_merged_account_counts_once_and_for_whoever_has_it() -> None:
    """Two accounts that have bought for 60 each. Together they are silver."""
    one, other = enrolled(shop(), JOINED_AT), enrolled(shop(), JOINED_AT + timedelta(days=1), OTHER_ID)
    for clerk in (one, other):
        clerk.record(purchase(at("2026-02-01"), 6_000))

    async def found() -> ProgramPreview:
        members = [
            (one.member, past(one).with_absorbed(OTHER_ID, tuple(other.records))),
            (other.member, past(other)),
        ]
        return await preview_program(members, Schedule.always(shop()), {}, Change(shop(per="0.5"), HISTORY, NOW))

    change(one, other, at("2026-03-01"))
    assert (await found()).prospects == Prospects(
        members=1,
        changed=1,
        available=Swing(120),
        tiers=(TierFlow("silver", "silver", 1),),
        winners=(Prospect("m", 120, 240, "silver", "silver"),),
        badges={},
    )
    change(one, other, at("2026-03-02"), undoes=True)
    assert (await found()).prospects == Prospects(
        members=2,
        changed=2,
        available=Swing(60 + 60),
        tiers=(TierFlow("bronze", "bronze", 2),),
        winners=(Prospect("m", 60, 120, "bronze", "bronze"), Prospect(OTHER_ID, 60, 120, "bronze", "bronze")),
    )


async def test_a_missing_version_is_named() -> None:
    other = Schedule((Edition(7, shop(), EARLIEST),))
    with pytest.raises(KeyError, match="1"):
        await preview_program(stored(clerks()), other, {}, Change(shop(), at("2026-03-30"), NOW))


@given(
    before=programs,
    after=programs,
    start=st.sampled_from(STARTS),
    history=st.lists(happenings, min_size=1, max_size=8),
    data=st.data(),
)
def test_a_preview_is_what_applying_the_program_then_does(
    before: Program, after: Program, start: datetime, history: list[Happening], data: st.DataObject
) -> None:
    clerk = Clerk(before, start)
    done = in_order(named(timeline(start, history)))
    for activity in done:
        clerk.do(activity)
    for key in data.draw(st.lists(st.sampled_from([each.key for each in done]), max_size=2)):
        clerk.reverse(key)
    now = clerk.now + data.draw(st.integers(1, 400 * 24).map(lambda hours: timedelta(hours=hours)))
    from_at = data.draw(
        st.one_of(st.just(EARLIEST), st.sampled_from([each.occurred_at for each in done]), st.just(now))
    )
    change = Change(after, min(from_at, now), now)
    comparison = Comparison(clerk.schedule, change, Offers(()))
    present, changed = drive(comparison.add(clerk.member, past(clerk), {}))
    assert comparable(present) == comparable(clerk.read(now))
    clerk.schedule = Schedule((*clerk.schedule.editions, Edition(2, after, change.from_at, change.backfills)))
    clerk.wait(now)
    assert changed == clerk.state


def test_it_says_what_it_compared() -> None:
    made: ProgramPreview = asyncio.run(preview_program([], Schedule.always(shop()), {}, Change(shop(), HISTORY, NOW)))
    assert (made.prospects, made.records_read, made.change.backfills) == (Prospects(), 0, True)
    assert (made.change.judged_at, Change(shop(), at("2027-01-01"), NOW).judged_at) == (NOW, at("2027-01-01"))
    assert not Change(shop(), NOW, NOW).backfills
