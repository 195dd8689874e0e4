"""What staff and operators send, and where to."""

import strawberry

from schema.context import Info
from schema.mutations.broadcasts import (
    BroadcastInput,
    BroadcastResult,
    SendMessageInput,
    SendMessageResult,
    pause_broadcast,
    resume_broadcast,
    send_message,
)
from schema.mutations.requeue_deliveries import RequeueDeliveriesInput, RequeueDeliveriesResult, requeue_deliveries
from schema.mutations.webhooks import (
    CreateWebhookEndpointInput,
    CreateWebhookEndpointResult,
    RedeliverWebhookInput,
    RedeliverWebhookResult,
    RemoveWebhookEndpointInput,
    RemoveWebhookEndpointResult,
    RotateWebhookSecretInput,
    RotateWebhookSecretResult,
    UpdateWebhookEndpointInput,
    UpdateWebhookEndpointResult,
    create_webhook_endpoint,
    redeliver_webhook,
    remove_webhook_endpoint,
    rotate_webhook_secret,
    update_webhook_endpoint,
)
from schema.permissions import permission_for


@strawberry.type
class Sending:
    """What staff and operators send, and where to."""

    @strawberry.mutation(
        extensions=[permission_for("sendMessage")],
        description="Tell many members something, a few hundred at a time. `broadcasts` shows how far it is.",
    )
    async def send_message(self, info: Info, input: SendMessageInput) -> SendMessageResult:  # noqa: A002
        """Tell many members something."""
        return await send_message(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("pauseBroadcast")],
        description="Tell nobody until it is resumed. Who was told before stays told.",
    )
    async def pause_broadcast(self, info: Info, input: BroadcastInput) -> BroadcastResult:  # noqa: A002
        """Tell nobody until it is resumed."""
        return await pause_broadcast(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("resumeBroadcast")], description="Let a paused broadcast go on where it was."
    )
    async def resume_broadcast(self, info: Info, input: BroadcastInput) -> BroadcastResult:  # noqa: A002
        """Let a paused broadcast go on."""
        return await resume_broadcast(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("requeueDeliveries")],
        description="Have deliveries tried once more that were given up.",
    )
    async def requeue_deliveries(self, info: Info, input: RequeueDeliveriesInput) -> RequeueDeliveriesResult:  # noqa: A002
        """Have deliveries tried once more that were given up."""
        return await requeue_deliveries(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("createWebhookEndpoint")],
        description="Let another system be sent what members are told, as docs/webhooks.md says.",
    )
    async def create_webhook_endpoint(
        self,
        info: Info,
        input: CreateWebhookEndpointInput,  # noqa: A002
    ) -> CreateWebhookEndpointResult:
        """Let another system be sent what members are told, as docs/webhooks.md says."""
        return await create_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("updateWebhookEndpoint")],
        description="Change an endpoint of webhooks, or let it be sent nothing, or something again.",
    )
    async def update_webhook_endpoint(
        self,
        info: Info,
        input: UpdateWebhookEndpointInput,  # noqa: A002
    ) -> UpdateWebhookEndpointResult:
        """Change an endpoint of webhooks, or let it be sent nothing, or something again."""
        return await update_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("rotateWebhookSecret")],
        description="Give an endpoint of webhooks a new secret; the old one signs too for a while.",
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        input: RotateWebhookSecretInput,  # noqa: A002
    ) -> RotateWebhookSecretResult:
        """Give an endpoint of webhooks a new secret; the old one signs too for a while."""
        return await rotate_webhook_secret(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeWebhookEndpoint")],
        description="Remove an endpoint of webhooks for good. What it was still to be sent is sent to nobody.",
    )
    async def remove_webhook_endpoint(
        self,
        info: Info,
        input: RemoveWebhookEndpointInput,  # noqa: A002
    ) -> RemoveWebhookEndpointResult:
        """Remove an endpoint of webhooks for good. What it was still to be sent is sent to nobody."""
        return await remove_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("redeliverWebhook")],
        description="Send to an endpoint of webhooks once more what it was sent, or did not take.",
    )
    async def redeliver_webhook(
        self,
        info: Info,
        input: RedeliverWebhookInput,  # noqa: A002
    ) -> RedeliverWebhookResult:
        """Send to an endpoint of webhooks once more what it was sent, or did not take."""
        return await redeliver_webhook(info.context, input)
