"""Records, ledger entries and the other effects of a record, each with its why."""

import secrets
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Annotated, TypeAlias

import strawberry

from gamification import record
from gamification.explain import explain
from schema.context import Reading
from schema.ids import number_in, to_global_id
from schema.scalars import BigInt
from schema.types.node import Node

RECORD_ID = "Record"
ENTRY_ID = "LedgerEntry"
SIMULATED_ID = "simulated-"
SIMULATION_BYTES = 8


@strawberry.enum(description="Which account of points an entry is on.")
class Account(Enum):
    """Which account of points an entry is on."""

    AVAILABLE = strawberry.enum_value("available", description="Can be spent now.")
    PENDING = strawberry.enum_value("pending", description="Becomes available later.")


@strawberry.enum(description="What decided an effect.")
class Source(Enum):
    """What decided an effect."""

    RULE = strawberry.enum_value("rule", description="An earning rule.")
    CHALLENGE = strawberry.enum_value("challenge", description="A challenge, or its reward.")
    BADGE = strawberry.enum_value("badge", description="A badge, or its reward.")
    TIER = strawberry.enum_value("tier", description="The tier ladder, or a tier's reward.")
    STAFF = strawberry.enum_value("staff", description="A member of staff, with a reason.")
    CAMPAIGN = strawberry.enum_value("campaign", description="A bonus-point campaign.")
    CLOCK = strawberry.enum_value("clock", description="Time: points became available, or expired.")
    BOARD = strawberry.enum_value("board", description="A board, or a prize for a place on it.")
    CHAIN = strawberry.enum_value("chain", description="The bound on chains of consequences.")


@strawberry.type(description="What went into the arithmetic, or the reason that staff gave.")
class WhyInput:
    """What went into the arithmetic, or the reason that staff gave."""

    name: str = strawberry.field(description='What it is, such as "amount".')
    value: str = strawberry.field(description="The number written out; for an adjustment, the reason in words.")


@strawberry.type(description="Why an effect came about.")
class Why:
    """Why an effect came about."""

    text: str = strawberry.field(description="The reason in words, in the reader's language.")
    source: Source = strawberry.field(description="What kind of thing decided it.")
    rule: str | None = strawberry.field(description="The code of the earning rule; null where none decided it.")
    campaign: str | None = strawberry.field(description="The code of the campaign; null where none decided it.")
    code: str = strawberry.field(description="The code of whatever decided it.")
    arithmetic: str | None = strawberry.field(
        description="How it was worked out; null where there was nothing to work out."
    )
    inputs: list[WhyInput] = strawberry.field(description="The numbers in the arithmetic.")
    lots: list[str] = strawberry.field(description="The lots of points that were made, used or dropped.")
    because: int | None = strawberry.field(
        description="The place, in the record's effects, of the effect that led to this one; null for the activity."
    )


@strawberry.type(description="Points put on an account, or taken from it.")
class LedgerEntry(Node):
    """Points put on an account, or taken from it."""

    at: datetime = strawberry.field(description="When it took effect.")
    account: Account = strawberry.field(description="The account that it is on.")
    points: BigInt = strawberry.field(description="Put on the account, or taken from it when negative.")
    activity_key: str | None = strawberry.field(
        description="The key of the activity behind it; null where time alone passed."
    )
    activity_kind: str | None = strawberry.field(description="The kind of that activity; null where time alone passed.")
    why: Why = strawberry.field(description="Why it came about.")


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


@strawberry.type(description="A badge was won, or rose to a level.")
class BadgeWon:
    """A badge was won, or rose to a level."""

    code: str = strawberry.field(description="The badge's code.")
    name: str = strawberry.field(description="In the reader's language.")
    level: int = strawberry.field(description="The level reached, from 1.")
    why: Why = strawberry.field(description="Why it came about.")


@strawberry.type(description="The member moved to another tier.")
class TierMoved:
    """The member moved to another tier."""

    from_tier: str | None = strawberry.field(description="The code of the tier before; null for a new member.")
    to_tier: str = strawberry.field(description="The code of the tier after.")
    name: str = strawberry.field(description="The name of the tier after, in the reader's language.")
    up: bool = strawberry.field(description="Whether the move was to a higher tier.")
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
    score: float = strawberry.field(description="The score now; amounts are in major units.")
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


Effect: TypeAlias = Annotated[
    LedgerEntry
    | ChallengeProgressed
    | ChallengeCompleted
    | BadgeWon
    | TierMoved
    | ChainCut
    | BoardScored
    | BonusWithheld,
    strawberry.union("Effect", description="Something that a record changed."),
]


