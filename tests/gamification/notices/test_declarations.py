"""Notices in a program's file: what can be declared, and every fault with its place."""

import pytest

from gamification.program.notices import VARIABLES, Notices
from gamification.program.source import read_program
from tests.gamification.program.marked import HEAD, assert_faults

WITH_PARTS = (
    HEAD
    + """\
tiers:
  metric: points
  window: lifetime
  levels:
    - {code: bronze, name: Bronze, threshold: 0}
    - {code: gold, name: {en: Gold, da: Guld}, threshold: 10}
"""
)


UNKNOWN_MINIMUM = "unknown field 'minimum'; known here: body, collapse, fresh_hours, hour, link, several, title"


def declared(kind: str, fields: str, title: str = "Title", body: str = "Body") -> str:
    """A program that declares one kind."""
    texts = f"    title: {title}\n    body: {body}\n"
    return f"{WITH_PARTS}notices:\n  {kind}:\n{texts}" + "".join(f"    {line}\n" for line in fields.split("\n") if line)


def titled(title: str, kind: str = "points_earned") -> str:
    """A program with this title for a kind."""
    return declared(kind, "lead_days: [7]" if kind in ("points_expiring", "tier_at_risk") else "", title)


def test_nothing_is_declared_unless_it_is() -> None:
    assert read_program(HEAD).notices.declared == {}
    assert list(read_program(titled("T")).notices.declared) == ["points_earned"]


def test_every_kind_but_a_message_has_its_variables() -> None:
    assert set(VARIABLES) == set(Notices.model_fields) - {"message"}


def test_what_is_not_said_has_a_default() -> None:
    told = read_program(declared("points_earned", "")).notices.points_earned
    assert told is not None
    assert (told.minimum, told.fresh_hours, told.collapse, told.link, told.several) == (1, 72, None, None, None)
    streak = read_program(declared("streak_at_risk", "")).notices.streak_at_risk
    birthday = read_program(declared("birthday", "")).notices.birthday
    almost = read_program(declared("challenge_almost_done", "")).notices.challenge_almost_done
    assert streak is not None
    assert birthday is not None
    assert almost is not None
    assert (streak.hour, birthday.hour, almost.percent) == (19, 9, 80)


@pytest.mark.parametrize(
    ("kind", "field", "path", "message"),
    [
        ("points_earned", "minimum: ‸0", "minimum", "must be at least 1"),
        ("points_earned", "fresh_hours: ‸0", "fresh_hours", "must be at least 1"),
        ("points_earned", "fresh_hours: ‸9000", "fresh_hours", "must be at most 8784"),
        ("points_expiring", "lead_days: ‸[]", "lead_days", "must not be empty"),
        ("points_expiring", "lead_days: ‸[1, 2, 3, 4, 5, 6]", "lead_days", "has 6 entries; at most 5 are allowed"),
        ("points_expiring", "lead_days: [7, ‸0]", "lead_days.1", "must be at least 1"),
        ("points_expiring", "lead_days: [7, 3, ‸7]", "lead_days.2", "names 7 twice"),
        ("campaign_ending", "lead_hours: [‸721]", "lead_hours.0", "must be at most 720"),
        ("streak_at_risk", "hour: ‸24", "hour", "must be at most 23"),
        ("challenge_almost_done", "percent: ‸100", "percent", "must be at most 99"),
        ("rank_gained", "top: ‸0", "top", "must be at least 1"),
        (
            "redemption_ready",
            "on: ‸birthday",
            "on",
            "birthday comes round by itself, for rules and challenges; a notice is for what is reported",
        ),
        (
            "redemption_ready",
            "on: ready\nattributes: [‸'a b']",
            "attributes.0",
            "must be the name of an attribute: letters, digits, - and _, at most 64, and begins with a letter",
        ),
        ("birthday", "‸minimum: 3", "minimum", UNKNOWN_MINIMUM),
    ],
)
def test_fields_have_bounds(kind: str, field: str, path: str, message: str) -> None:
    assert_faults(declared(kind, field), (f"notices.{kind}.{path}", message))


def test_a_kind_that_is_misspelt_is_named() -> None:
    assert_faults(
        HEAD + "notices:\n  ‸point_earned: {title: T, body: B}\n",
        ("notices.point_earned", "unknown field 'point_earned'; did you mean 'points_earned'?"),
    )


