"""Tiers against a naive ladder that walks through the days, whatever the window, the policy, the grace and the zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import TIER_GRANT, Activity
from gamification.challenges import Phase
from gamification.effects import TierMoved
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.program import Program
from gamification.progress import keep_progress
from gamification.schedule import Edition, Schedule
from gamification.state import State
from gamification.windows import Window, local_day
from tests.gamification.naive_ladder import Counted, Granted, NaiveLadder
from tests.gamification.programs import Player, ladder, program, purchase
from tests.gamification.strategies import STARTS, ZONES, downgrades, tier_windows

CODES = ("bronze", "silver", "gold", "platinum")


@dataclass(frozen=True)
class Step:
    """What happens next: an amount spent, or a tier granted for some hours (0: for good)."""

    gap: timedelta
    amount: int
    tier: str | None
    hours: int


gaps = st.one_of(
    st.sampled_from([timedelta(), timedelta(hours=12), timedelta(days=1), timedelta(days=28), timedelta(days=365)]),
    st.integers(0, 3 * 24).map(lambda hours: timedelta(hours=hours)),
    st.integers(0, 200).map(lambda days: timedelta(days=days)),
)
spends = st.builds(Step, gaps, st.integers(0, 9000), st.none(), st.just(0))
grants = st.builds(Step, gaps, st.just(0), st.sampled_from([*CODES, ""]), st.integers(0, 8000))
lives = st.lists(st.one_of(spends, spends, spends, grants), min_size=1, max_size=12)


@st.composite
def shops(draw: st.DrawFn) -> Program:
    low = draw(st.integers(1, 60))
    window = draw(tier_windows)
    tiers = ladder("spend", str(window), bronze=0, silver=low, gold=2 * low, platinum=3 * low)
    return program(time_zone=draw(st.sampled_from(ZONES)), tiers=tiers | {"downgrade": draw(downgrades(window))})


starts = st.one_of(st.sampled_from(STARTS), st.just(datetime(2024, 2, 29, 12, tzinfo=UTC)))


def _activity(step: Step, when: datetime, number: int) -> Activity:
    if step.tier is None:
        return purchase(when, step.amount, key=f"p{number}")
    until = {"until": (when + timedelta(hours=step.hours)).isoformat()} if step.hours else {}
    return Activity(f"g{number}", TIER_GRANT, when, attributes={"tier": step.tier, **until}, reason="goodwill")


def activities_of(start: datetime, life: list[Step]) -> list[Activity]:
    when, made = start, []
    for number, step in enumerate(life):
        when += step.gap
        made.append(_activity(step, when, number))
    return made


def naive(shop: Program, start: datetime, activities: list[Activity], until: datetime) -> NaiveLadder:
    assert shop.tiers is not None
    walked = NaiveLadder(shop.tiers, shop.tier_thresholds, start, shop.time_zone)
    events: list[Counted | Granted] = []
    for each in activities:
        if each.kind == TIER_GRANT:
            until_text = each.attributes.get("until")
            ends_at = datetime.fromisoformat(str(until_text)) if until_text else None
            events.append(Granted(each.occurred_at, shop.tiers.position(str(each.attributes["tier"])), ends_at))
        else:
            day = local_day(each.occurred_at, shop.time_zone)
            events.append(Counted(each.occurred_at, day, each.amount_minor))
    walked.walk(events, until)
    return walked


def moves_of(player: Player) -> list[tuple[datetime, str]]:
    return [
        (record.outcome.at, effect.after)
        for record in player.records
        for effect in record.outcome.effects
        if isinstance(effect, TierMoved)
    ]


@given(shops(), starts, lives, st.integers(0, 1500))
def test_every_move_is_the_naive_ladder_s(shop: Program, start: datetime, life: list[Step], days: int) -> None:
    activities = activities_of(start, life)
    player = Player(shop, start)
    for activity in activities:
        player.do(activity)
    then = activities[-1].occurred_at + timedelta(days=days)
    player.wait(then)
    expected = naive(shop, start, activities, then)
    assert moves_of(player) == [(at, CODES[position]) for at, position in expected.moves]
    standing = player.state.standing
    assert standing.grace_until == expected.grace_until()
    assert standing.earned == CODES[expected.earned or 0]
    assert [(step.at, step.tier) for step in standing.history] == moves_of(player)[-100:]
    assert (standing.tier, standing.since) == (standing.history[-1].tier, standing.history[-1].at)
    due = next_due_at(player.state, shop)
    assert due is None or due > then


@given(shops(), starts, lives, st.integers(0, 20000), st.lists(st.integers(0, 20000), max_size=5))
def test_reading_is_the_same_whenever_the_clock_ran(
    shop: Program, start: datetime, life: list[Step], hours: int, ticks: list[int]
) -> None:
    then = start + timedelta(hours=hours)
    activities = [each for each in activities_of(start, life) if each.occurred_at <= then]
    plain, clocked = Player(shop, start), Player(shop, start)
    runs = sorted(start + timedelta(hours=tick) for tick in ticks if tick <= hours)
    for activity in activities:
        plain.do(activity)
        while runs and runs[0] <= activity.occurred_at:
            clocked.wait(runs.pop(0))
        clocked.do(activity)
    for run in runs:
        clocked.wait(run)
    read = advance(plain.state, then, shop)[0]
    assert read == advance(clocked.state, then, shop)[0]
    if activities:
        expected = naive(shop, start, activities, then)
        assert read.standing.tier == CODES[expected.visible or 0]
        assert read.standing.grace_until == expected.grace_until()


def _after(state: State, shop: Program, now: datetime, amount_minor: int) -> State:
    applied = apply(state, purchase(now, amount_minor, key="more"), shop)
    assert isinstance(applied, Applied)
    return applied.state


@given(shops(), starts, st.lists(spends, min_size=1, max_size=8), st.integers(0, 400))
def test_what_is_missing_to_stay_is_exactly_that(shop: Program, start: datetime, life: list[Step], days: int) -> None:
    player = Player(shop, start)
    activities = activities_of(start, life)
    for activity in activities:
        player.do(activity)
    now = activities[-1].occurred_at + timedelta(days=days)
    player.wait(now)
    state, tiers = player.state, shop.tiers
    bar = keep_progress(state, shop, now)
    assert tiers is not None
    if bar is None:
        lost_never = tiers.downgrade.to == "never" or tiers.window.unit == "lifetime"
        assert lost_never or state.standing.tier == "bronze"
        return
    assert bar.ends_at is not None
    assert bar.ends_at > now
    own = tiers.position(state.standing.tier)
    at_end = advance(state, bar.ends_at, shop)[0].standing
    begins_grace = state.standing.grace_until is None and tiers.downgrade.grace_days > 0
    lost = at_end.grace_until is not None if begins_grace else tiers.position(at_end.tier) < own
    assert lost == (bar.phase is Phase.ACTIVE) == (bar.remaining > 0)
    if lost and tiers.window != Window("rolling", 1):  # of which nothing is left on the next day, whatever one does
        when = now if state.standing.grace_until else bar.ends_at - timedelta(milliseconds=1)
        before, missing = advance(state, when, shop)[0], int(bar.remaining * 100)
        for more, stays in ((missing, True), (missing - 1, False)):
            after = _after(before, shop, when, more)
            climbed = tiers.position(after.standing.tier) > own
            standing = advance(after, bar.ends_at, shop)[0].standing
            stayed = tiers.position(standing.tier) >= own and (
                climbed or not begins_grace or standing.grace_until is None
            )
            assert stayed is stays or climbed  # and so had a rung to lose


def renamed(shop: Program) -> Program:
    """The program with its middle tiers renamed, and without its highest."""
    assert shop.tiers is not None
    lowest, *middle, _ = shop.tiers.levels
    levels = (lowest, *(tier.model_copy(update={"code": f"new-{tier.code}"}) for tier in middle))
    return shop.model_copy(update={"tiers": shop.tiers.model_copy(update={"levels": levels})})


@given(
    shops(),
    st.one_of(shops(), shops().map(renamed)),
    starts,
    lives,
    st.tuples(st.integers(0, 999), st.integers(0, 40000)),
)
def test_a_changed_ladder_is_due_once_and_then_settled(
    shop: Program, changed: Program, start: datetime, life: list[Step], later: tuple[int, int]
) -> None:
    days, hours = later
    activities = activities_of(start, life)
    player = Player(shop, start)
    for activity in activities:
        player.do(activity)
    newest = activities[-1].occurred_at
    editions = (Edition(1, shop, start), Edition(2, changed, newest + timedelta(days=days)))
    schedule, then = Schedule(editions), newest + timedelta(days=5000)
    state, outcomes = advance(player.state, then, schedule)
    assert [outcome.at for outcome in outcomes] == sorted({outcome.at for outcome in outcomes})
    assert advance(state, then, schedule) == (state, ())
    between, _ = advance(player.state, newest + timedelta(hours=hours), schedule)
    assert advance(between, then, schedule)[0] == state
    assert changed.tiers is not None
    assert state.standing.tier in changed.tiers.positions
