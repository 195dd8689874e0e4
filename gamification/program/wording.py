"""What pydantic found wrong with a program, in words for the person who wrote it."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gamification.program.base import MAX_CODE_CHARS, Definition
from gamification.program.definition import Program
from gamification.program.faults import Finding, Location, shown

KEY = "[key]"
"""What pydantic puts at the end of a location when a mapping's key is at fault."""

_TIME = "must be a time with its zone, such as 2026-05-01T00:00:00Z"
_NUMBER = "must be a number"
_WORDS = {
    "missing": "is required",
    "model_type": "must be a group of fields, each on its own line as 'name: value'",
    "tuple_type": "must be a list",
    "dict_type": "must be text, or one text per language (en: ..., da: ...)",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long; at most {max_length} characters are allowed",
    "too_short": "must not be empty",
    "too_long": "has {actual_length} entries; at most {max_length} are allowed",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_max_digits": "has too many digits; at most {max_digits} are allowed",
    "decimal_max_places": "has too many decimals; at most {decimal_places} are allowed",
    "decimal_whole_digits": "is too large; at most {whole_digits} digits before the point are allowed",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "timezone_aware": _TIME,
}
_CODE = f"must be a code: small letters, digits, - and _, at most {MAX_CODE_CHARS}, and begins with a letter or digit"
_KIND = "must be a kind of activity: small letters, digits, _ . and -, at most 64, and begins with a letter"
_LANGUAGE = "must be a language tag such as en, da or pt-BR"
_FORMS = {
    "attributes": "must be the name of an attribute: letters, digits, - and _, at most 64, and begins with a letter",
    "on": _KIND,
    "languages": _LANGUAGE,
    "currency": "must be a currency code of three capital letters, such as USD",
    "icon_url": "must be an address that begins with https:// or /, without blanks, at most 500 characters",
}
_OWN = frozenset({"clock_time", "recurrence", "expression", "instant", "time_zone", "window", "day", "places"})
_CHOICE = re.compile(r"'([^']*)'")


def findings_of(error: ErrorDetails) -> Iterator[Finding]:
    """One of pydantic's errors as what to tell the author; an expression may have several faults."""
    location, kind = error["loc"], error["type"]
    on_key = location[-1:] == (KEY,)
    if on_key:
        yield Finding(location[:-1], f"'{shown(location[-2])}' is not a language tag such as en or da", on_key=True)
    elif kind == "extra_forbidden":
        name = str(location[-1])
        yield Finding(location, f"unknown field '{shown(name)}'", name, fields_at(location[:-1]), on_key=True)
    elif kind == "literal_error":
        written = str(error["input"])
        choices = _CHOICE.findall(error.get("ctx", {})["expected"])
        yield Finding(location, f"'{shown(written)}' is not one of the choices", written, choices)
    elif kind == "misfit":
        for message, at in error["ctx"]["found"]:
            yield Finding((*location, *at), message)
    elif kind == "expression" and "ctx" in error:
        for message, line, column in error["ctx"]["faults"]:
            yield Finding(location, message, offset=(line, column))
    else:
        yield Finding(location, _words(error))


def fields_at(location: Location) -> tuple[str, ...]:
    """The names of the fields that the part of a program at a location may have."""
    part: type[BaseModel] | None = Program
    for step in location:
        if part is not None and isinstance(step, str):
            part = _part_within(part.model_fields[step].annotation) if step in part.model_fields else None
    return tuple(part.model_fields) if part else ()


def _part_within(annotation: Any) -> type[BaseModel] | None:
    """The definition that a field holds: by itself, optional, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Definition):
        return annotation
    return next((part for inner in get_args(annotation) if (part := _part_within(inner))), None)


def _words(error: ErrorDetails) -> str:
    kind, value = error["type"], error["input"]
    if kind.endswith("_type") and value is None:
        return "has no value"
    if kind == "string_type":
        return "must be text" if isinstance(value, list | dict) else "must be text; put it in quotes"
    if kind == "int_type" and isinstance(value, str) and value.isdecimal():
        return "must be a whole number, without quotes"
    if kind == "string_pattern_mismatch":
        names = [step for step in error["loc"] if isinstance(step, str)]
        return _FORMS.get(names[-1], _CODE)
    if kind.startswith("datetime"):
        return _TIME
    if words := _WORDS.get(kind):
        return words.format_map(error.get("ctx", {}))
    # Our own validators' messages are meant for the author; pydantic's other ones are not.
    return str(error.get("ctx", {}).get("message") or error["msg"]) if kind in _OWN else "does not fit here"
