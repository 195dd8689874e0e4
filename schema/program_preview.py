"""previewProgram: what a changed program would do to members, before it is applied."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from gamification import program_preview, prospects
from gamification.activity import EARLIEST, Problem
from gamification.program import Program
from gamification.program.faults import MAX_FAULTS, ProgramFaults, format_fault
from gamification.program.source import read_program
from gamification.program_preview import Change, ProgramPreviewer
from gamification.recording import MAX_FORESEEN
from schema.context import Context
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import to_global_id
from schema.scalars import BigInt
from schema.types.errors import Error, InvalidInput, invalid
from schema.types.member import MEMBER_ID

MAX_SOURCE_CHARS = 200_000


@strawberry.type(description="How much some members would gain, and others lose. Neither is below 0.")
class Swing:
    """How much some members would gain, and others lose."""

    gained: BigInt = strawberry.field(description="What those come to who have more afterwards.")
    lost: BigInt = strawberry.field(description="What those come to who have less afterwards.")


@strawberry.type(description="How much some members would gain of something, and others lose. Neither is below 0.")
class CodeSwing:
    """How much some members would gain of something, and others lose."""

    code: str = strawberry.field(description="The code of the badge or challenge, in the program as it is or would be.")
    gained: BigInt = strawberry.field(description="What those come to who have more afterwards.")
    lost: BigInt = strawberry.field(description="What those come to who have less afterwards.")


@strawberry.type(description="How many members are on one tier and would be on another, or stay.")
class TierFlow:
    """How many members are on one tier and would be on another, or stay."""

    before: str | None = strawberry.field(description="The code of the tier they are on; null for none yet.")
    after: str | None = strawberry.field(description="The code of the tier they would be on; null for none yet.")
    members: int = strawberry.field(description="How many they are.")


@strawberry.type(description="What would become of one member.")
class MemberProspect:
    """What would become of one member."""

    member_id: strawberry.ID = strawberry.field(description="The member's global id.")
    points_before: BigInt = strawberry.field(description="Available and pending points; below 0 where some are owed.")
    points_after: BigInt = strawberry.field(description="What they would have.")
    tier_before: str | None = strawberry.field(description="The code of the member's tier; null for none yet.")
    tier_after: str | None = strawberry.field(description="The code of the tier they would be on.")
    badges_won: list[str] = strawberry.field(description="The codes of badges that they would win, or a level of.")
    badges_lost: list[str] = strawberry.field(description="The codes of badges that they would lose, or a level of.")


@strawberry.type(description="What a changed program would do to members.")
class ProgramPreview:
    """What a changed program would do to members."""

    backfills: bool = strawberry.field(
        description="What happened since `from` is judged again; else only what is due at once is shown."
    )
    judged_at: datetime = strawberry.field(
        description="The moment as of which members are compared: now, or when it would come into force."
    )
    members_read: int = strawberry.field(description="How many members were compared.")
    members_changed: int = strawberry.field(description="How many have other points, tiers, badges or completions.")
    available: Swing = strawberry.field(description="Points that can be spent.")
    pending: Swing = strawberry.field(description="Points that become available later.")
    owing: Swing = strawberry.field(description="How many members come to owe points, and how many owe none any more.")
    tiers: list[TierFlow] = strawberry.field(description="Who moves from where to where, lowest first.")
    badges: list[CodeSwing] = strawberry.field(
        description="How many members win a badge, or a level of it, or lose it."
    )
    challenges: list[CodeSwing] = strawberry.field(description="How many times more or less challenges are completed.")
    winners: list[MemberProspect] = strawberry.field(
        description="Up to 10 members with the most to gain: points first, then tiers, then badges."
    )
    losers: list[MemberProspect] = strawberry.field(description="Up to 10 members with the most to lose.")
    records_read: int = strawberry.field(description="How many records of theirs were judged again.")
    is_sample: bool = strawberry.field(description="There are more members than were read: all figures are a sample's.")


@strawberry.type(description="Something in a program that cannot be.")
class ProgramFault:
    """Something in a program that cannot be."""

    line: int = strawberry.field(description="The line of the text, from 1.")
    column: int = strawberry.field(description="The column, from 1.")
    path: str = strawberry.field(description='The field, such as "rules.0.earn.points"; empty where it is none.')
    message: str = strawberry.field(description="What is wrong there, and what would be right, in English.")


@strawberry.type(description="The text is no sound program; nothing was previewed. Its `code` is INVALID_PROGRAM.")
class InvalidProgram(Error):
    """The text is no sound program."""

    faults: list[ProgramFault] = strawberry.field(
        description=f"Everything that was found wrong, in the order of the text; at most {MAX_FAULTS}."
    )


PreviewProgramResult: TypeAlias = Annotated[
    ProgramPreview | InvalidProgram | InvalidInput,
    strawberry.union(
        "PreviewProgramResult", description="What it would do, or what is wrong with the program or `from`."
    ),
]


async def preview_program(context: Context, source: str, from_at: datetime | None) -> PreviewProgramResult:
    """Try a changed program on the members.

    Raises:
        CallerError: the text is too long.
    """
    now = context.game.now()
    if len(source) > MAX_SOURCE_CHARS:
        message = f"source has {len(source)} characters; at most {MAX_SOURCE_CHARS} are possible."
        raise CallerError(BAD_USER_INPUT, message)
    if from_at is not None and from_at.tzinfo is None:
        return invalid(Problem("from", "needs a time zone, such as 2026-05-01T12:00:00Z"))
    if from_at is not None and from_at > now + MAX_FORESEEN:
        return invalid(Problem("from", f"lies more than {MAX_FORESEEN.days} days ahead"))
    try:
        # In a thread, because a long text takes a while and others wait for their answers.
        changed: Program = await asyncio.to_thread(read_program, source)
    except ProgramFaults as faults:
        return _invalid(faults)
    change = Change(changed, max(from_at or EARLIEST, EARLIEST), now)
    return _show(await ProgramPreviewer(context.game.stores).preview(change))


def _invalid(faults: ProgramFaults) -> InvalidProgram:
    shown = [
        ProgramFault(line=each.line, column=each.column, path=each.path, message=each.message) for each in faults.faults
    ]
    message = "\n".join(format_fault("source", each) for each in faults.faults)
    return InvalidProgram(code="INVALID_PROGRAM", message=message, faults=shown)


def _show(made: program_preview.ProgramPreview) -> ProgramPreview:
    found = made.prospects
    return ProgramPreview(
        backfills=made.change.backfills,
        judged_at=made.change.judged_at,
        members_read=found.members,
        members_changed=found.changed,
        available=_swing(found.available),
        pending=_swing(found.pending),
        owing=_swing(found.owing),
        tiers=[TierFlow(before=each.before, after=each.after, members=each.members) for each in found.tiers],
        badges=_by_code(found.badges),
        challenges=_by_code(found.challenges),
        winners=[_prospect(each) for each in found.winners],
        losers=[_prospect(each) for each in found.losers],
        records_read=made.records_read,
        is_sample=made.is_sample,
    )


def _swing(swing: prospects.Swing) -> Swing:
    return Swing(gained=BigInt(swing.gained), lost=BigInt(swing.lost))


def _by_code(swings: Mapping[str, prospects.Swing]) -> list[CodeSwing]:
    return [
        CodeSwing(code=code, gained=BigInt(swing.gained), lost=BigInt(swing.lost)) for code, swing in swings.items()
    ]


def _prospect(one: prospects.Prospect) -> MemberProspect:
    return MemberProspect(
        member_id=to_global_id(MEMBER_ID, one.member_id),
        points_before=BigInt(one.points_before),
        points_after=BigInt(one.points_after),
        tier_before=one.tier_before,
        tier_after=one.tier_after,
        badges_won=list(one.badges_won),
        badges_lost=list(one.badges_lost),
    )
