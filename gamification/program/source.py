"""Reading a program from its file: the program, or every fault in it with line and column."""

from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gamification.program.consistency import inconsistencies
from gamification.program.definition import Program
from gamification.program.document import Document
from gamification.program.faults import MAX_FAULTS, Finding, Location, ProgramFaults, closest
from gamification.program.wording import fields_at, findings_of

_ABSENT = object()
_STAND_INS: dict[str, Any] = {
    "code": "stand-in",
    "name": "stand-in",
    "title": "stand-in",
    "on": "stand-in",
    "window": "calendar day",
    "categories": ["stand-in"],
    "points": 1,
    "formula": "1",
    "when": "true",
    "items": "true",
    "condition": "true",
    "headline": "stand-in",
    "multiplier": 2,
    "bonus": 1,
    "per_item": {"points": 1},
} | dict.fromkeys(
    (
        *("description", "unit", "icon_url", "rarity", "secret", "benefits", "reward", "requires"),
        *("qualifying", "rounding", "caps", "cooldown_minutes", "by"),
        *("recurs", "stacking", "priority", "budget", "first_members", "late_minutes"),
    ),
    _ABSENT,
)
"""Sound values for fields whose value is of no account to how a part's fields fit together."""


def read_program(source: str | bytes) -> Program:
    """The program that a YAML file defines.

    Raises:
        ProgramFaults: it defines none; with every fault, in the order of the file.
    """
    document = Document(source)
    program, errors = _validated(document.data)
    structural = [
        found
        for error in _causes(errors)
        for found in findings_of(error)
        if not _lies_within(found.location, document.refused)
    ]
    at_fault = {found.location for found in structural} | document.refused
    fitting = (*_misfits(document.data, errors), *inconsistencies(document.data))
    findings = (
        *document.findings,
        *structural,
        *(found for found in fitting if not _lies_within(found.location, at_fault)),
    )
    if program is None or findings:
        raise ProgramFaults(document.faults(findings))
    return program


def _validated(data: Any) -> tuple[Program | None, list[ErrorDetails]]:
    try:
        return Program.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _causes(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors, without those that only follow: a field missing as it is misspelt, a list empty of sound entries."""
    unknown = [error for error in errors if error["type"] == "extra_forbidden"][:MAX_FAULTS]
    meant = {(*error["loc"][:-1], _meant(error["loc"])) for error in unknown}
    for error in errors:
        misspelt = error["type"] == "missing" and error["loc"] in meant
        emptied = error["type"] == "too_short" and error["input"]
        if not misspelt and not emptied:
            yield error


def _meant(location: Location) -> str | None:
    """The field that was probably meant by an unknown one."""
    return closest(str(location[-1]), fields_at(location[:-1]))


def _lies_within(location: Location, others: Collection[Location]) -> bool:
    return any(location[:length] in others for length in range(len(location) + 1))


def _misfits(data: Any, errors: list[ErrorDetails]) -> Iterator[Finding]:
    """Faults between fields that could not be looked for because of a fault within another field."""
    if not errors:
        return
    mended = deepcopy(data)
    for error in errors[:MAX_FAULTS]:
        _mend(mended, error)
    _, remaining = _validated(mended)
    for error in remaining:
        if error["type"] == "misfit":
            yield from findings_of(error)


def _mend(data: Any, error: ErrorDetails) -> None:
    """Let a misspelt field have its name, and put a sound value in place of a wrong one where that changes nothing."""
    location = error["loc"]
    if error["type"] == "extra_forbidden":
        part = _part(data, location[:-1])
        value, meant = part.pop(location[-1], None), _meant(location)
        if meant and meant not in part:
            part[meant] = value
        return
    place = next((place for place, step in enumerate(location) if step in _STAND_INS), None)
    if place is not None:
        part, stand_in = _part(data, location[:place]), _STAND_INS[str(location[place])]
        part.pop(location[place], None)
        if stand_in is not _ABSENT:
            part[location[place]] = stand_in


def _part(data: Any, location: Location) -> dict[Any, Any]:
    """The group of fields at a location; one that nothing depends on where there is none."""
    for step in location:
        if isinstance(data, dict):
            data = data.get(step)
        else:
            data = data[step] if isinstance(data, list) and isinstance(step, int) else None
    return data if isinstance(data, dict) else {}
