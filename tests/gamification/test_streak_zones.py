"""Streaks in time zones: clocks that change, and members who travel; worked out by hand."""

from datetime import timedelta

import pytest

from gamification.activity import ENROLMENT
from gamification.fold import next_due_at
from tests.gamification.programs import at, event, streak
from tests.gamification.streak_guest import HOUR, NOON, fates, local, moves, player, visit


@pytest.mark.parametrize(
    ("zone", "first", "due"),
    [
        ("Europe/Copenhagen", "2026-03-28 12:00", "2026-03-29 22:00"),  # 23 hours
        ("Europe/Copenhagen", "2026-10-24 12:00", "2026-10-25 23:00"),  # 25 hours
        ("America/St_Johns", "2010-11-06 12:00", "2010-11-08 03:30"),  # clocks go back over midnight
        ("America/St_Johns", "1988-04-02 12:00", "1988-04-04 01:30"),  # two hours at once
        ("America/Sao_Paulo", "2018-11-03 12:00", "2018-11-05 02:00"),  # a day without midnight
    ],
)
def test_clocks_that_change(zone: str, first: str, due: str) -> None:
    guest = player(streak(), time_zone=zone, joined_at=at("1980-01-01"))
    guest.do(visit(local(first, zone)))
    assert next_due_at(guest.state, guest.program) == at(due)
    assert guest.wait(at(due) - timedelta(milliseconds=1)) == []
    assert guest.wait(at(due)) == [(at(due), ["streak daily 1 to 0"])]


@pytest.mark.parametrize(
    ("zone", "before", "gone", "after"),
    [
        ("Pacific/Apia", "2011-12-29", "2011-12-30", "2011-12-31"),
        ("Pacific/Kiritimati", "1994-12-30", "1994-12-31", "1995-01-01"),
    ],
)
def test_a_day_that_a_zone_left_out_breaks_nothing(zone: str, before: str, gone: str, after: str) -> None:
    guest = player(streak(), time_zone=zone, joined_at=at("1990-01-01"))
    guest.do(visit(local(f"{before} 12:00", zone)))
    assert guest.wait(local(f"{after} 23:59", zone)) == []
    assert guest.do(visit(local(f"{after} 23:59", zone))) == ["streak daily 1 to 2"]
    assert fates(guest) == [(before, "done"), (gone, "excused"), (after, "done")]


def test_the_day_is_that_of_the_member_s_zone_at_the_time() -> None:
    guest = player(streak(), time_zone="Europe/Copenhagen")
    guest.do(moves(at("2026-05-01 00:00"), "Pacific/Kiritimati"))
    assert guest.do(visit(at("2026-05-01 09:59"))) == ["streak daily 0 to 1"]
    assert guest.do(visit(at("2026-05-01 10:00"))) == ["streak daily 1 to 2"]


def test_going_back_over_the_date_line_forges_nothing() -> None:
    guest = player(streak(), time_zone="Pacific/Kiritimati")
    guest.do(visit(local("2026-05-03 12:00", "Pacific/Kiritimati")))
    flown = at("2026-05-03 00:00")  # 13:00 on the 2nd in Pago Pago
    guest.do(moves(flown, "Pacific/Pago_Pago"))
    assert guest.do(visit(flown + HOUR)) == []  # the 2nd
    assert guest.do(visit(flown + 12 * HOUR)) == []  # the 3rd once more
    assert next_due_at(guest.state, guest.program) == local("2026-05-05 00:00", "Pacific/Pago_Pago")
    assert guest.do(visit(local("2026-05-04 23:00", "Pacific/Pago_Pago"))) == ["streak daily 1 to 2"]


def test_a_day_skipped_over_the_date_line_breaks_nothing() -> None:
    guest = player(streak(), time_zone="Pacific/Pago_Pago")
    guest.do(visit(local("2026-05-01 20:00", "Pacific/Pago_Pago")))
    # At 23:30 on the 1st it is 00:30 on the 3rd in Kiritimati.
    guest.do(moves(local("2026-05-01 23:30", "Pacific/Pago_Pago"), "Pacific/Kiritimati"))
    assert next_due_at(guest.state, guest.program) == local("2026-05-04 00:00", "Pacific/Kiritimati")
    assert guest.do(visit(local("2026-05-03 22:00", "Pacific/Kiritimati"))) == ["streak daily 1 to 2"]
    assert fates(guest) == [("2026-05-01", "done"), ("2026-05-02", "excused"), ("2026-05-03", "done")]