def test_texts_are_there_in_every_language() -> None:
    assert_faults(
        declared("birthday", "several: {title: ‸{da: Hej}, body: B}", "‸{en: Hello}"),
        ("notices.birthday.title", "has no text in da"),
        ("notices.birthday.several.title", "has no text in en"),
    )


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ('"You have { ‸$pionts }"', "there is no $pionts here; did you mean 'points'?"),
        ('"You have { ‸points }"', "'points' is no variable; those begin with $; did you mean 'points'?"),
        ('"{ ‸-brand } says"', "there is no term -brand; write the words out"),
        ('"{ ‸CURRENCY($points) }"', "there is no function CURRENCY; known here: DATETIME, NUMBER"),
        ('"{ NUMBER(‸$on) }"', "NUMBER takes a number, which $on is not"),
        ('"{ DATETIME(‸$points) }"', "DATETIME takes a day or a time, which $points is not"),
        ('"{ ‸NUMBER(3) }"', "NUMBER takes one variable, as in NUMBER($name)"),
        (
            '"{ NUMBER($points, ‸digits: 2) }"',
            "there is no option digits; known here: maximumFractionDigits, minimumFractionDigits,"
            " minimumIntegerDigits, useGrouping",
        ),
        ('"{ NUMBER($points, ‸useGrouping: 21) }"', "useGrouping is a number from 0 to 20"),
        ("'{ DATETIME($on, ‸dateStyle: \"huge\") }'", "dateStyle is one of full, long, medium, short, in quotes"),
        ("'{ DATETIME($on, ‸timeStyle: \"short\") }'", "a day has no time; timeStyle is for times"),
        ('"You have { $points‸ "', "expects '}' here"),
        ('"You have ‸} points"', "has a '}' that closes nothing; to show one, write { \"}\" }"),
        ('"You have { ‸}"', "expects a variable here, as in { $points }"),
        (
            '"{ $points -> ‸[one] One *[other] Many }"',
            "expects the end of the line here; variants such as [one] stand each on a line of its own",
        ),
        (
            '"{ $points ->\\n [one] One\\n ‸}"',
            "needs a variant for everything else, marked with *, as in *[other]",
        ),
        (
            '"{ $points ->\\n ‸[few] One\\n *[other] Many\\n}"',
            "'few' is no plural form of this language; known here: one, other",
        ),
        ('"{ ‸$on ->\\n *[other] Many\\n}"', "nothing can be chosen by this; choose by a number, or by a part's code"),
        ('"‸{{{{{{{{{{{$points}}}}}}}}}}}"', "has braces in each other more than 10 deep"),
    ],
)
def test_a_pattern_that_is_wrong_is_a_fault_at_its_place(title: str, message: str) -> None:
    assert_faults(titled(title, "points_expiring"), ("notices.points_expiring.title", message))


def test_a_fault_in_a_block_is_found_on_its_line() -> None:
    block = """|
      { $points ->
          [one] A point
         *[other] { ‸$point } points
      } of { ‸$balnce }
      or two"""
    assert_faults(
        titled(block),
        ("notices.points_earned.title", "there is no $point here; did you mean 'points'?"),
        ("notices.points_earned.title", "there is no $balnce here; did you mean 'balance'?"),
    )


@pytest.mark.parametrize("sign", [".", "[", "*"])
def test_a_line_that_begins_like_something_else_is_a_fault(sign: str) -> None:
    block = f"|\n      Look:\n      ‸{sign}x = 3"
    message = 'begins a line with a sign that means something there; write { "[" }, { "*" }, { "." } or { "}" }'
    assert_faults(titled(block), ("notices.points_earned.title", message))


def test_a_fault_in_one_language_is_told_there() -> None:
    assert_faults(
        titled('{en: "{ $points }", da: "{ ‸$poin }"}'),
        ("notices.points_earned.title.da", "there is no $poin here; did you mean 'points'?"),
    )


def test_each_kind_has_variables_of_its_own() -> None:
    assert_faults(
        titled('"{ ‸$points }"', "tier_reached"),
        ("notices.tier_reached.title", "there is no $points here; known here: tier"),
    )


def test_one_chooses_by_the_code_of_a_part_and_not_by_its_name() -> None:
    read_program(titled('"{ $tier ->\\n [gold] At last\\n *[other] Welcome\\n}"', "tier_reached"))
    assert_faults(
        titled('"{ $tier ->\\n ‸[golden] At last\\n *[other] Welcome\\n}"', "tier_reached"),
        ("notices.tier_reached.title", "there is no tier 'golden'; did you mean 'gold'?"),
    )


def test_a_link_holds_plain_values_only() -> None:
    read_program(declared("points_expiring", 'lead_days: [7]\nlink: "app://expiring/{ $on }?points={ $points }"'))
    assert_faults(
        declared("points_expiring", 'lead_days: [7]\nlink: "app://{ ‸$weekday }/{ ‸NUMBER($points) }"'),
        ("notices.points_expiring.link", "there is no $weekday here; known here: days, on, points"),
        ("notices.points_expiring.link", "an address holds plain values, and no functions"),
    )


def test_texts_for_several_know_how_many() -> None:
    assert_faults(
        declared("badge_won", 'several: {title: "{ $count } of { ‸$badge }", body: B}'),
        ("notices.badge_won.several.title", "there is no $badge here; known here: count"),
    )


def test_what_is_ready_names_the_attributes_that_it_declares() -> None:
    fields = "on: reward.ready\nattributes: [reward]"
    read_program(declared("redemption_ready", fields, '"{ $reward }"'))
    assert_faults(
        declared("redemption_ready", fields, '"{ $reward } at { ‸$shop }"'),
        ("notices.redemption_ready.title", "there is no $shop here; known here: reward"),
    )
