"""What bad input is told: each fault by its place, many at once, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import (
    MAX_ADJUSTMENT_POINTS,
    MAX_AMOUNT_MINOR,
    MAX_ATTRIBUTE_NUMBER,
    RESERVED_KINDS,
    Activity,
    LineItem,
    Problem,
    minor_units,
    normalised,
    own_key,
    problems_of,
)
from tests.gamification.programs import adjustment, at

NOW = at("2024-05-01 12:00")
TOLERANCE = timedelta(minutes=5)
SOUND = Activity(
    "receipt 17/4711, till #3",
    "purchase",
    NOW,
    1999,
    (LineItem("cd-1", 2, 1500, "music"), LineItem("mug", 1, 499)),
    {"store": "CPH", "vip": True, "score": -2.5, "offer": "$5 off"},
)


def problems(**changes: Any) -> list[tuple[str, str]]:
    return told(replace(SOUND, **changes))


def told(activity: Activity) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in problems_of(activity, NOW, TOLERANCE)]


def paths(**changes: Any) -> list[str]:
    return [path for path, _ in problems(**changes)]


def test_a_sound_activity_has_no_problems() -> None:
    assert problems() == []


@pytest.mark.parametrize("key", ["k", "x" * 128, "Ærø-42", "a b", "tx:1/2@shop+3=4#5(6)&7", "0"])
def test_sound_keys(key: str) -> None:
    assert problems(key=key) == []


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "must not be empty"),
        (" \t", "must not be empty"),
        ("x" * 129, "is 129 characters long; at most 128 are allowed"),
    ],
)
def test_empty_and_long_keys(key: str, message: str) -> None:
    assert problems(key=key) == [("key", message)]


@pytest.mark.parametrize(
    "key",
    ["$where", "a$b", '{"$gt": ""}', "a\x00b", "a\n", "a\u2028b", "\ud800", "a'b", 'a"b', "[a]", ".a", "a\x7f", "a|b"],
)
def test_keys_with_signs_that_do_not_belong(key: str) -> None:
    assert paths(key=key) == ["key"]


@pytest.mark.parametrize("kind", sorted(RESERVED_KINDS))
def test_what_the_game_itself_records_is_not_for_others(kind: str) -> None:
    assert problems(kind=kind) == [("kind", f"{kind} is what Laurel itself records; choose another name")]


def test_a_kind_is_a_short_identifier() -> None:
    assert problems(kind="") == [("kind", "must not be empty")]
    assert paths(kind="k" * 65) == ["kind"]
    assert paths(kind="$set") == ["kind"]
    assert problems(kind="k" * 64) == []
    assert problems(kind="points.earned.twice") == []


def test_the_future_begins_after_the_tolerance() -> None:
    assert problems(occurred_at=NOW + TOLERANCE) == []
    beyond = NOW + TOLERANCE + timedelta(microseconds=1)
    assert problems(occurred_at=beyond) == [("occurredAt", "lies in the future by more than 300 seconds")]
    assert paths(occurred_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))) == ["occurredAt"]


def test_the_future_is_judged_across_time_zones() -> None:
    kiritimati = timezone(timedelta(hours=14))
    assert problems(occurred_at=datetime(2024, 5, 2, 2, 5, tzinfo=kiritimati)) == []
    assert paths(occurred_at=datetime(2024, 5, 2, 2, 6, tzinfo=kiritimati)) == ["occurredAt"]


def test_a_time_needs_its_zone_and_an_age_we_know() -> None:
    naive = datetime(2024, 5, 1, 12, 0)  # noqa: DTZ001
    assert problems(occurred_at=naive) == [("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z")]
    assert problems(occurred_at=at("1970-01-01")) == []
    assert problems(occurred_at=at("1969-12-31 23:59:59")) == [("occurredAt", "lies before 1970-01-01")]
    assert paths(occurred_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))) == ["occurredAt"]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        *((amount, str(amount)) for amount in (-1, 10**12 + 1, 10**18, -(10**18))),
        (10**400, "too large"),
        (-(10**400), "too small"),
    ],
)
def test_amounts_out_of_range(amount: int, shown: str) -> None:
    expected = f"is {shown}; from 0 to 1000000000000 minor units are allowed"
    assert problems(amount_minor=amount) == [("amount", expected)]
    assert problems(items=(LineItem("cd", 1, amount),)) == [("items.0.amount", expected)]


def test_amounts_at_the_border() -> None:
    assert problems(amount_minor=0) == problems(amount_minor=MAX_AMOUNT_MINOR) == []


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001])
def test_quantities_out_of_range(quantity: int) -> None:
    message = f"is {quantity}; from 1 to 1000000 pieces are allowed"
    assert problems(items=(LineItem("a"), LineItem("b", quantity))) == [("items.1.quantity", message)]


def test_lines_are_bounded() -> None:
    assert problems(items=(LineItem("a"),) * 500) == []
    assert problems(items=(LineItem(""),) * 501) == [("items", "has 501 lines; at most 500 are allowed")]


def test_every_faulty_line_is_named() -> None:
    items = (LineItem("ok"), LineItem("", 0, -1, "$or"), LineItem("s" * 65, category=""))
    expected = ["items.1.sku", "items.1.category", "items.1.quantity", "items.1.amount", "items.2.sku"]
    assert paths(items=items) == [*expected, "items.2.category"]


@pytest.mark.parametrize("name", ["a.b", "$gt", "", "1a", "a b", "ø", "a\x00", "a\n", "a" * 65, "__proto__.x", "-a"])
def test_attribute_names_that_are_none(name: str) -> None:
    message = "is not a name: letters, digits, _ and -, at most 64"
    assert problems(attributes={name: 1}) == [(f"attributes.{name[:64]}", message)]


@pytest.mark.parametrize("name", ["a", "_id", "a-b_c9", "a" * 64])
def test_attribute_names(name: str) -> None:
    assert problems(attributes={name: "x"}) == []


@pytest.mark.parametrize(
    "number",
    [float("nan"), float("inf"), float("-inf"), 2**53 + 1, -(2**53) - 1, 10**18, 10**400, 1e300],
    ids=lambda number: f"{number}"[:9],
)
def test_attribute_numbers_out_of_range(number: float) -> None:
    expected = [("attributes.n", f"must be a number of at most {MAX_ATTRIBUTE_NUMBER}")]
    assert problems(attributes={"n": number}) == expected


@pytest.mark.parametrize("number", [0, -0.0, 2**53, -(2**53), 1e-300, True, False])
def test_attribute_numbers(number: float) -> None:
    assert problems(attributes={"n": number}) == []


@pytest.mark.parametrize("text", ["$where", '{"$gt": ""}', "{$ne: 1}", "x $or y", "a,$in", "'$set'"])
def test_database_operators_in_texts(text: str) -> None:
    expected = [("attributes.t", "must not hold a database operator such as $gt")]
    assert problems(attributes={"t": text}) == expected


@pytest.mark.parametrize("text", ["", "$5 off", "5$", "US$", "a.b.c", "Blåbær & fløde", "😀", "x" * 256, "100 %"])
def test_texts(text: str) -> None:
    assert problems(attributes={"t": text}) == []


@pytest.mark.parametrize("text", ["a\x00", "\x1b[2J", "a\nb", "\x7f", "\x85", "\ud83d"])
def test_control_and_half_characters_in_texts(text: str) -> None:
    assert problems(attributes={"t": text}) == [("attributes.t", "must not hold control characters or half characters")]


def test_attributes_are_bounded() -> None:
    assert problems(attributes={f"a{n}": n for n in range(50)}) == []
    assert problems(attributes={f"a{n}": n for n in range(51)}) == [
        ("attributes", "has 51 entries; at most 50 are allowed")
    ]
    assert paths(attributes={"t": "x" * 257}) == ["attributes.t"]


def test_adjustments() -> None:
    sound = adjustment(NOW, 5)
    assert told(sound) == []
    assert told(replace(sound, points=0)) == [("points", "must not be zero")]
    assert told(replace(sound, points=-MAX_ADJUSTMENT_POINTS)) == []
    assert told(replace(sound, points=10**18)) == [
        ("points", f"is {10**18}; from -1000000000000 to 1000000000000 points are allowed")
    ]
    for reason in (None, "", "  "):
        assert told(replace(sound, reason=reason)) == [("reason", "must say why the points are adjusted")]
    assert [path for path, _ in told(replace(sound, reason="a\x00"))] == ["reason"]


def test_points_and_reasons_belong_to_adjustments() -> None:
    assert paths(points=5) == paths(reason="why") == paths(points=-1, reason="why") == ["points"]


def test_everything_wrong_is_told_at_once() -> None:
    activity = Activity("", "tier.reached", at("1969-01-01"), -1, (LineItem("", 0),), {"a.b": float("nan")}, 3, None)
    assert [path for path, _ in told(activity)] == [
        "key", "kind", "occurredAt", "amount", "items.0.sku", "items.0.quantity", "attributes.a.b", "attributes.a.b",
        "points",
    ]  # fmt: skip


def test_normalised_cuts_to_utc_milliseconds() -> None:
    local = datetime(2024, 5, 1, 14, 0, 0, 123999, tzinfo=timezone(timedelta(hours=2)))
    activity = normalised(replace(SOUND, occurred_at=local))
    assert activity == replace(SOUND, occurred_at=datetime(2024, 5, 1, 12, 0, 0, 123000, tzinfo=UTC))
    assert activity.occurred_at.tzinfo is UTC
    assert normalised(replace(SOUND, amount_minor=0)).amount_minor == 0  # what was paid counts, not what it would cost
    assert normalised(activity) == activity


@pytest.mark.parametrize(
    ("amount", "decimals", "minor"),
    [
        ("19.99", 2, 1999),
        ("19.990000", 2, 1999),
        ("0", 2, 0),
        ("1E+3", 2, 100000),
        ("100", 0, 100),
        ("-0.01", 2, -1),  # a whole number of minor units; that it is negative is told with the activity
        ("1.234", 3, 1234),
        ("1E+12", 0, 10**12),
    ],
)
def test_money_in_minor_units(amount: str, decimals: int, minor: int) -> None:
    assert minor_units("amount", Decimal(amount), decimals) == minor


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("19.999", "has more than 2 decimals"),
        ("0.001", "has more than 2 decimals"),
        ("1E-30", "has more than 2 decimals"),
        ("1000000000001", "is too large; at most 1000000000000 minor units are allowed"),
        ("1E+999999", "is too large; at most 1000000000000 minor units are allowed"),
        ("-1E+999999", "is too large; at most 1000000000000 minor units are allowed"),
        ("NaN", "must be a number"),
        ("sNaN", "must be a number"),
        ("Infinity", "must be a number"),
    ],
)
def test_what_is_no_amount_of_money(amount: str, message: str) -> None:
    assert minor_units("amount", Decimal(amount), 2) == Problem("amount", message)


@given(
    st.text(), st.text(), st.dictionaries(st.text(), st.one_of(st.text(), st.floats(), st.integers(), st.booleans()))
)
def test_whatever_comes_in_is_judged_and_never_raises(key: str, sku: str, attributes: dict[str, Any]) -> None:
    found = problems_of(replace(SOUND, key=key, items=(LineItem(sku),), attributes=attributes), NOW, TOLERANCE)
    assert all(isinstance(problem, Problem) and problem.message for problem in found)
    if not found:
        assert "$" not in key + sku
        assert all(name.isascii() and "." not in name and "$" not in name for name in attributes)


def test_normalised_writes_whole_numbers_in_one_way() -> None:
    attributes = normalised(replace(SOUND, attributes={"n": 1.0, "half": 0.5, "yes": True, "text": "1.0"})).attributes
    assert [(name, value, type(value)) for name, value in attributes.items()] == [
        ("n", 1, int),
        ("half", 0.5, float),
        ("yes", True, bool),
        ("text", "1.0", str),
    ]


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("order-17", "order-17"),
        ("a:b#c/d", "a:b#c/d"),
        ("m1|a:b#c/d", "a:b#c/d"),
        ("m1|order-17.0", "order-17.0"),
        ("m1|#reversal:order-17", "#reversal:order-17"),
        ("#reversal:m1|order-17:9", "#reversal:order-17:9"),
        ("m1|@2026-05-01T00:00:00.1", "@2026-05-01T00:00:00.1"),
    ],
)
def test_a_key_as_it_was_made(key: str, own: str) -> None:
    assert own_key(key) == own
