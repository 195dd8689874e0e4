"""Reading webhooks: the endpoints, and what each was sent, in pages, the latest first."""

from typing import cast

import strawberry

from gamification.webhooks.endpoints import DeliveryState
from schema.connections import (
    Connection,
    decode_cursor,
    encode_cursor,
    page_info_of,
    page_size,
    stale_cursor,
)
from schema.context import Context
from schema.deliveries import check_days
from schema.ids import local_id, number_in
from schema.types.webhook import (
    ENDPOINT_ID,
    WebhookCounts,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
    show_counts,
    show_delivery,
    show_endpoint,
)


@strawberry.type(description="What an endpoint was sent and is to be sent, the latest notice first.")
class WebhookDeliveries(Connection[WebhookDelivery]):
    """What an endpoint was sent and is to be sent."""


async def webhook_endpoints(context: Context) -> list[WebhookEndpoint]:
    """All endpoints, in the order in which they were made."""
    return [show_endpoint(each) for each in await context.game.webhooks.endpoints.all()]


async def webhook_counts(context: Context, days: int) -> list[WebhookCounts]:
    """How deliveries to each endpoint stand.

    Raises:
        CallerError: more days than are kept, or none.
    """
    check_days(days)
    webhooks = context.game.webhooks
    endpoints = await webhooks.endpoints.all()
    counts = await webhooks.counts.of_endpoints([each.endpoint_id for each in endpoints], days, context.game.now())
    return [show_counts(each, counts[each.endpoint_id]) for each in endpoints]


async def webhook_deliveries(
    context: Context,
    endpoint: strawberry.ID,
    state: WebhookDeliveryState | None,
    first: int | None,
    after: str | None,
) -> WebhookDeliveries:
    """A page of the deliveries of an endpoint; empty where there is no such endpoint.

    Raises:
        CallerError: a page too large, or a cursor of something else.
    """
    size, endpoint_id = page_size(first), local_id(ENDPOINT_ID, endpoint) or ""
    wanted = cast("DeliveryState", state.value) if state else None
    listed = f"webhookDeliveries:{endpoint_id}:{wanted or ''}"
    before = None
    if after is not None:
        before = number_in(decode_cursor(listed, after))
        if before is None:
            raise stale_cursor()
    found = await context.game.webhooks.deliveries.of_endpoint(endpoint_id, wanted, before, size + 1)
    page = found[:size]

    def cursor_at(at: int) -> str:
        return encode_cursor(listed, str(page[at].position))

    info = page_info_of(len(page), cursor_at, has_next=len(found) > size, after=after)
    return WebhookDeliveries(cursor_at=cursor_at, nodes=[show_delivery(each) for each in page], page_info=info)
