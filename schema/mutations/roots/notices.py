"""How members are told, and what they have seen of it."""

import strawberry

from schema.context import Info
from schema.mutations.devices import (
    MarkOpenedInput,
    MarkOpenedResult,
    RegisterDeviceInput,
    RegisterDeviceResult,
    RemoveDeviceInput,
    RemoveDeviceResult,
    mark_opened,
    register_device,
    remove_device,
)
from schema.mutations.notification_preferences import (
    SetNotificationPreferencesInput,
    SetNotificationPreferencesResult,
    set_notification_preferences,
)
from schema.mutations.read_notices import (
    MarkAllReadInput,
    MarkAllReadResult,
    MarkReadInput,
    MarkReadResult,
    mark_all_read,
    mark_read,
)
from schema.permissions import permission_for


@strawberry.type
class Notices:
    """How members are told, and what they have seen of it."""

    @strawberry.mutation(
        extensions=[permission_for("registerDevice")],
        description="Let a device be the member's from now on; nobody else is told on it any more.",
    )
    async def register_device(self, info: Info, input: RegisterDeviceInput) -> RegisterDeviceResult:  # noqa: A002
        """Let a device be the member's from now on; nobody else is told on it any more."""
        return await register_device(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeDevice")],
        description="Be told on a device no longer.",
    )
    async def remove_device(self, info: Info, input: RemoveDeviceInput) -> RemoveDeviceResult:  # noqa: A002
        """Be told on a device no longer."""
        return await remove_device(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("setNotificationPreferences")],
        description="Choose what to be told, on which channel, and when.",
    )
    async def set_notification_preferences(
        self,
        info: Info,
        input: SetNotificationPreferencesInput,  # noqa: A002
    ) -> SetNotificationPreferencesResult:
        """Choose what to be told, on which channel, and when."""
        return await set_notification_preferences(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("markRead")], description="Note that the member who asks has read notices."
    )
    async def mark_read(self, info: Info, input: MarkReadInput) -> MarkReadResult:  # noqa: A002
        """Note that the member who asks has read notices."""
        return await mark_read(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("markAllRead")],
        description="Note that the member who asks has read all notices, up to one.",
    )
    async def mark_all_read(self, info: Info, input: MarkAllReadInput) -> MarkAllReadResult:  # noqa: A002
        """Note that the member who asks has read all notices, up to one."""
        return await mark_all_read(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("markOpened")],
        description="Note that notices were opened from a push.",
    )
    async def mark_opened(self, info: Info, input: MarkOpenedInput) -> MarkOpenedResult:  # noqa: A002
        """Note that notices were opened from a push."""
        return await mark_opened(info.context, input)
