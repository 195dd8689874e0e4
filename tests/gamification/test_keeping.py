"""What stays with a member when something is taken back follows from the list alone, in whatever order it arrives."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.activity import ADJUSTMENT, OWN_KINDS, PURCHASE, Activity
from gamification.circumstances import Circumstances, ReachesBack
from gamification.history import absorbed_key
from gamification.member_fold import MemberFold
from gamification.program import Program
from gamification.program.definition import Reversals
from gamification.record import Kept
from gamification.requests import Recorded, RecordRequest
from gamification.schedule import Edition, Schedule
from gamification.state import Moment, State
from tests.gamification.clerk import Clerk, drive
from tests.gamification.programs import Part, adjustment, at, program, purchase, rule
from tests.gamification.strategies import STARTS, Happening, eventful_definitions, lives, parts
from tests.gamification.test_checkpoints_over_time import close_checkpoints
from tests.gamification.test_merging import OTHER_ID, change
from tests.gamification.test_merging import check_journal as check_merged
from tests.gamification.test_merging import enrolled as joined
from tests.gamification.test_time_and_truth import (
    check_journal,
    comparable,
    enrolled,
    live,
    lived,
    reversible,
)

policies: st.SearchStrategy[Reversals] = st.sampled_from(
    ["only_pending", "only_pending", "allow_debt", "within_balance"]
).map(lambda policy: Reversals.model_validate({"policy": policy}))


def _at_once(made: Part, cap: int) -> Program:
    """A program with a rule whose points can be spent at once, so that there is something to spend and to keep."""
    own = {"pending_days": 0, "never_expire": True}
    return program(**made | {"rules": [*made["rules"], rule("now", caps={"week": cap}, points=own)]})


plain: st.SearchStrategy[Part] = st.integers(0, 3).map(
    lambda days: {"rules": [rule("later", points={"pending_days": days, "expire_days": 9})]}
)
caps = st.integers(40, 200)
hours = st.integers(1, 30).map(lambda number: timedelta(hours=number))
spending = st.builds(
    lambda gap, share: Happening(gap, lambda when: adjustment(when, -share)), hours, st.integers(80, 100)
)
"""What is spent: so many hundredths of what can be."""
bought = st.builds(lambda gap, minor: Happening(gap, lambda when: purchase(when, minor)), hours, st.integers(500, 9000))
otherwise = st.builds(lambda gap, life: replace(life[0], gap=gap), hours, lives)
_busy = st.lists(st.one_of(bought, bought, bought, otherwise), min_size=1, max_size=4)
spent_lives = st.builds(
    lambda one, spent, two, again, more: [*one, spent, *two, again, *more], _busy, spending, _busy, spending, _busy
)
"""Busy lives in which something is spent, too."""
late_days = st.lists(st.sampled_from([0, 0, 20, 25]).map(lambda days: timedelta(days=days)), min_size=4, max_size=10)
returns = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 7 * 24 * 60), st.one_of(st.none(), st.none(), parts)),
    min_size=2,
    max_size=4,
)
"""What is taken back: of what, how many minutes after it came in, and which part of it."""


@dataclass(frozen=True)
class Step:
    """Something that comes in: an activity, or what is to be taken back of one."""

    activity: Activity
    happened_at: datetime
    arrived_at: datetime
    reversal: str = ""
    part: dict[str, Any] | None = None

    def by(self, state: State) -> "Step":
        """The same; where it is spending, of what there is to spend."""
        if self.activity.kind != ADJUSTMENT or self.reversal:
            return self
        points = max(state.balance.available, 0) * self.activity.points // 100
        return replace(self, activity=replace(self.activity, points=points))

    def take(self, clerk: Clerk, at: datetime) -> bool:
        """Let it come in at an instant; whether it was taken."""
        if self.reversal:
            part = self.part if self.part and self.activity.kind == PURCHASE else {}
            return isinstance(clerk.reverse(self.activity.key, at, self.reversal, **part), Recorded)
        if self.activity.kind == ADJUSTMENT:
            return self.activity.points != 0 and isinstance(clerk.do(self.activity, at), Recorded)
        live(clerk, self.activity, at)
        return True


def steps_of(
    start: datetime,
    history: list[Happening],
    late: list[timedelta],
    back: list[tuple[int, int, dict[str, Any] | None]],
) -> list[Step]:
    """What comes in, in the order of arrival. No two instants of what takes effect on arrival are one."""
    steps: list[Step] = []
    for number, told in enumerate(lived(start, history)):
        at_once = told.kind in OWN_KINDS or told.kind == ADJUSTMENT
        own = max(told.occurred_at, start) + timedelta(milliseconds=300 + number)
        each = replace(told, occurred_at=own if told.kind == ADJUSTMENT else told.occurred_at)
        arrived_at = each.occurred_at if at_once else max(each.occurred_at + late[number % len(late)], start)
        steps.append(Step(each, each.occurred_at, arrived_at))
    done = [step for step in steps if reversible([step.activity])]
    for number, (place, minutes, part) in enumerate(back):
        if done:
            step = done[place % len(done)]
            at = step.arrived_at + timedelta(minutes=minutes)
            at = at.replace(microsecond=0) + timedelta(milliseconds=600 + number)
            steps.append(Step(step.activity, at, at, f"r{number}", part))
    return sorted(steps, key=lambda step: (step.arrived_at, step.activity.key))


@dataclass(frozen=True)
class Story:
    """Somebody's life, how late it is told, and what is taken back of it."""

    start: datetime
    history: list[Happening]
    late: list[timedelta]
    back: list[tuple[int, int, dict[str, Any] | None]]
    policy: Reversals
    close: bool


