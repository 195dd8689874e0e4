"""What the rivals keep beside the members' documents: a board, campaigns, and their purchases."""

from dataclasses import dataclass
from datetime import timedelta

CAMPAIGNS = "rival_campaigns"
"""The collection of campaigns."""
JOURNAL, OUTBOX = "rival_journal", "rival_outbox"
"""Where their purchases are written; the members are those of Laurel, of whom each buys at one of the two."""
_WEEK_MILLISECONDS = 2**30
"""More than a week has."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of the keys in Redis, which begin with the name of the database."""

    database: str

    @property
    def board(self) -> str:
        """A sorted set of member ids, read with ZREVRANK and ZREVRANGE."""
        return f"rivals:{self.database}:weekly"

    def left(self, campaign: str) -> str:
        """What is left of a campaign's budget."""
        return f"rivals:{self.database}:campaign:{campaign}:left"


def rank_score(value: int, since_week_began: timedelta) -> int:
    """The score in the sorted set: by the value, and among equals who came first is ahead. Exact in a double."""
    return value * _WEEK_MILLISECONDS + _WEEK_MILLISECONDS - 1 - since_week_began // timedelta(milliseconds=1)


def value_of(score: float) -> int:
    """The value that such a score stands for."""
    return int(score) // _WEEK_MILLISECONDS
