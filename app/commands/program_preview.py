"""What `laurel program diff` tells of members: what a changed program would do to them, in tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.wiring import Laurel
from gamification.activity import EARLIEST
from gamification.program_preview import AT_LEISURE, Change, ProgramPreview, ProgramPreviewer
from gamification.prospects import Prospect, Prospects, Swing, TierFlow


async def show_preview(laurel: Laurel, change: Change) -> None:
    """Print what a change of the program would do to members; with a progress bar, as it takes a while for many.

    Raises:
        StoreUnavailable: a store did not answer in time.
    """
    columns = (TextColumn("Judging members"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("members", total=min(await laurel.members.count(), AT_LEISURE.members))
        previewer = ProgramPreviewer(laurel.game.stores, AT_LEISURE)
        made = await previewer.preview(change, lambda members: bar.advance(task, members))
    named = [each.member_id for each in (*made.prospects.winners, *made.prospects.losers)]
    members = await laurel.members.by_ids(named) if named else {}
    tables = Console(highlight=False)
    tables.rule("What it would do to members")
    for line in _summary(made):
        click.echo(line)
    for table in _tables(made, {each: member.loyalty_number for each, member in members.items()}):
        tables.print(table)


def _summary(made: ProgramPreview) -> Iterator[str]:
    change, found = made.change, made.prospects
    zone = change.program.time_zone
    if change.backfills:
        since = f"since {_shown(change.from_at, zone)}" if change.from_at > EARLIEST else "since the beginning"
        yield f"If what happened {since} is judged again:"
    else:
        yield f"If only what happens from {_shown(change.from_at, zone)} on is judged by it, then at that moment:"
    if not found.members:
        yield "there are no members to judge"
        return
    yield f"{found.changed} of {found.members} members gain or lose something"
    if made.is_sample:
        yield "These are not all members: the figures are those of a sample"


def _tables(made: ProgramPreview, numbers: Mapping[str, str]) -> Iterator[Table]:
    """The tables that have something to tell; members are named by their loyalty ``numbers``."""
    found, tiers = made.prospects, made.change.program.tiers
    if not found.changed:
        return
    yield _swings(found)
    if any(flow.before != flow.after for flow in found.tiers):
        yield _flows(found.tiers, tiers.positions if tiers else {})
    for title, members in (("Most to gain", found.winners), ("Most to lose", found.losers)):
        if members:
            yield _prospects(title, members, numbers)


def _swings(found: Prospects) -> Table:
    table = Table("", "Gained", "Lost", title="In all")
    rows: list[tuple[str, Swing]] = [
        ("points available", found.available),
        ("points pending", found.pending),
        ("members who owe points", found.owing),
        *((f"badge {code}, members", swing) for code, swing in found.badges.items()),
        *((f"challenge {code}, times", swing) for code, swing in found.challenges.items()),
    ]
    for name, swing in rows:
        table.add_row(name, str(swing.gained), str(swing.lost))
    return table


def _flows(flows: Sequence[TierFlow], ladder: Mapping[str, int]) -> Table:
    """A row for each tier that members are on, a column for each that they would be on, as on the new ladder."""
    befores = list(dict.fromkeys(flow.before for flow in flows))
    afters = sorted({flow.after for flow in flows}, key=lambda tier: (ladder.get(tier or "", -1), tier or ""))
    counts = {(flow.before, flow.after): flow.members for flow in flows}
    table = Table("Members by tier", *(f"to {_tier(after)}" for after in afters))
    for before in befores:
        table.add_row(f"from {_tier(before)}", *(str(counts.get((before, after), 0)) for after in afters))
    return table


def _prospects(title: str, members: Sequence[Prospect], numbers: Mapping[str, str]) -> Table:
    table = Table("Member", "Points", "Tier", "Badges", title=title)
    for each in members:
        moved = each.tier_before != each.tier_after
        tier = f"{_tier(each.tier_before)} to {_tier(each.tier_after)}" if moved else _tier(each.tier_after)
        badges = [*(f"+ {code}" for code in each.badges_won), *(f"- {code}" for code in each.badges_lost)]
        number = numbers.get(each.member_id, each.member_id)
        table.add_row(number, f"{each.points_before} to {each.points_after}", tier, "\n".join(badges))
    return table


def _tier(code: str | None) -> str:
    return code or "none"


def _shown(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds")
