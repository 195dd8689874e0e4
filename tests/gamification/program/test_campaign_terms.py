"""Campaigns in program files: every field with its faults, told at the place to look at; and what stays unsaid."""

from decimal import Decimal

import pytest

from gamification.program import Program
from gamification.program.campaigns import MAX_BUDGET, CampaignCaps
from gamification.program.source import read_program
from tests.gamification.program.marked import HEAD, assert_faults, campaign

TEXT = "must be text, or one text per language (en: ..., da: ...)"
TIME = "must be a time with its zone, such as 2026-05-01T00:00:00Z"
GROUP = "must be a group of fields, each on its own line as 'name: value'"
CODE = "must be a code: small letters, digits, - and _, at most 48, and begins with a letter or digit"
ONE_EFFECT = "give one of multiplier, bonus and per_item"
RULE = "must be a recurrence rule (RFC 5545) such as FREQ=WEEKLY;BYDAY=FR,SA: DAILY, WEEKLY or MONTHLY, "
PARTS = RULE + "with INTERVAL, BYDAY, BYMONTHDAY (1 to 28, or -1 for the last day) or BYMONTH"
NUMBERED = RULE + "where only MONTHLY can number its weekdays"
LOST = RULE + "where a DAILY one with an INTERVAL names no days, for it might never meet them"
NEVER = "never meets a day; check what BYDAY, BYMONTHDAY, BYMONTH and INTERVAL leave"
CLOCK = "must be a time of day in quotes, such as '17:30'"


def effect(fields: str) -> str:
    return campaign("", "effect: {" + fields + "}")


def recurs(rule: str, more: str = "") -> str:
    return campaign("recurs: {rule: ‸'" + rule + "'" + more + "}")


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (campaign("").replace("code: c", "code: ‸C!"), "code", CODE),
        (campaign("").replace("name: C", "name: ‸[]"), "name", TEXT),
        (campaign("").replace("headline: C", "headline: ‸3"), "headline", TEXT),
        (campaign("description: ‸{en: Only}"), "description", "has no text in da"),
        (
            campaign("on: ‸points.earned"),
            "on",
            "points.earned is an effect, which challenges can count; a campaign is for activities",
        ),
        (campaign("on: ‸[]"), "on", "must not be empty"),
        (
            campaign("when: ‸activity.ammount > 1.0"),
            "when",
            "there is no 'activity.ammount' here; did you mean 'activity.amount'?",
        ),
        (campaign("when: ‸activity.amount"), "when", "gives DOUBLE, but BOOL is needed"),
        (campaign("", starts_at="‸2026-05-01T00:00:00"), "starts_at", TIME),
        (campaign("ends_at: ‸20260501"), "ends_at", TIME),
        (campaign("ends_at: ‸2026-05-01T00:00:00Z"), "ends_at", "ends_at must come after starts_at"),
        (campaign("recurs: ‸daily"), "recurs", GROUP),
        (recurs("weekly"), "recurs.rule", PARTS),
        (recurs("FREQ=YEARLY"), "recurs.rule", PARTS),
        (recurs("FREQ=DAILY;COUNT=3"), "recurs.rule", PARTS),
        (recurs("FREQ=MONTHLY;BYMONTHDAY=31"), "recurs.rule", PARTS),
        (recurs("FREQ=WEEKLY;BYDAY=SU;BYDAY=MO"), "recurs.rule", PARTS),
        (recurs("FREQ=WEEKLY;BYDAY=1SU"), "recurs.rule", NUMBERED),
        (recurs("FREQ=DAILY;INTERVAL=2;BYDAY=SU"), "recurs.rule", LOST),
        (recurs("FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1"), "recurs.rule", NEVER),
        (
            campaign("recurs: {rule: ‸FREQ=MONTHLY;INTERVAL=2;BYMONTH=4}", starts_at="2026-05-15T00:00:00Z"),
            "recurs.rule",
            NEVER,
        ),
        (campaign("recurs: {rule: FREQ=DAILY, at: ‸17:30h}"), "recurs.at", CLOCK),
        (campaign("recurs: {rule: FREQ=DAILY, at: ‸'24:00'}"), "recurs.at", CLOCK),
        (
            campaign("recurs: {rule: FREQ=DAILY, at: ‸'17:30'}"),
            "recurs.at",
            "opens at this time, so give minutes too: for how long",
        ),
        (campaign("recurs: {rule: FREQ=DAILY, minutes: ‸0}"), "recurs.minutes", "must be at least 1"),
        (campaign("recurs: {rule: FREQ=DAILY, minutes: ‸1441}"), "recurs.minutes", "must be at most 1440"),
        (campaign("", "effect: ‸{}"), "effect", ONE_EFFECT),
        (campaign("", "effect: ‸{bonus: 1, multiplier: 2}"), "effect", ONE_EFFECT),
        (effect("per_item: {points: 1, categories: ‸[]}"), "effect.per_item.categories", "must not be empty"),
        (effect("multiplier: ‸1"), "effect.multiplier", "must be more than 1"),
        (effect("multiplier: ‸100.5"), "effect.multiplier", "must be at most 100"),
        (effect("multiplier: ‸twice"), "effect.multiplier", "must be a number"),
        (effect("multiplier: ‸1.2345678"), "effect.multiplier", "has too many digits; at most 6 are allowed"),
        (
            effect("multiplier: 2, rounding: ‸up"),
            "effect.rounding",
            "'up' is not one of the choices; known here: ceil, floor, half_up",
        ),
        (
            effect("bonus: 1, rounding: ‸ceil"),
            "effect.rounding",
            "rounds what a multiplier gives, and there is none",
        ),
        (effect("bonus: ‸0"), "effect.bonus", "must be at least 1"),
        (effect("bonus: ‸'3'"), "effect.bonus", "must be a whole number, without quotes"),
        (effect("per_item: ‸{categories: [tea]}"), "effect.per_item.points", "is required"),
        (effect("per_item: {points: ‸0}"), "effect.per_item.points", "must be at least 1"),
        (effect("per_item: {points: 1, categories: ‸tea}"), "effect.per_item.categories", "must be a list"),
        (
            effect("per_item: {points: 1, items: '‸item.kind == 1'}"),
            "effect.per_item.items",
            "there is no 'item.kind' here; did you mean 'item.sku'?",
        ),
        (campaign("qualifying: ‸2"), "qualifying", "must be true or false"),
        (
            campaign("stacking: ‸exclusiv"),
            "stacking",
            "'exclusiv' is not one of the choices; did you mean 'exclusive'?",
        ),
        (campaign("priority: ‸1001"), "priority", "must be at most 1000"),
        (campaign("budget: ‸1000"), "budget", GROUP),
        (campaign("budget: {points: ‸0}"), "budget.points", "must be at least 1"),
        (campaign(f"budget: {{points: ‸{MAX_BUDGET + 1}}}"), "budget.points", f"must be at most {MAX_BUDGET}"),
        (
            campaign("budget: {points: 1, too_little: ‸some}"),
            "budget.too_little",
            "'some' is not one of the choices; known here: none, partial",
        ),
        (campaign("budget: {points: 1, low_percent: ‸100}"), "budget.low_percent", "must be at most 99"),
        (campaign("caps: {member: ‸-1}"), "caps.member", "must be at least 0"),
        (campaign("caps: {‸week: 1}"), "caps.week", "unknown field 'week'; known here: member, member_day"),
        (campaign("first_members: ‸0"), "first_members", "must be at least 1"),
        (campaign("late_minutes: ‸44641"), "late_minutes", "must be at most 44640"),
        (
            campaign("‸ending_at: 2026-06-01T00:00:00Z"),
            "ending_at",
            "unknown field 'ending_at'; did you mean 'ends_at'?",
        ),
    ],
)
def test_a_fault_in_a_campaign_is_told_at_its_place(text: str, path: str, message: str) -> None:
    assert_faults(text, (f"campaigns.0.{path}", message))


