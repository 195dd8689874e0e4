"""What the API needs of webhooks, as protocols. The process implements them over MongoDB.

Each method raises `gamification.stores.StoreUnavailable` where the store did not answer in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gamification.notices.notice import NoticeKind
from gamification.webhooks.endpoints import (
    DeliveryState,
    Endpoint,
    EndpointChange,
    EndpointCounts,
    TooManyEndpoints,
    UnsuitableUrl,
    WebhookDelivery,
)


class Endpoints(Protocol):
    """The endpoints that there are."""

    async def create(
        self, name: str, url: str, kinds: Sequence[NoticeKind], position: int, now: datetime
    ) -> Endpoint | TooManyEndpoints | UnsuitableUrl:
        """An endpoint that gets what comes after a place of the feed."""

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id."""

    async def all(self) -> Sequence[Endpoint]:
        """All endpoints, in the order in which they were made."""

    async def change(self, endpoint_id: str, change: EndpointChange, now: datetime) -> Endpoint | UnsuitableUrl | None:
        """Change what is named; None where there is no such endpoint. One that is enabled begins without a past."""

    async def rotate(self, endpoint_id: str, overlap: timedelta, now: datetime) -> Endpoint | None:
        """Give it a new secret; the one it had counts beside that for a while. None where there is no such endpoint."""

    async def remove(self, endpoint_id: str) -> bool:
        """Forget an endpoint; False where there is none."""


class WebhookDeliveries(Protocol):
    """What endpoints were sent, and are to be."""

    async def of_endpoint(
        self, endpoint_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Up to ``limit`` of an endpoint before a position of the feed, the latest first."""

    async def get(self, delivery_id: str) -> WebhookDelivery | None:
        """The delivery of this id."""

    async def redeliver(self, delivery_id: str, now: datetime) -> bool:
        """Queue one once more that has ended, with all its attempts before it; False where there is none."""

    async def redeliver_failed(self, endpoint_id: str, since: datetime, now: datetime) -> int:
        """Queue those once more that were given up since then, a thousand at most; how many they were."""


class WebhookCounts(Protocol):
    """How deliveries to endpoints stand."""

    async def of_endpoints(self, endpoint_ids: Sequence[str], days: int, now: datetime) -> Mapping[str, EndpointCounts]:
        """Of each of these: how many ended how on the last ``days`` days in UTC, today included, and how many wait."""


@dataclass(frozen=True, slots=True)
class WebhookStores:
    """The stores of webhooks."""

    endpoints: Endpoints
    deliveries: WebhookDeliveries
    counts: WebhookCounts
