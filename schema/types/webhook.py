"""Endpoints of webhooks, what they were sent, and errors about them that a client is expected to handle."""

from datetime import datetime
from enum import Enum

import strawberry

from gamification.webhooks import endpoints
from schema.ids import to_global_id
from schema.scalars import BigInt
from schema.types.errors import Error
from schema.types.notice import NOTICE_ID, NoticeKind

ENDPOINT_ID = "WebhookEndpoint"
DELIVERY_ID = "WebhookDelivery"


@strawberry.enum(description="Why an endpoint gets nothing.")
class WebhookDisabling(Enum):
    """Why an endpoint gets nothing."""

    BY_STAFF = strawberry.enum_value("by_staff", description="Somebody said so.")
    GONE = strawberry.enum_value("gone", description="It answered 410.")
    FAILING = strawberry.enum_value("failing", description="It has taken nothing for three days.")


@strawberry.enum(description="Where a delivery stands.")
class WebhookDeliveryState(Enum):
    """Where a delivery stands."""

    QUEUED = strawberry.enum_value("queued", description="It is to be sent, or to be tried again.")
    SENT = strawberry.enum_value("sent", description="The endpoint took it.")
    FAILED = strawberry.enum_value("failed", description="It was given up after the last attempt.")


@strawberry.type(description="An address of another system that is sent what members are told, as it happens.")
class WebhookEndpoint:
    """An address of another system that is sent what members are told."""

    id: strawberry.ID = strawberry.field(description="Its global id.")
    name: str = strawberry.field(description="What staff call it.")
    url: str = strawberry.field(description="Where it is sent.")
    kinds: list[NoticeKind] = strawberry.field(description="What it is sent; empty for all kinds.")
    enabled: bool = strawberry.field(description="Whether it is sent anything.")
    disabled_because: WebhookDisabling | None = strawberry.field(description="Why it gets nothing; null where it does.")
    disabled_at: datetime | None = strawberry.field(description="Since when it gets nothing; null where it does.")
    paused_until: datetime | None = strawberry.field(description="Until when it asked to be left alone, if it did.")
    failing_since: datetime | None = strawberry.field(
        description="When it failed first since it last took something; null where it has not."
    )
    previous_secret_until: datetime | None = strawberry.field(
        description="Until when the secret before its own signs too; null where it had none."
    )
    created_at: datetime = strawberry.field(description="When it was made.")


