"""A purchase by the book: a transaction of its own, which writes the documents that Laurel writes for one.

What a purchase comes to is worked out by the game, as it is in Laurel, so that both write the same documents. Only how
they get into MongoDB differs: here each goes alone, in Motor's ``with_transaction``.
"""

from datetime import UTC, datetime
from decimal import Decimal

import strawberry
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from app.stores.codec import keyed_id, read_member, read_record, record_document, state_document
from app.stores.outbox import Changed
from benchmarks.servers.book_context import Context
from benchmarks.servers.book_types import BigInt, Points
from benchmarks.servers.rivals import JOURNAL, OUTBOX, rank_score
from benchmarks.servers.stores import Document
from gamification.activity import PURCHASE, Activity, LineItem, to_milliseconds
from gamification.boards.periods import period_at
from gamification.campaigns import Offer, Offers
from gamification.circumstances import Circumstances
from gamification.effects import Entry
from gamification.member import Member as Player
from gamification.member_fold import MemberFold
from gamification.record import Record as Recorded
from gamification.requests import Recorded as Success
from gamification.requests import RecordRequest
from gamification.schedule import Schedule
from gamification.stores import Commit
from schema.ids import local_id

Written = tuple[Recorded, Player, bool]
"""The record, the member after it, and whether it was there already."""
_WRITE_CONCERN = WriteConcern("majority", j=True)


@strawberry.input
class LineItemInput:
    sku: str
    category: str | None = None
    quantity: BigInt = BigInt(1)
    amount: Decimal = Decimal(0)


@strawberry.input
class ActivityInput:
    key: str
    member_id: strawberry.ID
    items: list[LineItemInput]


@strawberry.interface
class Error:
    code: str
    message: str


@strawberry.type
class MemberNotFound(Error):
    pass


@strawberry.type
class Record:
    points: BigInt


@strawberry.type
class MemberAfter:
    points: Points


@strawberry.type
class RecordActivitySuccess:
    replayed: bool
    record: Record
    member: MemberAfter


async def record_activity(context: Context, given: ActivityInput) -> RecordActivitySuccess | MemberNotFound:
    """Record a purchase."""
    member_id = local_id("Member", given.member_id) or ""
    purchase = Purchase(context, member_id, _activity(given, context.now))
    async with await context.stores.mongo.start_session() as session:
        written: Written | None = await session.with_transaction(
            purchase.write,
            read_concern=ReadConcern("snapshot"),
            write_concern=_WRITE_CONCERN,
            read_preference=ReadPreference.PRIMARY,
        )
    if written is None:
        return MemberNotFound(code="MEMBER_NOT_FOUND", message="There is no such member.")
    record, member, replayed = written
    if not replayed:
        await purchase.place(member)
    balance = member.state.balance
    return RecordActivitySuccess(
        replayed=replayed,
        record=Record(points=BigInt(sum(each.points for each in record.outcome.effects if isinstance(each, Entry)))),
        member=MemberAfter(points=Points(available=BigInt(balance.available), pending=BigInt(balance.pending))),
    )


class Purchase:
    """One purchase on its way into the database."""

    def __init__(self, context: Context, member_id: str, activity: Activity) -> None:
        self._stores, self._now = context.stores, to_milliseconds(context.now)
        self._member_id, self._activity = member_id, activity

    async def write(self, session: AsyncIOMotorClientSession) -> Written | None:
        """Read the member, work the purchase out and write it, within a transaction. None where there is no member."""
        database, program = self._stores.database, self._stores.program
        found: Document | None = await database["members"].find_one({"_id": self._member_id}, session=session)
        if found is None:
            return None
        member = read_member(found)
        known = await database[JOURNAL].find_one(
            {"_id": keyed_id(self._member_id, self._activity.key)}, session=session
        )
        if known is not None:
            return read_record(known), member, True
        circumstances = Circumstances(Schedule.always(program), await self._offers(), self._now)
        fold = MemberFold(member, circumstances)
        result = await fold.add(RecordRequest(self._member_id, self._activity, timed=False), None)
        assert isinstance(result, Success)
        commit = fold.commit()
        changed = {"state": state_document(commit.state), "due_at": commit.due_at, "due_by": commit.due_by}
        await database["members"].update_one({"_id": self._member_id}, {"$set": changed}, session=session)
        await database[JOURNAL].insert_many([record_document(each) for each in commit.records], session=session)
        await database[OUTBOX].insert_one(self._entry(commit), session=session)
        return result.record, commit.member, False

    async def place(self, member: Player) -> None:
        """Put the member where they stand on the board."""
        program = self._stores.program
        week = period_at(program.board_by_code["weekly"], self._now, program.time_zone)
        assert week is not None
        for score in member.state.scores:
            if score.period == week.code:
                placed = rank_score(score.value, score.reached_at - week.starts_at)
                await self._stores.redis.zadd(self._stores.keys.board, {self._member_id: placed})

    async def _offers(self) -> Offers:
        """The campaigns with what is left of them, as rules of records need them."""
        campaigns = self._stores.program.campaigns
        left = await self._stores.redis.mget([self._stores.keys.left(each.code) for each in campaigns])
        offers = [Offer(each, 1, int(points or 0), None) for each, points in zip(campaigns, left, strict=True)]
        return Offers(offers, others=[each.code for each in campaigns])

    def _entry(self, commit: Commit) -> Document:
        changed = Changed(self._member_id, commit.member.revision)
        return {"_id": changed.entry_id, "member_id": self._member_id, "at": self._now}


def _activity(given: ActivityInput, now: datetime) -> Activity:
    lines = tuple(LineItem(each.sku, each.quantity, int(each.amount.scaleb(2)), each.category) for each in given.items)
    return Activity(given.key, PURCHASE, now.astimezone(UTC), sum(line.amount_minor for line in lines), lines)