@strawberry.type(description="A line of a member's journal: what happened, and all that it changed.")
class Record(Node):
    """A line of a member's journal."""

    seq: int = strawberry.field(description="Its number in the member's journal, from 1.")
    key: str | None = strawberry.field(
        description="The activity's key, #enrolment for a new member; null where time alone passed."
    )
    kind: str | None = strawberry.field(description="The kind of activity; null where time alone passed.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    effective_at: datetime = strawberry.field(description="When it took effect: a late activity does on arrival.")
    recorded_at: datetime = strawberry.field(description="When it was written.")
    program_version: int = strawberry.field(description="The version of the program that decided it.")
    points: BigInt = strawberry.field(description="What it changed in points, over both accounts.")
    effects: list[Effect] = strawberry.field(description="All that it changed, causes before consequences.")


def entry_place(entry_id: str) -> tuple[str, int, int] | None:
    """The (member_id, seq, place) that the local id of a ledger entry stands for."""
    match entry_id.split(":"):
        case [member_id, seq_text, place_text]:
            seq, place = number_in(seq_text), number_in(place_text)
            return (member_id, seq, place) if seq is not None and place is not None else None
    return None


def record_place(record_id: str) -> tuple[str, int] | None:
    """The (member_id, seq) that the local id of a record stands for."""
    match record_id.split(":"):
        case [member_id, seq_text] if (seq := number_in(seq_text)) is not None:
            return member_id, seq
    return None


def show_why(why: record.Why, reading: Reading) -> Why:
    """A reason as clients see it."""
    return Why(
        text=explain(why, reading.program, reading.language, reading.campaigns),
        source=Source(why.source),
        rule=why.code if why.source == "rule" else None,
        campaign=why.code if why.source == "campaign" else None,
        code=why.code,
        arithmetic=why.arithmetic or None,
        inputs=[WhyInput(name=name, value=str(value)) for name, value in why.inputs.items()],
        lots=list(why.lots),
        because=why.because,
    )


def show_entry(entry: record.Entry, place: int, of: record.Record, reading: Reading) -> LedgerEntry:
    """A ledger entry, which stands at ``place`` among the effects of the record ``of``."""
    return LedgerEntry(
        id=to_global_id(ENTRY_ID, f"{of.member_id}:{of.seq}:{place}"),
        at=of.outcome.at,
        account=Account(entry.account),
        points=BigInt(entry.points),
        activity_key=of.activity.key if of.activity else None,
        activity_kind=of.activity.kind if of.activity else None,
        why=show_why(entry.why, reading),
    )


def show_record(shown: record.Record, reading: Reading) -> Record:
    """A record as clients see it."""
    activity, outcome = shown.activity, shown.outcome
    return Record(
        id=to_global_id(RECORD_ID, f"{shown.member_id}:{shown.seq}"),
        seq=shown.seq,
        key=activity.key if activity else None,
        kind=activity.kind if activity else None,
        occurred_at=activity.occurred_at if activity else outcome.at,
        effective_at=outcome.at,
        recorded_at=shown.recorded_at,
        program_version=shown.program_version,
        points=BigInt(sum(effect.points for effect in outcome.effects if isinstance(effect, record.Entry))),
        effects=[_show_effect(effect, place, shown, reading) for place, effect in enumerate(outcome.effects)],
    )


def show_simulated(shown: record.Record, reading: Reading) -> Record:
    """A record that is only foretold. Its ids lead nowhere, so that no client takes it for one that is written."""
    foretold = f"{SIMULATED_ID}{secrets.token_hex(SIMULATION_BYTES)}"
    return show_record(replace(shown, member_id=foretold), reading)


def _show_effect(effect: record.Effect, place: int, of: record.Record, reading: Reading) -> Effect:
    why = show_why(effect.why, reading)
    match effect:
        case record.Entry():
            return show_entry(effect, place, of, reading)
        case record.Progressed(code, before, after, goal, scale):
            return ChallengeProgressed(
                code=code,
                title=_title(code, reading),
                before=before / scale,
                after=after / scale,
                target=goal / scale,
                why=why,
            )
        case record.Completed(code, times):
            return ChallengeCompleted(code=code, title=_title(code, reading), times=times, why=why)
        case record.BadgeWon(code, level):
            badge = reading.program.badge_by_code.get(code)
            return BadgeWon(code=code, name=badge.name.read(reading.language) if badge else code, level=level, why=why)
        case record.TierMoved(before_tier, after_tier, up):
            return TierMoved(
                from_tier=before_tier, to_tier=after_tier, name=_tier_name(after_tier, reading), up=up, why=why
            )
        case record.ChainCut(links):
            return ChainCut(links=links, why=why)
        case record.BonusWithheld(code, wanted, granted, limit):
            return BonusWithheld(
                campaign=code,
                name=reading.campaign_name(code),
                wanted=BigInt(wanted),
                granted=BigInt(granted),
                limit=CampaignLimit(limit),
                why=why,
            )
        case record.Scored():
            return _show_scored(effect, why, reading)


def _show_scored(scored: record.Scored, why: Why, reading: Reading) -> BoardScored:
    board = reading.program.board_by_code.get(scored.board)
    return BoardScored(
        board=scored.board,
        name=board.name.read(reading.language) if board else scored.board,
        period=scored.period,
        scope=scored.scope or None,
        previous_score=scored.before / scored.scale if scored.before is not None else None,
        score=scored.after / scored.scale,
        why=why,
    )


def _title(code: str, reading: Reading) -> str:
    challenge = reading.program.challenge_by_code.get(code)
    return challenge.title.read(reading.language) if challenge else code


def _tier_name(code: str, reading: Reading) -> str:
    tier = reading.program.tier(code)
    return tier.name.read(reading.language) if tier and tier.code == code else code
