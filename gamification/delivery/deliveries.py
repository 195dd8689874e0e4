"""Deliveries: one notice on its way to one device, from the first decision about it to being opened."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gamification.delivery.devices import Platform
from gamification.notices.notice import NoticeKind
from gamification.values import value

State = Literal["waiting", "queued", "sent", "failed", "dropped", "opened"]
"""``waiting`` for quiet hours to end or the best time, ``queued`` for the provider, and then what became of it.

``dropped`` was not to be sent any more, ``failed`` could not be.
"""


@value(frozen=True, slots=True)
class Delivery:
    """Where a delivery stands. ``reason`` says why it waits, failed or was dropped, or why the last attempt did not do.

    ``due_at`` is when it is looked at again, and ``ended_at`` when that was over. ``dead`` says that it was given up
    after as many attempts as are made, and can be queued again.
    """

    delivery_id: str
    notice_id: str
    device_id: str
    member_id: str
    kind: NoticeKind
    platform: Platform
    state: State
    created_at: datetime
    reason: str = ""
    attempts: int = 0
    due_at: datetime | None = None
    ended_at: datetime | None = None
    opened_at: datetime | None = None
    dead: bool = False


@value(frozen=True, slots=True)
class DeliveryCounts:
    """How many deliveries came to which end on some days, and how many have not yet.

    ``ended`` has them by state, platform and reason (empty where there is none).
    """

    waiting: int
    queued: int
    dead: int
    ended: Mapping[tuple[State, Platform, str], int]
