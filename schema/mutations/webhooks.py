"""createWebhookEndpoint and what else staff and services do about webhooks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias, cast

import strawberry

from gamification.activity import Problem, text_problems, to_milliseconds
from gamification.notices.notice import NoticeKind as Kind
from gamification.webhooks.endpoints import (
    MAX_NAME_CHARS,
    MAX_OVERLAP_HOURS,
    OVERLAP_HOURS,
    EndpointChange,
    TooManyEndpoints,
    UnsuitableUrl,
)
from schema.context import Context
from schema.ids import local_id
from schema.types.errors import InvalidInput, invalid
from schema.types.notice import NoticeKind
from schema.types.webhook import (
    DELIVERY_ID,
    ENDPOINT_ID,
    TooManyWebhookEndpoints,
    WebhookDeliveryNotFound,
    WebhookEndpoint,
    WebhookEndpointNotFound,
    WebhookUrlForbidden,
    forbidden_url,
    no_such_delivery,
    no_such_endpoint,
    show_endpoint,
    too_many_endpoints,
)


@strawberry.input(description="A new endpoint. It is sent what comes into the feed from now on.")
class CreateWebhookEndpointInput:
    """A new endpoint."""

    name: str = strawberry.field(description="What staff call it, up to 100 characters.")
    url: str = strawberry.field(description="An https address on the public internet.")
    kinds: list[NoticeKind] = strawberry.field(
        default_factory=list, description="What it is to be sent; all kinds if left out or empty."
    )


@strawberry.input(description="What is to change of an endpoint; what is left out stays.")
class UpdateWebhookEndpointInput:
    """What is to change of an endpoint."""

    id: strawberry.ID = strawberry.field(description="The endpoint's id.")
    name: str | None = strawberry.field(default=None, description="What staff call it, up to 100 characters.")
    url: str | None = strawberry.field(default=None, description="An https address on the public internet.")
    kinds: list[NoticeKind] | None = strawberry.field(
        default=None, description="What it is to be sent of what comes from now on; empty for all kinds."
    )
    enabled: bool | None = strawberry.field(
        default=None, description="Whether it is sent anything. One that is enabled goes on where it was."
    )


@strawberry.input(description="An endpoint that is to have a new secret.")
class RotateWebhookSecretInput:
    """An endpoint that is to have a new secret."""

    id: strawberry.ID = strawberry.field(description="The endpoint's id.")
    overlap_hours: int = strawberry.field(
        default=OVERLAP_HOURS,
        description="For how long the secret that it has signs beside the new one, up to 168; 0 for not at all.",
    )


@strawberry.input(description="An endpoint that is to be removed.")
class RemoveWebhookEndpointInput:
    """An endpoint that is to be removed."""

    id: strawberry.ID = strawberry.field(description="The endpoint's id.")


@strawberry.input(description="What is to be sent once more: one delivery, or all of an endpoint that were given up.")
class RedeliverWebhookInput:
    """What is to be sent once more."""

    delivery_id: strawberry.ID | None = strawberry.field(default=None, description="One delivery that has ended.")
    endpoint_id: strawberry.ID | None = strawberry.field(
        default=None, description="The endpoint, with `failedSince`, whose deliveries were given up."
    )
    failed_since: datetime | None = strawberry.field(
        default=None, description="All that were given up since then, up to a thousand at a time."
    )


@strawberry.type(description="The endpoint has a new secret.")
class WebhookSecretSuccess:
    """The endpoint has a new secret."""

    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint as it is now.")
    secret: str = strawberry.field(description="What its messages are signed with. It is told this once only.")


@strawberry.type(description="It is done.")
class WebhookEndpointSuccess:
    """It is done."""

    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint as it is now.")


@strawberry.type(description="The endpoint is removed.")
class RemoveWebhookEndpointSuccess:
    """The endpoint is removed."""

    id: strawberry.ID = strawberry.field(description="The id it had.")


@strawberry.type(description="They are queued.")
class RedeliverWebhookSuccess:
    """They are queued."""

    queued_count: int = strawberry.field(description="How many are sent once more; 0 where they were queued already.")


CreateWebhookEndpointResult: TypeAlias = Annotated[
    WebhookSecretSuccess | InvalidInput | WebhookUrlForbidden | TooManyWebhookEndpoints,
    strawberry.union("CreateWebhookEndpointResult", description="The new endpoint, or why there is none."),
]
UpdateWebhookEndpointResult: TypeAlias = Annotated[
    WebhookEndpointSuccess | WebhookEndpointNotFound | InvalidInput | WebhookUrlForbidden,
    strawberry.union("UpdateWebhookEndpointResult", description="The endpoint as it is now, or why nothing changed."),
]
RotateWebhookSecretResult: TypeAlias = Annotated[
    WebhookSecretSuccess | WebhookEndpointNotFound | InvalidInput,
    strawberry.union("RotateWebhookSecretResult", description="The new secret, or why there is none."),
]
RemoveWebhookEndpointResult: TypeAlias = Annotated[
    RemoveWebhookEndpointSuccess | WebhookEndpointNotFound,
    strawberry.union("RemoveWebhookEndpointResult", description="The id of what was removed, or why nothing was."),
]
RedeliverWebhookResult: TypeAlias = Annotated[
    RedeliverWebhookSuccess | WebhookDeliveryNotFound | WebhookEndpointNotFound | InvalidInput,
    strawberry.union("RedeliverWebhookResult", description="How many are sent once more, or why none is."),
]


async def create_webhook_endpoint(context: Context, given: CreateWebhookEndpointInput) -> CreateWebhookEndpointResult:
    """Make an endpoint."""
    problems = [*_name_problems(given.name)]
    if problems:
        return invalid(*problems)
    made = await context.game.webhooks.endpoints.create(
        given.name, given.url, _kinds(given.kinds), await context.game.stores.notices.last(), _now(context)
    )
    match made:
        case UnsuitableUrl():
            return forbidden_url(made)
        case TooManyEndpoints():
            return too_many_endpoints()
    return WebhookSecretSuccess(endpoint=show_endpoint(made), secret=made.secrets.current)


async def update_webhook_endpoint(context: Context, given: UpdateWebhookEndpointInput) -> UpdateWebhookEndpointResult:
    """Change an endpoint."""
    problems = [*_name_problems(given.name)] if given.name is not None else []
    if problems:
        return invalid(*problems)
    kinds = None if given.kinds is None else _kinds(given.kinds)
    change = EndpointChange(name=given.name, url=given.url, kinds=kinds, enabled=given.enabled)
    changed = await context.game.webhooks.endpoints.change(_endpoint_id(given.id), change, _now(context))
    if changed is None:
        return no_such_endpoint()
    if isinstance(changed, UnsuitableUrl):
        return forbidden_url(changed)
    return WebhookEndpointSuccess(endpoint=show_endpoint(changed))


async def rotate_webhook_secret(context: Context, given: RotateWebhookSecretInput) -> RotateWebhookSecretResult:
    """Give an endpoint a new secret."""
    if not 0 <= given.overlap_hours <= MAX_OVERLAP_HOURS:
        return invalid(Problem("overlapHours", f"must be from 0 to {MAX_OVERLAP_HOURS}"))
    overlap = timedelta(hours=given.overlap_hours)
    rotated = await context.game.webhooks.endpoints.rotate(_endpoint_id(given.id), overlap, _now(context))
    if rotated is None:
        return no_such_endpoint()
    return WebhookSecretSuccess(endpoint=show_endpoint(rotated), secret=rotated.secrets.current)


async def remove_webhook_endpoint(context: Context, given: RemoveWebhookEndpointInput) -> RemoveWebhookEndpointResult:
    """Remove an endpoint."""
    removed = await context.game.webhooks.endpoints.remove(_endpoint_id(given.id))
    return RemoveWebhookEndpointSuccess(id=given.id) if removed else no_such_endpoint()


async def redeliver_webhook(context: Context, given: RedeliverWebhookInput) -> RedeliverWebhookResult:
    """Send one delivery once more, or all of an endpoint that were given up."""
    deliveries, now = context.game.webhooks.deliveries, _now(context)
    if given.delivery_id is not None and given.endpoint_id is None and given.failed_since is None:
        delivery_id = local_id(DELIVERY_ID, given.delivery_id) or ""
        delivery = await deliveries.get(delivery_id)
        if delivery is None:
            return no_such_delivery()
        if await context.game.webhooks.endpoints.get(delivery.endpoint_id) is None:
            return no_such_endpoint()
        return RedeliverWebhookSuccess(queued_count=int(await deliveries.redeliver(delivery_id, now)))
    if given.delivery_id is None and given.endpoint_id is not None and given.failed_since is not None:
        endpoint_id = _endpoint_id(given.endpoint_id)
        if await context.game.webhooks.endpoints.get(endpoint_id) is None:
            return no_such_endpoint()
        return RedeliverWebhookSuccess(
            queued_count=await deliveries.redeliver_failed(endpoint_id, given.failed_since, now)
        )
    return invalid(Problem("deliveryId", "must be given alone, or else endpointId together with failedSince"))


def _name_problems(name: str) -> Iterator[Problem]:
    if not name.strip():
        yield Problem("name", "must not be empty")
    yield from text_problems("name", name, MAX_NAME_CHARS)


def _kinds(given: list[NoticeKind]) -> tuple[Kind, ...]:
    return tuple(dict.fromkeys(cast("Kind", kind.value) for kind in given))


def _endpoint_id(given: strawberry.ID) -> str:
    return local_id(ENDPOINT_ID, given) or ""


def _now(context: Context) -> datetime:
    return to_milliseconds(context.game.now())
