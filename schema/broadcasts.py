"""Reading broadcasts: a list, newest first."""

from datetime import datetime

from gamification.notices.broadcasts import Broadcasting
from schema.connections import Connection, connection_of, decode_cursor, encode_cursor, page_size, stale_cursor
from schema.context import Context
from schema.types.broadcast import Broadcast, show_broadcast

_LISTED = "broadcasts"


async def broadcasts(context: Context, first: int | None, after: str | None) -> Connection[Broadcast]:
    """A page of all broadcasts, newest first."""
    size = page_size(first)
    passed = None if after is None else _place_of(decode_cursor(_LISTED, after))
    found = await context.game.stores.broadcasts.page(passed, size + 1)
    reading = await context.reading()
    shown = found[:size]
    return connection_of(
        [show_broadcast(each, reading) for each in shown],
        lambda at: encode_cursor(_LISTED, _place(shown[at])),
        has_next=len(found) > size,
        after=after,
    )


def _place(known: Broadcasting) -> str:
    return f"{known.created_at.isoformat()}|{known.broadcast.code}"


def _place_of(text: str) -> tuple[datetime, str]:
    """The place that a cursor names.

    Raises:
        CallerError: INVALID_CURSOR.
    """
    at, separator, code = text.partition("|")
    try:
        created_at = datetime.fromisoformat(at)
    except ValueError:
        raise stale_cursor() from None
    if not separator or created_at.tzinfo is None:
        raise stale_cursor()
    return created_at, code
