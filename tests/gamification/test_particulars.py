"""What the game learns of a profile: the time zone and the birthday, and nothing that it knows already."""

from dataclasses import replace

import pytest

from gamification.activity import ENROLMENT, PARTICULARS, PURCHASE, Activity
from gamification.enrolment import EnrolRequest
from gamification.fold import Applied, apply
from gamification.member import EARLIEST_BIRTHDAY, Member, Profile, profile_problems
from gamification.particulars import news, told
from gamification.state import State
from tests.gamification.programs import at, program, rule

JOINED = at("2020-01-01")
SHOP = program(rules=[rule()])
ZONE, BORN = "Europe/Copenhagen", "1990-05-17"


def after(kind: str, state: State, **attributes: str) -> State:
    """The state after an activity with these attributes."""
    applied = apply(state, Activity("k", kind, at("2020-02-01"), attributes=attributes), SHOP)
    assert isinstance(applied, Applied)
    assert applied.outcome.effects == ()
    return applied.state


def member(state: State, time_zone: str | None = None, birthday: str | None = None) -> Member:
    """A member whose profile says this, and of whom the game knows ``state``."""
    return Member("m", "0" * 12, JOINED, Profile("Ada", time_zone=time_zone, birthday=birthday), state)


@pytest.mark.parametrize("kind", [ENROLMENT, PARTICULARS])
def test_what_is_told_is_known_from_then_on(kind: str) -> None:
    known = after(kind, State.new(JOINED), time_zone=ZONE, birthday=BORN)
    assert (known.time_zone, known.birthday) == (ZONE, BORN)
    assert dict(known.occasions_from) == {"birthday": "2020-02-02"}, "it is 01:00 on the 1st in Copenhagen"
    same = after(kind, known)
    assert (same.time_zone, same.birthday, same.occasions_from) == (ZONE, BORN, known.occasions_from)
    gone = after(kind, known, time_zone="", birthday="")
    assert (gone.time_zone, gone.birthday) == ("", "")


def test_nothing_else_tells_the_game() -> None:
    told_elsewhere = after(PARTICULARS, State.new(JOINED), display_name="Ada")
    assert (told_elsewhere.time_zone, told_elsewhere.birthday) == ("", "")
    applied = apply(
        State.new(JOINED),
        Activity("k", PURCHASE, JOINED, attributes={"time_zone": ZONE, "birthday": BORN}),
        SHOP,
    )
    assert isinstance(applied, Applied)
    assert (applied.state.time_zone, applied.state.birthday) == ("", "")


@pytest.mark.parametrize(
    ("zone", "birthday", "expected"),
    [
        (ZONE, BORN, {}),
        ("UTC", BORN, {"time_zone": "UTC"}),
        (ZONE, "1990-05-18", {"birthday": "1990-05-18"}),
        (None, None, {"time_zone": "", "birthday": ""}),
        ("UTC", None, {"time_zone": "UTC", "birthday": ""}),
    ],
)
def test_news_are_what_the_profile_says_and_the_game_does_not_know(
    zone: str | None, birthday: str | None, expected: dict[str, str]
) -> None:
    known = after(ENROLMENT, State.new(JOINED), time_zone=ZONE, birthday=BORN)
    assert news(member(known, zone, birthday)) == expected
    learnt = after(PARTICULARS, known, **expected)
    assert news(member(learnt, zone, birthday)) == {}, "they are no news any more"


def test_an_enrolment_tells_what_there_is_to_tell() -> None:
    assert told(Profile("Ada")) == {}
    assert told(Profile("Ada", time_zone=ZONE, birthday=BORN)) == {"time_zone": ZONE, "birthday": BORN}
    assert news(member(State.new(JOINED), ZONE, BORN)) == {}, "the enrolment is the first record, and tells it"
    assert news(member(replace(State.new(JOINED), seq=1), ZONE, BORN)) == {"time_zone": ZONE, "birthday": BORN}


def test_an_enrolment_without_a_birthday_is_the_same_input_as_ever() -> None:
    profile = Profile("Ada", "ada", "https://a.example/a.png", "en", ZONE)
    before = "fc2b84f4"
    assert EnrolRequest("k", profile, JOINED, "C-1").input_hash[:8] == before
    assert EnrolRequest("k", replace(profile, birthday=BORN), JOINED, "C-1").input_hash[:8] != before


CALENDAR = "must be a day of the calendar such as 1990-05-17"


@pytest.mark.parametrize(
    ("birthday", "problem"),
    [
        (None, None),
        (BORN, None),
        ("2000-02-29", None),
        ("2020-02-01", None),
        ("1900-01-01", None),
        ("1899-12-31", f"lies before {EARLIEST_BIRTHDAY}"),
        ("0001-01-01", "lies before 1900-01-01"),
        ("2020-02-02", "lies in the future"),
        ("9999-12-31", "lies in the future"),
        ("1900-02-29", CALENDAR),
        ("1990-13-01", CALENDAR),
        ("1990-5-17", CALENDAR),
        ("19900517", CALENDAR),
        ("1990-W20-4", CALENDAR),
        ("05-17", CALENDAR),
        ("1990-05-17\n", CALENDAR),
        ("١٩٩٠-٠٥-١٧", CALENDAR),
        ("1990-05-17T00:00", CALENDAR),
        ("$gt", CALENDAR),
        ("", CALENDAR),
    ],
)
def test_birthdays_that_are_fine_and_those_that_are_not(birthday: str | None, problem: str | None) -> None:
    found = [
        (each.path, each.message) for each in profile_problems(Profile("Ada", birthday=birthday), at("2020-02-01"))
    ]
    assert found == ([("birthday", problem)] if problem else [])
