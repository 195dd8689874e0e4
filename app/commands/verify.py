"""`laurel verify`: replay every journal against its snapshot."""

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.commands.running import FAILED, command_of, settings_of_environment
from app.operator_error import OperatorError
from app.stores.claims import Claims
from app.verification import Verifier
from app.wiring import Laurel, open_existing


@click.command()
@click.option("--member", help="Only the member with this loyalty number.")
@command_of
async def verify(*, member: str | None) -> None:
    """Replay every journal against its snapshot.

    Every difference is reported; exit 1 if there is one.
    """
    async with open_existing(settings_of_environment()) as laurel:
        verifier = Verifier(
            laurel.members, laurel.journal, laurel.programs, laurel.campaigning.store, Claims(laurel.connection)
        )
        members, found = await (_one(laurel, verifier, member) if member else _all(laurel, verifier))
    click.echo(f"{_counted(members, 'member')} verified, {_counted(found, 'difference')}")
    if found:
        sys.exit(FAILED)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


async def _one(laurel: Laurel, verifier: Verifier, loyalty_number: str) -> tuple[int, int]:
    member = (await laurel.members.by_loyalty_numbers([loyalty_number])).get(loyalty_number)
    if member is None:
        raise OperatorError(f"there is no member with the loyalty number {loyalty_number}")
    found = await verifier.verify_member(member.member_id)
    for difference in found:
        click.echo(str(difference))
    return 1, len(found)


async def _all(laurel: Laurel, verifier: Verifier) -> tuple[int, int]:
    """Print every difference as it is found; returns how many members there were, and how many differences."""
    seen = found = 0
    columns = (TextColumn("Replaying journals"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    # What is printed meanwhile belongs on standard output, and not where the bar is.
    with Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=False) as bar:
        task = bar.add_task("members", total=await laurel.members.count())

        def progress(members: int) -> None:
            nonlocal seen
            seen += members
            bar.advance(task, members)

        async for difference in verifier.verify(progress):
            click.echo(str(difference))
            found += 1
    return seen, found
