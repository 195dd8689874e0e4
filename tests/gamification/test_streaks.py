"""Streaks in play: what counts, what forgives a miss, what breaks; worked out by hand."""

from datetime import date

from gamification.effects import StreakMoved, StreakReached, Why
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.state import State, StreakState
from gamification.streaks import MAX_PERIODS
from tests.gamification.programs import Part, at, event, program, streak
from tests.gamification.streak_guest import DAY, HOUR, NOON, fates, of, player, visit, whys


def test_days_in_a_row() -> None:
    guest = player(streak())
    assert guest.do(visit(NOON)) == ["streak daily 0 to 1"]
    assert guest.do(visit(NOON + HOUR)) == []
    assert guest.do(visit(at("2026-05-02 23:59:59"))) == ["streak daily 1 to 2"]
    assert next_due_at(guest.state, guest.program) == at("2026-05-04")
    assert guest.do(visit(at("2026-05-03 00:00"))) == ["streak daily 2 to 3"]
    assert guest.wait(at("2026-05-04 23:59:59")) == []
    assert guest.wait(at("2026-05-10")) == [(at("2026-05-05"), ["streak daily 3 to 0"])]
    assert next_due_at(guest.state, guest.program) is None
    assert guest.do(visit(at("2026-05-10 12:00"))) == ["streak daily 0 to 1"]
    assert of(guest) == StreakState(
        length=1,
        longest=3,
        last=date(2026, 5, 10).toordinal(),
        periods=(
            *((date(2026, 5, day).toordinal(), "done") for day in (1, 2, 3)),
            (date(2026, 5, 4).toordinal(), "missed"),
            (date(2026, 5, 10).toordinal(), "done"),
        ),
    )


def test_why() -> None:
    guest = player(streak(freezes={"start": 1, "limit": 2, "every": 2}, milestones=[{"length": 2}]))
    guest.do(visit(NOON), visit(NOON + DAY))
    guest.wait(NOON + 10 * DAY)
    effects = [effect for record in guest.records for effect in record.outcome.effects]
    assert effects == [
        StreakMoved(
            "daily", 0, 1, Why("streak", "daily", "day 2026-05-01 counts: 0 + 1 = 1", inputs={"freezes": 1}), 0, 1, 1
        ),
        StreakMoved(
            "daily",
            1,
            2,
            Why("streak", "daily", "day 2026-05-02 counts: 1 + 1 = 2; 1 freeze gained", inputs={"freezes": 2}),
            freezes=2,
            longest=2,
        ),
        StreakReached("daily", 2, Why("streak", "daily", "2 in a row")),
        StreakMoved(
            "daily",
            2,
            2,
            Why("streak", "daily", "day 2026-05-03 missed, 1 of 2 freezes used: 2 stays", inputs={"freezes": 1}),
            frozen=1,
            freezes=1,
            longest=2,
        ),
        StreakMoved(
            "daily",
            2,
            2,
            Why("streak", "daily", "day 2026-05-04 missed, 1 of 1 freezes used: 2 stays", inputs={"freezes": 0}),
            frozen=1,
            freezes=0,
            longest=2,
        ),
        StreakMoved(
            "daily",
            2,
            0,
            Why("streak", "daily", "day 2026-05-05 missed, no freeze left: 2 ends", inputs={"freezes": 0}),
            freezes=0,
            longest=2,
        ),
    ]
    assert [record.outcome.at for record in guest.records[2:]] == [at("2026-05-04"), at("2026-05-05"), at("2026-05-06")]


def test_freezes_accrue_up_to_their_limit_and_start_once() -> None:
    guest = player(streak(freezes={"start": 1, "every": 3, "limit": 2}))
    held = []
    for number in range(7):
        guest.do(visit(NOON + number * DAY))
        held.append(of(guest).freezes)
    assert held == [1, 1, 2, 2, 2, 2, 2]
    # Two missed days take both; a frozen day is bridged and not counted.
    assert guest.do(visit(NOON + 9 * DAY)) == ["streak daily 7 to 8"]
    assert fates(guest)[-3:] == [("2026-05-08", "frozen"), ("2026-05-09", "frozen"), ("2026-05-10", "done")]
    guest.wait(NOON + 20 * DAY)
    guest.do(visit(NOON + 21 * DAY))
    assert (of(guest).length, of(guest).freezes, of(guest).longest) == (1, 0, 8)


def test_weeks_begin_on_monday() -> None:
    guest = player(streak(period="week"))
    assert guest.do(visit(at("2024-12-29 23:00"))) == ["streak daily 0 to 1"]  # a Sunday
    assert guest.do(visit(at("2024-12-30 00:00"))) == ["streak daily 1 to 2"]
    assert guest.do(visit(at("2025-01-05 12:00"))) == []
    assert next_due_at(guest.state, guest.program) == at("2025-01-13")
    assert guest.do(visit(at("2025-01-12 23:59"))) == ["streak daily 2 to 3"]
    assert guest.wait(at("2025-02-01")) == [(at("2025-01-20"), ["streak daily 3 to 0"])]
    assert whys(guest)[-2:] == ["week 2025-01-06 counts: 2 + 1 = 3", "week 2025-01-13 missed: 3 ends"]


def test_months_of_different_length() -> None:
    guest = player(streak(period="month"))
    guest.do(visit(at("2024-01-31 23:00")))
    assert next_due_at(guest.state, guest.program) == at("2024-03-01")
    assert guest.do(visit(at("2024-02-29 12:00"))) == ["streak daily 1 to 2"]
    assert guest.do(visit(at("2024-03-01 00:00"))) == ["streak daily 2 to 3"]
    assert guest.wait(at("2024-05-01")) == [(at("2024-05-01"), ["streak daily 3 to 0"])]
    assert whys(guest)[-1] == "month 2024-04 missed: 3 ends"


