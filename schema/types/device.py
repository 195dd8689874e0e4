"""Devices that a member is told on, and how they want to be told."""

from datetime import datetime, time
from enum import Enum
from typing import Any

import strawberry

from gamification.delivery.devices import RegisteredDevice
from gamification.delivery.hours import QuietHours as Hours
from gamification.delivery.preferences import Channel, Preferences
from gamification.member import Member
from gamification.program.delivery import Delivery
from schema.context import Context, Reading
from schema.ids import to_global_id
from schema.permissions import check_own
from schema.types.notice import NoticeKind

DEVICE_ID = "Device"


@strawberry.enum(description="Who brings pushes to a device.")
class PushPlatform(Enum):
    """Who brings pushes to a device."""

    FCM = strawberry.enum_value("fcm", description="Firebase Cloud Messaging, on Android and elsewhere.")
    APNS = strawberry.enum_value("apns", description="Apple's push service.")
    WEB = strawberry.enum_value("web", description="The push service of a browser (Web Push).")


@strawberry.enum(description="A way on which notices reach a member.")
class NotificationChannel(Enum):
    """A way on which notices reach a member."""

    PUSH = strawberry.enum_value("push", description="Devices, while the app is closed.")
    INBOX = strawberry.enum_value("inbox", description="The inbox in the app.")


@strawberry.type(description="A device that a member is told on. What its provider knows it by is told to nobody.")
class Device:
    """A device that a member is told on."""

    id: strawberry.ID = strawberry.field(description="Names the device; it says nothing of its token.")
    platform: PushPlatform = strawberry.field(description="Who brings pushes to it.")
    language: str | None = strawberry.field(
        description="The language of its pushes; null for the member's or the program's."
    )
    time_zone: str | None = strawberry.field(description="Where it was when it was registered; null if it did not say.")
    registered_at: datetime = strawberry.field(description="When it was registered last.")


@strawberry.type(description="Hours in which no push is made, by the clock where the member is.")
class QuietHours:
    """Hours in which no push is made."""

    begins: str = strawberry.field(name="from", description="The first minute, such as 22:00.")
    ends: str = strawberry.field(name="to", description="The minute in which they are over; over midnight if earlier.")


@strawberry.type(description="Whether notices of a kind reach the member.")
class NotificationSetting:
    """Whether notices of a kind reach the member."""

    kind: NoticeKind = strawberry.field(description="Of which kind.")
    push: bool = strawberry.field(description="On devices.")
    inbox: bool = strawberry.field(description="In the inbox.")


@strawberry.type(description="How a member is told: what they chose, and else what the program says.")
class NotificationPreferences:
    """How a member is told."""

    push: bool = strawberry.field(description="Whether anything reaches devices: the main switch.")
    inbox: bool = strawberry.field(description="Whether anything reaches the inbox: the main switch.")
    kinds: list[NotificationSetting] = strawberry.field(
        description="Every kind, by what would reach the member if the main switches were on."
    )
    quiet_hours: QuietHours | None = strawberry.field(description="Hours in which no push is made; null for none.")
    best_time: str | None = strawberry.field(
        description="The time of day that the member likes best, such as 18:30, for what can wait; null without one."
    )


async def devices_of(context: Context, member_id: str) -> list[Device]:
    """A member's devices, the one that was registered last first; for that member alone."""
    check_own("devices", context.principal, member_id)
    return [show_device(device) for device in await context.game.telling.devices.of_member(member_id)]


async def preferences_of(context: Context, member: Member, reading: Reading) -> NotificationPreferences:
    """How a member is told; for that member alone."""
    check_own("notificationPreferences", context.principal, member.member_id)
    preferences = await context.game.telling.preferences.of_member(member.member_id, member.state.absorbed)
    return show_preferences(preferences, reading.program.delivery)


def show_device(device: RegisteredDevice) -> Device:
    """A device, without its token."""
    return Device(
        id=to_global_id(DEVICE_ID, device.device_id),
        platform=PushPlatform(device.platform),
        language=device.language,
        time_zone=device.time_zone,
        registered_at=device.registered_at,
    )


def show_preferences(preferences: Preferences, delivery: Delivery) -> NotificationPreferences:
    """What a member chose, and what the program says where they chose nothing."""

    def wanted(shown: NoticeKind, channel: Channel) -> bool:
        kind: Any = shown.value
        return preferences.choices.get((channel, kind), getattr(delivery.kind(kind), channel))

    quiet = preferences.quiet_hours(delivery)
    return NotificationPreferences(
        push=preferences.choices.get(("push", None), True),
        inbox=preferences.choices.get(("inbox", None), True),
        kinds=[
            NotificationSetting(kind=kind, push=wanted(kind, "push"), inbox=wanted(kind, "inbox"))
            for kind in NoticeKind
        ],
        quiet_hours=_quiet(quiet) if quiet else None,
        best_time=_shown(preferences.best_time) if preferences.best_time else None,
    )


def _quiet(quiet: Hours) -> QuietHours:
    return QuietHours(begins=_shown(quiet.begins), ends=_shown(quiet.ends))


def _shown(at: time) -> str:
    return at.strftime("%H:%M")
