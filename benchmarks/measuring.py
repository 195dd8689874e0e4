"""Measures servers in alternating rounds: each in turn, round after round, so that what changes over time hits all."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import Progress

from benchmarks.figures import Kind, Rounds, Sample
from benchmarks.generator import Generator, Sent
from benchmarks.options import CONNECTIONS, WARM_UP_SECONDS, Options
from benchmarks.processes import Serving
from benchmarks.report import rounds_table
from benchmarks.stage import until_awake


@dataclass(frozen=True, slots=True)
class Turn:
    """A server, the load generator that knows its members, and what is sent."""

    server: Serving
    load: Generator
    sent: Sent

    async def take(self, connections: int, seconds: float) -> Sample:
        """One round.

        Raises:
            RuntimeError: the server did not answer, or not rightly.
        """
        before = self.server.cpu_seconds()
        figures = await self.load.run(self.sent, self.server.port, connections, seconds, WARM_UP_SECONDS)
        used = self.server.cpu_seconds() - before
        return Sample(
            rate=figures.rate,
            p50_ms=figures.p50_ms,
            p99_ms=figures.p99_ms,
            cpu_ms=used / figures.all_answers * 1000,
            megabytes=tuple(self.server.megabytes()),
        )


@contextmanager
def _alone(turn: Turn, turns: Iterable[Turn]) -> Iterator[None]:
    """Let no other server do anything: some have work in the background, the more the more is written by others."""
    others = [each.server for each in turns if each.server is not turn.server]
    for server in others:
        server.freeze()
    try:
        yield
    finally:
        for server in others:
            server.thaw()


async def alternating(kind: Kind, turns: Mapping[str, Turn], options: Options, progress: Progress) -> Rounds:
    """All rounds of these servers, which are shown as soon as they are there.

    Raises:
        RuntimeError: a server did not answer, or not rightly.
    """
    found = Rounds(kind)
    task = progress.add_task(f"Measuring {kind}", total=options.rounds * len(CONNECTIONS) * len(turns))
    # Light load first, all of it: right after a heavy one commits take longer for a while.
    for many in CONNECTIONS:
        for _ in range(options.rounds):
            for name, turn in turns.items():
                with _alone(turn, turns.values()):
                    await until_awake(turn.server)
                    found.samples[name, many].append(await turn.take(many, options.seconds))
                progress.advance(task)
    progress.console.print(rounds_table(found))
    return found
