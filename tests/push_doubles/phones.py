"""What phones show: a push replaces the one before of the same device and collapse id."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arrival:
    """A push that a provider took."""

    device: str
    collapse_id: str
    notice_id: str
    title: str
    body: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Phones:
    """All phones that a provider's double reaches. Only counts where it does not ``keep`` arrivals, for benchmarks."""

    keep: bool = True
    count: int = 0
    arrivals: list[Arrival] = field(default_factory=list)

    def receive(self, arrival: Arrival) -> None:
        """One more."""
        self.count += 1
        if self.keep:
            self.arrivals.append(arrival)

    def shown(self, device: str) -> Mapping[str, Arrival]:
        """What a phone shows now, by collapse id, in the order in which it was first shown."""
        return {arrival.collapse_id: arrival for arrival in self.arrivals if arrival.device == device}

    def notices_of(self, device: str) -> list[str]:
        """The notices that a phone got, in order, repeats included."""
        return [arrival.notice_id for arrival in self.arrivals if arrival.device == device]

    def shown_twice(self) -> list[tuple[str, str]]:
        """Devices with a notice that stands on their screen more than once, under different collapse ids."""
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for arrival in self.arrivals:
            names[arrival.device, arrival.notice_id].add(arrival.collapse_id)
        return [shown for shown, collapse_ids in names.items() if len(collapse_ids) > 1]

    def repeats(self) -> int:
        """How many arrivals had come before: same device, same notice."""
        return sum(
            count - 1 for count in Counter((arrival.device, arrival.notice_id) for arrival in self.arrivals).values()
        )
