"""What a member is shown of a streak: the bar ahead, and the calendar behind."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gamification.challenges import Phase
from gamification.progress import Milestone, ProgressBar
from gamification.streak_progress import StreakPeriod, streak_calendar, streak_progress
from tests.gamification.programs import Player, at, streak
from tests.gamification.streak_guest import DAY, NOON, player, visit


def test_progress_and_calendar() -> None:
    definition = streak(
        unit="days",
        freezes={"start": 1, "limit": 1},
        pauses=[{"starts_on": "2026-05-04", "ends_on": "2026-05-05"}],
        milestones=[{"length": 1, "name": "One"}, {"every": 3, "name": "Three more"}, {"length": 5, "name": "Five"}],
    )
    guest = player(definition)
    daily = guest.program.streaks[0]
    bar = streak_progress(daily, guest.state, guest.program, NOON)
    assert (bar.current, bar.target, bar.phase, bar.ends_at) == (Decimal(0), Decimal(1), Phase.ACTIVE, at("2026-05-02"))
    guest.do(visit(NOON), visit(NOON + DAY))
    guest.wait(at("2026-05-05 12:00"))
    one, three, five = (each.name for each in daily.milestones)
    assert streak_progress(daily, guest.state, guest.program, at("2026-05-05 12:00")) == ProgressBar(
        Decimal(2),
        Decimal(3),
        daily.unit,
        Phase.ACTIVE,
        (
            Milestone(Decimal(1), one, True),
            Milestone(Decimal(3), three, False),
            Milestone(Decimal(5), five, False),
        ),
        at("2026-05-07"),
    )
    fate_of = {each.first_day.day: each.fate for each in _calendar(guest, "2026-05-05 12:00")}
    assert fate_of == {1: "done", 2: "done", 3: "frozen", 4: "paused", 5: "open"}
    guest.do(visit(at("2026-05-05 13:00")))
    assert _calendar(guest, "2026-05-05 13:00")[-1] == StreakPeriod(date(2026, 5, 5), date(2026, 5, 5), "done")


def test_a_bar_without_anything_ahead_is_full() -> None:
    guest = player(streak(period="week", milestones=[{"length": 1}]))
    guest.do(visit(NOON))
    bar = streak_progress(guest.program.streaks[0], guest.state, guest.program, NOON)
    assert (bar.current, bar.target, bar.percent, bar.phase) == (Decimal(1), Decimal(1), 100, Phase.COMPLETED)
    assert bar.ends_at == at("2026-05-11")
    assert _calendar(guest, "2026-05-05 13:00")[-1] == StreakPeriod(date(2026, 5, 4), date(2026, 5, 10), "open")


def _calendar(who: Player, now: str) -> Sequence[StreakPeriod]:
    return streak_calendar(who.program.streaks[0], who.state, who.program, at(now))
