"""When points can be spent and expire: what a program, a rule and a tier may say of it, and what not."""

import datetime

import pytest

from gamification.program.points import Terms
from gamification.program.source import read_program
from tests.gamification.program.marked import HEAD, assert_faults, rule

ONE_PENDING = "give one of pending_days, pending_until and pending_event"
ONE_EXPIRY = "give one of expire_days, expire_on, expire_idle_days and never_expire"
MONTH_DAY = "must be a day of the year as month and day, such as 03-31"
KIND = "must be a kind of activity: small letters, digits, _ . and -, at most 64, and begins with a letter"


def points(fields: str) -> str:
    return HEAD.replace("points: {name: points}", "points: {name: points, " + fields + "}")


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (points("pending_days: 3, pending_until: ‸2026-12-24"), "points.pending_until", ONE_PENDING),
        (points("pending_event: ‸{on: a, at_most_days: 3}, pending_days: 0"), "points.pending_event", ONE_PENDING),
        (points("expire_days: 3, expire_on: ‸03-31"), "points.expire_on", ONE_EXPIRY),
        (points("expire_idle_days: ‸3, expire_days: 3"), "points.expire_idle_days", ONE_EXPIRY),
        (points("expire_days: 3, never_expire: ‸true"), "points.never_expire", ONE_EXPIRY),
        (points("expire_on: ‸02-30"), "points.expire_on", MONTH_DAY),
        (points("expire_on: ‸31-03"), "points.expire_on", MONTH_DAY),
        (points("expire_on: ‸331"), "points.expire_on", MONTH_DAY),
        (points("expire_days: 3, years_after: ‸1"), "points.years_after", "goes with expire_on, which is not given"),
        (points("expire_on: 03-31, years_after: ‸51"), "points.years_after", "must be at most 50"),
        (points("pending_until: ‸03-31"), "points.pending_until",
         "must be a day from 1970-01-01 to 2999-12-31, such as 2026-05-01"),
        (points("never_expire: true, grace_days: ‸3"), "points.grace_days",
         "comes after points have expired, and these never do"),
        (points("expire_days: 1, grace_days: ‸367"), "points.grace_days", "must be at most 366"),
        (points("pending_event: ‸{on: delivered}"), "points.pending_event.at_most_days", "is required"),
        (points("pending_event: {on: ‸Delivered, at_most_days: 3}"), "points.pending_event.on", KIND),
        (points("pending_event: {on: a, at_most_days: 3, then: ‸lose}"), "points.pending_event.then",
         "'lose' is not one of the choices; known here: cancel, release"),
        (points("pending_event: {on: ‸reversal, at_most_days: 3}"), "points.pending_event.on",
         "reversal is what Laurel itself records; name a kind of activity that is reported"),
        (points("pending_event: {on: ‸badge.won, at_most_days: 3}"), "points.pending_event.on",
         "badge.won is what Laurel itself records; name a kind of activity that is reported"),
        (rule("earn: {points: 1}, points: {expire_days: ‸0}"), "rules.0.points.expire_days", "must be at least 1"),
        (rule("earn: {points: 1}, points: {‸expire_day: 3}"), "rules.0.points.expire_day",
         "unknown field 'expire_day'; did you mean 'expire_days'?"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_place(text: str, path: str, message: str) -> None:
    assert_faults(text, (path, message))


def test_a_tiers_faults_are_told_too() -> None:
    levels = "[{code: a, name: A, threshold: 0, points: {expire_days: 1, expire_idle_days: ‸2}}]"
    text = HEAD + "tiers: {metric: spend, window: lifetime, levels: " + levels + "}\n"
    assert_faults(text, ("tiers.levels.0.points.expire_idle_days", ONE_EXPIRY))


def test_what_terms_say_and_what_they_leave_to_others() -> None:
    silent = Terms()
    assert (silent.says_pending, silent.says_expiry, silent.says_grace) == (False, False, False)
    none = Terms(pending_days=0, never_expire=True, grace_days=0)
    assert (none.says_pending, none.says_expiry, none.says_grace) == (True, True, True)


def test_a_program_with_all_of_them_reads() -> None:
    read = read_program(points("pending_until: 2026-12-24, expire_on: 02-29, years_after: 2, grace_days: 14"))
    terms = read.points
    assert (terms.pending_until, terms.expire_on) == (datetime.date(2026, 12, 24), "02-29")
    assert (terms.years_after, terms.grace_days) == (2, 14)
    fields = "earn: {points: 1}, points: {pending_event: {on: delivered, at_most_days: 30, then: cancel}}"
    own = read_program(rule(fields)).rules[0].points
    assert own is not None
    assert own.pending_event is not None
    event = own.pending_event
    assert (event.on, event.at_most_days, event.then) == ("delivered", 30, "cancel")
