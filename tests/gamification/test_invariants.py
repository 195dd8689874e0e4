"""What holds whatever the program and whatever happens, by histories that hypothesis thinks up."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gamification.activity import Activity
from gamification.draft import MAX_CHAIN_LINKS, MAX_EFFECTS
from gamification.fold import InsufficientPoints, advance, next_due_at
from gamification.lots import balance_of
from gamification.program import Program
from gamification.record import ChainCut, Effect, Entry, Outcome, Record, TierMoved
from gamification.replaying import replay
from gamification.schedule import Schedule
from gamification.state import Balance, State
from gamification.windows import Tally, Window, local_day, total
from tests.gamification.naive_ladder import Counted, NaiveLadder
from tests.gamification.programs import Part, Player, adjustment, program
from tests.gamification.strategies import STARTS, Happening, definitions, happenings, histories, programs, timeline

LONG_AFTER = timedelta(days=4000)


def check_ledger(player: Player) -> None:
    """The entries add up to the balance, the balance is what the open lots hold, and neither is ever negative."""
    sums = {"available": 0, "pending": 0}
    for entry in player.entries():
        assert entry.points != 0
        sums[entry.account] += entry.points
        assert sums[entry.account] >= 0
    state = player.state
    assert state.balance == Balance(sums["available"], sums["pending"]) == balance_of(state.lots)
    assert all(0 < lot.remaining <= lot.points for lot in state.lots)
    assert len({lot.lot_id for lot in state.lots}) == len(state.lots)


def check_totals(player: Player) -> None:
    """Earned, spent and expired are the sums of the entries that say so."""
    entries = player.entries()
    totals = player.state.totals
    clock, staff = ("clock",), ("staff",)
    assert totals.earned == sum(entry.points for entry in entries if entry.why.source not in clock + staff)
    assert totals.spent == -sum(entry.points for entry in entries if entry.why.source in staff and entry.points < 0)
    expired = [entry for entry in entries if entry.why.code == "expiry" and entry.why.source == "clock"]
    assert totals.expired == -sum(entry.points for entry in expired)
    bought = [record.activity for record in player.records if record.activity and record.activity.kind == "purchase"]
    assert totals.purchases == len(bought)
    assert totals.items == sum(activity.quantity for activity in bought)
    assert totals.spend_minor == sum(activity.amount_minor for activity in bought)


def check_causes(effects: tuple[Effect, ...]) -> None:
    """Every cause comes before what it led to, and no chain is longer than its bound."""
    links: list[int] = []
    for place, effect in enumerate(effects):
        because = effect.why.because
        assert because is None or 0 <= because < place
        linked = 0 if because is None else links[because]
        links.append(linked if isinstance(effect, ChainCut) else linked + 1)
    assert max(links, default=0) <= MAX_CHAIN_LINKS
    assert len(effects) <= 2 * MAX_EFFECTS


def check_tally(tally: Tally, window: Window, periods: int = 1) -> None:
    """A bucket a day at most, oldest first, and none from outside the window and the ``periods`` that are kept."""
    assert len(tally) <= (window.days if window.unit == "rolling" else periods)
    assert [bucket for bucket, _ in tally] == sorted({bucket for bucket, _ in tally})
    assert all(amount >= 0 for _, amount in tally)


def check_bounds(state: State, shop: Program) -> None:
    """No tally grows beyond its window, and no challenge holds its goal without being completed."""
    assert shop.tiers is not None
    check_tally(state.standing.tally, shop.tiers.window, periods=2)
    for code, used in state.rules.items():
        caps = {window.unit: cap for window, cap in shop.rule_by_code[code].caps.windows}
        for unit, tally in used.given.items():
            check_tally(tally, Window(unit))
            assert sum(amount for _, amount in tally) <= caps[unit]
    for code, held in state.challenges.items():
        challenge = shop.challenge_by_code[code]
        check_tally(held.tally, challenge.window)
        assert len(held.seen) < challenge.goal
        if challenge.measure != "distinct":
            assert total(held.tally, challenge.window, local_day(state.as_of, shop.time_zone)) < challenge.goal


def check_standing(player: Player) -> None:
    """The tiers a member has come to, and when, are those of a ladder that is walked day by day."""
    state, shop = player.state, player.program
    if not player.records or shop.tiers is None:
        return
    walked = NaiveLadder(shop.tiers, shop.tier_thresholds, state.joined_at, shop.time_zone)
    counted = [each for record in player.records for each in _qualifying(record, shop)]
    walked.walk(counted, state.as_of)
    moves = [
        (record.outcome.at, shop.tiers.position(effect.after))
        for record in player.records
        for effect in record.outcome.effects
        if isinstance(effect, TierMoved)
    ]
    assert moves == walked.moves
    assert state.standing.grace_until == walked.grace_until()
    assert [(step.at, step.tier) for step in state.standing.history] == [
        (at, shop.tiers.levels[position].code) for at, position in moves[-len(state.standing.history) :]
    ]


def _qualifying(record: Record, shop: Program) -> Iterator[Counted]:
    """What a record counts towards the tiers; at least nothing, with which a member comes to the lowest."""
    assert shop.tiers is not None
    at, activity = record.outcome.at, record.activity
    day = local_day(min(at, activity.occurred_at) if activity else at, shop.time_zone)
    if shop.tiers.metric == "spend":
        bought = activity is not None and activity.kind == "purchase"
        yield Counted(at, day, activity.amount_minor if activity and bought else 0)
        return
    earned = [effect for effect in record.outcome.effects if isinstance(effect, Entry) and _qualifies(effect, shop)]
    yield Counted(at, day, sum(entry.points for entry in earned if entry.why.because is None))
    yield from [Counted(at, day, entry.points) for entry in earned if entry.why.because is not None]


def _qualifies(entry: Entry, shop: Program) -> bool:
    tier = shop.tier(entry.why.code)
    qualifying = {
        "rule": (rule := shop.rule_by_code.get(entry.why.code)) is not None and rule.qualifying,
        "challenge": (done := shop.challenge_by_code.get(entry.why.code)) is not None and done.reward.qualifying,
        "tier": tier is not None and tier.reward.qualifying,
    }
    return qualifying.get(entry.why.source, False)


def check_growth(before: State, after: State) -> None:
    """What only ever grows has not shrunk; what was won stays won, with its dates."""
    for code, held in before.badges.items():
        assert after.badges[code].levels_at[: held.level] == held.levels_at
    for code, progress in before.challenges.items():
        assert after.challenges[code].completed >= progress.completed
    old, new = before.totals, after.totals
    assert new.earned >= old.earned
    assert new.spent >= old.spent
    assert new.expired >= old.expired
    assert after.seq >= before.seq
    assert after.as_of >= before.as_of


def check_dues(state: State, shop: Program, outcomes: tuple[Outcome, ...], now: datetime) -> None:
    """Time takes effect at instants of its own, each later than the one before, and leaves nothing due."""
    instants = [outcome.at for outcome in outcomes]
    assert instants == sorted(set(instants))
    assert all(outcome.effects for outcome in outcomes)
    due = next_due_at(state, shop)
    assert due is None or due > max(now, state.as_of)


class Life(RuleBasedStateMachine):
    """One member's life under one program; after every step everything that is promised is checked."""

    @initialize(shop=programs, start=st.sampled_from(STARTS))
    def join(self, shop: Program, start: datetime) -> None:
        self.player = Player(shop, start)
        self.newest = start

    @rule(happening=happenings)
    def happen(self, happening: Happening) -> None:
        """Something happens, now and then earlier than what is already known."""
        made = happening.make(self.newest + happening.gap)
        # A key is used once, however many things happen at the same instant; lots are named by it.
        activity = replace(made, key=f"{made.key} {len(self.player.records)}")
        before, kept = self.player.state, deepcopy(self.player.state)
        result = self.player.attempt(activity)
        assert before == kept
        if isinstance(result, InsufficientPoints):
            assert self.player.state is before
            assert result.needed == -activity.points > result.available >= 0
            return
        self.newest = max(self.newest, activity.occurred_at)
        self._follow_up(before)

    @rule(days=st.integers(0, 400), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        """The background clock runs."""
        before, kept = self.player.state, deepcopy(self.player.state)
        now = self.newest + timedelta(days=days, hours=hours)
        state, outcomes = advance(before, now, self.player.program)
        self.player.wait(now)
        assert before == kept
        assert self.player.state == state
        check_dues(state, self.player.program, outcomes, now)
        self._follow_up(before)

    @precondition(lambda self: self.player.state.balance.available > 0)
    @rule(share=st.floats(0.01, 1))
    def spend(self, share: float) -> None:
        """Some of what is there is taken."""
        before = self.player.state
        when = max(self.newest, before.as_of)
        available = advance(before, when, self.player.program)[0].balance.available
        if points := int(available * share):
            self.player.do(adjustment(when, -points))
            self.newest = when
            self._follow_up(before)

    @rule(more=st.integers(1, 40))
    def overspend(self, more: int) -> None:
        """More than there is cannot be taken, whatever is pending, and nothing changes."""
        before, when = self.player.state, max(self.newest, self.player.state.as_of)
        available = advance(before, when, self.player.program)[0].balance.available
        assert self.player.attempt(adjustment(when, -available - more)) == InsufficientPoints(
            available + more, available
        )
        assert self.player.state is before

    @rule(earlier=st.lists(st.integers(0, 5000), max_size=4))
    def read(self, earlier: list[int]) -> None:
        """Reading at an instant is the same, whenever the clock ran before it."""
        shop, state = self.player.program, self.player.state
        then = self.newest + LONG_AFTER
        expected, _ = advance(state, then, shop)
        for hours in sorted(earlier):
            state, _ = advance(state, self.newest + timedelta(hours=hours * 19), shop)
        assert advance(state, then, shop)[0] == expected
        assert advance(expected, then, shop) == (expected, ())

    @invariant()
    def books_are_in_order(self) -> None:
        player = self.player
        check_ledger(player)
        check_totals(player)
        check_bounds(player.state, player.program)
        assert player.state.seq == len(player.records)

    def teardown(self) -> None:
        """In the end, the journal comes to the state, and the tiers to what they were earned by."""
        if hasattr(self, "player"):
            player = self.player
            check_standing(player)
            assert replay(player.state.joined_at, player.records, Schedule.always(player.program)) == player.state

    def _follow_up(self, before: State) -> None:
        player = self.player
        check_growth(before, player.state)
        for record in player.records[before.seq :]:
            check_causes(record.outcome.effects)
        if player.records:
            assert player.records[-1].outcome.balance == player.state.balance


class TestLife(Life.TestCase):  # type: ignore[misc, valid-type]
    """Everyday lives."""


@pytest.mark.soak
@pytest.mark.timeout(3600)
class TestLongLife(Life.TestCase):  # type: ignore[misc, valid-type]
    """Many long lives, new ones in every run."""

    settings = settings(max_examples=2000, stateful_step_count=80, derandomize=False)


def _played(shop: Program, start: datetime, activities: list[Activity]) -> Player:
    player = Player(shop, start)
    for activity in activities:
        player.attempt(activity)
    return player


Game = tuple[Program, datetime, list[Happening]]
games: st.SearchStrategy[Game] = st.tuples(programs, st.sampled_from(STARTS), histories)


@given(games)
def test_the_journal_comes_to_the_state_at_every_record(game: Game) -> None:
    shop, start, history = game
    player = Player(shop, start)
    states = []
    for activity in timeline(start, history):
        player.attempt(activity)
        states.append((len(player.records), player.state))
    for count, state in states:
        assert replay(start, player.records[:count], Schedule.always(shop)) == state


@given(definitions(), st.sampled_from(STARTS), histories)
def test_the_same_history_is_the_same_again(definition: Part, start: datetime, history: list[Happening]) -> None:
    activities = timeline(start, history)
    first = _played(program(**definition), start, activities)
    again = _played(program(**definition), start, deepcopy(activities))
    assert again.records == first.records
    assert again.state == first.state
    assert repr(again.state) == repr(first.state)  # in the same order, too


@given(games, st.lists(st.integers(0, 20000), min_size=1, max_size=6))
def test_when_the_clock_runs_does_not_matter(game: Game, clock_hours: list[int]) -> None:
    shop, start, history = game
    activities = timeline(start, history)
    undisturbed, clocked = _played(shop, start, activities), Player(shop, start)
    ticks = sorted(start + timedelta(hours=hours) for hours in clock_hours)
    newest = start
    for activity in activities:
        newest = max(newest, activity.occurred_at)
        for tick in [tick for tick in ticks if tick <= newest]:
            clocked.wait(tick)
        clocked.attempt(activity)
    then = newest + LONG_AFTER
    undisturbed.wait(then)
    clocked.wait(then)
    assert clocked.state == undisturbed.state
    assert clocked.records == undisturbed.records
