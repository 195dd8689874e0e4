"""`laurel boards`: compare the boards in Redis with MongoDB, and build them anew, while Laurel serves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from app.boards.drift import Difference
from app.commands.running import FAILED, command_of, settings_of_environment
from app.operator_error import OperatorError
from app.wiring import Laurel, open_existing
from gamification.member import Member

MAX_SHOWN = 1_000
"""How many differences are shown; the rest is counted."""


@click.group()
def boards() -> None:
    """Compare the boards in Redis with MongoDB, and build them anew."""


@boards.command()
@command_of
async def verify() -> None:
    """Compare every board with MongoDB.

    Every difference is reported in a line of its own; exit 1 if there is one.
    """
    shown: list[Difference] = []
    found = seen = 0
    async with open_existing(settings_of_environment()) as laurel:
        with _progress("Comparing boards") as (bar, task):
            bar.update(task, total=await laurel.members.count())

            def progress(members: int) -> None:
                nonlocal seen
                seen += members
                bar.advance(task, members)

            async for difference in laurel.live.drift.compare(laurel.live.placings.stream(progress)):
                found += 1
                if len(shown) < MAX_SHOWN:
                    shown.append(difference)
        numbers = await _loyalty_numbers(laurel, shown)
    for difference in shown:
        number = numbers.get(difference.member_id, "unknown member")
        click.echo(f"{difference.key.text}: {number} (member id {difference.member_id}): {difference.detail}")
    if found > len(shown):
        click.echo(f"and {found - len(shown)} more")
    click.echo(f"the boards of {seen} member{'' if seen == 1 else 's'} compared, {_differences(found)}")
    if found:
        sys.exit(FAILED)


@boards.command()
@command_of
async def rebuild() -> None:
    """Build all boards anew from MongoDB.

    Reads go on meanwhile, and get the new boards when these are complete.
    """
    async with open_existing(settings_of_environment()) as laurel:
        placed = await _rebuilt(laurel)
    click.echo(f"the boards are rebuilt, with {placed} place{'' if placed == 1 else 's'}")


async def _rebuilt(laurel: Laurel) -> int:
    placed = 0
    with _progress("Placing members") as (bar, task):

        def progress(placings: int) -> None:
            nonlocal placed
            placed += placings
            bar.update(task, completed=placed)

        if not await laurel.live.rebuilder.rebuild(progress):
            raise OperatorError("another process is rebuilding the boards just now")
    return placed


def _differences(found: int) -> str:
    return f"{found or 'no'} difference{'' if found == 1 else 's'}"


async def _loyalty_numbers(laurel: Laurel, differences: list[Difference]) -> dict[str, str]:
    """Those of the members concerned, by member id."""
    found = [await laurel.members.read(member_id) for member_id in {one.member_id for one in differences}]
    return {member.member_id: member.loyalty_number for member in found if isinstance(member, Member)}


@contextmanager
def _progress(what: str) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=False) as bar:
        yield bar, bar.add_task(what, total=None)