@strawberry.type(description="One notice for one endpoint. It is kept for 30 days.")
class WebhookDelivery:
    """One notice for one endpoint."""

    id: strawberry.ID = strawberry.field(description="Its global id.")
    notice_id: strawberry.ID = strawberry.field(description="The notice's id, which is the `webhook-id` too.")
    kind: NoticeKind = strawberry.field(description="What the notice tells of.")
    state: WebhookDeliveryState = strawberry.field(description="Where it stands.")
    attempts: int = strawberry.field(description="How often it was tried, since it was last queued.")
    status: int | None = strawberry.field(description="The status of the last answer; null for no answer.")
    reason: str | None = strawberry.field(
        description='What went wrong at last, such as "timeout" or "status_500"; null for nothing.'
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    due_at: datetime | None = strawberry.field(description="When it is tried next; null for never.")
    ended_at: datetime | None = strawberry.field(description="When it was taken or given up; null for not yet.")


@strawberry.type(description="How many deliveries to an endpoint came to an end in one way.")
class EndedWebhookDeliveries:
    """How many deliveries to an endpoint came to an end in one way."""

    state: WebhookDeliveryState = strawberry.field(description="How they ended: sent or failed.")
    reason: str = strawberry.field(description='Why, such as "status_500"; empty where they were taken.')
    count: BigInt = strawberry.field(description="How many.")


@strawberry.type(description="How deliveries to one endpoint stand.")
class WebhookCounts:
    """How deliveries to one endpoint stand."""

    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint, also where it is disabled.")
    queued: int = strawberry.field(description="How many are to be sent or tried again; counted up to 10,000.")
    queued_since: datetime | None = strawberry.field(
        description="When the first of those was made, in the order of the feed; null where there is none."
    )
    ended: list[EndedWebhookDeliveries] = strawberry.field(
        description="How many came to an end on these days, by how. A worker that is killed loses up to a second of "
        "them."
    )


@strawberry.type(
    description="There is no endpoint with this id; nothing changed. Its `code` is WEBHOOK_ENDPOINT_NOT_FOUND."
)
class WebhookEndpointNotFound(Error):
    """There is no endpoint with this id; nothing changed."""


@strawberry.type(
    description="There is no delivery with this id; nothing changed. Its `code` is WEBHOOK_DELIVERY_NOT_FOUND."
)
class WebhookDeliveryNotFound(Error):
    """There is no delivery with this id; nothing changed."""


@strawberry.type(
    description="Nothing is sent to such an address: it is not https, or not on the public internet; nothing changed. "
    "Its `code` is WEBHOOK_URL_FORBIDDEN."
)
class WebhookUrlForbidden(Error):
    """Nothing is sent to such an address; nothing changed."""


@strawberry.type(
    description="There are as many endpoints as there may be; nothing changed. Its `code` is "
    "TOO_MANY_WEBHOOK_ENDPOINTS."
)
class TooManyWebhookEndpoints(Error):
    """There are as many endpoints as there may be; nothing changed."""

    maximum: int = strawberry.field(description="How many there may be.")


def show_endpoint(endpoint: endpoints.Endpoint) -> WebhookEndpoint:
    """An endpoint without its secrets."""
    return WebhookEndpoint(
        id=to_global_id(ENDPOINT_ID, endpoint.endpoint_id),
        name=endpoint.name,
        url=endpoint.url,
        kinds=[NoticeKind(kind) for kind in endpoint.kinds],
        enabled=endpoint.disabled is None,
        disabled_because=WebhookDisabling(endpoint.disabled) if endpoint.disabled else None,
        disabled_at=endpoint.disabled_at,
        paused_until=endpoint.paused_until,
        failing_since=endpoint.failing_since,
        previous_secret_until=endpoint.secrets.previous_until,
        created_at=endpoint.created_at,
    )


def show_counts(endpoint: endpoints.Endpoint, counts: endpoints.EndpointCounts) -> WebhookCounts:
    """How deliveries to an endpoint stand."""
    ended = [
        EndedWebhookDeliveries(state=WebhookDeliveryState(state), reason=reason, count=BigInt(count))
        for (state, reason), count in sorted(counts.ended.items())
    ]
    return WebhookCounts(
        endpoint=show_endpoint(endpoint), queued=counts.queued, queued_since=counts.queued_since, ended=ended
    )


def show_delivery(delivery: endpoints.WebhookDelivery) -> WebhookDelivery:
    """A delivery without what it says."""
    return WebhookDelivery(
        id=to_global_id(DELIVERY_ID, delivery.delivery_id),
        notice_id=to_global_id(NOTICE_ID, delivery.notice_id),
        kind=NoticeKind(delivery.kind),
        state=WebhookDeliveryState(delivery.state),
        attempts=delivery.attempts,
        status=delivery.status,
        reason=delivery.reason or None,
        created_at=delivery.created_at,
        due_at=delivery.due_at,
        ended_at=delivery.ended_at,
    )


def no_such_endpoint() -> WebhookEndpointNotFound:
    """The error for an id that is no endpoint's."""
    return WebhookEndpointNotFound(code="WEBHOOK_ENDPOINT_NOT_FOUND", message="There is no such endpoint.")


def no_such_delivery() -> WebhookDeliveryNotFound:
    """The error for an id that is no delivery's."""
    return WebhookDeliveryNotFound(code="WEBHOOK_DELIVERY_NOT_FOUND", message="There is no such delivery.")


def forbidden_url(refused: endpoints.UnsuitableUrl) -> WebhookUrlForbidden:
    """The error for an address that nothing is sent to."""
    return WebhookUrlForbidden(code="WEBHOOK_URL_FORBIDDEN", message=f"url {refused.problem}.")


def too_many_endpoints() -> TooManyWebhookEndpoints:
    """The error for one endpoint more than there may be."""
    message = f"There are {endpoints.MAX_ENDPOINTS} endpoints already; remove one first."
    return TooManyWebhookEndpoints(code="TOO_MANY_WEBHOOK_ENDPOINTS", message=message, maximum=endpoints.MAX_ENDPOINTS)