def test_what_a_campaign_needs() -> None:
    text = HEAD + "campaigns:\n  - ‸{on: visit}\n"
    source = text.replace("‸", "‸" * 5)
    assert_faults(
        source,
        *((f"campaigns.0.{name}", "is required") for name in ("code", "effect", "headline", "name", "starts_at")),
    )


def test_a_code_stands_once() -> None:
    entry = campaign("").removeprefix(HEAD + "campaigns:\n")
    text = HEAD + "campaigns:\n" + entry + entry.replace("code: c", "code: ‸c")
    assert_faults(text, ("campaigns.1.code", "another campaign has the code c already"))


def test_a_fault_within_a_field_does_not_hide_one_between_fields() -> None:
    text = campaign(
        "recurs: {rule: ‸never}, budget: {points: ‸none}, ends_at: ‸2026-04-01T00:00:00Z, priority: ‸high",
        "effect: {multiplier: ‸0}",
    )
    found = [
        ("campaigns.0.effect.multiplier", "must be more than 1"),
        ("campaigns.0.recurs.rule", PARTS),
        ("campaigns.0.budget.points", "must be a whole number"),
        ("campaigns.0.ends_at", "ends_at must come after starts_at"),
        ("campaigns.0.priority", "must be a whole number"),
    ]
    assert_faults(text, *found)
    within = campaign("headline: C", "effect: ‸{multiplier: ‸0, bonus: ‸x}").replace("headline: C, ", "", 1)
    assert_faults(
        within,
        ("campaigns.0.effect", ONE_EFFECT),
        ("campaigns.0.effect.multiplier", "must be more than 1"),
        ("campaigns.0.effect.bonus", "must be a whole number"),
    )


def test_what_is_left_unsaid() -> None:
    (terms,) = read_program(campaign("")).campaigns
    assert (terms.on, terms.when, terms.ends_at, terms.recurs) == (("purchase",), None, None, None)
    assert (terms.qualifying, terms.stacking, terms.priority) == (False, "stack", 0)
    assert (terms.budget, terms.caps, terms.first_members) == (None, CampaignCaps(), None)
    assert terms.late_minutes == 60
    assert not terms.is_limited
    assert not terms.given_per_member


def test_numbers_are_read_exactly() -> None:
    shop: Program = read_program(effect("multiplier: 1.1"))
    assert shop.campaigns[0].effect.multiplier == Decimal("1.1")
