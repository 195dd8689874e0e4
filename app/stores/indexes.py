"""The indexes that the stores rely on, made at start."""

from pymongo import ASCENDING, DESCENDING

from app.stores.connection import Connection
from app.stores.deliveries import KEPT_DAYS
from app.stores.webhook_counts import KEPT_DAYS as WEBHOOK_COUNTS_KEPT_DAYS
from app.stores.webhook_deliveries import KEPT_DAYS as WEBHOOK_KEPT_DAYS

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
        await patient["outbox"].create_index([("at", ASCENDING)], name="at")
        # All lists of a member, each in its order.
        await patient["friendships"].create_index([("lists", ASCENDING), ("at", DESCENDING)], name="lists_at")
        # A page of final standings, the number of those on it, and all that a run has written.
        await patient["standings"].create_index(
            [("run", ASCENDING), ("scope", ASCENDING), ("listed", ASCENDING), ("position", ASCENDING)], name="places"
        )
        await patient["prizes"].create_index([("run", ASCENDING)], name="run")
        await patient["campaign_events"].create_index([("campaign", ASCENDING), ("_id", ASCENDING)], name="campaign")
        await patient["allowances"].create_index([("campaign", ASCENDING)], name="campaign")
        await patient["campaigns"].create_index([("status", ASCENDING), ("offered_until", ASCENDING)], name="status")
        await patient["board_periods"].create_index([("board", ASCENDING), ("ends_at", DESCENDING)], name="board_ends")
        await patient["board_periods"].create_index([("status", ASCENDING)], name="status")
        # Whom time changes next, and whose next change was worked out before the newest version of the program was
        # known. Whole indexes, since not every server reads a range from a partial one; a commit that changes neither
        # field leaves them alone.
        await patient["members"].create_index([("due_at", ASCENDING)], name="due_at")
        await patient["members"].create_index([("due_by", ASCENDING)], name="due_by")
        # Whom time gives cause to tell something next.
        await patient["members"].create_index([("notice_due_at", ASCENDING)], name="notice_due_at")
        await patient["devices"].create_index(
            [("member_id", ASCENDING), ("registered_at", DESCENDING)], name="member_registered"
        )
        # What is due in a lane, in its order; what is on the way to a device; what a member was told of late; what was
        # given up. And what is old goes by itself.
        deliveries = patient["deliveries"]
        await deliveries.create_index([("lane", ASCENDING), ("due_at", ASCENDING), ("position", ASCENDING)], name="due")
        await deliveries.create_index([("device_id", ASCENDING), ("due_at", ASCENDING)], name="device_due")
        await deliveries.create_index([("member_id", ASCENDING), ("told_at", ASCENDING)], name="member_told")
        await deliveries.create_index([("dead_at", DESCENDING)], name="dead", sparse=True)
        await deliveries.create_index(
            [("created_at", ASCENDING)], name="created", expireAfterSeconds=KEPT_DAYS * 86_400
        )
        await patient["broadcasts"].create_index([("status", ASCENDING)], name="status")
        await patient["broadcasts"].create_index([("created_at", DESCENDING)], name="created")
        # The feed in its order, and before it what has no place yet, each member's in order.
        await patient["notices"].create_index(
            [("position", ASCENDING), ("member_id", ASCENDING), ("order", ASCENDING)], name="position"
        )
        await patient["notices"].create_index([("member_id", ASCENDING), ("position", DESCENDING)], name="inbox")
        await patient["notices"].create_index([("member_id", ASCENDING), ("read_at", ASCENDING)], name="unread")
        await patient["rank_tops"].create_index([("ends_at", ASCENDING)], name="ends")
        await _ensure_webhook_indexes(patient)


async def _ensure_webhook_indexes(patient: Connection) -> None:
    # Unique, so that workers share the endpoints out by it, and that there are only so many.
    await patient["webhook_endpoints"].create_index([("slot", ASCENDING)], name="slot", unique=True)
    # What is due to an endpoint, in its order; what it was sent, the latest first, all of it and that of one state.
    deliveries = patient["webhook_deliveries"]
    await deliveries.create_index(
        [("endpoint_id", ASCENDING), ("due_at", ASCENDING), ("position", ASCENDING)], name="due"
    )
    await deliveries.create_index([("endpoint_id", ASCENDING), ("position", DESCENDING)], name="endpoint_position")
    await deliveries.create_index(
        [("endpoint_id", ASCENDING), ("state", ASCENDING), ("position", DESCENDING)], name="endpoint_state"
    )
    await deliveries.create_index(
        [("created_at", ASCENDING)], name="created", expireAfterSeconds=WEBHOOK_KEPT_DAYS * 86_400
    )
    await patient["webhook_counts"].create_index(
        [("day", ASCENDING)], name="day", expireAfterSeconds=WEBHOOK_COUNTS_KEPT_DAYS * 86_400
    )
