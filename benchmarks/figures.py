"""Figures of alternating rounds: what each server came to in each of them, and medians with their spread."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["home", "purchases"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one server: answers a second, milliseconds, processor milliseconds an answer, megabytes."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    megabytes: tuple[float, ...]


@dataclass(slots=True)
class Rounds:
    """The samples of one kind of request, by server and number of connections, in the order of the rounds."""

    kind: Kind
    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=lambda: defaultdict(list))

    @property
    def servers(self) -> list[str]:
        """Who was measured, in the order in which they were."""
        return list(dict.fromkeys(server for server, _ in self.samples))

    @property
    def connections(self) -> list[int]:
        """With how many connections."""
        return sorted({connections for _, connections in self.samples})

    def spread(self, server: str, connections: int, of: Literal["rate", "p50_ms", "p99_ms", "cpu_ms"]) -> Spread:
        """The spread of one figure."""
        return Spread.of([getattr(sample, of) for sample in self.samples[server, connections]])

    def ratio(self, server: str, other: str, connections: int) -> Spread:
        """By how many times the rate of one server is that of another, round by round."""
        pairs = zip(self.samples[server, connections], self.samples[other, connections], strict=True)
        return Spread.of([one.rate / another.rate for one, another in pairs])

    def tail(self, server: str, connections: int) -> Spread:
        """How many times the median the 99th percentile is, round by round."""
        return Spread.of([sample.p99_ms / sample.p50_ms for sample in self.samples[server, connections]])

    def megabytes(self, server: str) -> float:
        """The most memory that one process of a server had after any round."""
        return max(
            size
            for (name, _), samples in self.samples.items()
            if name == server
            for sample in samples
            for size in sample.megabytes
        )

    def as_json(self) -> Mapping[str, Mapping[str, Mapping[str, Spread]]]:
        """By number of connections, server and figure."""
        return {
            str(connections): {
                server: {of: self.spread(server, connections, of) for of in ("rate", "p50_ms", "p99_ms", "cpu_ms")}
                for server in self.servers
            }
            for connections in self.connections
        }
