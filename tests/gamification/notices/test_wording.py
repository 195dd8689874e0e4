"""What notices say: exactly, in two languages and more."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.notices.notice import Notice, NoticeKind
from gamification.notices.wording import Wording, message_values, worded, worded_together
from gamification.program import Program
from gamification.program.notices import VARIABLES
from gamification.program.pattern_faults import Scope, pattern_faults
from gamification.program.patterns import Patterns
from gamification.program.texts import Text
from tests.gamification.notices.declared import notices
from tests.gamification.programs import badge, board, campaign, challenge, ladder, program, streak

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
NAMES = {"en": "Gold", "da": "Guld", "pl": "Złoto", "ar": "ذهب"}
POINTS = {
    "en": "{ $points ->\n [one] One point\n *[other] { $points } points\n}",
    "da": "{ $points ->\n [one] Et point\n *[other] { $points } point\n}",
    "pl": "{ $points ->\n [one] { $points } punkt\n [few] { $points } punkty\n *[many] { $points } punktów\n}",
    "ar": "{ $points ->\n [two] نقطتان\n *[other] { $points }\n}",
}


def shop(kind: str, title: str | dict[str, str], **more: Any) -> Program:
    """A program in four languages whose members are told one kind under this title."""
    tiers = ladder("spend", "lifetime", bronze=0, gold=50)
    tiers["levels"][1]["name"] = NAMES
    parts = more.pop("parts", {})
    declared = notices(**{kind: {"title": title, **more}})
    return program(languages=["en", "da", "pl", "ar"], tiers=tiers, notices=declared, **parts)


def notice(kind: NoticeKind, subject: str = "", **values: str | int) -> Notice:
    return Notice(f"m:{kind}", "m", kind, subject, AT, 1, values)


def title_of(played: Program, told: Notice, language: str = "en") -> str:
    return worded(told, played, language).title


@pytest.mark.parametrize(
    ("language", "points", "expected"),
    [
        ("en", 1, "One point"),
        ("en", 1234567, "1,234,567 points"),
        ("da", 1, "Et point"),
        ("da", 1234567, "1.234.567 point"),
        ("pl", 1, "1 punkt"),
        ("pl", 3, "3 punkty"),
        ("pl", 5, "5 punktów"),
        ("pl", 22, "22 punkty"),
        ("ar", 2, "نقطتان"),
    ],
)
def test_plural_forms_and_numbers_are_those_of_the_language(language: str, points: int, expected: str) -> None:
    assert title_of(shop("points_earned", POINTS), notice("points_earned", points=points), language) == expected


@pytest.mark.parametrize(
    ("pattern", "language", "expected"),
    [
        ("by { $on }", "en", "by December 4, 2026"),
        ("senest { $on }", "da", "senest 4. december 2026"),
        ("{ $weekday }", "en", "Friday"),
        ("{ $weekday }", "da", "fredag"),
        ('{ DATETIME($on, dateStyle: "full") }', "da", "fredag den 4. december 2026"),
        ('{ DATETIME($on, dateStyle: "short") }', "en", "12/4/26"),
    ],
)
def test_days_are_written_as_the_language_writes_them(pattern: str, language: str, expected: str) -> None:
    told = notice("points_expiring", points=1, days=7, on="2026-12-04")
    assert title_of(shop("points_expiring", pattern), told, language) == expected


def test_times_are_those_of_the_clock_that_the_notice_goes_by() -> None:
    pattern = '{ DATETIME($ends, timeStyle: "short") }, { DATETIME($ends, dateStyle: "long", timeStyle: "short") }'
    told = notice("campaign_ending", "double", campaign="double", ends="2026-12-04T18:30:00+01:00")
    assert title_of(shop("campaign_ending", pattern), told, "da") == "18.30, 4. december 2026 18.30"
    endless = notice("campaign_started", "double", campaign="double", ends="")
    assert title_of(shop("campaign_started", "until { $ends }"), endless) == "until"


@pytest.mark.parametrize(
    ("metric", "language", "expected"),
    [
        ("spend", "en", "$1,234.50 to stay Gold"),
        ("spend", "da", "1.234,50\xa0USD to stay Guld"),
        ("points", "en", "123,450 to stay Gold"),
    ],
)
def test_what_a_tier_needs_is_money_or_points(metric: str, language: str, expected: str) -> None:
    told = notice("tier_at_risk", "gold", tier="gold", missing=123450, days=7, on="2026-12-04")
    tiers = ladder(metric, "lifetime", bronze=0, gold=5000)
    tiers["levels"][1]["name"] = {"en": "Gold", "da": "Guld"}
    declared = notices(tier_at_risk={"title": "{ $missing } to stay { $tier }"})
    assert title_of(program(languages=["en", "da"], tiers=tiers, notices=declared), told, language) == expected


def test_an_amount_that_is_not_whole_is_written_with_its_decimals() -> None:
    told = notice("challenge_almost_done", "c", challenge="c", done="1180.5", target=2000, missing="819.5", percent=59)
    parts = {"challenges": [challenge("c", target=1, unit="km")]}
    played = shop("challenge_almost_done", "{ $done } of { $target } { $unit }, { $missing } to go", parts=parts)
    assert title_of(played, told, "en") == "1,180.5 of 2,000 km, 819.5 to go"
    assert title_of(played, told, "da") == "1.180,5 of 2.000 km, 819,5 to go"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("badge_won", "badge"),
        ("challenge_done", "challenge"),
        ("streak_at_risk", "streak"),
        ("rank_gained", "board"),
        ("campaign_started", "campaign"),
    ],
)
def test_a_part_of_the_program_has_its_name_or_else_its_code(kind: Any, name: str) -> None:
    named = {"en": "The name", "da": "Navnet", "pl": "Nazwa", "ar": "اسم"}
    parts = {
        "badges": [{**badge("x"), "name": named}],
        "challenges": [{"code": "x", "title": named, "on": "visit", "target": 1}],
        "streaks": [{**streak("x"), "name": named}],
        "boards": [{**board("x"), "name": named}],
        "campaigns": [{**campaign("x"), "name": named}],
    }
    played = shop(kind, f"«{{ ${name} }}»", parts=parts)
    assert title_of(played, notice(kind, "x", **{name: "x"}), "da") == "«Navnet»"
    assert title_of(played, notice(kind, "gone", **{name: "gone"}), "da") == "«gone»"


def test_a_campaign_that_stands_in_no_file_has_the_name_that_is_given() -> None:
    played, told = shop("campaign_started", "{ $campaign }"), notice("campaign_started", "flash", campaign="flash")
    assert worded(told, played, "da", {"flash": Text({"en": "Flash sale", "da": "Lynudsalg"})}).title == "Lynudsalg"
    assert worded(told, played, "da").title == "flash"


def test_a_campaign_that_stands_in_no_file_has_its_name_for_a_headline() -> None:
    filed = {"campaigns": [{**campaign("double"), "headline": {"en": "More", "da": "Mere", "pl": "P", "ar": "A"}}]}
    played = shop("campaign_started", "{ $headline }!", parts=filed)
    flash, double = (notice("campaign_started", code, campaign=code) for code in ("flash", "double"))
    names = {"flash": Text({"en": "Flash sale", "da": "Lynudsalg"}), "double": Text.everywhere("Double")}
    assert [worded(told, played, "da", names).title for told in (flash, double)] == ["Lynudsalg!", "Mere!"]
    assert worded(flash, played, "da").title == "flash!"


def test_one_chooses_by_a_part_s_code_in_any_language() -> None:
    played = shop("tier_reached", "{ $tier ->\n [gold] At last: { $tier }\n *[other] Welcome\n}")
    assert title_of(played, notice("tier_reached", "gold", tier="gold"), "da") == "At last: Guld"
    assert title_of(played, notice("tier_reached", "bronze", tier="bronze"), "da") == "Welcome"


def test_a_language_that_the_program_does_not_speak_is_its_default() -> None:
    played = shop("points_earned", POINTS)
    assert title_of(played, notice("points_earned", points=1000), "fr") == "1,000 points"


def test_a_text_in_all_languages_writes_numbers_as_each_does() -> None:
    played = shop("points_earned", "+{ $points }")
    assert title_of(played, notice("points_earned", points=1000), "en") == "+1,000"
    assert title_of(played, notice("points_earned", points=1000), "da") == "+1.000"


def test_a_language_that_nobody_has_described_writes_numbers_as_english_does() -> None:
    declared = notices(points_earned={"title": "+{ $points }"})
    played = program(languages=["qqq", "de-1996"], notices=declared)
    assert title_of(played, notice("points_earned", points=1000), "qqq") == "+1,000"
    assert title_of(played, notice("points_earned", points=1000), "de-1996") == "+1.000"


def test_no_marks_of_direction_stand_around_what_is_filled_in() -> None:
    played = shop("redemption_ready", "{ $reward } at { $shelf }", on="ready", attributes=["reward", "shelf"])
    told = notice("redemption_ready", reward="حقيبة", shelf="4")
    assert worded(told, played, "ar").title == "حقيبة at 4"


def test_a_title_has_one_line_and_a_body_as_many_as_it_is_written_in() -> None:
    played = shop("points_earned", "Look:\n{ $points }\n", body="One\n\nTwo { $balance }\n")
    said = worded(notice("points_earned", points=3, balance=4), played, "en")
    assert said == Wording("Look: 3", "One\n\nTwo 4")


def test_a_link_takes_codes_and_plain_numbers() -> None:
    link = "app://tiers/{ $tier }?on={ $on }&missing={ $missing }"
    told = notice("tier_at_risk", "gold", tier="gold", missing=123450, days=7, on="2026-12-04")
    played = shop("tier_at_risk", "T", link=link)
    assert worded(told, played, "da").link == "app://tiers/gold?on=2026-12-04&missing=123450"


def test_a_text_cannot_break_out_of_a_link() -> None:
    played = shop("redemption_ready", "T", on="ready", attributes=["reward"], link="app://x/{ $reward }/y")
    told = notice("redemption_ready", reward="../a?b=1#c d")
    assert worded(told, played, "en").link == "app://x/..%2Fa%3Fb%3D1%23c%20d/y"


def test_several_are_told_as_one_in_the_words_of_the_last() -> None:
    several = {"title": "{ $count ->\n [one] A badge\n *[other] { $count } badges\n} won", "body": "See them all."}
    played = shop("badge_won", "T", several=several)
    badges = [notice("badge_won", code, badge=code, level=1) for code in "abc"]
    assert worded_together(badges, played, "en") == Wording("3 badges won", "See them all.")
    assert worded_together([notice("points_earned"), *badges], played, "fr") == Wording("4 badges won", "See them all.")
    assert worded_together(badges, shop("badge_won", "T"), "en") is None


def test_a_message_brings_its_own_words() -> None:
    title, body = Text({"en": "Hello { $x }", "da": "Hej\nmed dig"}), Text.everywhere("News")
    told = notice("message", **message_values(title, body, Text.everywhere("app://news")))
    played = program(languages=["en", "da"])
    assert worded(told, played, "en") == Wording("Hello { $x }", "News", "app://news")
    assert worded(told, played, "da") == Wording("Hej med dig", "News", "app://news")
    assert worded(told, played, "fr") == Wording("Hello { $x }", "News", "app://news")
    assert worded(notice("message", **message_values(title, body)), played, "en").link == ""


def test_a_kind_that_is_not_declared_has_no_words() -> None:
    with pytest.raises(KeyError, match="birthday"):
        worded(notice("birthday"), shop("points_earned", "T"), "en")


def test_the_patterns_of_a_language_are_compiled_once() -> None:
    played = shop("points_earned", POINTS)
    assert played.notice_patterns("en") is played.notice_patterns("en")
    assert played.notice_patterns("en") is not played.notice_patterns("da")


_PIECES = st.sampled_from(
    ["{", "}", "$points", "$on", " ", "\n", "->", "[one]", "*[other]", "NUMBER(", ")", "DATETIME(", '"', "\\", ".", "x"]
)


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join)))
def test_any_text_is_either_refused_with_a_place_in_it_or_can_be_said(text: str) -> None:
    variables = VARIABLES["points_expiring"]
    faults = pattern_faults(text, Scope(variables, {}, ("en",)))
    if faults:
        lines = text.split("\n")
        assert all(1 <= each.column <= len(lines[each.line - 1]) + 1 and each.message for each in faults)
        return
    Patterns({"t": text}, "en").say("t", dict.fromkeys(variables, 7))
