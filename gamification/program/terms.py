"""Reading the terms of a campaign that do not stand in a program's file: the same checks, and every fault at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from gamification.activity import Problem
from gamification.program.campaigns import Campaign
from gamification.program.consistency import inconsistencies
from gamification.program.definition import Program
from gamification.program.faults import Finding, Location
from gamification.program.wording import findings_of

_WITHIN: Location = ("campaigns", 0)
_TEXTS = ("name", "headline", "description")


def read_terms(data: Mapping[str, Any], program: Program) -> Campaign | tuple[Problem, ...]:
    """The terms that ``data`` gives, as a program's file would; or everything that is wrong with them.

    Texts must be in the languages of ``program``. Each problem has a dotted path into the data.
    """
    written = {"languages": list(program.languages), "campaigns": [dict(data)]}
    unfitting = [_problem(found) for found in inconsistencies(written)]
    try:
        terms = Campaign.model_validate(data)
    except ValidationError as error:
        found = [problem for each in error.errors(include_url=False) for problem in _problems(each)]
        at_fault = {problem.path for problem in found}
        return (*found, *(problem for problem in unfitting if problem.path not in at_fault))
    return tuple(unfitting) or terms


def _problems(error: Any) -> Iterator[Problem]:
    for found in findings_of(error):
        yield _problem(Finding((*_WITHIN, *found.location), found.message))


def _problem(found: Finding) -> Problem:
    location = found.location[len(_WITHIN) :]
    if location and location[0] in _TEXTS:
        location = location[:1]
    return Problem(".".join(str(step) for step in location), found.message)