@pytest.mark.parametrize(("hours", "broken_at"), [(4, "2026-05-03 00:00"), (5, "2026-05-04 00:00")])
def test_a_day_shortened_to_less_than_twenty_hours_is_excused(hours: int, broken_at: str) -> None:
    guest = player(streak())
    guest.do(visit(at("2026-05-01 12:00")))
    east = f"Etc/GMT-{hours}"
    guest.do(moves(at("2026-05-02 12:00"), east))
    assert guest.wait(at("2026-05-10")) == [(local(broken_at, east), ["streak daily 1 to 0"])]


def test_who_travels_to_and_fro_gains_no_excuse() -> None:
    guest = player(streak())
    guest.do(visit(at("2026-05-01 12:00")))
    for minute in range(6):
        zone = "Asia/Tokyo" if minute % 2 == 0 else "UTC"
        guest.do(moves(at("2026-05-02 10:00") + minute * timedelta(minutes=1), zone))
    assert guest.wait(at("2026-05-10")) == [(at("2026-05-03"), ["streak daily 1 to 0"])]


def test_landing_where_the_missed_day_is_over_already() -> None:
    guest = player(streak(freezes={"start": 1, "limit": 1}))
    guest.do(visit(at("2026-05-01 12:00")))
    landed = at("2026-05-02 22:00")  # 07:00 on the 3rd in Tokyo; the 2nd lasted 22 hours
    assert guest.do(moves(landed, "Asia/Tokyo")) == []
    assert guest.wait(landed) == [(landed, ["streak daily 1 to 1, 1 frozen"])]
    assert guest.do(visit(landed + HOUR)) == ["streak daily 1 to 2"]
    assert fates(guest)[1:] == [("2026-05-02", "frozen"), ("2026-05-03", "done")]


def test_an_activity_that_itself_ends_a_day_is_judged_before_it_counts() -> None:
    guest = player(streak(conditions=[{"on": "visit"}, {"on": ENROLMENT}], mode="any"))
    guest.do(visit(at("2026-05-01 12:00")))
    effects = guest.do(event(ENROLMENT, at("2026-05-02 22:00"), {"time_zone": "Asia/Tokyo"}))
    assert effects == ["streak daily 1 to 0", "streak daily 0 to 1"]
    assert fates(guest)[1:] == [("2026-05-02", "missed"), ("2026-05-03", "done")]


def test_a_day_lived_in_parts_lasts_as_long_as_they_do_together() -> None:
    guest = player(streak())
    guest.do(visit(at("2026-05-01 12:00")))
    guest.do(moves(at("2026-05-02 10:00"), "Pacific/Kiritimati"))  # six hours of the 3rd
    guest.do(moves(at("2026-05-02 16:00"), "UTC"))
    assert guest.do(visit(at("2026-05-02 17:00"))) == ["streak daily 1 to 2"]
    landed = at("2026-05-03 18:00")  # and eighteen more
    guest.do(moves(landed, "Pacific/Kiritimati"))
    assert guest.wait(landed) == [(landed, ["streak daily 2 to 0"])]


def test_a_short_day_that_is_entered_again_is_short_no_more() -> None:
    guest = player(streak())
    guest.do(visit(at("2026-05-01 12:00")))
    guest.do(moves(at("2026-05-02 06:00"), "Asia/Shanghai"))  # six hours, and ten until midnight there
    guest.do(moves(at("2026-05-02 18:00"), "UTC"))  # and six more
    assert guest.wait(at("2026-05-10")) == [(at("2026-05-03"), ["streak daily 1 to 0"])]


def test_what_was_begun_on_a_day_is_kept_while_an_earlier_one_is_lived_again() -> None:
    guest = player(streak(conditions=[{"on": "visit", "times": 2}]), time_zone="Pacific/Kiritimati")
    guest.do(visit(at("2026-05-02 11:00")))  # the 3rd
    guest.do(moves(at("2026-05-02 12:00"), "UTC"))
    assert guest.do(visit(at("2026-05-02 13:00")), visit(at("2026-05-02 14:00"))) == ["streak daily 0 to 1"]
    assert guest.do(visit(at("2026-05-03 12:00"))) == ["streak daily 1 to 2"]


def test_telling_of_a_move_twice_is_telling_it_once() -> None:
    once, twice = player(streak()), player(streak())
    landed = at("2026-05-02 12:00")
    for guest in (once, twice):
        guest.do(visit(NOON), moves(landed, "Asia/Tokyo"))
    twice.do(moves(landed, "Asia/Tokyo"))
    assert once.state.streaks == twice.state.streaks
