"""Birthdays and anniversaries: once a year, at the beginning of the local day, by what the program gives for them."""

from datetime import timedelta
from typing import Any

import pytest

from gamification import occasions
from gamification.activity import Activity, problems_of
from gamification.fold import next_due_at
from gamification.state import State
from tests.gamification.occasion_guest import (
    FIFTY,
    GIFT,
    KIRITIMATI,
    LOYAL,
    NEW_YORK,
    SHOP,
    celebrated,
    days_until,
    guest,
    told,
)
from tests.gamification.programs import Part, at, challenge, ladder, program, purchase, rule


def test_a_birthday_comes_round_every_year_and_gives_what_the_rules_say() -> None:
    player = guest()
    assert player.wait(at("1998-12-31")) == [
        (at("1997-05-17"), ["birthday 7", "available +50 by rule gift <0"]),
        (at("1998-05-17"), ["birthday 8", "available +50 by rule gift <0"]),
    ]
    why = player.records[1].outcome.effects[0].why
    assert (why.source, why.code, dict(why.inputs)) == ("clock", "birthday", {"years": 7})
    assert next_due_at(player.state, SHOP) == at("1999-05-17")


def test_it_is_due_at_its_very_instant_and_not_before() -> None:
    player = guest()
    assert player.wait(at("1997-05-17") - timedelta(microseconds=1)) == []
    assert [when for when, _ in player.wait(at("1997-05-17"))] == [at("1997-05-17")]


@pytest.mark.parametrize(
    ("zone", "born", "joined", "expected"),
    [
        (KIRITIMATI, "1990-05-17", "2020-01-01", ["2020-05-16 10:00", "2021-05-16 10:00"]),
        (KIRITIMATI, "1990-01-01", "2020-01-02", ["2020-12-31 10:00", "2021-12-31 10:00"]),
        ("Etc/GMT+12", "1990-12-31", "2020-01-02", ["2020-12-31 12:00", "2021-12-31 12:00"]),
        ("America/St_Johns", "1990-05-17", "2020-01-01", ["2020-05-17 02:30", "2021-05-17 02:30"]),
        # The 7th begins, the clock goes back from 00:01 to the 6th, and the 7th begins again.
        ("America/St_Johns", "1990-11-07", "2010-01-01", ["2010-11-07 02:30", "2011-11-07 03:30"]),
        ("America/St_Johns", "1990-03-14", "2010-01-01", ["2010-03-14 03:30", "2011-03-14 02:30"]),
        ("Europe/Copenhagen", "1990-03-31", "2024-01-01", ["2024-03-30 23:00", "2025-03-30 22:00"]),
        ("Europe/Copenhagen", "1990-10-27", "2024-01-01", ["2024-10-26 22:00", "2025-10-26 23:00"]),
        ("Asia/Beirut", "1990-03-27", "2022-01-01", ["2022-03-26 22:00", "2023-03-26 21:00"]),  # no midnight in 2022
        # Apia had no 30 December 2011: what was to begin with it, begins with the 31st.
        ("Pacific/Apia", "1990-12-30", "2010-01-01", ["2010-12-30 10:00", "2011-12-30 10:00", "2012-12-29 10:00"]),
        ("Pacific/Apia", "1990-12-31", "2010-01-01", ["2010-12-31 10:00", "2011-12-30 10:00", "2012-12-30 10:00"]),
        ("Pacific/Apia", "1990-12-29", "2010-01-01", ["2010-12-29 10:00", "2011-12-29 10:00", "2012-12-28 10:00"]),
    ],
)
def test_it_begins_with_the_member_s_own_day(zone: str, born: str, joined: str, expected: list[str]) -> None:
    player = guest(born, zone, joined)
    player.wait(at(joined) + timedelta(days=366 * len(expected)))
    assert [when for when, _ in celebrated(player)] == expected


def test_without_a_zone_it_begins_with_the_program_s_day() -> None:
    player = guest(played=program(rules=[GIFT], time_zone="Asia/Tokyo"))
    player.wait(at("1998-01-01"))
    assert celebrated(player) == [("1997-05-16 15:00", 7)]


def test_the_29th_of_february_is_the_28th_in_common_years() -> None:
    player = guest("1996-02-29")
    player.wait(at("2005-01-01"))
    assert celebrated(player) == [
        ("1997-02-28 00:00", 1),
        ("1998-02-28 00:00", 2),
        ("1999-02-28 00:00", 3),
        ("2000-02-29 00:00", 4),
        ("2001-02-28 00:00", 5),
        ("2002-02-28 00:00", 6),
        ("2003-02-28 00:00", 7),
        ("2004-02-29 00:00", 8),
    ]

    century = guest("1996-02-29", joined="2099-06-01")
    century.wait(at("2104-06-01"))
    assert [when[:10] for when, _ in celebrated(century)] == [
        *("2100-02-28", "2101-02-28", "2102-02-28", "2103-02-28", "2104-02-29")
    ]


def test_the_28th_of_february_stays_the_28th() -> None:
    assert days_until(guest("1995-02-28"), "2000-12-31")[-2:] == ["1999-02-28", "2000-02-28"]


