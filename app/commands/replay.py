"""`laurel replay`: import a purchase log through the same use cases as the API."""

import sys
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.cdnow.importing import History, LogImport, Summary, shift_to_end_on
from app.cdnow.log import CENTS_DECIMALS, BrokenLine, Purchase, read_log
from app.clock import utc_now
from app.commands.program import apply_first_program
from app.commands.running import FAILED, command_of, settings_of_environment
from app.operator_error import OperatorError
from app.stores.imports import Import
from app.wiring import Laurel, open_laurel

MAX_FILE_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it was read: its file's name, its purchases, and the lines that are none."""

    name: str
    purchases: list[Purchase]
    broken: list[BrokenLine]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    summary: Summary
    broken: list[BrokenLine]


@click.command()
@click.argument("file", type=click.Path())
@click.option("--cdnow", is_flag=True, expose_value=False, help="FILE is a CDNOW log: the default, and all there is.")
@click.option("--end-now", is_flag=True, help="Move the log's days so that it ends yesterday.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@command_of
async def replay(file: str, *, end_now: bool, as_json: bool) -> None:
    """Import the purchase log FILE and print what it came to.

    Lines that are broken are named and left out. Importing again adds only what was not there yet; a line that says
    something else than before is a purchase more, because what was recorded stands.
    """
    log = read_file(Path(file))
    async with open_laurel(settings_of_environment(), beside=True) as laurel:
        await apply_first_program(laurel)
        replayed = await import_log(laurel, log, end_now=end_now)
    for broken in replayed.broken:
        click.echo(f"{file}:{broken.line}: {broken.message}", err=True)
    if as_json:
        click.echo(_as_json(replayed))
    else:
        print_summary(replayed.summary)
    if replayed.broken:
        sys.exit(FAILED)


def read_file(file: Path) -> Log:
    """Read a log.

    Raises:
        OperatorError: the file cannot be read, is too large, or is empty.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise OperatorError(f"{file} is larger than {MAX_FILE_BYTES // 2**20} MiB; split it by customer")
    purchases, broken = read_log(content.splitlines(), utc_now().date())
    if not purchases and not broken:
        raise OperatorError(f"{file} is empty")
    return Log(file.name, purchases, broken)


async def import_log(laurel: Laurel, log: Log, *, end_now: bool) -> Replayed:
    """Import a log with a progress bar, going on where an earlier import of it was cut short.

    Raises:
        OperatorError: the program counts money in other units than the log.
        StoreUnavailable: a store did not answer in time; run again.
    """
    decimals = (await laurel.programs.current()).program.money.decimals
    if decimals != CENTS_DECIMALS:
        raise OperatorError(f"the log counts cents, but the program's money has {decimals} decimals, not 2")
    if not log.purchases:
        return Replayed(Summary(), log.broken)
    last_day = max(purchase.day for purchase in log.purchases)
    entry = await _begun(laurel, log.name, last_day, end_now=end_now)
    importing = LogImport(laurel.game, log.purchases, timedelta(days=entry.shift_days))
    with _progress() as bar:
        task = bar.add_task("Importing purchases", total=importing.purchases)
        await importing.run(lambda recorded: bar.advance(task, recorded))
    summary = await importing.summary(last_day, History(laurel.journal, laurel.programs, laurel.campaigning.store))
    await laurel.imports.put(replace(entry, completed_at=utc_now()))
    return Replayed(summary, sorted([*log.broken, *importing.broken], key=lambda one: one.line))


async def _begun(laurel: Laurel, log: str, last_day: date, *, end_now: bool) -> Import:
    """The import as it was begun: a log, known by its file's name, keeps the shift that it was first imported with."""
    shift = shift_to_end_on(last_day, utc_now().date()).days if end_now else 0
    known = await laurel.imports.get(import_name(log))
    if known is None:
        known = Import(import_name(log), shift, started_at=utc_now())
        await laurel.imports.put(known)
    elif known.shift_days != shift:
        click.echo(f"{log} was imported before with its days moved by {known.shift_days}; so they are again", err=True)
    return known


def import_name(log: str) -> str:
    """What the import of a log, known by its file's name, is kept under."""
    return f"cdnow:{log}"


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)


def print_summary(summary: Summary) -> None:
    """The summary as tables."""
    console = Console()
    console.print(
        f"[bold]{summary.members}[/] members, [bold]{summary.purchases}[/] purchases, "
        f"[bold]{summary.points_issued}[/] points issued",
        highlight=False,
    )
    tiers = Table("Tier", "Members", title="At the end of the log")
    for tier, count in summary.members_by_tier.most_common():
        tiers.add_row(tier, str(count))
    badges = Table("Badge", "Holders", "At each level")
    for code, count in summary.badges_by_code.most_common():
        levels = ", ".join(f"{level}: {held}" for level, held in sorted(summary.badge_levels[code].items()))
        badges.add_row(code, str(count), levels)
    console.print(tiers, badges)


def _as_json(replayed: Replayed) -> str:
    summary = replayed.summary
    content = {
        "members": summary.members,
        "purchases": summary.purchases,
        "points_issued": summary.points_issued,
        "members_by_tier": dict(sorted(summary.members_by_tier.items())),
        "badges_by_code": dict(sorted(summary.badges_by_code.items())),
        "badge_levels": {
            code: {str(level): held for level, held in sorted(levels.items())}
            for code, levels in sorted(summary.badge_levels.items())
        },
        "broken_lines": [{"line": broken.line, "message": broken.message} for broken in replayed.broken],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
