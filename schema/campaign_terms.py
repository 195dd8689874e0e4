"""Inputs of campaign terms, and how they become terms: with every problem at its place in the input."""

import re
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry

from gamification.activity import Problem
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.program.terms import read_terms
from gamification.program.texts import ANY_LANGUAGE
from schema.scalars import BigInt

_TEXTS = ("name", "headline", "description")
_WORD_BREAK = re.compile(r"_([a-z])")
_FIELDS = re.compile(
    r"(?<![\w.'])(?:starts_at|ends_at|per_item|member_day|first_members|late_minutes|too_little|low_percent)(?![\w'])"
)
"""Fields that messages name, as files write them. What stands in quotes is the caller's own."""


@strawberry.enum(description="How the points of a multiplier become whole.")
class Rounding(Enum):
    """How the points of a multiplier become whole."""

    FLOOR = strawberry.enum_value("floor", description="Down.")
    CEIL = strawberry.enum_value("ceil", description="Up.")
    HALF_UP = strawberry.enum_value("half_up", description="To the nearest, a half up.")


@strawberry.enum(description="How a campaign goes with others on the same purchase.")
class Stacking(Enum):
    """How a campaign goes with others on the same purchase."""

    STACK = strawberry.enum_value("stack", description="It adds to the others.")
    EXCLUSIVE = strawberry.enum_value("exclusive", description="It counts alone; of several the highest priority.")
    BEST = strawberry.enum_value("best", description="Of several such, only the one that gives a member most counts.")


@strawberry.enum(description="What a bonus gets that finds too little left of a budget.")
class TooLittle(Enum):
    """What a bonus gets that finds too little left of a budget."""

    PARTIAL = strawberry.enum_value("partial", description="What is left.")
    NONE = strawberry.enum_value("none", description="Nothing.")


@strawberry.input(description="A text in one language.")
class TextInput:
    """A text in one language."""

    text: str = strawberry.field(description="The words, up to 2,000 characters.")
    language: str | None = strawberry.field(
        default=None, description="A language of the program; left out, the words serve for all."
    )


@strawberry.input(description="The days and hours in which a campaign is open, in the program's time zone.")
class RecurrenceInput:
    """The days and hours in which a campaign is open."""

    rule: str = strawberry.field(description='Days as a recurrence rule (RFC 5545): "FREQ=WEEKLY;BYDAY=FR,SA".')
    at: str | None = strawberry.field(
        default=None, description='When it opens: "17:00"; without it and `minutes`, for the whole day.'
    )
    minutes: int | None = strawberry.field(default=None, description="For how long, up to 1440; give it with `at`.")


@strawberry.input(description="Points for every piece on some lines of a receipt.")
class PerItemInput:
    """Points for every piece on some lines of a receipt."""

    points: BigInt = strawberry.field(description="The points for a piece.")
    categories: list[str] | None = strawberry.field(default=None, description="The categories that count; else all.")
    items: str | None = strawberry.field(default=None, description="A condition (CEL) on each line.")


@strawberry.input(description="What a campaign adds: give one of `multiplier`, `bonus` and `perItem`.")
class CampaignEffectInput:
    """What a campaign adds."""

    multiplier: Decimal | None = strawberry.field(default=None, description="What the rules' points become: 2 doubles.")
    rounding: Rounding | None = strawberry.field(
        default=None, description="Of a multiplier's points; FLOOR if left out."
    )
    bonus: BigInt | None = strawberry.field(default=None, description="So many points.")
    per_item: PerItemInput | None = strawberry.field(default=None, description="Points for every piece.")


@strawberry.input(description="The most points that a campaign gives out.")
class BudgetInput:
    """The most points that a campaign gives out."""

    points: BigInt = strawberry.field(description="How many.")
    too_little: TooLittle | None = strawberry.field(default=None, description="PARTIAL if left out.")
    low_percent: int | None = strawberry.field(
        default=None, description="When so much or less is left, it is said to run low; 10 if left out."
    )


