"""A member's points: what there is, the lots it came in, and what expires when."""

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from gamification.expiring import expiring
from gamification.lot_times import LotCalendar
from gamification.lots import codes
from gamification.state import Lot, State
from schema.connections import DEFAULT_PAGE_SIZE, Connection, page_of
from schema.context import Reading
from schema.faults import BAD_USER_INPUT, CallerError
from schema.scalars import BigInt
from schema.types.arguments import After, First

DEFAULT_EXPIRY_DAYS = 30
MAX_EXPIRY_DAYS = 3660
"""How far ahead it can be told what expires."""


@strawberry.type(description="Points that expire together, if nothing more happens.")
class ExpiringPoints:
    """Points that expire together."""

    expires_at: datetime = strawberry.field(description="When they expire.")
    gone_at: datetime = strawberry.field(
        description="Until when they can still be spent; later than `expiresAt` by the days of grace."
    )
    points: BigInt = strawberry.field(description="How many.")


@strawberry.type(description="Points that came together, and are spent, expire or are taken back together.")
class PointsLot:
    """Points that came together."""

    code: str = strawberry.field(
        description="Its name within the member's account, as `why.lots` has it; with a mark behind it where accounts "
        "that were merged both have lots of that name."
    )
    points: BigInt = strawberry.field(description="How many they were.")
    remaining: BigInt = strawberry.field(description="How many are left.")
    pending: bool = strawberry.field(description="Whether they cannot be spent yet.")
    earned_at: datetime = strawberry.field(description="When they were earned.")
    available_at: datetime = strawberry.field(
        description="From when on they can be spent; where they wait for something to happen, at the latest."
    )
    waits_for: str | None = strawberry.field(
        description="The kind of activity that makes pending points available, such as a delivery; null for none."
    )
    expires_at: datetime | None = strawberry.field(
        description="When they expire if nothing more happens; null for never, and for what waits."
    )


@strawberry.type(description="A member's points.")
class Points:
    """A member's points."""

    available: BigInt = strawberry.field(
        description="What can be spent now. Below 0 while the member owes points: they were spent, and then what had "
        "earned them was taken back."
    )
    pending: BigInt = strawberry.field(description="What becomes available later.")
    owed: BigInt = strawberry.field(description="What the member owes; what becomes available next pays for it.")
    earned: BigInt = strawberry.field(description="All that was ever earned. Points given by staff are not among it.")
    spent: BigInt = strawberry.field(description="All that was ever taken from the member.")
    expired: BigInt = strawberry.field(description="All that ever expired.")
    state: strawberry.Private[State]
    reading: strawberry.Private[Reading]
    listed: strawberry.Private[str]

    @strawberry.field(
        description="What expires by and by if nothing more happens, soonest first. Points that are in their days of "
        "grace are among it."
    )
    def expiring(
        self,
        within: Annotated[
            int, strawberry.argument(description="How many days to look ahead, from 1 to 3,660.")
        ] = DEFAULT_EXPIRY_DAYS,
    ) -> list[ExpiringPoints]:
        """What expires within some days."""
        if not 1 <= within <= MAX_EXPIRY_DAYS:
            raise CallerError(BAD_USER_INPUT, f"within is {within}; from 1 to {MAX_EXPIRY_DAYS} days are possible.")
        found = expiring(self.state, self.reading.program, timedelta(days=within), self.reading.now)
        return [
            ExpiringPoints(expires_at=each.expires_at, gone_at=each.gone_at, points=BigInt(each.points))
            for each in found
        ]

    @strawberry.field(
        description="The lots that are left: those that can be spent in the order in which they are, then pending ones."
    )
    def lots(self, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Connection[PointsLot]:
        """The lots that are left."""
        calendar = LotCalendar(self.reading.program.time_zone, self.state.active_on)
        called = codes(self.state.lots)
        return page_of(
            sorted(self.state.lots, key=lambda lot: _order(lot, calendar)),
            lambda lot: _show_lot(lot, called[lot.lot_id], calendar),
            listed=self.listed,
            place=lambda lot: lot.lot_id,
            first=first,
            after=after,
        )


def show_points(state: State, reading: Reading) -> Points:
    """A member's points as clients see them; ``state`` is that of the reading's moment."""
    return Points(
        available=BigInt(state.balance.available),
        pending=BigInt(state.balance.pending),
        owed=BigInt(state.debt),
        earned=BigInt(state.totals.earned),
        spent=BigInt(state.totals.spent),
        expired=BigInt(state.totals.expired),
        state=state,
        reading=reading,
        listed=f"lots:{reading.member_id}",
    )


def _order(lot: Lot, calendar: LotCalendar) -> tuple[bool, bool, datetime, datetime]:
    """Where a lot stands among the others: soonest-expiring first, then oldest; pending ones by when they unlock."""
    if lot.pending:
        return True, False, lot.available_at, lot.earned_at
    end = calendar.end(lot)
    return False, end is None, end or lot.earned_at, lot.earned_at


def _show_lot(lot: Lot, code: str, calendar: LotCalendar) -> PointsLot:
    return PointsLot(
        code=code,
        points=BigInt(lot.points),
        remaining=BigInt(lot.remaining),
        pending=lot.pending,
        earned_at=lot.earned_at,
        available_at=lot.available_at,
        waits_for=lot.waiting.kind if lot.waiting else None,
        expires_at=None if lot.waiting else calendar.nominal_end(lot),
    )
