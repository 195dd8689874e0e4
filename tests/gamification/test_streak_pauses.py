"""Pauses of streaks: those of the program, and those that members plan."""

from datetime import date
from typing import Any

import pytest

from gamification.activity import STREAK_PAUSE, Problem
from gamification.effects import PausePlanned, Why
from gamification.fold import next_due_at
from gamification.streak_pauses import planned_pause, problems_of
from tests.gamification.programs import Part, at, event, streak
from tests.gamification.streak_guest import HOUR, NOON, fates, of, plans, player, visit

CHRISTMAS: Part = {"starts_on": "2026-12-24", "ends_on": "2026-12-26"}


def test_a_pause_of_the_program_is_passed_over() -> None:
    guest = player(streak(pauses=[CHRISTMAS]))
    guest.do(visit(at("2026-12-23 12:00")))
    assert next_due_at(guest.state, guest.program) == at("2026-12-28")
    assert guest.do(visit(at("2026-12-27 12:00"))) == ["streak daily 1 to 2"]
    assert fates(guest) == [
        ("2026-12-23", "done"),
        ("2026-12-24", "paused"),
        ("2026-12-25", "paused"),
        ("2026-12-26", "paused"),
        ("2026-12-27", "done"),
    ]
    why = guest.records[-1].outcome.effects[0].why
    assert (why.arithmetic, why.inputs) == ("day 2026-12-27 counts: 1 + 1 = 2", {"freezes": 0, "paused": 3})


def test_a_paused_day_counts_for_who_comes_nevertheless_and_the_day_after_is_not_forgiven() -> None:
    guest = player(streak(pauses=[CHRISTMAS]))
    guest.do(visit(at("2026-12-23 12:00")))
    assert guest.do(visit(at("2026-12-25 12:00"))) == ["streak daily 1 to 2"]
    assert guest.wait(at("2026-12-31")) == [(at("2026-12-28"), ["streak daily 2 to 0"])]
    assert fates(guest)[-2:] == [("2026-12-26", "paused"), ("2026-12-27", "missed")]


@pytest.mark.parametrize(
    ("last_day", "broken_at"),
    [("2026-05-06", "2026-05-11"), ("2026-05-07", "2026-05-18")],  # three and four days of the week of Monday the 4th
)
def test_a_week_is_paused_when_half_of_it_is(last_day: str, broken_at: str) -> None:
    guest = player(streak(period="week", pauses=[{"starts_on": "2026-05-04", "ends_on": last_day}]))
    guest.do(visit(at("2026-05-01")))
    assert guest.wait(at("2026-06-01")) == [(at(broken_at), ["streak daily 1 to 0"])]


def test_members_plan_pauses_within_bounds() -> None:
    guest = player(streak(member_pauses={"max_days": 3, "per_year": 1}), streak("other"))
    guest.do(visit(NOON))
    assert guest.do(plans(NOON + HOUR, "2026-05-02", "2026-05-05")) == []
    assert of(guest).pauses == ()  # four days are too many
    guest.do(plans(NOON + 2 * HOUR, "2026-04-20", "2026-05-03"))
    assert of(guest).pauses == ((date(2026, 5, 1).toordinal(), date(2026, 5, 3).toordinal()),)
    guest.do(plans(NOON + 3 * HOUR, "2026-05-06", "2026-05-06"))
    assert len(of(guest).pauses) == 1  # one a year
    assert of(guest, "other").pauses == ()
    assert guest.do(visit(at("2026-05-04 12:00"))) == ["streak daily 1 to 2", "streak other 0 to 1"]
    assert fates(guest)[1:3] == [("2026-05-02", "paused"), ("2026-05-03", "paused")]
    guest.do(plans(at("2027-01-02"), "2027-01-03", "2027-01-03"))
    assert len(of(guest).pauses) == 2


def test_a_pause_is_told_of_each_streak_that_it_pauses() -> None:
    guest = player(streak(member_pauses={"max_days": 3}), streak("other"))
    planned = planned_pause("p", NOON, "2026-05-02", "2026-05-03", reason="in hospital")
    assert guest.attempt(planned)
    first, last = (date(2026, 5, day).toordinal() for day in (2, 3))
    why = Why("streak", "daily", "paused from 2026-05-02 to 2026-05-03", inputs={"reason": "in hospital"})
    assert guest.records[-1].outcome.effects == (PausePlanned("daily", first, last, why),)


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ({"from": "2026-05-02", "until": "2026-05-04"}, ()),
        ({"from": "2026-05-02", "until": "2026-05-04", "streak": "daily"}, ()),
        (
            {"from": "2026-05-02", "until": "2026-05-05"},
            (Problem("until", "makes 4 days; a pause has at most 3"),),
        ),
        (
            {"from": "2026-05-02", "until": "2026-05-01"},
            (Problem("until", "lies before the pause begins, or is over"),),
        ),
        (
            {"from": "2026-04-02", "until": "2026-04-30"},
            (Problem("until", "lies before the pause begins, or is over"),),
        ),
        ({"from": "2027-05-03", "until": "2027-05-03"}, (Problem("from", "lies more than 366 days ahead"),)),
        (
            {"from": "20260502", "until": 5},
            (
                Problem("from", "must be a day such as 2026-05-01"),
                Problem("until", "must be a day such as 2026-05-01"),
            ),
        ),
        (
            {"from": "2026-05-02", "until": "2026-05-02", "streak": "other"},
            (Problem("streak", "cannot be paused by members"),),
        ),
        (
            {"from": "2026-05-02", "until": "2026-05-02", "streak": "none"},
            (Problem("streak", "is none of the program's streaks"),),
        ),
    ],
)
def test_what_forbids_a_pause(attributes: dict[str, Any], problems: tuple[Problem, ...]) -> None:
    guest = player(streak(member_pauses={"max_days": 3}), streak("other"))
    assert problems_of(guest.state, guest.program, attributes, NOON) == problems
    guest.do(event(STREAK_PAUSE, NOON, attributes))
    assert bool(guest.state.streaks) is not bool(problems)


def test_a_second_pause_in_a_year_is_refused() -> None:
    guest = player(streak(member_pauses={"max_days": 3}))
    guest.do(plans(NOON, "2026-05-02", "2026-05-02"))
    problem = Problem("from", "is the start of one pause too many; 1 may begin in a year")
    assert problems_of(guest.state, guest.program, {"from": "2026-12-31", "until": "2027-01-01"}, NOON) == (problem,)
    assert problems_of(guest.state, guest.program, {"from": "2027-01-01", "until": "2027-01-01"}, NOON) == ()


@pytest.mark.parametrize(("ends_on", "broken_at"), [("2026-02-13", "2026-03-01"), ("2026-02-14", "2026-04-01")])
def test_a_month_is_paused_when_half_of_it_is(ends_on: str, broken_at: str) -> None:
    guest = player(streak(period="month", pauses=[{"starts_on": "2026-02-01", "ends_on": ends_on}]))
    guest.do(visit(at("2026-01-31")))
    assert guest.wait(at("2026-06-01")) == [(at(broken_at), ["streak daily 1 to 0"])]
