"""The indexes that the stores rely on, made at start."""

from pymongo import ASCENDING

from app.stores.connection import Connection

INDEX_TIMEOUT_FACTOR = 12
"""How many times longer than an ordinary answer making the indexes may take; on a large collection it does."""


async def ensure_indexes(connection: Connection) -> None:
    """Make the indexes that are missing. Those that are there stay as they are; any number of processes may call it.

    Raises:
        StoreUnavailable: the store did not answer in time.
    """
    patient = connection.with_timeout(connection.timeout_seconds * INDEX_TIMEOUT_FACTOR)
    with patient.answering():
        # Unique, so that no number of a member's journal is ever given twice; also how a member's records are read.
        await patient["journal"].create_index(
            [("member_id", ASCENDING), ("seq", ASCENDING)], name="member_seq", unique=True
        )
