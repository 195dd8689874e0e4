"""What staff or a change of the past corrected: lots, granted tiers, the way up the ladder, pauses, dates and sums."""

from datetime import date, datetime
from enum import Enum
from typing import TypeAlias

import strawberry

from gamification import effects, state
from gamification.activity import own_key
from schema.context import Reading
from schema.scalars import BigInt
from schema.types.why import Why


@strawberry.type(description="What there was of a lot of points at a moment.")
class OpenLot:
    """What there was of a lot of points at a moment."""

    points: BigInt = strawberry.field(description="How many they were.")
    remaining: BigInt = strawberry.field(description="How many were left.")
    pending: bool = strawberry.field(description="Whether they could not be spent yet.")
    earned_at: datetime = strawberry.field(description="When they were earned.")
    available_at: datetime = strawberry.field(
        description="From when on they can be spent; where they wait for something to happen, at the latest."
    )
    waits_for: str | None = strawberry.field(description="The kind of activity that they wait for; null for none.")
    expires_at: datetime | None = strawberry.field(
        description="When they expire; null for never. Of points that wait, the end that staff promised, if any."
    )
    gone_at: datetime | None = strawberry.field(
        description="Until when they can still be spent; later than `expiresAt` by the days of grace."
    )


@strawberry.type(
    description="A lot of points has another end, or other points left: staff extended it, or the past was changed."
)
class LotMoved:
    """A lot of points has another end, or other points left."""

    code: str = strawberry.field(description="Its code, as `Points.lots` and `why.lots` have it.")
    previous_lot: OpenLot | None = strawberry.field(description="What there was of it; null where it was not open.")
    lot: OpenLot | None = strawberry.field(description="What there is of it; null where it is not open.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="What staff grants a member of the tiers is another one now, or ends at another time.")
class TierGranted:
    """What staff grants a member of the tiers is another one now, or ends at another time."""

    granted_tier: str | None = strawberry.field(description="The code of the tier; null where none is any more.")
    granted_until: datetime | None = strawberry.field(description="When the grant ends; null without an end.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="How far a member was on the tier ladder at a moment. Amounts are in major units.")
class TierProgress:
    """How far a member was on the tier ladder at a moment."""

    counted: float = strawberry.field(description="What counted towards the next tier.")
    since: datetime | None = strawberry.field(description="When the member came to their tier.")
    kept: float | None = strawberry.field(
        description="What the next review would find of what was there; null where nothing could be lost."
    )
    keep_until: datetime | None = strawberry.field(description="When that review would be; `keepProgress.endsAt`.")
    grace_until: datetime | None = strawberry.field(description="When the tier would be lost, after a review.")


@strawberry.type(description="A change of the past changed how far the member is on the tier ladder.")
class TierProgressed:
    """A change of the past changed how far the member is on the tier ladder."""

    tier: str = strawberry.field(description="The code of the tier that the member has.")
    name: str = strawberry.field(description="The name of that tier, in the reader's language.")
    previous_progress: TierProgress = strawberry.field(description="How far the member was.")
    progress: TierProgress = strawberry.field(description="How far the member is.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A pause of a streak was planned.")
class PausePlanned:
    """A pause of a streak was planned."""

    code: str = strawberry.field(description="The streak's code.")
    name: str = strawberry.field(description="In the reader's language.")
    first_day: str = strawberry.field(description="A date such as 2026-07-01.")
    last_day: str = strawberry.field(description="The last day of the pause.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A pause that was planned is none any more, since the past was changed.")
class PauseDropped(PausePlanned):
    """A pause that was planned is none any more."""


@strawberry.enum(description="What has the date of when it was reached.")
class Dated(Enum):
    """What has the date of when it was reached."""

    BADGE = strawberry.enum_value("badge", description="A level of a badge.")
    CHALLENGE = strawberry.enum_value("challenge", description="The latest completion of a challenge.")


@strawberry.type(description="Something counts as reached at another time, since the past was changed.")
class Redated:
    """Something counts as reached at another time, since the past was changed."""

    what: Dated = strawberry.field(description="What it is.")
    code: str = strawberry.field(description="The code of the badge or challenge.")
    name: str = strawberry.field(description="In the reader's language.")
    badge_level: int | None = strawberry.field(description="The level of a badge; null for a challenge.")
    previously_at: datetime | None = strawberry.field(description="When it was reached before; null where it was not.")
    reached_at: datetime | None = strawberry.field(description="When it is reached now; null where it is not.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A change of the past changed something that the shop knows of the member.")
class AttributeChanged:
    """A change of the past changed something that the shop knows of the member."""

    name: str = strawberry.field(description='Such as "city".')
    previous_value: str | None = strawberry.field(description="What it was; null for nothing.")
    value: str | None = strawberry.field(description="What it is now; null for nothing.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="What a member has come to in all their time.")
class Totals:
    """What a member has come to in all their time."""

    earned: BigInt = strawberry.field(description="Points earned.")
    spent: BigInt = strawberry.field(description="Points taken from the member.")
    expired: BigInt = strawberry.field(description="Points expired.")
    purchases: int = strawberry.field(description="How many purchases.")
    items: BigInt = strawberry.field(description="How many items were bought.")
    spend: float = strawberry.field(description="What was paid, in major units.")


@strawberry.type(description="A change of the past changed what the member has come to in all their time.")
class TotalsMoved:
    """A change of the past changed what the member has come to in all their time."""

    previous_totals: Totals = strawberry.field(description="What it came to.")
    totals: Totals = strawberry.field(description="What it comes to now.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A change of the past changed more than a record has room for.")
class Truncated:
    """A change of the past changed more than a record has room for."""

    left_out: int = strawberry.field(description="How many effects are left out.")
    why: Why = strawberry.field(description="Why it came about.")


Correction: TypeAlias = (
    effects.LotMoved
    | effects.TierGranted
    | effects.TierProgressed
    | effects.PausePlanned
    | effects.PauseDropped
    | effects.Redated
    | effects.AttributeChanged
    | effects.TotalsMoved
    | effects.Truncated
)
"""The effects that are shown here."""


def show_correction(
    effect: Correction, why: Why, reading: Reading
) -> (
    LotMoved
    | TierGranted
    | TierProgressed
    | PausePlanned
    | PauseDropped
    | Redated
    | AttributeChanged
    | TotalsMoved
    | Truncated
):
    """An effect as clients see it, with its reason."""
    match effect:
        case effects.LotMoved(lot, before, after):
            return LotMoved(code=own_key(lot), previous_lot=_show_lot(before), lot=_show_lot(after), why=why)
        case effects.TierGranted(tier, until):
            return TierGranted(granted_tier=tier, granted_until=until, why=why)
        case effects.TierProgressed(tier, before, after, scale):
            was, now = (_show_progress(each, scale) for each in (before, after))
            name = _tier_name(tier, reading)
            return TierProgressed(tier=tier, name=name, previous_progress=was, progress=now, why=why)
        case effects.PausePlanned() | effects.PauseDropped():
            return _show_pause(effect, why, reading)
        case effects.Redated():
            return _show_redated(effect, why, reading)
        case effects.AttributeChanged(name, before, after):
            return AttributeChanged(name=name, previous_value=before, value=after, why=why)
        case effects.TotalsMoved(before, after):
            was_all, all_now = _show_totals(before, reading), _show_totals(after, reading)
            return TotalsMoved(previous_totals=was_all, totals=all_now, why=why)
        case effects.Truncated(left_out):
            return Truncated(left_out=left_out, why=why)


def _show_lot(lot: state.OpenLot | None) -> OpenLot | None:
    if lot is None:
        return None
    return OpenLot(
        points=BigInt(lot.points),
        remaining=BigInt(lot.remaining),
        pending=lot.pending,
        earned_at=lot.earned_at,
        available_at=lot.available_at,
        waits_for=lot.waits_for,
        expires_at=lot.expires_at,
        gone_at=lot.gone_at,
    )


def _show_progress(told: effects.TierProgress, scale: int) -> TierProgress:
    return TierProgress(
        counted=told.counted / scale,
        since=told.since,
        kept=None if told.kept is None else told.kept / scale,
        keep_until=told.keep_until,
        grace_until=told.grace_until,
    )


def _tier_name(code: str, reading: Reading) -> str:
    tier = reading.program.tier(code)
    return tier.name.read(reading.language) if tier and tier.code == code else code


def _show_pause(effect: effects.PausePlanned | effects.PauseDropped, why: Why, reading: Reading) -> PausePlanned:
    streak = reading.program.streak_by_code.get(effect.code)
    shown = PausePlanned if isinstance(effect, effects.PausePlanned) else PauseDropped
    return shown(
        code=effect.code,
        name=streak.name.read(reading.language) if streak else effect.code,
        first_day=date.fromordinal(effect.first).isoformat(),
        last_day=date.fromordinal(effect.last).isoformat(),
        why=why,
    )


def _show_redated(effect: effects.Redated, why: Why, reading: Reading) -> Redated:
    badge, challenge = (
        reading.program.badge_by_code.get(effect.code),
        reading.program.challenge_by_code.get(effect.code),
    )
    name = (badge and badge.name) if effect.what == "badge" else (challenge and challenge.title)
    return Redated(
        what=Dated(effect.what),
        code=effect.code,
        name=name.read(reading.language) if name else effect.code,
        badge_level=effect.level or None,
        previously_at=effect.before,
        reached_at=effect.after,
        why=why,
    )


def _show_totals(totals: state.Totals, reading: Reading) -> Totals:
    return Totals(
        earned=BigInt(totals.earned),
        spent=BigInt(totals.spent),
        expired=BigInt(totals.expired),
        purchases=totals.purchases,
        items=BigInt(totals.items),
        spend=float(reading.program.money.to_major(totals.spend_minor)),
    )
