"""registerDevice, removeDevice and markOpened: each for the member who asks."""

from typing import Annotated, Any, TypeAlias

import strawberry

from gamification.activity import Problem, to_milliseconds
from gamification.delivery.devices import Registration
from schema.context import Context
from schema.ids import local_id
from schema.measure import MAX_PAGE_SIZE
from schema.permissions import check_subject
from schema.principals import MemberPrincipal
from schema.types.device import DEVICE_ID, Device, PushPlatform, devices_of, show_device
from schema.types.errors import InvalidInput, MemberNotFound, invalid, not_found
from schema.types.notice import NOTICE_ID


@strawberry.input(description="The keys of a browser's push subscription, as `getKey` of the subscription gives them.")
class WebPushKeysInput:
    """The keys of a browser's push subscription."""

    p256dh: str = strawberry.field(description="Base64url.")
    auth: str = strawberry.field(description="Base64url.")


@strawberry.input(description="A device to be told on.")
class RegisterDeviceInput:
    """A device to be told on."""

    platform: PushPlatform = strawberry.field(description="Who brings pushes to it.")
    token: str = strawberry.field(
        description="The registration token (FCM), the device token in hexadecimal (APNs), or the subscription's "
        "endpoint (web)."
    )
    keys: WebPushKeysInput | None = strawberry.field(default=None, description="For the web, and nothing else.")
    language: str | None = strawberry.field(
        default=None, description="The language of its pushes, such as da; else the member's."
    )
    time_zone: str | None = strawberry.field(
        default=None,
        description="Where it is now: an IANA time zone such as Europe/Copenhagen. Quiet hours go by the device that "
        "was registered last.",
    )


@strawberry.input(description="A device to be forgotten.")
class RemoveDeviceInput:
    """A device to be forgotten."""

    id: strawberry.ID = strawberry.field(description="The device's id.")


@strawberry.input(description="Notices that were opened from a push.")
class MarkOpenedInput:
    """Notices that were opened from a push."""

    ids: list[strawberry.ID] = strawberry.field(description="Up to 100 ids, as pushes bring them in their data.")


@strawberry.type(description="The device is the member's, and nobody else's.")
class RegisterDeviceSuccess:
    """The device is the member's."""

    device: Device = strawberry.field(description="The device.")


@strawberry.type(description="The device is forgotten; also where it was not known.")
class RemoveDeviceSuccess:
    """The device is forgotten."""

    devices: list[Device] = strawberry.field(description="Those that are left, the one registered last first.")


@strawberry.type(description="It is noted; also where it was noted before.")
class MarkOpenedSuccess:
    """It is noted."""

    opened_count: int = strawberry.field(description="For how many deliveries it is new.")


RegisterDeviceResult: TypeAlias = Annotated[
    RegisterDeviceSuccess | InvalidInput | MemberNotFound,
    strawberry.union("RegisterDeviceResult", description="The device, or why it was not registered."),
]
RemoveDeviceResult: TypeAlias = Annotated[
    RemoveDeviceSuccess | InvalidInput,
    strawberry.union("RemoveDeviceResult", description="The devices that are left, or what is wrong with the id."),
]
MarkOpenedResult: TypeAlias = Annotated[
    MarkOpenedSuccess | InvalidInput,
    strawberry.union("MarkOpenedResult", description="What was noted, or what is wrong with the ids."),
]


async def register_device(context: Context, given: RegisterDeviceInput) -> RegisterDeviceResult:
    """Let a device be the caller's from now on, whoever had it."""
    member_id = await caller_of(context, "registerDevice")
    if await context.members.load(member_id) is None:
        return not_found()
    keys = given.keys
    platform: Any = given.platform.value
    registration = Registration(
        platform,
        given.token,
        keys.p256dh if keys else None,
        keys.auth if keys else None,
        given.language,
        given.time_zone,
    )
    now = to_milliseconds(context.game.now())
    registered = await context.game.telling.devices.register(member_id, registration, now)
    if isinstance(registered, tuple):
        return invalid(*registered)
    return RegisterDeviceSuccess(device=show_device(registered))


async def remove_device(context: Context, given: RemoveDeviceInput) -> RemoveDeviceResult:
    """Forget a device of the caller's."""
    member_id = await caller_of(context, "removeDevice")
    device_id = local_id(DEVICE_ID, given.id)
    if device_id is None:
        return invalid(Problem("id", "is not the id of a device"))
    await context.game.telling.devices.remove(member_id, device_id, to_milliseconds(context.game.now()))
    return RemoveDeviceSuccess(devices=await devices_of(context, member_id))


async def mark_opened(context: Context, given: MarkOpenedInput) -> MarkOpenedResult:
    """Note that the caller opened these; what is not theirs changes nothing."""
    member_id = await caller_of(context, "markOpened")
    if not 0 < len(given.ids) <= MAX_PAGE_SIZE:
        return invalid(Problem("ids", f"must be from 1 to {MAX_PAGE_SIZE}"))
    ids = [local_id(NOTICE_ID, each) for each in given.ids]
    if problems := [Problem(f"ids.{place}", "is not the id of a notice") for place, one in enumerate(ids) if not one]:
        return invalid(*problems)
    now = to_milliseconds(context.game.now())
    opened = await context.game.telling.deliveries.mark_opened(member_id, [one for one in ids if one], now)
    return MarkOpenedSuccess(opened_count=opened)


async def caller_of(context: Context, root_field: str) -> str:
    """The id of the member who asks.

    Raises:
        CallerError: somebody else asks.
    """
    await context.follow_merge()
    caller = context.principal
    member_id = caller.member_id if isinstance(caller, MemberPrincipal) else ""
    check_subject(root_field, caller, member_id)
    return member_id
