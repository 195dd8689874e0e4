"""Between campaigns and MongoDB's documents. What goes in comes out the same."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, RootModel

from app.stores.connection import Document
from gamification.campaigning import CampaignEvent, CampaignState
from gamification.expressions import Expression
from gamification.program.campaigns import Campaign

_PLAIN_FIELDS = (
    *("version", "origin", "status", "created_at", "created_by", "changed_at", "revision", "filed_version"),
    *("started_at", "is_open", "is_low", "is_full", "last_step", "ended_by", "ended_at"),
)


def terms_document(terms: Campaign) -> Document:
    """Terms as JSON that validates to them again; expressions are their source. Defaults are written out too.

    Equal terms have equal documents, which cannot be said of the terms themselves: compiled expressions never are.
    """
    document: Document = _plain(terms)
    if terms.effect.multiplier is None:
        del document["effect"]["rounding"]  # The terms allow it only where there is something to round.
    if terms.effect.per_item is not None and not terms.effect.per_item.categories:
        del document["effect"]["per_item"]["categories"]  # They are left out rather than empty.
    return document


def read_terms(document: Document) -> Campaign:
    """The terms of a document, with their expressions compiled.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return Campaign.model_validate(document)


def terms_id(code: str, version: int) -> str:
    """The id of a version of terms. Codes hold no colon."""
    return f"{code}:{version}"


def state_document(state: CampaignState) -> Document:
    """A campaign's state without its terms, which lie apart by version."""
    return {
        "_id": state.code,
        **{name: getattr(state, name) for name in _PLAIN_FIELDS},
        "offered_until": state.offered_until,
    }


def read_state(document: Document, terms: Campaign) -> CampaignState:
    """The state that a document holds of the campaign with these terms."""
    return CampaignState(terms=terms, **{name: document[name] for name in _PLAIN_FIELDS})


def event_document(event: CampaignEvent) -> Document:
    """An event as it lies in the collection."""
    return {
        "_id": event.number,
        "campaign": event.campaign,
        "kind": event.kind,
        "at": event.at,
        "by": event.by,
        "details": dict(event.details),
    }


def read_event(document: Document) -> CampaignEvent:
    """The event that a document holds."""
    kept = {name: document[name] for name in ("campaign", "kind", "at", "by", "details")}
    return CampaignEvent(number=document["_id"], **kept)


def _plain(value: Any) -> Any:
    match value:
        case RootModel():
            return _plain(value.root)
        case BaseModel():
            fields = ((name, getattr(value, name)) for name in type(value).model_fields)
            return {name: _plain(held) for name, held in fields if held is not None}
        case Expression():
            return value.source
        case tuple() | list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(held) for name, held in value.items()}
        case datetime():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="minutes")
        case Decimal():
            return str(value)
    return value
