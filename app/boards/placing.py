"""What is written to a board, and how it is encoded so that Redis keeps the total order by itself.

The total order is: value descending, columns descending, reached first, member id. Redis orders a sorted set by score
ascending and then by the bytes of the member. So the score is minus the value, and the member begins with the columns,
each subtracted from the largest and in hexadecimal digits of fixed width; the time and the member id follow.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gamification.boards.keys import BoardKey
from gamification.boards.listing import MAX_SCORE
from gamification.program.boards import MAX_COLUMNS

MAX_MEMBER_ID_BYTES = 64
LISTED, UNLISTED, GONE = "L", "U", "-"

_COLUMN_DIGITS = 14
_TIME_DIGITS = 12
"""Milliseconds from the year 1 to the year 8920; what is later counts as the end of that."""
_EPOCH = datetime.min.replace(tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MAX_MILLISECONDS = 16**_TIME_DIGITS - 1


@dataclass(frozen=True, slots=True)
class Placing:
    """Where one member stands on one board, as of a revision of the member's document.

    ``value`` is None where the member is on the board no longer. Whoever is not listed holds no public place. One
    revision of a member stands for one placing on a board: a second one with the same revision changes nothing.

    Raises:
        ValueError: something is out of its bounds; values and columns may be as large as 2^53, and as small.
    """

    key: BoardKey
    member_id: str
    revision: int
    value: int | None
    columns: tuple[int, ...]
    reached_at: datetime
    listed: bool

    def __post_init__(self) -> None:
        if self.value is not None and abs(self.value) > MAX_SCORE:
            raise ValueError(f"the value {self.value} of {self.member_id} on {self.key.text} is larger than 2^53")
        if len(self.columns) > MAX_COLUMNS or any(abs(column) > MAX_SCORE for column in self.columns):
            raise ValueError(f"the columns {self.columns} of {self.member_id} on {self.key.text} are too many or large")
        if not 0 < len(self.member_id.encode()) <= MAX_MEMBER_ID_BYTES:
            raise ValueError(f"the member id {self.member_id!r} is empty or longer than {MAX_MEMBER_ID_BYTES} bytes")
        if not 0 <= self.revision <= MAX_SCORE:
            raise ValueError(f"the revision {self.revision} of {self.member_id} is out of bounds")

    @property
    def entry(self) -> "Entry | None":
        """What Redis holds of it; None where the member is not on the board."""
        if self.value is None:
            return None
        return Entry(self.member_id, self.value, tie_of(self.columns, self.reached_at), self.listed)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member on one board as Redis holds them: the order of equal values is in ``tie``."""

    member_id: str
    value: int
    tie: str
    listed: bool

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that decide between equal values."""
        digits = self.tie[:-_TIME_DIGITS]
        places = range(0, len(digits), _COLUMN_DIGITS)
        return tuple(MAX_SCORE - int(digits[place : place + _COLUMN_DIGITS], 16) for place in places)

    @property
    def reached_at(self) -> datetime:
        """When the value was reached."""
        return _EPOCH + int(self.tie[-_TIME_DIGITS:], 16) * _MILLISECOND

    @property
    def score(self) -> str:
        """The score in the sorted set. As text, for what Lua makes of a number is not exact."""
        return str(-self.value)

    @property
    def ordered(self) -> str:
        """The member in the sorted set."""
        return f"{self.tie}:{self.member_id}"

    @property
    def list(self) -> str:
        """The letter of the sorted set that it is in."""
        return LISTED if self.listed else UNLISTED

    @classmethod
    def of_row(cls, ordered: bytes, score: bytes, *, listed: bool) -> "Entry":
        """The entry that a row of a sorted set stands for."""
        tie, _, member_id = ordered.decode().partition(":")
        return cls(member_id, -int(float(score)), tie, listed)


@dataclass(frozen=True, slots=True)
class Held:
    """What the hash of a board holds of one member. ``entry`` is None where they are on the board no longer."""

    revision: int
    entry: Entry | None

    @classmethod
    def parse(cls, member_id: str, text: bytes) -> "Held":
        """The reverse of what the script writes: revision, list, score and tie, separated by spaces."""
        revision, letter, score, tie = text.decode().split(" ")
        if letter == GONE:
            return cls(int(revision), None)
        return cls(int(revision), Entry(member_id, -int(score), tie, letter == LISTED))


def tie_of(columns: tuple[int, ...], reached_at: datetime) -> str:
    """What orders equal values: bytes that are smaller where the columns are larger and the time is earlier."""
    milliseconds = (reached_at - _EPOCH) // _MILLISECOND
    digits = [f"{MAX_SCORE - column:0{_COLUMN_DIGITS}x}" for column in columns]
    return f"{''.join(digits)}{min(milliseconds, _MAX_MILLISECONDS):0{_TIME_DIGITS}x}"
