"""myEvents: everything that happens to the member who asks, from a cursor on, without a gap."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import strawberry

from gamification.member import Member
from gamification.notices.ended import heeding_ends
from gamification.record import Record as Written
from schema.connections import decode_cursor, stale_cursor
from schema.context import Context, as_of_now
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import number_in
from schema.inbox import mailbox_of
from schema.leaderboards import View, view_of
from schema.permissions import FORBIDDEN
from schema.signals import Topic, wait_at_most
from schema.types.leaderboard import Rank, show_rank
from schema.types.notice import Notice, show_notice
from schema.types.points import Points, show_points
from schema.types.record import Record, show_record

MAX_WATCHED_BOARDS = 5
RECORDS_PER_READ = 50
NOTICES_PER_READ = 50
LOOK_AGAIN_SECONDS = 60.0
"""How long a subscription sleeps at most: a hint may be lost."""
RANK_PAUSE_SECONDS = 0.5
"""How long after one look at the ranks the next one comes at the earliest, however much happens."""


@strawberry.interface(description="Something that `myEvents` tells. `cursor` is where to go on after it.")
class MyEvent:
    """Something that `myEvents` tells."""

    cursor: str = strawberry.field(
        description="Give it as `after` when subscribing again, and no record or notice is missed or told again."
    )


@strawberry.type(description="The first event of a subscription: from here on nothing is missed.")
class EventsBegan(MyEvent):
    """The first event of a subscription."""


@strawberry.type(description="A record was written for the member: points, progress, badges and tiers in one.")
class Recorded(MyEvent):
    """A record was written for the member."""

    record: Record = strawberry.field(description="What happened, and all that it changed.")
    points: Points = strawberry.field(description="The member's points as of now.")


@strawberry.type(description="The member is told something. One that has expired by then is left out.")
class Notified(MyEvent):
    """The member is told something."""

    notice: Notice = strawberry.field(description="What the member is told.")


@strawberry.type(description="The member's rank on a watched board is another one. Only the latest is told.")
class RankMoved(MyEvent):
    """The member's rank on a watched board is another one."""

    board: str = strawberry.field(description="The board's code.")
    rank: Rank = strawberry.field(description="The rank as it is now.")


MY_EVENTS: tuple[type[MyEvent], ...] = (EventsBegan, Recorded, Notified, RankMoved)
"""All there are, to be given to the schema."""


@dataclass(slots=True)
class _Place:
    """How far a subscription is: after which record, and after which place in the feed of notices."""

    seq: int
    position: int


async def my_events(
    context: Context, member_id: str, after: str | None, boards: Sequence[str], language: str | None
) -> AsyncGenerator[MyEvent, None]:
    """Events of a member, oldest first, until the member is gone, or goes on with another account.

    Raises:
        CallerError: too many boards, one that there is not, or a cursor of something else.
    """
    boards = list(dict.fromkeys(boards))
    if len(boards) > MAX_WATCHED_BOARDS:
        raise CallerError(BAD_USER_INPUT, f"{len(boards)} boards are to be watched; at most {MAX_WATCHED_BOARDS} can.")
    told: dict[str, Rank] = {}
    await _views(context, boards)  # so that what is wrong with them is told first
    place = await _begin(context, member_id, after)
    if place is None:
        return
    if after is None:
        yield EventsBegan(cursor=await _cursor(context, member_id, place))
    while True:
        context.renew()
        views = await _views(context, boards)
        topics: list[Topic] = [("member", member_id), *(("board", view.key.text) for view in views)]
        with context.game.signals.watch(*topics) as signal:
            while True:
                async for event in _told(context, member_id, place, language):
                    yield event
                # Also where there is no record: a member who is gone has none.
                if await context.members.load(member_id) is None or not await context.still_goes_on():
                    return
                for moved in await _moved(context, views, member_id, told, place):
                    yield moved
                await asyncio.sleep(RANK_PAUSE_SECONDS if views else 0)
                await wait_at_most(signal, _seconds_to_look_again(views))
                context.renew()
                now = await _views(context, boards)
                if [view.key for view in now] != [view.key for view in views]:
                    break
                views = now


async def _begin(context: Context, member_id: str, after: str | None) -> _Place | None:
    """After what to begin; None where there is no such member."""
    given = None if after is None else await _open(context, member_id, after)
    # Before the member: so the notices of all records that are to be told are still to come too.
    latest = await context.game.stores.notices.last()
    subject = await context.members.load(member_id)
    if subject is None:
        return None
    if given is None:
        return _Place(subject.state.seq, latest)
    seq, position = given
    if seq > subject.state.seq or (position or 0) > latest:
        raise stale_cursor()
    return _Place(seq, latest if position is None else position)


