"""Declarations of notices for tests: every kind in the plainest words."""

from typing import Any

from gamification.notices.notice import Notice
from gamification.program.notices import Notices

_NEEDED: dict[str, dict[str, Any]] = {
    "points_expiring": {"lead_days": [30, 7]},
    "tier_at_risk": {"lead_days": [14]},
    "campaign_ending": {"lead_hours": [24]},
    "redemption_ready": {"on": "redemption.ready", "attributes": ["reward", "shelf"]},
}


def notices(*kinds: str, **more: dict[str, Any]) -> dict[str, Any]:
    """These kinds, declared with a title and a body and what each needs; ``more`` by kind is added."""
    texts = {"title": "Title", "body": "Body"}
    return {kind: {**texts, **_NEEDED.get(kind, {}), **more.get(kind, {})} for kind in (*kinds, *more)}


def everything(**more: dict[str, Any]) -> dict[str, Any]:
    """Every kind that has texts."""
    return notices(*(kind for kind in Notices.model_fields if kind != "message"), **more)


def told(notice: Notice) -> str:
    """A notice in short: its kind and values."""
    return " ".join([notice.kind, *(f"{name}={value}" for name, value in notice.values.items())])
