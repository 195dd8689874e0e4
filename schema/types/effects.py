"""What a record changed beside the points: progress, badges, tiers, streaks and scores, each with its why."""

from datetime import date, datetime
from enum import Enum
from typing import TypeAlias

import strawberry

from gamification import effects, record
from schema.context import Reading
from schema.scalars import BigInt
from schema.types.corrections import (
    AttributeChanged,
    Correction,
    LotMoved,
    PauseDropped,
    PausePlanned,
    Redated,
    TierGranted,
    TierProgressed,
    TotalsMoved,
    Truncated,
    show_correction,
)
from schema.types.member_streak import PeriodFate
from schema.types.why import Why, show_why


@strawberry.type(description="A challenge moved on.")
class ChallengeProgressed:
    """A challenge moved on."""

    code: str = strawberry.field(description="The challenge's code.")
    title: str = strawberry.field(description="In the reader's language.")
    before: float = strawberry.field(description="How far it was.")
    after: float = strawberry.field(description="How far it is now; it may exceed `target`.")
    target: float = strawberry.field(description="What completes it.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A challenge was completed.")
class ChallengeCompleted:
    """A challenge was completed."""

    code: str = strawberry.field(description="The challenge's code.")
    title: str = strawberry.field(description="In the reader's language.")
    times: int = strawberry.field(description="How many times over at once; more than 1 only for some that repeat.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="Completions of a challenge no longer count: what had completed it was taken back.")
class ChallengeCompletionLost:
    """Completions of a challenge no longer count."""

    code: str = strawberry.field(description="The challenge's code.")
    title: str = strawberry.field(description="In the reader's language.")
    times: int = strawberry.field(description="How many completions fewer there are.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A badge was won, or rose to a level.")
class BadgeWon:
    """A badge was won, or rose to a level."""

    code: str = strawberry.field(description="The badge's code.")
    name: str = strawberry.field(description="In the reader's language.")
    level: int = strawberry.field(description="The level reached, from 1.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A badge fell to a lower level, or went: what had won it was taken back.")
class BadgeLost:
    """A badge fell to a lower level, or went."""

    code: str = strawberry.field(description="The badge's code.")
    name: str = strawberry.field(description="In the reader's language.")
    previous_level: int = strawberry.field(description="The level before.")
    level: int = strawberry.field(description="The level now; 0 where the member has the badge no more.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.enum(description="What moved a member to another tier.")
class TierReason(Enum):
    """What moved a member to another tier."""

    EARNED = strawberry.enum_value("earned", description="What the member did.")
    REVIEW = strawberry.enum_value("review", description="A review, or the end of the grace after one.")
    GRANTED = strawberry.enum_value("granted", description="A member of staff.")
    GRANT_ENDED = strawberry.enum_value("grant_ended", description="The end of what a member of staff had granted.")
    PROGRAM = strawberry.enum_value("program", description="A new version of the program has another ladder.")
    REVISED = strawberry.enum_value(
        "revised", description="A change of the past, such as a reversal; `why` says which."
    )


@strawberry.type(description="The member moved to another tier.")
class TierMoved:
    """The member moved to another tier."""

    from_tier: str | None = strawberry.field(description="The code of the tier before; null for a new member.")
    to_tier: str = strawberry.field(description="The code of the tier after.")
    name: str = strawberry.field(description="The name of the tier after, in the reader's language.")
    up: bool = strawberry.field(description="Whether the move was to a higher tier.")
    reason: TierReason = strawberry.field(description="What moved the member.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.enum(description="What a review of a tier came to, where the member stays for now.")
class TierVerdict(Enum):
    """What a review of a tier came to."""

    KEPT = strawberry.enum_value("kept", description="There is enough, until the next review.")
    GRACE = strawberry.enum_value("grace", description="There is too little; the tier stays until `graceUntil`.")
    LOWERED = strawberry.enum_value("lowered", description="What was earned is a lower tier; one from staff stands.")


@strawberry.type(description="A tier was reviewed, and the member stays where they are for now.")
class TierReviewed:
    """A tier was reviewed, and the member stays where they are for now."""

    tier: str = strawberry.field(description="The code of the tier that was earned.")
    name: str = strawberry.field(description="The name of that tier, in the reader's language.")
    verdict: TierVerdict = strawberry.field(description="What the review came to.")
    grace_until: datetime | None = strawberry.field(
        description="When the tier is lost unless enough is earned by then; null where there is no grace."
    )
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A period of a streak of which something else became than before.")
class StreakFate:
    """A period of a streak of which something else became than before."""

    first_day: str = strawberry.field(description="A date such as 2026-05-04, on the member's own calendar.")
    fate: PeriodFate | None = strawberry.field(
        description="What became of it; null where that is open, or no longer remembered."
    )


@strawberry.type(description="A streak grew, used a freeze, or broke.")
class StreakMoved:
    """A streak grew, used a freeze, or broke."""

    code: str = strawberry.field(description="The streak's code.")
    name: str = strawberry.field(description="In the reader's language.")
    previous_length: int = strawberry.field(description="How many periods in a row there were.")
    length: int = strawberry.field(description="How many there are now; 0 where the streak broke.")
    frozen: int = strawberry.field(description="How many freezes it took to keep the streak.")
    freezes: int | None = strawberry.field(description="How many are left; null in older records.")
    longest: int | None = strawberry.field(description="The longest that there ever was; null in older records.")
    periods: list[StreakFate] = strawberry.field(
        description="The periods of which something else became because the past was changed, oldest first."
    )
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A streak reached a milestone.")
class StreakReached:
    """A streak reached a milestone."""

    code: str = strawberry.field(description="The streak's code.")
    name: str = strawberry.field(description="In the reader's language.")
    length: int = strawberry.field(description="How many periods in a row that is.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.enum(description="A day that comes round once a year.")
class Occasion(Enum):
    """A day that comes round once a year."""

    BIRTHDAY = strawberry.enum_value("birthday", description="The member's birthday, in their own time zone.")
    ANNIVERSARY = strawberry.enum_value("anniversary", description="The day on which the member joined.")


@strawberry.type(description="The member's birthday, or the day on which they joined, came round.")
class Celebrated:
    """The member's birthday, or the day on which they joined, came round."""

    occasion: Occasion = strawberry.field(description="Which of the two.")
    years: int = strawberry.field(description="How many years it has been.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="A score on a board changed.")
class BoardScored:
    """A score on a board changed."""

    board: str = strawberry.field(description="The board's code.")
    name: str = strawberry.field(description="In the reader's language.")
    period: str = strawberry.field(description="The code of the period, such as 2026-W20; all for all time.")
    scope: str | None = strawberry.field(
        description="Whose board, such as a store's; null where there is one for everybody."
    )
    previous_score: float | None = strawberry.field(description="The score before; null for the first in the period.")
    score: float | None = strawberry.field(
        description="The score now; amounts are in major units. Null where the member is no longer on the board."
    )
    reached_at: datetime | None = strawberry.field(
        description="When it was reached, which decides who came first; null off the board, and in older records."
    )
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="The chain of consequences reached its bound here.")
class ChainCut:
    """The chain of consequences reached its bound here."""

    links: int = strawberry.field(description="How many links it had by then.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.enum(description="What kept a campaign from giving all of a bonus.")
class CampaignLimit(Enum):
    """What kept a campaign from giving all of a bonus."""

    CAP = strawberry.enum_value("cap", description="The most points for one member, altogether or on one day.")
    PLACES = strawberry.enum_value("places", description="It was for the first members only.")
    BUDGET = strawberry.enum_value("budget", description="Too little of its points was left.")


@strawberry.type(description="A campaign gave less than its terms promise, because of a limit.")
class BonusWithheld:
    """A campaign gave less than its terms promise, because of a limit."""

    campaign: str = strawberry.field(description="The campaign's code.")
    name: str = strawberry.field(description="In the reader's language.")
    wanted: BigInt = strawberry.field(description="The points that it would have given without the limit.")
    granted: BigInt = strawberry.field(description="The points that it gave; they have an entry of their own.")
    limit: CampaignLimit = strawberry.field(description="What kept the rest.")
    why: Why = strawberry.field(description="Why it came about.")


OtherEffect: TypeAlias = (
    ChallengeProgressed
    | ChallengeCompleted
    | ChallengeCompletionLost
    | BadgeWon
    | BadgeLost
    | TierMoved
    | TierReviewed
    | StreakMoved
    | StreakReached
    | Celebrated
    | ChainCut
    | BoardScored
    | BonusWithheld
    | LotMoved
    | TierGranted
    | TierProgressed
    | PausePlanned
    | PauseDropped
    | Redated
    | AttributeChanged
    | TotalsMoved
    | Truncated
)
"""Every effect but a ledger entry."""
_NoEntry: TypeAlias = (
    effects.Progressed
    | effects.Completed
    | effects.CompletionLost
    | effects.BadgeWon
    | effects.BadgeLost
    | effects.TierMoved
    | effects.TierReviewed
    | effects.StreakMoved
    | effects.StreakReached
    | effects.Celebrated
    | effects.ChainCut
    | effects.Scored
    | effects.BonusWithheld
    | Correction
)


def show_other_effect(effect: _NoEntry, of: record.Record, reading: Reading) -> OtherEffect:
    """An effect of the record ``of`` as clients see it."""
    why = show_why(effect.why, of, reading)
    match effect:
        case effects.ChainCut(links):
            return ChainCut(links=links, why=why)
        case effects.Celebrated(occasion, years):
            return Celebrated(occasion=Occasion(occasion), years=years, why=why)
        case effects.BonusWithheld(code, wanted, granted, limit):
            return BonusWithheld(
                campaign=code,
                name=reading.campaign_name(code),
                wanted=BigInt(wanted),
                granted=BigInt(granted),
                limit=CampaignLimit(limit),
                why=why,
            )
        case effects.Scored():
            return _show_scored(effect, why, reading)
        case (
            effects.LotMoved()
            | effects.TierGranted()
            | effects.TierProgressed()
            | effects.PausePlanned()
            | effects.PauseDropped()
            | effects.Redated()
            | effects.AttributeChanged()
            | effects.TotalsMoved()
            | effects.Truncated()
        ):
            return show_correction(effect, why, reading)
        case effects.TierMoved() | effects.TierReviewed():
            return _show_tier(effect, why, reading)
        case effects.BadgeWon() | effects.BadgeLost():
            return _show_badge(effect, why, reading)
        case effects.StreakMoved() | effects.StreakReached():
            return _show_streak(effect, why, reading)
        case effects.Progressed() | effects.Completed() | effects.CompletionLost():
            return _show_challenge(effect, why, reading)


def _show_challenge(
    effect: effects.Progressed | effects.Completed | effects.CompletionLost, why: Why, reading: Reading
) -> OtherEffect:
    challenge = reading.program.challenge_by_code.get(effect.code)
    title = challenge.title.read(reading.language) if challenge else effect.code
    match effect:
        case effects.Progressed(code, before, after, goal, scale):
            before_now = {"before": before / scale, "after": after / scale, "target": goal / scale}
            return ChallengeProgressed(code=code, title=title, **before_now, why=why)
        case effects.Completed(code, times):
            return ChallengeCompleted(code=code, title=title, times=times, why=why)
        case effects.CompletionLost(code, times):
            return ChallengeCompletionLost(code=code, title=title, times=times, why=why)


def _show_badge(effect: effects.BadgeWon | effects.BadgeLost, why: Why, reading: Reading) -> OtherEffect:
    badge = reading.program.badge_by_code.get(effect.code)
    name = badge.name.read(reading.language) if badge else effect.code
    if isinstance(effect, effects.BadgeWon):
        return BadgeWon(code=effect.code, name=name, level=effect.level, why=why)
    return BadgeLost(code=effect.code, name=name, previous_level=effect.before, level=effect.after, why=why)


def _show_tier(effect: effects.TierMoved | effects.TierReviewed, why: Why, reading: Reading) -> OtherEffect:
    code = effect.after if isinstance(effect, effects.TierMoved) else effect.tier
    tier = reading.program.tier(code)
    name = tier.name.read(reading.language) if tier and tier.code == code else code
    if isinstance(effect, effects.TierMoved):
        reason = TierReason(effect.reason)
        return TierMoved(from_tier=effect.before, to_tier=code, name=name, up=effect.up, reason=reason, why=why)
    verdict = TierVerdict(effect.verdict)
    return TierReviewed(tier=code, name=name, verdict=verdict, grace_until=effect.grace_until, why=why)


def _show_streak(effect: effects.StreakMoved | effects.StreakReached, why: Why, reading: Reading) -> OtherEffect:
    streak = reading.program.streak_by_code.get(effect.code)
    name = streak.name.read(reading.language) if streak else effect.code
    if isinstance(effect, effects.StreakReached):
        return StreakReached(code=effect.code, name=name, length=effect.length, why=why)
    return StreakMoved(
        code=effect.code,
        name=name,
        previous_length=effect.before,
        length=effect.after,
        frozen=effect.frozen,
        freezes=effect.freezes,
        longest=effect.longest,
        periods=[
            StreakFate(first_day=date.fromordinal(day).isoformat(), fate=PeriodFate(fate) if fate else None)
            for day, fate in effect.periods
        ],
        why=why,
    )


def _show_scored(scored: effects.Scored, why: Why, reading: Reading) -> BoardScored:
    board = reading.program.board_by_code.get(scored.board)
    before, after = (None if score is None else score / scored.scale for score in (scored.before, scored.after))
    return BoardScored(
        board=scored.board,
        name=board.name.read(reading.language) if board else scored.board,
        period=scored.period,
        scope=scored.scope or None,
        previous_score=before,
        score=after,
        reached_at=scored.reached_at,
        why=why,
    )
