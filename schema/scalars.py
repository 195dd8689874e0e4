"""Scalars that GraphQL lacks: whole numbers beyond 32 bits, exact decimals, instants, and attribute maps."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import orjson
import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from gamification.activity import to_milliseconds

MAX_NUMBER_CHARS = 400
"""Characters of a number that is read at all; what it may be is then the field's own rule."""
MAX_TIME_CHARS = 40

_BITS_PER_DIGIT = 4
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
# NaN and Infinity are numbers here, so that the field can say where they stand.
_DECIMAL = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|s?NaN|Infinity)")

BigInt = NewType("BigInt", int)
Attributes = NewType("Attributes", dict[str, Any])


def _parse_big_int(value: object) -> int:
    # JSON has one type of number: readers hand a whole one of more than 64 bits over as a float.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise GraphQLError("BigInt must be a whole number.")
    text = _number_text("BigInt", value)
    if not _WHOLE_NUMBER.fullmatch(text):
        raise GraphQLError("BigInt must be a whole number.")
    return int(text)


def _parse_big_int_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> int:
    if not isinstance(node, IntValueNode | StringValueNode):
        raise GraphQLError("BigInt must be a whole number.", node)
    return _parse_big_int(node.value)


def _parse_decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise GraphQLError("Decimal must be a number, or a text that holds one.")
    if isinstance(value, float):
        # str() of a JSON number is the shortest decimal that means it, so 29.33 stays 29.33.
        return Decimal(str(value))
    text = _number_text("Decimal", value)
    if not _DECIMAL.fullmatch(text):
        raise GraphQLError("Decimal must be a number, or a text that holds one.")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise GraphQLError("Decimal has an exponent that is too long.") from None


def _parse_decimal_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> Decimal:
    if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        raise GraphQLError("Decimal must be a number, or a text that holds one.", node)
    return _parse_decimal(node.value)


def _number_text(scalar: str, value: int | str) -> str:
    # Bits come first: Python refuses to write out a whole number of some thousand digits.
    too_long = isinstance(value, int) and value.bit_length() > MAX_NUMBER_CHARS * _BITS_PER_DIGIT
    if too_long or len(text := str(value)) > MAX_NUMBER_CHARS:
        raise GraphQLError(f"{scalar} is too long; at most {MAX_NUMBER_CHARS} characters are read.")
    return text


def _parse_datetime(value: object) -> datetime:
    if not isinstance(value, str) or len(value) > MAX_TIME_CHARS:
        raise GraphQLError("DateTime must be a text such as 2026-05-01T12:00:00Z.")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError("DateTime must be a text such as 2026-05-01T12:00:00Z.") from None


def _format_datetime(at: datetime) -> str:
    if at.tzinfo is UTC:
        # A list of badges is half made of instants, and orjson writes one five times as fast as isoformat does.
        written = orjson.dumps(at)
        return f"{written[1:24].decode()}Z" if at.microsecond else f"{written[1:20].decode()}.000Z"
    return to_milliseconds(at).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parse_attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GraphQLError("Attributes must be an object of names and values.")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number, up to 2^53 in answers so that every JSON reader keeps it exactly.",
        serialize=int,
        parse_value=_parse_big_int,
        parse_literal=_parse_big_int_literal,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number: a text such as "29.33" in answers, a text or a number in inputs.',
        serialize=str,
        parse_value=_parse_decimal,
        parse_literal=_parse_decimal_literal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant (ISO 8601), in UTC with milliseconds in answers.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_format_datetime,
        parse_value=_parse_datetime,
    ),
    Attributes: strawberry.scalar(
        name="Attributes",
        description="An object of names and plain values: texts, numbers, true and false.",
        serialize=dict,
        parse_value=_parse_attributes,
    ),
}
"""How Strawberry is to read and write these Python types."""
