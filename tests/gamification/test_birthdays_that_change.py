"""Birthdays that are told late, changed or travelled over: once a year, whatever the profile is made to say."""

from datetime import timedelta

import pytest

from tests.gamification.occasion_guest import BORN, KIRITIMATI, NEW_YORK, SHOP, celebrated, days_until, guest, told
from tests.gamification.programs import Player, at


@pytest.mark.parametrize(
    ("told_at", "first"),
    [
        ("1997-05-16T23:59:59", "1997-05-17"),
        ("1997-05-17T00:00:00", "1998-05-17"),
        ("1997-05-17T12:00:00", "1998-05-17"),
        ("1997-05-18T00:00:00", "1998-05-17"),
    ],
)
def test_a_birthday_counts_if_it_is_known_before_the_day_begins(told_at: str, first: str) -> None:
    player = Player(SHOP, at("1997-01-01"))
    assert player.do(told(at(told_at), birthday=BORN)) == []
    assert days_until(player, "1998-12-31")[0] == first


def test_it_must_be_known_by_the_member_s_own_calendar() -> None:
    # In Kiritimati the 17th begins at 10:00 UTC on the 16th.
    for told_at, first in (("1997-05-16T09:59:59", "1997-05-16"), ("1997-05-16T10:00:00", "1998-05-16")):
        player = Player(SHOP, at("1997-01-01"))
        player.do(told(at(told_at), birthday=BORN, time_zone=KIRITIMATI))
        assert days_until(player, "1998-12-31")[0] == first


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"1997-05-20": "1990-06-01"}, ["1997-05-17", "1998-06-01", "1999-06-01"]),
        ({"1997-05-20": "1990-05-21"}, ["1997-05-17", "1998-05-21", "1999-05-21"]),
        ({"1997-05-20": "1990-05-16"}, ["1997-05-17", "1998-05-16", "1999-05-16"]),  # 364 days
        ({"1997-05-20": "1990-05-15"}, ["1997-05-17", "1999-05-15"]),  # 363 days are too few
        ({"1997-05-20": "1990-01-01"}, ["1997-05-17", "1999-01-01"]),
        ({"1997-05-20": "1984-05-17"}, ["1997-05-17", "1998-05-17", "1999-05-17"]),
        ({"1997-05-20": ""}, ["1997-05-17"]),
        ({"1997-05-20": "", "1997-06-20": "1990-07-01"}, ["1997-05-17", "1998-07-01"]),
        ({"1997-05-20": "", "1998-05-17": "1990-05-17"}, ["1997-05-17", "1999-05-17"]),
        ({"1997-05-16": "1990-05-16"}, ["1998-05-16", "1999-05-16"]),  # today, for the one of tomorrow
        ({"1997-05-16": "1990-05-18"}, ["1997-05-18", "1998-05-18", "1999-05-18"]),
        ({"1997-05-16": "1990-01-01"}, ["1998-01-01", "1999-01-01"]),  # a day gone by
        ({f"1997-{month:02}-15": f"1990-{month:02}-16" for month in range(6, 13)}, ["1997-05-17", "1998-12-16"]),
    ],
)
def test_a_birthday_that_is_changed_brings_no_second_one(changes: dict[str, str], expected: list[str]) -> None:
    player = guest()
    for when, birthday in changes.items():
        player.wait(at(when))
        player.do(told(at(when), birthday=birthday))
    assert days_until(player, "1999-06-30") == expected


def test_being_told_the_same_birthday_again_changes_nothing() -> None:
    player = guest()
    player.do(told(at("1997-05-16T23:00"), birthday=BORN))
    assert days_until(player, "1997-12-31") == ["1997-05-17"]
    known = player.state.occasions_from
    player.do(told(at("1999-05-17"), birthday=BORN))
    assert (dict(known), dict(player.state.occasions_from)) == ({"birthday": "1998-05-16"}, {"birthday": "2000-05-15"})
    assert days_until(player, "2000-12-31") == ["1997-05-17", "1998-05-17", "1999-05-17", "2000-05-17"]
    player.do(told(at("2001-01-01"), birthday=""), told(at("2001-02-01"), birthday=""))
    assert dict(player.state.occasions_from) == {"birthday": "2001-05-16"}
    assert dict(guest("").state.occasions_from) == {}


def test_travelling_back_and_forth_over_the_date_line_brings_one_celebration() -> None:
    player = guest(zone=KIRITIMATI, joined="2020-01-01")
    player.wait(at("2020-05-16T11:00"))
    assert celebrated(player) == [("2020-05-16 10:00", 30)]
    for hour, zone in enumerate((NEW_YORK, KIRITIMATI, "Etc/GMT+12", KIRITIMATI, "UTC"), start=12):
        player.do(told(at("2020-05-16") + timedelta(hours=hour), time_zone=zone))
    player.wait(at("2021-05-01"))
    assert celebrated(player) == [("2020-05-16 10:00", 30)]
    player.wait(at("2021-06-01"))
    assert celebrated(player)[1:] == [("2021-05-17 00:00", 31)]


def test_whoever_travels_into_their_birthday_celebrates_on_arrival() -> None:
    player = guest(zone=NEW_YORK, joined="2020-01-01")
    # It is 20:00 on the 16th in New York, and 14:00 on the 17th in Kiritimati.
    gift = ["birthday 30", "available +50 by rule gift <0"]
    assert player.do(told(at("2020-05-17"), time_zone=KIRITIMATI)) == gift
    assert player.do(told(at("2020-05-17T01:00"), time_zone=NEW_YORK)) == []
    assert days_until(player, "2021-05-16") == ["2020-05-17"]
    player.wait(at("2021-05-17T04:00"))
    assert celebrated(player)[1:] == [("2021-05-17 04:00", 31)]


def test_whoever_travels_over_the_whole_of_their_birthday_has_not_missed_it() -> None:
    player = guest(zone="Etc/GMT+12", joined="2020-01-01")
    # It is 23:00 on the 16th, and 01:00 on the 18th where they go.
    assert player.do(told(at("2020-05-17T11:00"), time_zone=KIRITIMATI))[0] == "birthday 30"
    player.wait(at("2021-06-01"))
    assert celebrated(player) == [("2020-05-17 11:00", 30), ("2021-05-16 10:00", 31)]


def test_the_364_days_are_counted_from_the_day_of_the_celebration() -> None:
    player = guest(zone="Etc/GMT+12", joined="2020-01-01")
    player.do(told(at("2020-05-17T11:00"), time_zone=KIRITIMATI))  # celebrated on the 18th
    player.do(told(at("2020-06-01"), birthday="1990-05-16"))
    player.wait(at("2022-06-01"))
    assert celebrated(player)[1:] == [("2022-05-15 10:00", 32)]


def test_travelling_does_not_bring_a_birthday_that_was_told_too_late() -> None:
    player = Player(SHOP, at("2020-01-01"))
    player.do(told(at("2020-05-16T11:00"), birthday=BORN, time_zone=KIRITIMATI))  # the 17th has begun
    assert player.do(told(at("2020-05-16T12:00"), time_zone=NEW_YORK)) == []  # where it has not
    player.wait(at("2021-06-01"))
    assert celebrated(player) == [("2021-05-17 04:00", 31)]