def test_an_anniversary_is_that_of_the_joining_day_by_the_program_s_calendar() -> None:
    tokyo = program(rules=[rule("loyal", on="anniversary", earn=FIFTY)], time_zone="Asia/Tokyo")
    player = guest(zone=NEW_YORK, joined="1997-01-01T16:00", played=tokyo)  # the 2nd of January in Tokyo
    player.wait(at("1999-06-01"))
    assert celebrated(player) == [("1998-01-01 15:00", 1), ("1999-01-01 15:00", 2)]
    leaping = guest(joined="2020-02-29T12:00", played=LOYAL)
    leaping.wait(at("2024-12-31"))
    assert [when[:10] for when, _ in celebrated(leaping)] == ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]


def test_both_on_one_day_are_told_apart() -> None:
    both = program(rules=[GIFT, rule("loyal", on="anniversary", earn={"formula": 'activity.attributes["years"] * 10'})])
    player = guest("1990-01-01", played=both)
    assert player.wait(at("1998-01-01")) == [
        (
            at("1998-01-01"),
            ["birthday 8", "available +50 by rule gift <0", "anniversary 1", "available +10 by rule loyal <2"],
        )
    ]


def test_conditions_read_the_member_and_what_comes_round() -> None:
    def gift(code: str, when: str, **more: Any) -> Part:
        return rule(code, on=["birthday", "anniversary"], when=when, earn={"points": 1}, **more)

    rules = [
        rule(qualifying=True),
        gift("gold", "member.tier == 'gold'"),
        gift("silver", "member.tier == 'silver'"),
        gift("round", 'activity.kind == "birthday" && activity.attributes["years"] == 10'),
        gift("empty", "activity.amount == 0.0 && activity.quantity == 0"),
        gift("day", 'activity.day == "2000-05-17"'),
        gift("daily", "true", caps={"lifetime": 1}),
    ]
    player = guest(played=program(rules=rules, tiers=ladder("spend", "lifetime", silver=0, gold=100)))
    player.do(purchase(at("1999-06-01"), 10_000))
    given = [entry.why.code for entry in player.entries()]
    assert given == ["silver", "empty", "daily", *["silver", "empty"] * 4, "base"]
    player.wait(at("2000-05-17"))
    codes = [entry.why.code for entry in player.entries()][len(given) :]
    assert codes == ["gold", "empty", "gold", "round", "empty", "day"]


def test_challenges_count_it_and_what_follows_names_it() -> None:
    parts: list[Part] = [
        challenge("c", on="birthday", target=2, reward={"points": 7}),
        challenge("points", on="points.earned", target=1),
    ]
    player = guest(played=program(challenges=parts))
    assert player.wait(at("1998-12-31")) == [
        (at("1997-05-17"), ["birthday 7", "c 0 to 1 of 2 <0"]),
        (
            at("1998-05-17"),
            [
                "birthday 8",
                "c 1 to 2 of 2 <0",
                "c completed x1 <0",
                "available +7 by challenge c <2",
                "points 0 to 1 of 1 <3",
                "points completed x1 <3",
            ],
        ),
    ]


def test_nothing_else_reads_it_as_an_activity() -> None:
    party: Part = {"code": "party", "name": "P", "earned": {"condition": 'activity.kind == "birthday"'}, "levels": [{}]}
    player = guest(played=program(rules=[GIFT], badges=[party]))
    player.wait(at("1998-05-16T12:00"))
    gift = ["birthday 8", "available +50 by rule gift <0"]
    assert player.do(told(at("1998-05-16T12:00"), time_zone=KIRITIMATI)) == gift
    assert (len(celebrated(player)), dict(player.state.badges)) == (2, {})


def test_it_is_never_due_where_the_program_does_not_listen() -> None:
    deaf = program(rules=[rule()])
    player = guest(played=deaf)
    assert (player.wait(at("2020-01-01")), next_due_at(player.state, deaf)) == ([], None)
    assert next_due_at(guest("").state, SHOP) is None
    assert next_due_at(guest(played=LOYAL).state, SHOP) == at("1997-05-17")


def test_a_program_that_comes_into_force_gives_nothing_for_what_has_gone_by() -> None:
    state = guest().state
    assert occasions.next_due_at(state, SHOP, at("1997-05-17")) == at("1997-05-17")
    assert occasions.next_due_at(state, SHOP, at("1997-05-17T00:00:01")) == at("1998-05-17")
    assert occasions.next_due_at(state, SHOP, at("2003-05-16")) == at("2003-05-17")


def test_nobody_can_report_one() -> None:
    for kind in ("birthday", "anniversary", "particulars"):
        activity = Activity("k", kind, at("2026-05-01"))
        problems = problems_of(activity, at("2026-05-01"), timedelta())
        assert [(problem.path, problem.message) for problem in problems] == [
            ("kind", f"{kind} is what Laurel itself records; choose another name")
        ]


def test_the_end_of_the_calendar_is_no_fault() -> None:
    assert occasions.next_due_at(State.new(at("9998-06-01")), LOYAL) is None


def test_a_day_is_found_without_going_through_the_years() -> None:
    state = State.new(at("1997-01-01"))
    assert occasions.next_due_at(state, LOYAL, at("2090-06-01")) == at("2091-01-01")
    # The 1st of January begins at 10:00 UTC on the 31st of December.
    ahead = program(rules=[rule("loyal", on="anniversary", earn=FIFTY)], time_zone=KIRITIMATI)
    joined = State.new(at("1996-12-31T10:00"))
    assert occasions.next_due_at(joined, ahead, at("2020-12-31T10:00")) == at("2020-12-31T10:00")
    assert occasions.next_due_at(joined, ahead, at("2020-12-31T10:01")) == at("2021-12-31T10:00")
