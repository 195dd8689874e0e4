"""What every part of a program definition shares: strictness, codes, kinds, instants, windows and rewards."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from gamification.windows import Window

MAX_CODE_CHARS = 48
MAX_POINTS = 10**9
MAX_TARGET = 10**9
MAX_KINDS = 20
MAX_GRACE_DAYS = 366
"""The longest grace after points have expired, and before a tier is lost."""

_DATE_FIRST = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Definition(BaseModel):
    """A part of a program: immutable, and an unknown field in it is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def misfit(message: str, *at: str | int) -> PydanticCustomError:
    """A fault between fields that are each sound; ``at`` leads from the part to the value to look at."""
    return misfits([(message, at)])


def misfits(found: Sequence[tuple[str, tuple[str | int, ...]]]) -> PydanticCustomError:
    """Several such faults of one part, each with the way to the value to look at."""
    message = "; ".join(message for message, _ in found)
    return PydanticCustomError("misfit", "{message}", {"message": message, "found": tuple(found)})


def _dated(value: object) -> object:
    # pydantic takes a bare number for seconds since 1970, so 20260501 would become a day in that year's summer.
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_FIRST.match(value)):
        return value
    raise PydanticCustomError("instant", "must be a time with its zone, such as 2026-05-01T00:00:00Z")


def _window(value: object) -> Window:
    try:
        return value if isinstance(value, Window) else Window.parse(str(value))
    except ValueError as error:
        raise PydanticCustomError("window", "{message}", {"message": str(error)}) from None


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _in_utc(at: datetime) -> datetime:
    # Instants of one and the same zone are compared without asking that for its offset.
    return at.astimezone(UTC)


Code = Annotated[str, StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{MAX_CODE_CHARS - 1}}}$")]
"""The name of a rule, tier, challenge or badge within its program; it stays once members hold it."""
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_one_or_many), Field(min_length=1, max_length=MAX_KINDS)]
Points = Annotated[int, Field(strict=True, ge=0, le=MAX_POINTS)]
Target = Annotated[int, Field(strict=True, ge=1, le=MAX_TARGET)]
Instant = Annotated[AwareDatetime, BeforeValidator(_dated), AfterValidator(_in_utc)]
WindowField = Annotated[Window, PlainValidator(_window)]


class Reward(Definition):
    """What a challenge, a badge level or a tier gives: points, a badge, or both.

    Reward points count towards the tiers only where ``qualifying`` says so.
    """

    points: Points = 0
    badge: Code | None = None
    qualifying: bool = False
