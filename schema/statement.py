"""Statements: the ledger of a member, newest entry first, paged over the journal."""

from functools import partial

from gamification.effects import Entry
from gamification.record import Record
from gamification.stores import Journal
from schema.connections import Connection, connection_of, decode_cursor, encode_cursor, page_size, stale_cursor
from schema.context import Reading
from schema.ids import number_in
from schema.types.record import LedgerEntry, show_entry

RECORDS_PER_READ = 100
MAX_READS = 20
"""How many batches of records without enough entries one page looks through before it hands out what it found."""

_Found = tuple[Record, int, Entry]


async def statement(
    journal: Journal, member_id: str, reading: Reading, first: int | None, after: str | None
) -> Connection[LedgerEntry]:
    """A page of a member's ledger. The caller has checked that it may be seen.

    Raises:
        CallerError: a page too large, or a cursor of something else.
    """
    size = page_size(first)
    listed = f"statement:{member_id}"
    before = _place(decode_cursor(listed, after)) if after is not None else None
    found, more, passed = await _entries(journal, member_id, before, size)
    nodes = [show_entry(entry, place, record, reading) for record, place, entry in found]

    def cursor_at(at: int) -> str:
        record, place, _ = found[at]
        return encode_cursor(listed, f"{record.seq}.{place}")

    # A long time without entries may end a page early: its cursor then leads on from the last record looked at.
    last = partial(encode_cursor, listed, f"{passed}.0") if passed is not None else None
    return connection_of(nodes, cursor_at, has_next=more, after=after, last=last)


async def _entries(
    journal: Journal, member_id: str, before: tuple[int, int] | None, size: int
) -> tuple[list[_Found], bool, int | None]:
    """Up to ``size`` entries older than ``before``, whether more may follow, and the record where it gave up."""
    found: list[_Found] = []
    upper = before[0] + 1 if before else None
    for _ in range(MAX_READS):
        records = await journal.page(member_id, upper, RECORDS_PER_READ)
        for record in records:
            found.extend(_entries_of(record, before))
        if len(found) > size or len(records) < RECORDS_PER_READ:
            return found[:size], len(found) > size, None
        upper = records[-1].seq
    return found, True, upper


def _entries_of(record: Record, before: tuple[int, int] | None) -> list[_Found]:
    places = reversed(list(enumerate(record.outcome.effects)))
    return [
        (record, place, effect)
        for place, effect in places
        if isinstance(effect, Entry) and (before is None or (record.seq, place) < before)
    ]


def _place(text: str) -> tuple[int, int]:
    seq_text, _, place_text = text.partition(".")
    seq, place = number_in(seq_text), number_in(place_text)
    if seq is None or place is None:
        raise stale_cursor()
    return seq, place
