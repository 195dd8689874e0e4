"""What a revision tells leads from the state before it to the one after, in all that a member or staff can see."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification import difference as differences
from gamification.activity import ENROLMENT, OWN_KINDS, PARTICULARS, REJUDGEMENT, Activity
from gamification.challenges import NOT_BEGUN as NO_CHALLENGE
from gamification.challenges import progress
from gamification.difference import Cause, difference
from gamification.effects import (
    AttributeChanged,
    BadgeLost,
    BadgeWon,
    Completed,
    CompletionLost,
    Effect,
    Entry,
    LotMoved,
    PauseDropped,
    PausePlanned,
    Progressed,
    Redated,
    Scored,
    StreakMoved,
    TierGranted,
    TierMoved,
    TierProgressed,
    TotalsMoved,
    Truncated,
    Why,
)
from gamification.fold import advance
from gamification.lot_times import LotCalendar
from gamification.program import Program
from gamification.program.definition import Reversals
from gamification.progress import keep_progress, tier_progress
from gamification.schedule import Edition, Schedule
from gamification.state import Balance, OpenLot, State, Totals
from gamification.windows import local_day
from tests.gamification.clerk import Clerk
from tests.gamification.programs import at, board, event, program, purchase, rule, streak
from tests.gamification.strategies import STARTS, Happening, eventful_programs, lives, parts
from tests.gamification.test_program_changes_over_time import START_OF_TIME
from tests.gamification.test_reversal_properties import spending
from tests.gamification.test_time_and_truth import delays, drawn_from, live, lived, reversible

PlayedChallenge = tuple[int, int, datetime | None]
_UNDATED = datetime.min.replace(tzinfo=UTC)
"""When a badge was won of which it is only told that it was."""


@dataclass
class Seen:
    """All that can be seen of a member at an instant, in the shape in which effects tell it.

    Left out is what docs/time.md says that a revision does not list: the moves in the tier's history.
    """

    balance: Balance
    totals: Totals
    lots: dict[str, OpenLot]
    tier: str | None
    granted: tuple[str | None, datetime | None]
    ladder: tuple[Any, ...]
    challenges: dict[str, PlayedChallenge]
    badges: dict[str, tuple[datetime, ...]]
    streaks: dict[str, tuple[int, int, int, int | None]]
    periods: dict[str, dict[int, str]]
    pauses: dict[str, set[tuple[int, int]]]
    scores: dict[tuple[str, str, str], tuple[int, tuple[int, ...], datetime | None]]
    attributes: dict[str, str]


def seen(state: State, shop: Program, now: datetime) -> Seen:
    """What can be seen of a member."""
    calendar, standing, today = (
        LotCalendar(shop.time_zone, state.active_on),
        state.standing,
        local_day(now, shop.time_zone),
    )
    played = {each.code: (each, state.challenges.get(each.code, NO_CHALLENGE)) for each in shop.challenges}
    return Seen(
        balance=state.balance,
        totals=state.totals,
        lots={lot.lot_id: calendar.seen(lot) for lot in state.lots},
        tier=standing.tier or (shop.tiers.levels[0].code if shop.tiers else None),
        granted=(standing.granted, standing.granted_until),
        ladder=ladder(state, shop, now),
        challenges={
            code: (progress(each, held, today), held.completed, held.completed_at)
            for code, (each, held) in played.items()
        },
        badges={code: held.levels_at for code, held in state.badges.items()},
        streaks={
            code: (held.length, held.freezes, held.longest, held.last)
            for code, held in state.streaks.items()
            if held.last is not None
        },
        periods={code: dict(held.periods) for code, held in state.streaks.items() if held.periods},
        pauses={code: set(held.pauses) for code, held in state.streaks.items() if held.pauses},
        scores={(s.board, s.period, s.scope): (s.value, s.columns, s.reached_at) for s in state.scores},
        attributes=dict(state.attributes),
    )


def ladder(state: State, shop: Program, now: datetime) -> tuple[Any, ...]:
    """What can be seen of the way up the ladder, and of what it takes to stay."""
    ahead, kept = tier_progress(state, shop, now), keep_progress(state, shop, now)
    staying = (kept.current, kept.ends_at) if kept else (None, None)
    return (ahead and ahead.current, state.standing.since, *staying, state.standing.grace_until)


def led_on(told: Seen, effects: tuple[Effect, ...]) -> Seen:
    """What can be seen once these effects have come about."""
    for effect in effects:
        _lead_on(told, effect)
    return told


def _lead_on(told: Seen, effect: Effect) -> None:
    match effect:
        case Entry(account, points):
            told.balance = replace(told.balance, **{account: getattr(told.balance, account) + points})
        case TotalsMoved(before, after):
            assert told.totals == before
            told.totals = after
        case LotMoved(lot, before_lot, after_lot):
            assert told.lots.get(lot) == before_lot
            _put(told.lots, lot, after_lot)
        case TierMoved(_, after_tier):
            told.tier = after_tier
        case TierGranted(tier, until):
            told.granted = (tier, until)
        case TierProgressed(_, _, on, scale):
            kept = None if on.kept is None else Decimal(on.kept) / scale
            told.ladder = (Decimal(on.counted) / scale, on.since, kept, on.keep_until, on.grace_until)
        case Scored(board_code, period, scope, _, value, columns, _, _, reached_at):
            score = None if value is None else (value, columns, reached_at)
            _put(told.scores, (board_code, period, scope), score)
        case AttributeChanged(name, before_text, after_text):
            assert told.attributes.get(name) == before_text
            _put(told.attributes, name, after_text)
        case Progressed() | Completed() | CompletionLost() | BadgeWon() | BadgeLost() | Redated():
            _lead_reached(told, effect)
        case StreakMoved() | PausePlanned() | PauseDropped():
            _lead_streak(told, effect)
        case _:
            raise AssertionError(effect)


def _lead_reached(told: Seen, effect: Effect) -> None:
    match effect:
        case Progressed(code, before, after):
            assert told.challenges[code][0] == before
            told.challenges[code] = (after, *told.challenges[code][1:])
        case Completed(code, times) | CompletionLost(code, times):
            done, completed, when = told.challenges[code]
            told.challenges[code] = (done, completed + (times if isinstance(effect, Completed) else -times), when)
        case Redated("challenge", code, _, after_date):
            told.challenges[code] = (*told.challenges[code][:2], after_date)
        case BadgeLost(code, _, level):
            _put(told.badges, code, told.badges[code][:level] or None)
        case BadgeWon(code, level):
            assert len(told.badges.get(code, ())) == level - 1
            told.badges[code] = (*told.badges.get(code, ()), _UNDATED)
        case Redated("badge", code, _, after_date, _, level):
            assert after_date is not None
            dates = told.badges[code]
            told.badges[code] = (*dates[: level - 1], after_date, *dates[level:])


def _lead_streak(told: Seen, effect: Effect) -> None:
    match effect:
        case StreakMoved(code, _, after, _, _, freezes, longest, periods):
            fates = told.periods.setdefault(code, {})
            for day, fate in periods:
                _put(fates, day, fate)
            told.periods[code] = dict(sorted(fates.items()))
            assert freezes is not None
            assert longest is not None
            _put(told.streaks, code, (after, freezes, longest, max(fates)) if fates else None)
            if not fates:
                del told.periods[code]
        case PausePlanned(code, first, last):
            told.pauses.setdefault(code, set()).add((first, last))
        case PauseDropped(code, first, last):
            told.pauses[code].remove((first, last))
            if not told.pauses[code]:
                del told.pauses[code]


def _put(into: dict[Any, Any], name: Any, value: Any) -> None:
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value


def check_told(before: State, after: State, effects: tuple[Effect, ...], shop: Program, now: datetime) -> None:
    """The effects lead from the one state to the other, field by field, and name lots of their own."""
    told, wanted = led_on(seen(before, shop, now), effects), seen(after, shop, now)
    for field in Seen.__dataclass_fields__:
        assert getattr(told, field) == getattr(wanted, field), field
    origins = {lot.lot_id: {lot.origin} for lot in before.lots}
    for lot in after.lots:
        origins.setdefault(lot.lot_id, set()).add(lot.origin)
    for effect in effects:
        if isinstance(effect, Entry) and effect.why.source not in ("clock", "staff"):
            for lot_id in effect.why.lots:
                assert {f"{effect.why.source}:{effect.why.code}", ""} & origins[lot_id]


class Watched(Clerk):
    """A clerk whose every revision is checked."""

    def keep(self, commit: Any) -> None:
        """Compare the last record, if it is a revision, with what it leads from and to."""
        before, records = self.member.state, commit.records
        super().keep(commit)
        if not records or records[-1].revised_from is None or any(each.activity for each in records[:-1]):
            return  # no revision, or one that does not begin where the last commit ended
        effects, now = records[-1].outcome.effects, records[-1].outcome.at
        before, _ = advance(before, now, self.schedule)
        check_told(before, self.state, effects, self.schedule.at(now).program, now)


def watched(programs: Program | Schedule, start: datetime) -> Watched:
    """A watched clerk of a member whose enrolment is record 1."""
    clerk = Watched(programs, start)
    clerk.record(Activity("#enrolment", ENROLMENT, start))
    return clerk


shops = st.builds(
    lambda shop, policy: shop.model_copy(update={"reversals": Reversals(policy=policy)}),
    eventful_programs,
    st.sampled_from(["allow_debt", "within_balance", "only_pending"]),
)


@given(
    shop=shops,
    start=st.sampled_from(STARTS),
    history=st.one_of(lives, spending),
    late=delays,
    data=st.data(),
)
def test_what_a_reversal_or_a_late_activity_tells_leads_to_the_state_after_it(
    shop: Program,
    start: datetime,
    history: list[Happening],
    late: list[timedelta],
    data: st.DataObject,
) -> None:
    clerk, done = watched(shop, start), lived(start, history)
    for number, activity in enumerate(done):
        waits = timedelta() if activity.kind in OWN_KINDS else late[number % len(late)]
        if activity.kind == PARTICULARS:
            live(clerk, activity)
        else:
            clerk.do(activity, max(clerk.now, activity.occurred_at + waits))
    end = clerk.now + timedelta(days=data.draw(st.integers(0, 60)))
    undone, asked = drawn_from(data, reversible(done)), data.draw(st.lists(parts, max_size=2))
    for number, activity in enumerate(undone):
        for again, part in enumerate(asked):
            clerk.reverse(activity.key, end, f"r{number}.{again}", **{**part})
    for activity in undone:
        clerk.reverse(activity.key, end)


@given(first=eventful_programs, second=eventful_programs, start=st.sampled_from(STARTS), history=lives)
def test_what_another_program_makes_of_history_is_told(
    first: Program, second: Program, start: datetime, history: list[Happening]
) -> None:
    clerk = watched(Schedule.always(first), start)
    for activity in lived(start, history):
        live(clerk, activity)
    editions = (Edition(1, first, START_OF_TIME), Edition(2, second, START_OF_TIME, backfills=True))
    clerk.schedule = Schedule(editions)
    clerk.wait(clerk.now + timedelta(days=1))
    assert any(record.activity and record.activity.kind == REJUDGEMENT for record in clerk.records)


def test_an_entry_names_the_lots_of_its_own_rule_only() -> None:
    shop = program(rules=[rule(), rule("visit", on="visit", earn={"points": 5})], points={"expire_idle_days": 10})
    clerk = watched(shop, at("2026-01-01"))
    clerk.record(replace(event("visit", at("2026-01-02")), key="v"))
    clerk.record(purchase(at("2026-01-03"), 4000, key="p"))
    clerk.reverse("p", at("2026-01-04"))
    effects = clerk.records[-1].outcome.effects
    assert [(effect.why.code, effect.why.lots) for effect in effects if isinstance(effect, Entry)] == [
        ("base", ("p.0",))
    ]
    # The other lot is there as it was, but the purchase no longer puts off its end.
    ends = {effect.lot: effect.after and effect.after.gone_at for effect in effects if isinstance(effect, LotMoved)}
    assert ends == {"v.0": at("2026-01-12"), "p.0": None}


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = program(rules=[rule()], boards=[board()])
    clerk = Clerk(shop, at("2026-01-01"))
    clerk.record(purchase(at("2026-01-02"), 4000, key="p"))
    before = clerk.state
    clerk.reverse("p", at("2026-01-03"))
    whole = clerk.records[-1].outcome.effects
    monkeypatch.setattr(differences, "MAX_EFFECTS", 3)
    cause = Cause("reversed", "p")
    cut = difference(before, clerk.state, at("2026-01-03"), shop, cause)
    assert len(whole) == 4
    why = Why("revision", "effects", "2", inputs={"reversed": "p"})
    assert cut == (*whole[:2], Truncated(2, why))


def test_a_score_that_stays_may_have_been_reached_at_another_time() -> None:
    """Which decides who came first."""
    clerk = watched(program(boards=[board(metric="amount", operator="best")]), at("2026-01-01"))
    for day in (2, 3):
        clerk.record(purchase(at(f"2026-01-0{day}"), 4000, key=f"p{day}"))
    clerk.reverse("p2", at("2026-01-04"))
    (scored,) = [effect for effect in clerk.records[-1].outcome.effects if isinstance(effect, Scored)]
    assert (scored.before, scored.after, scored.reached_at) == (4000, 4000, at("2026-01-03"))


def test_the_freezes_of_a_streak_come_back() -> None:
    daily = streak(freezes={"start": 1, "limit": 2})
    clerk = watched(program(streaks=[daily]), at("2026-01-01"))
    for day in (2, 4):
        clerk.record(replace(event("visit", at(f"2026-01-0{day}")), key=f"v{day}"))
    late = clerk.record(replace(event("visit", at("2026-01-03")), key="v3"), at("2026-01-04 01:00"))
    (moved,) = [effect for effect in late.outcome.effects if isinstance(effect, StreakMoved)]
    day = at("2026-01-03").toordinal()
    assert (moved.before, moved.after, moved.freezes, moved.longest) == (2, 3, 1, 3)
    assert moved.periods == ((day, "done"),)
    assert moved.why.arithmetic == "2 became 3; freezes 0 became 1; longest 2 became 3"
