"""What the push benchmark came to: a table, JSON, and a picture."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal

DELAY_MS, RATE, MEGABYTES = 250.0, 1_000.0, 150.0
"""The goals: p99 from record to provider, pushes a second of two workers, memory of each."""
SHOWN_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Moment:
    """How many pushes were sent at a moment (monotonic seconds), and the megabytes of each worker."""

    at: float
    sent: int
    megabytes: Sequence[float]


@dataclass(frozen=True, slots=True)
class Results:
    """``delays_ms`` are those of purchases one by one, ``moments`` how workers went through what waited."""

    machine: Mapping[str, Any]
    workers: int
    delays_ms: Sequence[float]
    moments: Sequence[Moment]

    @property
    def rate(self) -> float:
        """Pushes a second, from the first to the last."""
        first = next(moment for moment in self.moments if moment.sent)
        last = self.moments[-1]
        return (last.sent - first.sent) / (last.at - first.at) if last.at > first.at else 0.0

    @property
    def most_megabytes(self) -> float:
        """Of a worker, at any moment."""
        return max(size for moment in self.moments for size in moment.megabytes)

    @property
    def goals(self) -> Sequence[Goal]:
        """What was wanted, and what it is."""
        return (
            Goal("record to provider, p99 ms", DELAY_MS, self.delay(99), at_most=True),
            Goal(f"pushes a second of {self.workers} workers", RATE, self.rate, at_most=False),
            Goal("memory of a worker, MB", MEGABYTES, self.most_megabytes, at_most=True),
        )

    def delay(self, percent: int) -> float:
        """A percentile of the milliseconds from record to provider."""
        return statistics.quantiles(self.delays_ms, n=100, method="inclusive")[percent - 1]

    def print(self, console: Console) -> None:
        """The tables."""
        delays = f"p50 {self.delay(50):.1f}, p99 {self.delay(99):.1f}, most {max(self.delays_ms):.1f} ms"
        console.print(f"From record to provider, {len(self.delays_ms)} purchases one by one: {delays}")
        table = Table("Sent", title=f"Memory of {self.workers} workers, MB")
        for number in range(self.workers):
            table.add_column(f"Worker {number + 1}", justify="right")
        for moment in self._shown():
            table.add_row(f"{moment.sent:,}", *(f"{size:.0f}" for size in moment.megabytes))
        console.print(table)
        goals = Table("Goal", "Wanted", "Measured", "Met", title="Goals")
        for goal in self.goals:
            wanted = f"{'at most' if goal.at_most else 'at least'} {goal.wanted:,g}"
            goals.add_row(goal.name, wanted, f"{goal.measured:,.1f}", "[green]yes[/]" if goal.met else "[red]no[/]")
        console.print(goals)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write the JSON and the picture; where they are."""
        folder.mkdir(parents=True, exist_ok=True)
        file, picture = folder / "push.json", folder / "push.png"
        content = {
            "machine": self.machine,
            "delays_ms": self.delays_ms,
            "moments": self.moments,
            "goals": [{"name": goal.name, "measured": goal.measured, "met": goal.met} for goal in self.goals],
        }
        file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        self._draw(picture)
        return file, picture

    def _shown(self) -> list[Moment]:
        total = self.moments[-1].sent
        return [next(moment for moment in self.moments if moment.sent >= share * total) for share in SHOWN_SHARES]

    def _draw(self, picture: Path) -> None:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt

        figure, (delays, rate, memory) = plt.subplots(1, 3, figsize=(15, 4.6))
        delays.hist(self.delays_ms, bins=40, color="#0b6e4f")
        delays.set(title="From record to provider", xlabel="milliseconds", ylabel="purchases")
        begun = self.moments[0].at
        seconds = [moment.at - begun for moment in self.moments]
        rate.plot(seconds, [moment.sent for moment in self.moments], color="#3d5a80")
        rate.set(title=f"{self.workers} workers: {self.rate:,.0f} a second", xlabel="seconds", ylabel="pushes sent")
        for number in range(self.workers):
            memory.plot(
                [moment.sent for moment in self.moments],
                [moment.megabytes[number] for moment in self.moments],
                label=f"worker {number + 1}",
            )
        memory.axhline(MEGABYTES, color="#c44536", linestyle=":", label="goal")
        memory.set(title="Memory", xlabel="pushes sent", ylabel="MB", ylim=(0, MEGABYTES * 1.2))
        memory.legend(frameon=False)
        figure.tight_layout()
        figure.savefig(picture, dpi=110)
        plt.close(figure)
