"""Relay connections: pages of at most 100, with opaque cursors that are bound to what they page through."""

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import strawberry

from schema.faults import BAD_USER_INPUT, CallerError
from schema.measure import MAX_PAGE_SIZE

DEFAULT_PAGE_SIZE = 20
MAX_CURSOR_CHARS = 400
INVALID_CURSOR = "INVALID_CURSOR"
"""``extensions.code``: a cursor that is damaged, of another list, or of something that is no longer there."""
_VERSION = "1"

MakeCursor = Callable[[], str]
"""Makes the cursor of one place."""
CursorAt = Callable[[int], str]
"""Makes the cursor of the node at an index of a page. Most queries ask for nodes only, so none is made before."""

NodeT = TypeVar("NodeT")
ItemT = TypeVar("ItemT")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    first: strawberry.Private[MakeCursor | None]
    last: strawberry.Private[MakeCursor | None]
    has_next_page: bool = strawberry.field(description="Whether more follow. Go on with `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether others stand before this page.")

    @strawberry.field(description="The cursor of the page's first node; null for an empty page.")
    def start_cursor(self) -> str | None:
        """The cursor of the page's first node."""
        return self.first() if self.first else None

    @strawberry.field(
        description="What to give as `after` for the next page: for an empty page the `after` that was given, if any."
    )
    def end_cursor(self) -> str | None:
        """What to give as ``after`` for the next page."""
        return self.last() if self.last else None


@strawberry.type(description="A node and its place in the list.")
class Edge(Generic[NodeT]):
    """A node and its place in the list."""

    make_cursor: strawberry.Private[MakeCursor]

    @strawberry.field(description="The place of the node in the list. Opaque: keep it as it is, for this list only.")
    def cursor(self) -> str:
        """The place of the node in the list."""
        return self.make_cursor()

    node: NodeT = strawberry.field(description="What stands at this place.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[NodeT]):
    """A page of a list."""

    cursor_at: strawberry.Private[CursorAt]

    @strawberry.field(description="The nodes of this page, each with its cursor.")
    def edges(self) -> list[Edge[NodeT]]:
        """The nodes of this page, each with its cursor."""
        return [Edge(make_cursor=partial(self.cursor_at, at), node=node) for at, node in enumerate(self.nodes)]

    nodes: list[NodeT] = strawberry.field(description="The nodes of this page without their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page lies, and how to go on.")


def page_size(first: int | None) -> int:
    """How many are asked for.

    Raises:
        CallerError: more than a page may hold, or fewer than none.
    """
    if first is None:
        return DEFAULT_PAGE_SIZE
    if not 0 <= first <= MAX_PAGE_SIZE:
        raise CallerError(BAD_USER_INPUT, f"first is {first}; from 0 to {MAX_PAGE_SIZE} are possible.")
    return first


def encode_cursor(listed: str, place: str) -> str:
    """The cursor of a place in a list. ``listed`` names the list, so that the cursor serves no other."""
    return base64.urlsafe_b64encode(f"{_VERSION}:{listed}:{place}".encode()).decode().rstrip("=")


def decode_cursor(listed: str, cursor: str) -> str:
    """The place behind a cursor.

    Raises:
        CallerError: INVALID_CURSOR; it is damaged, or of another list.
    """
    prefix = f"{_VERSION}:{listed}:"
    try:
        if len(cursor) > MAX_CURSOR_CHARS:
            raise ValueError
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(prefix):
        raise stale_cursor()
    return text.removeprefix(prefix)


def stale_cursor() -> CallerError:
    """The error for a cursor that leads nowhere."""
    return CallerError(INVALID_CURSOR, "The cursor does not belong to this list, or its place is gone; begin anew.")


def page_of(
    items: Sequence[ItemT],
    show: Callable[[ItemT], NodeT],
    *,
    listed: str,
    place: Callable[[ItemT], str],
    first: int | None,
    after: str | None,
) -> Connection[NodeT]:
    """One page of a short list at hand: ``place`` names an item, ``show`` makes the node of one that is on the page."""
    size = page_size(first)
    begin = 0
    if after is not None:
        passed = decode_cursor(listed, after)
        begin = next((number for number, item in enumerate(items, 1) if place(item) == passed), 0)
        if begin == 0:
            raise stale_cursor()
    shown = items[begin : begin + size]
    return connection_of(
        [show(item) for item in shown],
        lambda at: encode_cursor(listed, place(shown[at])),
        has_next=begin + size < len(items),
        after=after,
    )


def connection_of(
    nodes: list[NodeT], cursor_at: CursorAt, *, has_next: bool, after: str | None, last: MakeCursor | None = None
) -> Connection[NodeT]:
    """A connection of these nodes; ``last`` makes the cursor where it goes on if that is beyond the last of them."""
    info = page_info_of(len(nodes), cursor_at, has_next=has_next, after=after, last=last)
    return Connection(cursor_at=cursor_at, nodes=nodes, page_info=info)


def page_info_of(
    count: int, cursor_at: CursorAt, *, has_next: bool, after: str | None, last: MakeCursor | None = None
) -> PageInfo:
    """Where a page of so many nodes lies; ``last`` as in `connection_of`."""
    if count:
        first, last = partial(cursor_at, 0), last or partial(cursor_at, count - 1)
    else:
        # An empty page ends where it began: were its end null, who goes on from there would begin anew for ever.
        first, last = None, last or (None if after is None else lambda: after)
    return PageInfo(has_next_page=has_next, has_previous_page=after is not None, first=first, last=last)