@strawberry.input(description="The most points that a campaign gives one member.")
class CampaignCapsInput:
    """The most points that a campaign gives one member."""

    member: BigInt | None = strawberry.field(default=None, description="Altogether.")
    member_day: BigInt | None = strawberry.field(default=None, description="On one day of the program's time zone.")


@strawberry.input(description="The terms of a campaign, as in a program's file.")
class CampaignTermsInput:
    """The terms of a campaign."""

    code: str = strawberry.field(description="Unique for ever: small letters, digits, - and _.")
    name: list[TextInput] = strawberry.field(description="What it is called, in every language of the program.")
    headline: list[TextInput] = strawberry.field(description="A line for the phone, in every language.")
    starts_at: datetime = strawberry.field(description="From when on it runs.")
    effect: CampaignEffectInput = strawberry.field(description="What it adds.")
    description: list[TextInput] | None = strawberry.field(default=None, description="More about it.")
    on: list[str] | None = strawberry.field(default=None, description="The kinds of activity; purchase if left out.")
    when: str | None = strawberry.field(default=None, description="A condition (CEL) over activity and member.")
    ends_at: datetime | None = strawberry.field(default=None, description="When it is over; never if left out.")
    recurs: RecurrenceInput | None = strawberry.field(default=None, description="Its hours; all if left out.")
    qualifying: bool | None = strawberry.field(default=None, description="Whether its points count towards tiers.")
    stacking: Stacking | None = strawberry.field(default=None, description="STACK if left out.")
    priority: int | None = strawberry.field(default=None, description="Between exclusive ones; 0 if left out.")
    budget: BudgetInput | None = strawberry.field(default=None, description="No limit if left out.")
    caps: CampaignCapsInput | None = strawberry.field(default=None, description="No limit if left out.")
    first_members: BigInt | None = strawberry.field(default=None, description="Only so many members, the first ones.")
    late_minutes: int | None = strawberry.field(
        default=None, description="How long past its end what happened before may still arrive; 60 if left out."
    )


def to_terms(given: CampaignTermsInput, program: Program) -> Campaign | tuple[Problem, ...]:
    """The terms that an input gives, or everything that is wrong with it, each with its path into the input."""
    data = {name: value for name, value in _written(given).items() if name not in _TEXTS}
    problems: list[Problem] = []
    for name in _TEXTS:
        if (texts := getattr(given, name)) is not None:
            data[name] = _text(name, texts, problems)
    terms = read_terms(data, program)
    found = terms if isinstance(terms, tuple) else ()
    problems += (problem for problem in found if problem.path not in {each.path for each in problems})
    if problems or isinstance(terms, tuple):
        return tuple(
            Problem(f"terms.{_camel(problem.path)}".rstrip("."), _message(problem.message)) for problem in problems
        )
    return terms


def _text(name: str, texts: list[TextInput], problems: list[Problem]) -> dict[str, str]:
    languages = [text.language or ANY_LANGUAGE for text in texts]
    if not texts:
        problems.append(Problem(name, "must not be empty"))
    if len(set(languages)) < len(languages):
        problems.append(Problem(name, "has two texts in one language"))
    return {language: text.text for language, text in zip(languages, texts, strict=True)}


def _written(given: Any) -> Any:
    """What an input says, without what it leaves out."""
    if is_dataclass(given):
        held = {field.name: getattr(given, field.name) for field in fields(given)}
        return {name: _written(value) for name, value in held.items() if value is not None}
    if isinstance(given, Enum):
        return given.value
    return given


def _camel(path: str) -> str:
    return _WORD_BREAK.sub(lambda found: found[1].upper(), path)


def _message(text: str) -> str:
    """A message in the words of the API: its fields, and nothing of how files are written."""
    return (
        _FIELDS.sub(lambda found: _camel(found[0]), text).replace(" in quotes,", ",").removesuffix("; put it in quotes")
    )
