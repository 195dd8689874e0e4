"""Deliveries: one notice on its way to one device, for staff."""

from datetime import datetime
from enum import Enum

import strawberry

from gamification.delivery import deliveries
from schema.ids import to_global_id
from schema.scalars import BigInt
from schema.types.device import DEVICE_ID, PushPlatform
from schema.types.notice import NOTICE_ID, NoticeKind, NoticeMember

DELIVERY_ID = "Delivery"
_MEMBER_ID = "Member"


@strawberry.enum(description="Where a delivery stands.")
class DeliveryState(Enum):
    """Where a delivery stands."""

    WAITING = strawberry.enum_value("waiting", description="For quiet hours to end, or for the member's best time.")
    QUEUED = strawberry.enum_value("queued", description="For its provider; also between two attempts.")
    SENT = strawberry.enum_value("sent", description="Its provider took it.")
    FAILED = strawberry.enum_value("failed", description="It could not be sent.")
    DROPPED = strawberry.enum_value("dropped", description="It was not to be sent, or not any more.")
    OPENED = strawberry.enum_value("opened", description="The member opened it.")


@strawberry.type(description="One notice on its way to one device.")
class Delivery:
    """One notice on its way to one device."""

    id: strawberry.ID = strawberry.field(description="Names the delivery.")
    notice_id: strawberry.ID = strawberry.field(description="The notice's global id.")
    kind: NoticeKind = strawberry.field(description="What the notice tells of.")
    member: NoticeMember = strawberry.field(description="Whom it is for.")
    device_id: strawberry.ID = strawberry.field(description="The device's id, also where it is forgotten.")
    platform: PushPlatform = strawberry.field(description="Who brings it.")
    state: DeliveryState = strawberry.field(description="Where it stands.")
    reason: str = strawberry.field(
        description="A short code: why it waits, failed or was dropped, or why its last attempt did not do; else empty."
    )
    attempts: int = strawberry.field(description="How often its provider was asked.")
    created_at: datetime = strawberry.field(description="When it was decided about first.")
    due_at: datetime | None = strawberry.field(description="When it is looked at again; null where it is over.")
    ended_at: datetime | None = strawberry.field(description="When it was over; null where it is not.")
    opened_at: datetime | None = strawberry.field(description="When the member opened it; null where they have not.")
    dead: bool = strawberry.field(description="Whether it was given up after all attempts, and can be queued again.")


@strawberry.type(description="How many deliveries came to an end in one way.")
class EndedDeliveries:
    """How many deliveries came to an end in one way."""

    state: DeliveryState = strawberry.field(description="How they ended. An opened one was counted as sent before.")
    platform: PushPlatform = strawberry.field(description="Who brings them.")
    reason: str = strawberry.field(description="Why; empty where there is no reason.")
    count: BigInt = strawberry.field(description="How many.")


@strawberry.type(description="How deliveries stand.")
class DeliveryCounts:
    """How deliveries stand."""

    waiting: int = strawberry.field(description="How many wait for their time; counted up to 100,000.")
    queued: int = strawberry.field(description="How many are queued for their providers; counted up to 100,000.")
    dead: int = strawberry.field(description="How many were given up and can be queued again; up to 100,000.")
    ended: list[EndedDeliveries] = strawberry.field(description="How many came to an end on these days, by how.")


def show_delivery(delivery: deliveries.Delivery) -> Delivery:
    """A delivery for staff."""
    return Delivery(
        id=to_global_id(DELIVERY_ID, delivery.delivery_id),
        notice_id=to_global_id(NOTICE_ID, delivery.notice_id),
        kind=NoticeKind(delivery.kind),
        member=NoticeMember(id=to_global_id(_MEMBER_ID, delivery.member_id)),
        device_id=to_global_id(DEVICE_ID, delivery.device_id),
        platform=PushPlatform(delivery.platform),
        state=DeliveryState(delivery.state),
        reason=delivery.reason,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        due_at=delivery.due_at,
        ended_at=delivery.ended_at,
        opened_at=delivery.opened_at,
        dead=delivery.dead,
    )


def show_counts(counts: deliveries.DeliveryCounts) -> DeliveryCounts:
    """How deliveries stand, for staff."""
    ended = [
        EndedDeliveries(state=DeliveryState(state), platform=PushPlatform(platform), reason=reason, count=BigInt(count))
        for (state, platform, reason), count in sorted(counts.ended.items())
    ]
    return DeliveryCounts(waiting=counts.waiting, queued=counts.queued, dead=counts.dead, ended=ended)
