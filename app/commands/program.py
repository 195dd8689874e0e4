"""`laurel program`: check, compare and apply program files."""

import asyncio
import difflib
import getpass
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from app.clock import utc_now
from app.commands.running import command_of, describe_faults, fail, program_text, settings_of_environment
from app.operator_error import OperatorError
from gamification.activity import EARLIEST
from gamification.program import Program
from gamification.program.faults import ProgramFaults
from gamification.program.source import read_program
from gamification.stores import AppliedProgram, StoreUnavailable

if TYPE_CHECKING:  # The wiring imports the drivers and GraphQL, without which `check` starts sooner.
    from app.wiring import Laurel
    from gamification.program_preview import Change
    from gamification.schedule import Edition, Schedule

_FILE = click.argument("file", type=click.Path())


@click.group()
def program() -> None:
    """Check, compare and apply program files."""


@program.command()
@_FILE
def check(file: str) -> None:
    """Say whether FILE is a sound program.

    Every fault is named with line and column.
    """
    try:
        _read(file)
    except OperatorError as error:
        fail(str(error))
    except ProgramFaults as faults:
        click.echo(describe_faults(file, faults), err=True)
        count = len(faults.faults)
        fail(f"{file} has {count} fault{'s' if count > 1 else ''}")
    click.echo(f"{file} is sound")


@program.command()
@_FILE
@click.option(
    "--from",
    "from_text",
    metavar="INSTANT",
    help="When it would come into force, as for apply. What happened since a moment that is past is judged again.",
)
@click.option(
    "--future-only", is_flag=True, help="Judge nothing again: show only what is due when it comes into force."
)
@command_of
async def diff(file: str, *, from_text: str | None, future_only: bool) -> None:
    """Show how FILE differs from the program in force, and for whom.

    Without options, all that ever happened is judged again. Nothing is written.
    """
    from app.commands.program_preview import show_preview
    from app.wiring import open_existing

    try:
        source = program_text(file)
    except ProgramFaults as faults:
        raise OperatorError(f"nothing can be compared\n{describe_faults(file, faults)}") from None
    async with open_existing(settings_of_environment()) as laurel:
        versions = await laurel.programs.all_versions()
        _show_lines(file, source, versions[-1] if versions else None)
        if versions:
            await show_preview(laurel, _change(file, source, from_text, future_only=future_only))


def _show_lines(file: str, source: str, newest: AppliedProgram | None) -> None:
    """Print in which lines a program differs from the newest version."""
    from rich.console import Console

    before = newest.source.splitlines() if newest else []
    name = f"version {newest.version}" if newest else "no program"
    console = Console(highlight=False, soft_wrap=True)
    lines = list(difflib.unified_diff(before, source.splitlines(), name, file, lineterm=""))
    if not lines:
        click.echo(f"{file} does not differ from {name}")
    for line in lines:
        console.print(line, style={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]), markup=False)


def _change(file: str, source: str, from_text: str | None, *, future_only: bool) -> "Change":
    """The change of the program that is to be looked at.

    Raises:
        OperatorError: the program has faults, or cannot be looked at from then on.
    """
    from gamification.program_preview import Change
    from gamification.recording import MAX_FORESEEN

    try:
        changed = read_program(source)
    except ProgramFaults as faults:
        raise OperatorError(
            f"the program has faults; what it would do cannot be told\n{describe_faults(file, faults)}"
        ) from None
    now = utc_now()
    if from_text is None:
        return Change(changed, now if future_only else EARLIEST, now)
    from_at = max(_instant(from_text, changed.time_zone), EARLIEST)
    if future_only and from_at < now:
        raise OperatorError(f"--from: {from_text} is past; leave it out, or leave out --future-only")
    if from_at > now + MAX_FORESEEN:
        raise OperatorError(f"--from: {from_text} lies more than {MAX_FORESEEN.days} days ahead")
    return Change(changed, from_at, now)


@program.command()
@_FILE
@click.option(
    "--from",
    "from_text",
    metavar="INSTANT",
    help="When it comes into force: 2026-12-01T00:00:00Z, or a date in the program's time zone. Now if left out.",
)
@click.option(
    "--backfill",
    is_flag=True,
    help="Judge again what happened since --from, which is in the past then; without --from since the beginning.",
)
@command_of
async def apply(file: str, *, from_text: str | None, backfill: bool) -> None:
    """Put FILE in force as the next version of the program.

    It is in force from now on, or from another moment on. Its campaigns are there at once in any case: each has its own
    start and end, and those that FILE leaves out end now. The clock (`laurel up`, or `laurel worker clock`) writes what
    the new version changes for members who do nothing, or whose history it judges again.
    """
    from app.campaigns.filing import Filing
    from app.wiring import open_laurel

    async with open_laurel(settings_of_environment(), beside=True) as laurel:
        before = await laurel.programs.schedule() if await laurel.programs.all_versions() else None
        now = utc_now()
        applied = await applied_from(laurel, file, now, from_text=from_text, backfill=backfill)
        schedule = await laurel.programs.schedule()
        edition = next(one for one in schedule.editions if one.version == applied.version)
        for line in _what_happens(schedule, edition, now):
            click.echo(line)
        for state in await Filing(laurel.campaigning.store).over(applied.program):
            click.echo(f"campaign {state.code} has ended (by {state.ended_by}) and stays ended")
        if before and before.newest_version < applied.version:
            begins = max(edition.from_at, now)
            _warn_of_lost_periods(before.at(begins).program, applied.program, begins)
            await _rebuild_boards(laurel, before.at(begins).program, applied.program, is_in_force=begins == now)


