"""Endpoints: addresses of other systems that are sent what members are told, and what was sent to them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from gamification.notices.notice import NoticeKind
from gamification.values import value

MAX_ENDPOINTS = 32
MAX_NAME_CHARS = 100
MAX_OVERLAP_HOURS = 168
"""How long the secret before may count beside a new one: a week."""
OVERLAP_HOURS = 24

DeliveryState = Literal["queued", "sent", "failed"]
"""``queued`` until it was taken, ``sent`` when it was, ``failed`` when it was given up."""
Disabling = Literal["by_staff", "gone", "failing"]
"""Why an endpoint gets nothing: somebody said so, it answered 410, or it has failed for days."""


@value(frozen=True, slots=True)
class Secrets:
    """What signs what an endpoint gets: the secret, and the one before it as long as that counts."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None

    def active(self, now: datetime) -> tuple[str, ...]:
        """Those that count, the current one first."""
        if self.previous is None or self.previous_until is None or self.previous_until <= now:
            return (self.current,)
        return (self.current, self.previous)


@value(frozen=True, slots=True)
class Endpoint:
    """An address that follows the feed.

    ``kinds`` are those it is sent, empty for all. All notices up to ``position`` have become deliveries, or are of
    other kinds. ``disabled`` says why it gets nothing, None where it does. It is left alone until ``paused_until``, as
    it asked for that. ``failing_since`` is when it first failed after it last took something; None where it has not.
    """

    endpoint_id: str
    slot: int
    name: str
    url: str = field(repr=False)
    secrets: Secrets = field(repr=False)
    kinds: tuple[NoticeKind, ...]
    position: int
    created_at: datetime
    disabled: Disabling | None = None
    disabled_at: datetime | None = None
    paused_until: datetime | None = None
    failing_since: datetime | None = None


@value(frozen=True, slots=True)
class WebhookDelivery:
    """One notice for one endpoint.

    ``status`` is that of the last answer, None where there was none; ``reason`` says what was wrong with it, empty for
    nothing. ``due_at`` is when it is tried next, None when it has ended.
    """

    delivery_id: str
    endpoint_id: str
    notice_id: str
    member_id: str
    kind: NoticeKind
    position: int
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    status: int | None = None
    reason: str = ""
    ended_at: datetime | None = None


@value(frozen=True, slots=True)
class EndpointCounts:
    """How many deliveries to an endpoint have not ended, when the first of those was made, and how many ended how.

    ``ended`` has them by state and reason (empty where there is none).
    """

    queued: int
    queued_since: datetime | None
    ended: Mapping[tuple[DeliveryState, str], int]


@value(frozen=True, slots=True)
class EndpointChange:
    """What is to be changed of an endpoint; None leaves it as it is."""

    name: str | None = None
    url: str | None = field(default=None, repr=False)
    kinds: tuple[NoticeKind, ...] | None = None
    enabled: bool | None = None


@value(frozen=True, slots=True)
class TooManyEndpoints:
    """There are `MAX_ENDPOINTS` already."""


@value(frozen=True, slots=True)
class UnsuitableUrl:
    """An address that nothing is sent to; ``problem`` says why, for whoever gave it."""

    problem: str
