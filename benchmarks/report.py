"""Results: as JSON, and as tables in the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Rounds, Spread
from benchmarks.goals import Goal
from benchmarks.options import CONNECTIONS, WARM_UP_SECONDS, Options

_UNITS = {"home": "home queries", "purchases": "purchases"}


@dataclass(slots=True)
class Results:
    """All that a run came to. ``others`` are figures with a spread by name, ``memory`` megabytes of each process."""

    options: Options
    machine: Mapping[str, Any]
    rounds: list[Rounds]
    goals: list[Goal]
    idle: Mapping[str, Sequence[float]]
    loaded: Mapping[str, Sequence[float]]
    others: Mapping[str, Spread] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> bytes:
        """All of it, but for folders."""
        options = self.options
        content: dict[str, Any] = {
            "at": self.at.isoformat(timespec="seconds"),
            "machine": self.machine,
            "setting": {
                "members": options.members,
                "rounds": options.rounds,
                "seconds": options.seconds,
                "warm_up_seconds": WARM_UP_SECONDS,
                "connections": CONNECTIONS,
            },
            **{each.kind: each.as_json() for each in self.rounds},
            "megabytes_idle": self.idle,
            "megabytes_loaded": self.loaded,
            "others": self.others,
            "goals": [{**asdict(goal), "met": goal.met} for goal in self.goals],
        }
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"

    def write(self, name: str) -> Path:
        """Write the JSON into the folder for results; where it is."""
        self.options.folder.mkdir(parents=True, exist_ok=True)
        file = self.options.folder / f"{name}.json"
        file.write_bytes(self.as_json())
        return file

    def print(self, console: Console) -> None:
        """The tables."""
        for each in self.rounds:
            console.print(rounds_table(each))
        console.print(self._memory_table())
        if self.others:
            console.print(_others_table(self.others))
        console.print(_goals_table(self.goals))

    def _memory_table(self) -> Table:
        table = Table("Server", "Idle", "Loaded", title="Resident memory, MB a process")
        for server, sizes in self.idle.items():
            table.add_row(server, _listed(sizes), _listed(self.loaded[server]))
        return table


def rounds_table(rounds: Rounds) -> Table:
    """What the servers came to, by number of connections."""
    table = Table(title=f"{_UNITS[rounds.kind].capitalize()}: medians of the rounds")
    table.add_column("Conns", no_wrap=True)
    table.add_column("Server", no_wrap=True)
    for column in ("A second", "least - most", "p50 ms", "p99 ms", "CPU ms"):
        table.add_column(column, justify="right", no_wrap=True)
    for connections in rounds.connections:
        for server in rounds.servers:
            rate = rounds.spread(server, connections, "rate")
            times = [rounds.spread(server, connections, of).median for of in ("p50_ms", "p99_ms", "cpu_ms")]
            table.add_row(
                str(connections),
                server,
                f"{rate.median:,.0f}",
                f"{rate.least:,.0f} - {rate.most:,.0f}",
                *(f"{each:,.2f}" for each in times),
            )
        table.add_section()
    return table


def _others_table(others: Mapping[str, Spread]) -> Table:
    table = Table("What", title="Besides")
    for column in ("Median", "Least", "Most"):
        table.add_column(column, justify="right")
    for what, spread in others.items():
        table.add_row(what, *(f"{value:,.2f}" for value in (spread.median, spread.least, spread.most)))
    return table


def _goals_table(goals: Sequence[Goal]) -> Table:
    table = Table("Goal", title="Goals")
    for column in ("Wanted", "Measured", "Met"):
        table.add_column(column, justify="right")
    for goal in goals:
        wanted = f"{'at most' if goal.at_most else 'at least'} {goal.wanted:g}"
        table.add_row(goal.name, wanted, f"{goal.measured:,.2f}", "[green]yes[/]" if goal.met else "[red]no[/]")
    return table


def _listed(sizes: Sequence[float]) -> str:
    return ", ".join(f"{size:.0f}" for size in sizes)