stories = st.builds(Story, st.sampled_from(STARTS), spent_lives, late_days, returns, policies, st.booleans())


@given(shop=st.builds(_at_once, plain, caps), story=stories)
def test_the_order_of_arrival_and_the_clock_change_nothing_of_what_stays(shop: Program, story: Story) -> None:
    check_any_order(shop, story)


# Whole programs are slow to draw, and the one above says what is special here.
@settings(max_examples=settings().max_examples // 6)
@given(shop=st.builds(_at_once, eventful_definitions, caps), story=stories)
def test_nor_do_they_where_everything_sets_off_everything(shop: Program, story: Story) -> None:
    check_any_order(shop, story)


def check_any_order(shop: Program, story: Story) -> None:
    """It comes to the same in the order of arrival, with the clock running in between, and in the order of time."""
    shop = shop.model_copy(update={"reversals": story.policy})
    start, steps = story.start, steps_of(story.start, story.history, story.late, story.back)
    clerk, ticking, other = enrolled(shop, start), enrolled(shop, start), enrolled(shop, start)
    taken: list[Step] = []
    with close_checkpoints() if story.close else nullcontext():
        for each in steps:
            ticking.wait(each.arrived_at)
            assert comparable(clerk.read(each.arrived_at)) == comparable(ticking.state)
            step = each.by(ticking.state)
            if step.take(clerk, step.arrived_at):
                assert step.take(ticking, step.arrived_at)
                taken.append(step)
        check_journal(clerk)
        check_journal(ticking)
    end = max([start, *(step.arrived_at for step in steps)]) + timedelta(days=1)
    assert comparable(clerk.read(end)) == comparable(ticking.read(end))
    for step in sorted(taken, key=lambda step: (step.happened_at, step.reversal, step.activity.key)):
        if not step.take(other, step.happened_at):
            return  # What is spent may be there when it is asked for in one order only.
    assert comparable(clerk.read(end)) == comparable(other.read(end))


def only_pending(**parts: Any) -> Program:
    """A point for every dollar, and what could be spent stays."""
    return program(rules=[rule()], reversals={"policy": "only_pending"}, **parts)


def bought_on(clerk: Clerk, day: int, dollars: int, arrived_on: int | None = None) -> None:
    """A purchase at noon of a day in May, with a key that tells the day."""
    arrived_at = at(f"2026-05-{arrived_on or day:02} 12:00")
    clerk.record(purchase(at(f"2026-05-{day:02} 12:00"), dollars * 100, key=f"p{day:02}"), arrived_at)


def kept(clerk: Clerk) -> int:
    """What has stayed at reversals, all together."""
    return clerk.state.subtotals.get("available:reversal:kept", 0)


@pytest.mark.parametrize("close", [True, False])
def test_what_comes_in_after_a_reversal_from_before_it_settles_that_again(close: bool) -> None:
    clerk = enrolled(only_pending(), at("2026-05-01"))
    with close_checkpoints() if close else nullcontext():
        bought_on(clerk, 2, 100)
        clerk.record(adjustment(at("2026-05-05"), -80))
        clerk.reverse("p02", at("2026-05-06"), "back")
        assert (clerk.state.balance.available, kept(clerk)) == (20, 20)
        bought_on(clerk, 3, 50, arrived_on=8)
        # In time it would have been 70 before the reversal and nothing without the purchase.
        assert (clerk.state.balance.available, kept(clerk)) == (70, 70)
        assert clerk.records[-1].kept == (Kept("back", 70),)
        bought_on(clerk, 7, 5, arrived_on=9)
        assert (clerk.state.balance.available, kept(clerk), len(clerk.records[-1].kept)) == (75, 70, 0)
        check_journal(clerk)


def test_a_later_reversal_changes_nothing_of_what_stays_at_an_earlier_one() -> None:
    """Also where it takes back something from before: then that was still there when the earlier one was settled."""
    clerk = enrolled(only_pending(), at("2026-05-01"))
    bought_on(clerk, 2, 100)
    bought_on(clerk, 3, 40)
    clerk.record(adjustment(at("2026-05-04"), -120))
    clerk.reverse("p03", at("2026-05-05"), "first")
    assert kept(clerk) == 20
    clerk.reverse("p02", at("2026-05-06"), "second")
    assert (clerk.state.balance.available, kept(clerk), len(clerk.records[-1].kept)) == (20, 20, 0)
    bought_on(clerk, 1, 10, arrived_on=7)
    # Before the first there were 30 and without it nothing. The second finds those 30, and would leave nothing.
    assert (clerk.state.balance.available, clerk.records[-1].kept) == (30, (Kept("first", 30),))
    check_journal(clerk)


def test_beyond_the_bound_reversals_keep_what_they_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clerk = enrolled(only_pending(), at("2026-05-01"))
    bought_on(clerk, 2, 100)
    clerk.record(adjustment(at("2026-05-04"), -80))
    clerk.reverse("p02", at("2026-05-05"), "first")
    bought_on(clerk, 6, 100)
    clerk.record(adjustment(at("2026-05-07"), -90))
    clerk.reverse("p06", at("2026-05-08"), "second")
    assert kept(clerk) == 20 + 30
    monkeypatch.setattr("gamification.keeping.MAX_PLAYED_TWICE", 2)
    bought_on(clerk, 3, 500, arrived_on=9)
    assert (clerk.records[-1].kept, kept(clerk)) == ((Kept("second", 100),), 20 + 100)
    monkeypatch.setattr("gamification.keeping.MAX_PLAYED_TWICE", 5)
    bought_on(clerk, 1, 1, arrived_on=10)
    assert (clerk.records[-1].kept, kept(clerk)) == ((Kept("first", 100),), 100 + 100)
    check_journal(clerk)


def test_reversals_that_reach_back_too_far_keep_what_they_kept_and_refuse_nothing() -> None:
    clerk = enrolled(only_pending(), at("2026-05-01"))
    with close_checkpoints():
        bought_on(clerk, 2, 100)
        bought_on(clerk, 3, 1)
        bought_on(clerk, 4, 1)
        clerk.record(adjustment(at("2026-05-05"), -90))
        clerk.reverse("p02", at("2026-05-06"), "far")
        bought_on(clerk, 8, 100)
        clerk.record(adjustment(at("2026-05-09"), -90))
        clerk.reverse("p08", at("2026-05-10"), "near")
        before = clerk.state.balance.available
        late = RecordRequest("m", replace(purchase(at("2026-05-05 13:00"), 20000, key="late")))
        now, past = at("2026-05-11"), clerk.past(Moment(at("2026-05-05 13:00"), "late"))
        assert past.start.next_seq > 1
        circumstances = Circumstances(clerk.schedule, clerk.offers, now)
        with pytest.raises(ReachesBack) as raised:
            drive(MemberFold(clerk.member, circumstances, past).answer(late, {}))
        assert (raised.value.to_settle, raised.value.moment.key) == (True, "p02")
        fold = MemberFold(clerk.member, circumstances, past, gives_up_settling=True)
        result = drive(fold.answer(late, {}))
        assert isinstance(result, Recorded)
        clerk.keep(fold.commit())
        assert result.record.kept == (Kept("near", 100),), "far would be settled, too, and come to 100 instead of 12"
        assert (before, clerk.state.balance.available) == (22, 134)
        check_journal(clerk)


def test_a_backfill_settles_by_the_policy_that_now_counts() -> None:
    clerk = enrolled(only_pending(), at("2026-05-01"))
    bought_on(clerk, 2, 100)
    clerk.record(adjustment(at("2026-05-05"), -80))
    clerk.reverse("p02", at("2026-05-06"), "back")
    debts = program(rules=[rule()], reversals={"policy": "allow_debt"})
    first = clerk.schedule.editions[0]
    changed = Edition(2, debts, at("2026-05-01"), backfills=True)
    clerk.schedule = Schedule((first, changed))
    clerk.wait(at("2026-05-07"))
    assert (clerk.state.balance.available, kept(clerk)) == (-80, 0)
    check_journal(clerk)


def test_accounts_that_are_merged_settle_as_one_and_apart_as_they_did() -> None:
    one, other = (joined(only_pending(), at("2026-05-01"), name) for name in ("m", OTHER_ID))
    bought_on(one, 2, 100)
    one.record(adjustment(at("2026-05-04"), -80))
    one.reverse("p02", at("2026-05-05"), "back")
    bought_on(other, 3, 50)
    other.reverse("p03", at("2026-05-06"), "back")
    apart = one.state, other.state
    assert (kept(one), kept(other)) == (20, 50)
    change(one, other, at("2026-05-08"))
    # At the first reversal there are 70, and nothing without the purchase; at the second, those 70 without the other.
    back = absorbed_key(OTHER_ID, "back")
    assert (one.state.balance.available, one.records[-1].kept) == (70, (Kept("back", 70), Kept(back, 0)))
    check_merged(one, other)
    change(one, other, at("2026-05-09"), undoes=True)
    assert [comparable(each.state) for each in (one, other)] == [comparable(each) for each in apart]
    check_merged(one, other)
    check_merged(other, one)
