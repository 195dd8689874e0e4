"""Scalars: numbers as variables and as literals, exact, and cheap however long they are."""

from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, parse_value

from schema.scalars import SCALARS, BigInt

DECIMAL: Any = SCALARS[Decimal]
BIG_INT: Any = SCALARS[BigInt]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (29.33, "29.33"),
        (5, "5"),
        ("29.330", "29.330"),
        ("-0.01", "-0.01"),
        ("1e3", "1E+3"),
        ("1.5E-2", "0.015"),
        ("Infinity", "Infinity"),
        ("-NaN", "-NaN"),
        (1e400, "Infinity"),
        ("9" * 400, "9" * 400),
    ],
)
def test_decimals(given: object, meant: str) -> None:
    assert str(DECIMAL.parse_value(given)) == meant


@pytest.mark.parametrize(
    ("literal", "meant"),
    [
        ("29.33", "29.33"),
        ('"29.330"', "29.330"),
        ("-5", "-5"),
        ("0.100000000000000000001", "0.100000000000000000001"),
    ],
)
def test_literals_of_decimals_are_exact(literal: str, meant: str) -> None:
    assert str(DECIMAL.parse_literal(parse_value(literal))) == meant


@pytest.mark.parametrize("literal", ["true", "null", "[1]", "{a: 1}", "ONE", '"+5"'])
def test_literals_that_are_no_decimals(literal: str) -> None:
    with pytest.raises(GraphQLError, match=r"^Decimal must be a number, or a text that holds one\."):
        DECIMAL.parse_literal(parse_value(literal))


@pytest.mark.parametrize(("scalar", "name"), [(DECIMAL, "Decimal"), (BIG_INT, "BigInt")])
@pytest.mark.parametrize("digits", [401, 5_000, 1_000_000])
def test_numbers_too_long_to_be_read(scalar: Any, name: str, digits: int) -> None:
    message = f"^{name} is too long; at most 400 characters are read"
    for given in ("9" * digits, 1 << (4 * digits)):
        with pytest.raises(GraphQLError, match=message):
            scalar.parse_value(given)
    with pytest.raises(GraphQLError, match=message):
        scalar.parse_literal(parse_value("9" * digits))


@pytest.mark.parametrize(
    ("given", "meant"), [(5, 5), ("-5", -5), (5.0, 5), (1e20, 10**20), ("9" * 400, int("9" * 400))]
)
def test_whole_numbers(given: object, meant: int) -> None:
    assert BIG_INT.parse_value(given) == meant


@pytest.mark.parametrize("given", [1.5, float("inf"), float("nan"), True, None, "1e3", "1.0"])
def test_what_is_no_whole_number(given: object) -> None:
    with pytest.raises(GraphQLError, match=r"^BigInt must be a whole number\."):
        BIG_INT.parse_value(given)
