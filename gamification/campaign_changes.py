"""What a change of a campaign's terms comes to, in words for the audit trail."""

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from types import MappingProxyType

from pydantic import BaseModel, RootModel

from gamification.expressions import Expression
from gamification.program.campaigns import Budget, Campaign

Details = Mapping[str, str | int | None]
NO_DETAILS: Details = MappingProxyType({})

MAX_DETAIL_CHARS = 1_000
"""Of a longer value, the audit trail keeps the beginning."""


def differences(before: Campaign, after: Campaign) -> Details:
    """Every part of the terms that is another, before and after; None where there was or is nothing."""
    found: dict[str, str | int | None] = {}
    for was, is_now in zip(_parts(before), _parts(after), strict=True):
        name, old, new = was[0], _told(was[1]), _told(is_now[1])
        if old != new:
            found |= {f"{name}_before": _cut(old), f"{name}_after": _cut(new)}
    return found


def _parts(terms: Campaign) -> Iterator[tuple[str, object]]:
    """Each part by its name; a budget by its own parts, its points under its name."""
    for name in Campaign.model_fields:
        if name != "budget":
            yield name, getattr(terms, name)
            continue
        for part in Budget.model_fields:
            yield "budget" if part == "points" else part, getattr(terms.budget, part, None)


def _told(value: object) -> str | int | None:
    match value:
        case None | int():
            return str(value).lower() if isinstance(value, bool) else value
        case RootModel():
            return _told(value.root)
        case BaseModel():
            return _listed({name: getattr(value, name) for name in type(value).model_fields})
        case Mapping():
            return _listed(value)
        case tuple():
            return ", ".join(str(_told(each)) for each in value) or None
        case Expression():
            return value.source
        case datetime():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="minutes")
    return str(value)


def _listed(parts: Mapping[str, object]) -> str | None:
    told = {name: _told(part) for name, part in parts.items()}
    return "; ".join(f"{name}: {part}" for name, part in told.items() if part is not None) or None


def _cut(value: str | int | None) -> str | int | None:
    return f"{value[:MAX_DETAIL_CHARS]}..." if isinstance(value, str) and len(value) > MAX_DETAIL_CHARS else value