def test_a_leap_day_is_a_day() -> None:
    guest = player(streak())
    guest.do(visit(at("2024-02-28 12:00")))
    assert guest.wait(at("2024-03-01")) == [(at("2024-03-01"), ["streak daily 1 to 0"])]
    other = player(streak())
    other.do(visit(at("2023-02-28 12:00")))
    assert other.do(visit(at("2023-03-01 12:00"))) == ["streak daily 1 to 2"]


BOTH: list[Part] = [{"on": "visit", "times": 2}, {"on": "review", "when": "activity.attributes.stars >= 3"}]


def test_all_of_several_conditions() -> None:
    guest = player(streak(conditions=BOTH))
    assert guest.do(visit(NOON), event("review", NOON + HOUR, {"stars": 2}), visit(NOON + 2 * HOUR)) == []
    assert of(guest).under_way == ((NOON.toordinal(), (2, 0)),)
    assert guest.do(visit(NOON + 3 * HOUR)) == []
    assert guest.do(event("review", NOON + 4 * HOUR, {"stars": 3})) == ["streak daily 0 to 1"]
    assert of(guest).under_way == ()
    # What was begun on one day does not help on the next.
    assert guest.do(visit(NOON + DAY), visit(NOON + DAY + HOUR)) == []
    assert guest.wait(NOON + 2 * DAY) == [(at("2026-05-03"), ["streak daily 1 to 0"])]
    assert guest.do(event("review", NOON + 2 * DAY, {"stars": 5})) == []


def test_any_of_several_conditions() -> None:
    guest = player(streak(conditions=BOTH, mode="any"))
    assert guest.do(visit(NOON)) == []
    assert guest.do(visit(NOON + HOUR)) == ["streak daily 0 to 1"]
    assert guest.do(event("review", NOON + DAY, {"stars": 4})) == ["streak daily 1 to 2"]
    assert guest.do(event("review", NOON + 2 * DAY)) == []


def test_milestones_give_once_in_each_streak() -> None:
    guest = player(
        streak(
            milestones=[
                {"length": 2, "reward": {"points": 10, "badge": "pair"}},
                {"every": 2, "reward": {"points": 1}},
                {"every": 4, "reward": {"points": 5}},
            ]
        ),
        badges=[{"code": "pair", "name": "pair"}],
        challenges=[{"code": "c", "title": "c", "on": "streak.reached", "measure": "sum", "of": "effect.points",
                     "target": 100}],
    )  # fmt: skip
    guest.do(visit(NOON))
    assert guest.do(visit(NOON + DAY)) == [
        "streak daily 1 to 2",
        "streak daily reached 2",
        "available +10 by streak daily <1",
        "badge pair 1 <1",
        "c 0 to 2 of 100 <1",
    ]
    guest.do(visit(NOON + 2 * DAY))
    assert "available +5 by streak daily <1" in guest.do(visit(NOON + 3 * DAY))
    guest.do(visit(NOON + 4 * DAY))
    assert "available +1 by streak daily <1" in guest.do(visit(NOON + 5 * DAY))
    guest.wait(NOON + 9 * DAY)
    guest.do(visit(NOON + 10 * DAY))
    assert "available +10 by streak daily <1" in guest.do(visit(NOON + 11 * DAY))


def test_freezes_are_not_used_once_the_program_has_none() -> None:
    guest = player(streak(freezes={"start": 1, "limit": 1}))
    guest.do(visit(NOON))
    guest.program = program(streaks=[streak()])
    assert guest.wait(NOON + 5 * DAY) == [(at("2026-05-03"), ["streak daily 1 to 0"])]


def test_a_late_activity_that_takes_effect_on_arrival_revives_nothing() -> None:
    shop = program(streaks=[streak()])
    state = State.new(at("2026-01-01"))
    for happened, arrived, length in (
        ("2026-05-01 12:00", "2026-05-01 12:00", 1),
        ("2026-05-03 12:00", "2026-05-04 12:00", 0),
        ("2026-05-04 01:00", "2026-05-04 13:00", 1),
    ):
        state, _ = advance(state, at(arrived), shop)
        applied = apply(state, visit(at(happened)), shop, at(arrived))
        assert isinstance(applied, Applied)
        state = applied.state
        assert state.streaks["daily"].length == length


def test_a_state_remembers_a_bounded_past() -> None:
    guest = player(streak(pauses=[{"starts_on": "2026-07-20", "ends_on": "2026-10-31"}]))
    for number in range(MAX_PERIODS + 5):
        guest.do(visit(NOON + number * DAY))
    assert len(of(guest).periods) == MAX_PERIODS
    assert fates(guest)[0] == ("2026-05-06", "done")
    guest.do(visit(at("2026-11-01")))
    assert len(of(guest).periods) == MAX_PERIODS
    assert fates(guest)[-1] == ("2026-11-01", "done")


def test_an_edited_program_goes_on_with_what_is_there() -> None:
    guest = player(streak(conditions=BOTH))
    guest.do(visit(NOON))
    guest.program = program(streaks=[streak(conditions=[*BOTH, {"on": "quiz"}], mode="any")])
    assert guest.do(visit(NOON + HOUR)) == ["streak daily 0 to 1"]
    guest.program = program(streaks=[streak(period="month")])
    assert next_due_at(guest.state, guest.program) == at("2026-07-01")
    guest.program = program()
    assert next_due_at(guest.state, guest.program) is None
