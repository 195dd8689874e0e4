"""The goals, and whether a run met them. All are ratios within one run, but for the memory."""

from dataclasses import dataclass

from benchmarks.figures import Rounds
from benchmarks.stage import BY_HAND, BY_THE_BOOK, LAUREL

HOME_CONNECTIONS = 16
TIMES_THE_BOOK = 10.0
OF_THE_CEILING = 0.6
TAIL = 2.0
TIMES_A_TRANSACTION = 3.0
MEGABYTES = 150.0
KEPT = 0.9


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: what was ``wanted`` at least, or at most where ``at_most``, and what was ``measured``."""

    name: str
    wanted: float
    measured: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it was met."""
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


def goals_of(home: Rounds, purchases: Rounds) -> list[Goal]:
    """The goals of one shop."""
    many = purchases.connections[-1]
    return [
        Goal(
            f"home at {HOME_CONNECTIONS} connections, times by the book",
            TIMES_THE_BOOK,
            home.ratio(LAUREL, BY_THE_BOOK, HOME_CONNECTIONS).median,
        ),
        Goal(
            f"home at {HOME_CONNECTIONS} connections, part of by hand",
            OF_THE_CEILING,
            home.ratio(LAUREL, BY_HAND, HOME_CONNECTIONS).median,
        ),
        Goal("home at 1 connection, p99 / p50", TAIL, home.tail(LAUREL, 1).median, at_most=True),
        Goal("purchases at 1 connection, p99 / p50", TAIL, purchases.tail(LAUREL, 1).median, at_most=True),
        Goal(
            f"purchases at {many} connections, times a transaction each",
            TIMES_A_TRANSACTION,
            purchases.ratio(LAUREL, BY_THE_BOOK, many).median,
        ),
        Goal(
            "memory of a serving process under load, MB",
            MEGABYTES,
            max(home.megabytes(LAUREL), purchases.megabytes(LAUREL)),
            at_most=True,
        ),
    ]


def growth_goals(small: str, large: str, rounds: list[Rounds]) -> list[Goal]:
    """What is left of each rate where a shop is large; ``small`` and ``large`` name Laurel over the two shops."""
    return [
        Goal(
            f"{each.kind} at {connections} connections, large / small",
            KEPT,
            each.ratio(large, small, connections).median,
        )
        for each in rounds
        for connections in each.connections
    ]
