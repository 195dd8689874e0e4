"""What telling members on their devices needs of stores, as protocols. The process implements them over MongoDB.

Each method raises `gamification.stores.StoreUnavailable` where the store did not answer in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gamification.activity import Problem
from gamification.delivery.deliveries import Delivery, DeliveryCounts
from gamification.delivery.devices import RegisteredDevice, Registration
from gamification.delivery.preferences import Changes, Preferences


class Devices(Protocol):
    """The devices of members, each of one member at a time. Nobody is ever told a token."""

    async def register(
        self, member_id: str, registration: Registration, now: datetime
    ) -> RegisteredDevice | tuple[Problem, ...]:
        """Let a device be this member's, whoever had it before, who is told nothing on it from now on.

        Of a member who would have more than `MAX_DEVICES`, the device is forgotten that was registered longest ago.
        """

    async def remove(self, member_id: str, device_id: str, now: datetime) -> bool:
        """Forget a device of a member; False where they have none with this id."""

    async def of_member(self, member_id: str) -> Sequence[RegisteredDevice]:
        """A member's devices, the one that was registered last first."""


class NotificationPreferences(Protocol):
    """What members chose of how they are told."""

    async def of_member(self, member_id: str, absorbed: Sequence[str] = ()) -> Preferences:
        """What a member chose, else in the accounts ``absorbed`` into theirs; nothing, where nothing is known."""

    async def change(self, member_id: str, changes: Changes, absorbed: Sequence[str] = ()) -> Preferences:
        """Set what is named and nothing else; what they have chosen then, as `of_member` has it."""


class Deliveries(Protocol):
    """Notices on their way to devices."""

    async def reconsider(self, member_id: str, now: datetime) -> None:
        """Have it decided anew when a member is told what waits: they are elsewhere, or want it another way."""

    async def mark_opened(self, member_id: str, notice_ids: Sequence[str], now: datetime) -> int:
        """Note that a member opened these, where they were sent and that is not noted yet; for how many it was new."""

    async def of_notice(self, notice_id: str, after: str, limit: int) -> Sequence[Delivery]:
        """Up to ``limit`` deliveries of a notice in the order of their ids, beyond the id ``after``."""

    async def dead(self, before: tuple[datetime, str] | None, limit: int) -> Sequence[Delivery]:
        """Up to ``limit`` that were given up, the latest first, beyond one by its ``ended_at`` and id."""

    async def requeue(self, delivery_ids: Sequence[str], now: datetime) -> Sequence[str]:
        """Queue those of these once more that were given up; which of them that were."""

    async def counts(self, days: int, now: datetime) -> DeliveryCounts:
        """How many ended how on the last ``days`` days in UTC, today included, and how many have not yet."""


@dataclass(frozen=True, slots=True)
class Telling:
    """The stores of what tells members on their devices."""

    devices: Devices
    preferences: NotificationPreferences
    deliveries: Deliveries