async def _told(context: Context, member_id: str, place: _Place, language: str | None) -> AsyncGenerator[MyEvent, None]:
    """What there is to tell after a place, which moves on with it: what happened, and then what is said of that."""
    async for recorded in _records(context, member_id, place, language):
        yield recorded
    async for notified in _notices(context, member_id, place, language):
        yield notified


async def _records(
    context: Context, member_id: str, place: _Place, language: str | None
) -> AsyncGenerator[Recorded, None]:
    """The records after a place, in batches as fast as they are taken, until the member is gone."""
    while records := await context.game.stores.journal.since(member_id, place.seq, RECORDS_PER_READ):
        # After the records, so that the points are not older than they are.
        context.renew()
        subject = await context.members.load(member_id)
        if subject is None or not await _may_hear(context, member_id):
            return
        for record in records:
            place.seq = record.seq
            yield await _recorded(context, subject, record, place, language)
        if len(records) < RECORDS_PER_READ:
            return


async def _notices(
    context: Context, member_id: str, place: _Place, language: str | None
) -> AsyncGenerator[Notified, None]:
    """The notices after a place, but for those that have expired and those that are not wanted in the inbox."""
    while notices := await context.game.stores.notices.since(member_id, place.position, NOTICES_PER_READ):
        context.renew()
        if not await _may_hear(context, member_id):
            return
        unwanted = (await mailbox_of(context, member_id)).unwanted
        heeding = await heeding_ends([posted.notice for posted in notices], context.game.stores.campaigns.get)
        for posted, heeded in zip(notices, heeding, strict=True):
            place.position, expires_at = posted.position, heeded.expires_at
            if posted.notice.kind not in unwanted and (expires_at is None or expires_at > context.game.now()):
                cursor = await _cursor(context, member_id, place)
                yield Notified(cursor=cursor, notice=show_notice(posted, language))
        if len(notices) < NOTICES_PER_READ:
            return


async def _may_hear(context: Context, member_id: str) -> bool:
    """Whether the caller may be told: of their own account all, of one that theirs was merged into as long as it is."""
    # All of their own is also that it was merged.
    return context.token_id == member_id or await context.still_goes_on()


async def _recorded(
    context: Context, subject: Member, record: Written, place: _Place, language: str | None
) -> Recorded:
    reading = await context.reading(language, subject)
    return Recorded(
        cursor=await _cursor(context, subject.member_id, place),
        record=show_record(record, reading),
        points=show_points(as_of_now(subject, reading).state, reading),
    )


async def _moved(
    context: Context, views: Sequence[View], member_id: str, told: dict[str, Rank], place: _Place
) -> list[RankMoved]:
    """The ranks that are other ones than what was told last; at first, all."""
    ranks = await asyncio.gather(*(show_rank(context, view, member_id) for view in views))
    moved = [(view.board.code, rank) for view, rank in zip(views, ranks, strict=True)]
    moved = [(code, rank) for code, rank in moved if told.get(code) != rank]
    told.update(moved)
    cursor = await _cursor(context, member_id, place) if moved else ""
    return [RankMoved(cursor=cursor, board=code, rank=rank) for code, rank in moved]


async def _views(context: Context, boards: Sequence[str]) -> list[View]:
    """What is to be watched; a board between two seasons has nothing to watch."""
    reading = await context.reading()
    views = []
    for code in boards:
        view = await view_of(context, reading, code, None, None, friends=False)
        if view is None:
            raise CallerError(BAD_USER_INPUT, f"The program has no board {code}.")
        if view.friends:
            raise CallerError(FORBIDDEN, f"The board {code} ranks among friends only, which cannot be watched.")
        if view.period is not None:
            views.append(view)
    return views


def _seconds_to_look_again(views: Sequence[View]) -> float:
    """Until a period ends, but not for long."""
    return min([LOOK_AGAIN_SECONDS, *(view.seconds_left for view in views)])


async def _cursor(context: Context, member_id: str, place: _Place) -> str:
    # Sealed, for the places of notices count what all members are told.
    return (await context.game.cursors.sealer(_listed(member_id)))(f"{place.seq}.{place.position}")


async def _open(context: Context, member_id: str, cursor: str) -> tuple[int, int | None]:
    """The record and the position behind a cursor; no position behind one of a Laurel that had no notices yet.

    Raises:
        CallerError: a cursor of something else.
    """
    with suppress(CallerError):
        return _number(decode_cursor(_listed(member_id), cursor)), None
    seq, _, position = (await context.game.cursors.open(_listed(member_id), cursor)).partition(".")
    return _number(seq), _number(position)


def _number(text: str) -> int:
    number = number_in(text)
    if number is None:
        raise stale_cursor()
    return number


def _listed(member_id: str) -> str:
    return f"events:{member_id}"
