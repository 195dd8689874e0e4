"""Streaks in a program's file: what is left out, and the faults, with position, path and words."""

from datetime import date

import pytest

from gamification.program.source import read_program
from gamification.program.streaks import Freezes, Streak, joined
from tests.gamification.program.marked import HEAD, assert_faults

ON_VISIT = "conditions: [{on: visit}]"
NO_MILESTONE = "give either length, for one place, or every, for all its multiples"


def streak(fields: str = "", conditions: str = ON_VISIT) -> str:
    return HEAD + "streaks:\n  - {code: s, name: S, " + ", ".join(part for part in (conditions, fields) if part) + "}\n"


def read(fields: str = "") -> Streak:
    return read_program(streak(fields)).streaks[0]


def test_what_is_left_out() -> None:
    plain = read()
    assert (plain.period, plain.mode, plain.freezes, plain.pauses, plain.member_pauses, plain.milestones) == (
        "day",
        "all",
        None,
        (),
        None,
        (),
    )
    assert (plain.conditions[0].on, plain.conditions[0].when, plain.conditions[0].times) == (("visit",), None, 1)
    assert (plain.freeze_limit, plain.kinds) == (0, frozenset({"visit"}))
    assert read("freezes: {every: 5, limit: 2}").freezes == Freezes(start=0, every=5, limit=2)


def test_pauses_that_touch_are_one() -> None:
    def day(number: int) -> int:
        return date(2026, 5, number).toordinal()

    paused = read(
        "pauses: [{starts_on: 2026-05-20, ends_on: 2026-05-20}, {starts_on: 2026-05-03, ends_on: 2026-05-04}, "
        "{starts_on: 2026-05-01, ends_on: 2026-05-02}]"
    ).paused_days
    assert paused == ((day(1), day(4)), (day(20), day(20)))
    assert joined(iter([(1, 9), (2, 3), (11, 12)])) == ((1, 9), (11, 12))


def test_milestones() -> None:
    milestones = read("milestones: [{every: 10}, {length: 20}, {length: 3}, {every: 30}]").milestones
    it = read("milestones: [{every: 10}, {length: 20}, {length: 3}, {every: 30}]")
    assert [it.milestone_at(length) for length in (1, 3, 10, 20, 30, 40, 60)] == [
        None,
        milestones[2],
        milestones[0],
        milestones[1],
        milestones[3],
        milestones[0],
        milestones[3],
    ]
    assert [it.next_milestone(length) for length in (0, 3, 10, 29, 30)] == [3, 10, 20, 30, 40]
    assert read("milestones: [{length: 3}]").next_milestone(3) is None


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ("period: ‸year", "period", "'year' is not one of the choices; known here: day, month, week"),
        ("mode: ‸some", "mode", "'some' is not one of the choices; known here: all, any"),
        ("‸freeze: {start: 1, limit: 1}", "freeze", "unknown field 'freeze'; did you mean 'freezes'?"),
        ("freezes: ‸{limit: 1}", "freezes", "gives no freezes; say 'start' or 'every'"),
        ("freezes: ‸{start: 1}", "freezes.limit", "is required"),
        (
            "freezes: {start: ‸3, limit: 2}",
            "freezes.start",
            "a member starts with more freezes than the limit lets them hold",
        ),
        ("freezes: {every: 1, limit: ‸101}", "freezes.limit", "must be at most 100"),
        ("freezes: {every: ‸0, limit: 1}", "freezes.every", "must be at least 1"),
        (
            "pauses: [{starts_on: 2026-05-02, ends_on: ‸2026-05-01}]",
            "pauses.0.ends_on",
            "ends_on is the pause's last day, and comes before its first",
        ),
        ("pauses: [{starts_on: 2026-01-01, ends_on: ‸2027-01-02}]", "pauses.0.ends_on", "a pause has at most 366 days"),
        (
            "pauses: [{starts_on: ‸2026-02-30, ends_on: 2026-03-01}]",
            "pauses.0.starts_on",
            "must be a day from 1970-01-01 to 2999-12-31, such as 2026-05-01",
        ),
        ("member_pauses: ‸{per_year: 1}", "member_pauses.max_days", "is required"),
        ("member_pauses: {max_days: 1, per_year: ‸13}", "member_pauses.per_year", "must be at most 12"),
        ("milestones: [‸{}]", "milestones.0", NO_MILESTONE),
        ("milestones: [‸{length: 1, every: 1}]", "milestones.0", NO_MILESTONE),
        (
            "milestones: [{length: 7}, {every: 7}, {length: ‸7}]",
            "milestones.2.length",
            "another milestone stands at the same place",
        ),
        (
            "milestones: [{length: 7, reward: {badge: ‸cup}}]",
            "milestones.0.reward.badge",
            "there is no badge 'cup'",
        ),
        ("milestones: [{length: 7, name: ‸{en: Week}}]", "milestones.0.name", "has no text in da"),
        ("unit: ‸{da: dage}", "unit", "has no text in en"),
        ("description: ‸{da: Hver dag}", "description", "has no text in en"),
    ],
)
def test_faults(fields: str, path: str, message: str) -> None:
    assert_faults(streak(fields), (f"streaks.0.{path}", message))


@pytest.mark.parametrize(
    ("conditions", "path", "message"),
    [
        ("conditions: ‸[]", "conditions", "must not be empty"),
        ("conditions: [{on: visit, times: ‸0}]", "conditions.0.times", "must be at least 1"),
        (
            "conditions: [{on: visit}, {on: [visit, ‸badge.won]}]",
            "conditions.1.on.1",
            "badge.won is an effect, which challenges can count; a streak is for activities",
        ),
        (
            "conditions: [{on: ‸streak.pause}]",
            "conditions.0.on",
            "streak.pause is what Laurel records for itself, and nothing counts it",
        ),
        (
            "conditions: [{on: ‸prize}]",
            "conditions.0.on",
            "prize is what Laurel records when a board is won, and nothing counts it",
        ),
    ],
)
def test_faults_of_conditions(conditions: str, path: str, message: str) -> None:
    assert_faults(streak(conditions=conditions), (f"streaks.0.{path}", message))


def test_a_condition_that_names_nothing_known() -> None:
    assert_faults(
        streak(conditions="conditions: [{on: visit, when: '‸activty.amount > 1.0'}]"),
        ("streaks.0.conditions.0.when", "there is no 'activty.amount' here; did you mean 'activity.amount'?"),
    )


def test_two_streaks_of_one_code() -> None:
    assert_faults(
        streak() + "  - {code: ‸s, name: T, conditions: [{on: visit}]}\n",
        ("streaks.1.code", "another streak has the code s already"),
    )
