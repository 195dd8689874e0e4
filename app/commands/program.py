"""`laurel program`: check, compare and apply program files."""

import asyncio
import difflib
import getpass
import os
from datetime import datetime
from typing import TYPE_CHECKING

import click

from app.clock import utc_now
from app.commands.running import command_of, describe_faults, fail, program_text, settings_of_environment
from app.operator_error import OperatorError
from gamification.program import Program
from gamification.program.faults import ProgramFaults
from gamification.program.source import read_program
from gamification.stores import AppliedProgram, StoreUnavailable

if TYPE_CHECKING:  # The wiring imports the drivers and GraphQL, without which `check` starts sooner.
    from app.wiring import Laurel

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
@command_of
async def diff(file: str) -> None:
    """Show how FILE differs from the program in force, line by line."""
    from rich.console import Console

    from app.wiring import open_existing

    try:
        source = program_text(file)
    except ProgramFaults as faults:
        raise OperatorError(f"nothing can be compared\n{describe_faults(file, faults)}") from None
    async with open_existing(settings_of_environment()) as laurel:
        versions = await laurel.programs.all_versions()
    before = versions[-1].source.splitlines() if versions else []
    name = f"version {versions[-1].version}" if versions else "no program"
    console = Console(highlight=False, soft_wrap=True)
    lines = list(difflib.unified_diff(before, source.splitlines(), name, file, lineterm=""))
    if not lines:
        click.echo(f"{file} does not differ from {name}")
    for line in lines:
        console.print(line, style={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]), markup=False)


@program.command()
@_FILE
@command_of
async def apply(file: str) -> None:
    """Put FILE in force as the next version of the program."""
    from app.campaigns.filing import Filing
    from app.wiring import open_laurel

    async with open_laurel(settings_of_environment(), beside=True) as laurel:
        versions = await laurel.programs.all_versions()
        applied = await applied_from(laurel, file, utc_now())
        click.echo(f"version {applied.version} of {applied.program.code} is in force")
        for state in await Filing(laurel.campaigns).over(applied.program):
            click.echo(f"campaign {state.code} has ended (by {state.ended_by}) and stays ended")
        if versions:
            _warn_of_lost_periods(versions[-1].program, applied)
            await _rebuild_boards(laurel, versions[-1].program, applied.program)


def _warn_of_lost_periods(before: Program, applied: AppliedProgram) -> None:
    from gamification.boards.closing import abandoned_periods

    for lost in abandoned_periods(before, applied.program, applied.applied_at):
        click.echo(
            f"warning: {lost.board.code}/{lost.period.code} is not closed yet and pays no prizes any more, for the"
            " program does not have it now; to change that, apply a program with the board as it was",
            err=True,
        )


async def _rebuild_boards(laurel: "Laurel", before: Program, after: Program) -> None:
    """Bring the boards into the order of the new program, where that is another. It holds in any case."""
    from app.boards.placings import moves_members
    from app.stores.programs import PROGRAM_CACHE_SECONDS

    if not moves_members(before, after):
        return
    # Until then, processes that serve may still place members by the version before.
    await asyncio.sleep(2 * PROGRAM_CACHE_SECONDS)
    try:
        rebuilt = await laurel.live.rebuilder.rebuild()
    except StoreUnavailable:
        rebuilt = False
    click.echo(
        "the boards have changed and are rebuilt" if rebuilt else "the boards have changed; run: laurel boards rebuild"
    )


async def applied_from(laurel: "Laurel", file: str, now: datetime) -> AppliedProgram:
    """Apply a program file.

    Raises:
        OperatorError: the file cannot be read or has faults; all are named.
        StoreUnavailable: the store did not answer in time.
    """
    try:
        return await laurel.programs.apply(program_text(file), _user(), now)
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
