"""What staff see of deliveries: those of a notice, those that were given up, and how many there are."""

from datetime import UTC, datetime, timedelta

from gamification.delivery import deliveries
from schema.connections import Connection, connection_of, decode_cursor, encode_cursor, page_size, stale_cursor
from schema.context import Context
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import local_id, number_in
from schema.types.delivery import Delivery, DeliveryCounts, show_counts, show_delivery
from schema.types.notice import NOTICE_ID

MAX_DAYS = 31
_DEAD = "dead-deliveries"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def deliveries_of_notice(
    context: Context, notice_id: str, first: int | None, after: str | None
) -> Connection[Delivery]:
    """The deliveries of a notice, one for each device; empty where nobody has one."""
    size = page_size(first)
    named = local_id(NOTICE_ID, notice_id) or ""
    listed = f"deliveries:{named}"
    passed = decode_cursor(listed, after) if after is not None else ""
    found = await context.game.telling.deliveries.of_notice(named, passed, size + 1) if named else ()
    shown = found[:size]
    return connection_of(
        [show_delivery(each) for each in shown],
        lambda at: encode_cursor(listed, shown[at].delivery_id),
        has_next=len(found) > size,
        after=after,
    )


async def dead_deliveries(context: Context, first: int | None, after: str | None) -> Connection[Delivery]:
    """The deliveries that were given up, the latest first."""
    size = page_size(first)
    passed = _place(decode_cursor(_DEAD, after)) if after is not None else None
    found = await context.game.telling.deliveries.dead(passed, size + 1)
    shown = found[:size]
    return connection_of(
        [show_delivery(each) for each in shown],
        lambda at: _cursor(shown[at]),
        has_next=len(found) > size,
        after=after,
    )


async def delivery_counts(context: Context, days: int) -> DeliveryCounts:
    """How many deliveries there are.

    Raises:
        CallerError: more days than are kept, or none.
    """
    check_days(days)
    return show_counts(await context.game.telling.deliveries.counts(days, context.game.now()))


def check_days(days: int) -> None:
    """Check of how many days counts are asked for.

    Raises:
        CallerError: more days than are kept, or none.
    """
    if not 1 <= days <= MAX_DAYS:
        raise CallerError(BAD_USER_INPUT, f"days is {days}; from 1 to {MAX_DAYS} are possible.")


def _cursor(delivery: deliveries.Delivery) -> str:
    at = (delivery.ended_at or _EPOCH) - _EPOCH
    return encode_cursor(_DEAD, f"{at // timedelta(milliseconds=1)}.{delivery.delivery_id}")


def _place(text: str) -> tuple[datetime, str]:
    milliseconds, _, delivery_id = text.partition(".")
    at = number_in(milliseconds)
    if at is None or not delivery_id:
        raise stale_cursor()
    return _EPOCH + timedelta(milliseconds=at), delivery_id