def _what_happens(schedule: "Schedule", edition: "Edition", now: datetime) -> Iterator[str]:
    """What applying a version comes to, for whoever has applied it."""
    name = f"version {edition.version} of {edition.program.code}"
    zone = edition.program.time_zone
    if edition.from_at > now and edition.version > 1:
        in_force = schedule.at(now).version
        yield f"{name} comes into force at {_shown(edition.from_at, zone)}; until then version {in_force} is in force"
    else:
        yield f"{name} is in force"
    if edition.backfills:
        since = f" since {_shown(edition.from_at, zone)}" if edition.from_at > EARLIEST else ""
        yield f"the clock judges again what happened{since}: laurel up, or laurel worker clock"
    others = schedule.known(edition.version - 1)
    for other in others.editions[1:]:
        was_to_come = other.from_at > now and others.at(other.from_at) == other
        if was_to_come and other.from_at >= edition.from_at:
            yield f"version {other.version}, which was to come at {_shown(other.from_at, zone)}, never comes into force"


def _shown(instant: datetime, zone: ZoneInfo) -> str:
    """An instant in the program's zone, as `--from` takes it too."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that a date, or a time with or without a zone, names; a date begins at midnight.

    Raises:
        OperatorError: it names none.
    """
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise OperatorError(
            f"--from: {text!r} is no instant; give one such as 2026-12-01T00:00:00Z, 2026-12-01T00:00 or 2026-12-01"
        ) from None


def _warn_of_lost_periods(before: Program, after: Program, begins: datetime) -> None:
    from gamification.boards.closing import abandoned_periods

    for lost in abandoned_periods(before, after, begins):
        click.echo(
            f"warning: {lost.board.code}/{lost.period.code} is not closed by then and pays no prizes any more, for the"
            " program does not have it; to change that, apply a program with the board as it was",
            err=True,
        )


async def _rebuild_boards(laurel: "Laurel", before: Program, after: Program, *, is_in_force: bool) -> None:
    """Bring the boards into the order of the new program, where that is another. It holds in any case."""
    from app.boards.placings import moves_members
    from app.stores.programs import PROGRAM_CACHE_SECONDS

    if not moves_members(before, after):
        return
    if not is_in_force:
        click.echo("the boards change when it comes into force; a process that serves rebuilds them then")
        return
    # Until then, processes that serve may still place members by the version before.
    await asyncio.sleep(2 * PROGRAM_CACHE_SECONDS)
    try:
        rebuilt = await laurel.live.rebuilder.rebuild()
    except StoreUnavailable:
        rebuilt = False
    click.echo(
        "the boards have changed and are rebuilt"
        if rebuilt
        else "the boards have changed; a process that serves rebuilds them as soon as it can"
    )


async def applied_from(
    laurel: "Laurel", file: str, now: datetime, *, from_text: str | None = None, backfill: bool = False
) -> AppliedProgram:
    """Apply a program file, from now on or from the instant that ``from_text`` names in the program's time zone.

    Raises:
        OperatorError: the file cannot be read or has faults, and all are named; or it cannot be in force from then on.
        StoreUnavailable: the store did not answer in time.
    """
    try:
        source = program_text(file)
        from_at = None if from_text is None else _instant(from_text, read_program(source).time_zone)
        return await laurel.programs.apply(source, _user(), now, from_at=from_at, backfill=backfill)
    except ProgramFaults as faults:
        raise OperatorError(f"the program has faults; nothing was applied\n{describe_faults(file, faults)}") from None


async def apply_first_program(laurel: "Laurel") -> AppliedProgram | None:
    """Apply the program of the settings where none has been applied yet; None where one has.

    Raises:
        OperatorError: the file cannot be read or has faults; all are named.
        StoreUnavailable: the store did not answer in time.
    """
    if await laurel.programs.all_versions():
        return None
    try:
        return await applied_from(laurel, str(laurel.settings.program), utc_now())
    except OperatorError as error:
        raise OperatorError(f"LAUREL_PROGRAM: {error}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a user that has a number only.
        return f"user {os.getuid()}"


def _read(file: str) -> Program:
    return read_program(program_text(file))
