"""Broadcasts as staff see them."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from gamification import progress
from gamification.challenges import Phase
from gamification.notices import broadcasts
from schema.context import Reading
from schema.scalars import BigInt
from schema.types.errors import Error
from schema.types.progress import ProgressBar, show_progress


@strawberry.enum(description="Whether a broadcast goes on.")
class BroadcastStatus(Enum):
    """Whether a broadcast goes on."""

    RUNNING = strawberry.enum_value("running", description="Members are told, a few hundred at a time.")
    PAUSED = strawberry.enum_value("paused", description="Nobody is told until it is resumed.")
    DONE = strawberry.enum_value(
        "done", description="Everybody it is for was told; or it was of no use any more, or its campaign ended."
    )


@strawberry.type(description="Something that many members are told: a message, or what a campaign gives cause to tell.")
class Broadcast:
    """Something that many members are told."""

    code: str = strawberry.field(description='Unique for ever, such as "message:spring-sale".')
    kind: str = strawberry.field(description='The kind of notice, such as "message" or "campaign_started".')
    campaign: str | None = strawberry.field(
        description="The code of the campaign that it tells of; null for a message."
    )
    status: BroadcastStatus = strawberry.field(description="Whether it goes on.")
    audience: str | None = strawberry.field(
        description="The condition (CEL) on members; null for everybody it may be for."
    )
    progress: ProgressBar = strawberry.field(
        description="How many members were looked at, of about how many there were when it began."
    )
    told: BigInt = strawberry.field(description="How many members were told.")
    by: str = strawberry.field(description="Who sent it: the id of staff, the name of an API key, or `clock`.")
    created_at: datetime = strawberry.field(description="When it began.")
    expires_at: datetime | None = strawberry.field(description="After that nobody is told any more; null for never.")
    done_at: datetime | None = strawberry.field(description="When it was done; null where it is not.")


@strawberry.type(description="There is no such broadcast; nothing changed. Its `code` is BROADCAST_NOT_FOUND.")
class BroadcastNotFound(Error):
    """There is no such broadcast; nothing changed."""


@strawberry.type(
    description="The broadcast is done, and can neither be paused nor resumed. Its `code` is BROADCAST_DONE."
)
class BroadcastDone(Error):
    """The broadcast is done; nothing changed."""


def show_broadcast(known: broadcasts.Broadcasting, reading: Reading) -> Broadcast:
    """A broadcast as clients see it."""
    broadcast = known.broadcast
    bar = progress.ProgressBar(
        current=Decimal(known.looked_at),
        # Members who have enrolled since are looked at as well; and of a done one nothing is left to do.
        target=Decimal(known.looked_at if known.status == "done" else max(known.looked_at, known.total, 1)),
        unit=None,
        phase=Phase.COMPLETED if known.status == "done" else Phase.ACTIVE,
        ends_at=broadcast.expires_at,
    )
    return Broadcast(
        code=broadcast.code,
        kind=broadcast.kind,
        campaign=broadcast.subject or None,
        status=BroadcastStatus(known.status),
        audience=broadcast.audience or None,
        progress=show_progress(bar, reading),
        told=BigInt(known.told),
        by=broadcast.by,
        created_at=known.created_at,
        expires_at=broadcast.expires_at,
        done_at=known.done_at,
    )
