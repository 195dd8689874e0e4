"""Records: an activity, or the passing of time, with everything it caused. Immutable once written."""

from datetime import datetime

from gamification.activity import MERGE, MERGED, REJUDGEMENT, REVERSAL, UNMERGE, UNMERGED, Activity
from gamification.effects import Effect
from gamification.state import Balance
from gamification.values import value

REVISING = frozenset({REVERSAL, REJUDGEMENT, MERGE, UNMERGE, MERGED, UNMERGED})
"""Kinds of activities that change the past and stand in time where they were recorded."""


@value(frozen=True, slots=True)
class Outcome:
    """What one step of the fold did: ``effects`` in the order of their causes, and the balance after them."""

    at: datetime
    effects: tuple[Effect, ...]
    balance: Balance


@value(frozen=True, slots=True)
class Grant:
    """What was left of a campaign when a record was decided: points of its budget and places; None without limit.

    ``forgets`` is the campaign, long over, that the member's state forgets to make room for what this one gives.
    ``given`` are the points that it then gave, and ``placed`` says whether the member took a place with them.
    """

    campaign: str
    version: int
    room: int | None
    places: int | None
    forgets: str | None = None
    given: int = 0
    placed: bool = False


@value(frozen=True, slots=True)
class Settlement:
    """What one record took of a campaign: points of its budget, and a place if the member is new to it.

    Below zero where a revision gives back.
    """

    campaign: str
    points: int
    places: int


@value(frozen=True, slots=True)
class Regrant:
    """The grants that an earlier activity goes by since a revision played it again."""

    key: str
    grants: tuple[Grant, ...]


@value(frozen=True, slots=True)
class Kept:
    """The points that stay with the member at the earlier reversal ``key``, since a revision settled it again."""

    key: str
    points: int


@value(frozen=True, slots=True)
class Record:
    """One line of the journal, numbered ``seq`` per member from 1. ``activity`` is None where time alone passed.

    ``program_version`` decided it, and versions up to ``known_version`` were known then. ``input_hash`` tells a retry
    from a key that is used again for something else. ``grants`` are the campaigns that were on offer, with what was
    left of them, so that the record can be replayed, and played again.

    A revision is a record that changes the past: ``revised_from`` is the instant from which the member's time was
    played again, ``regrants`` what activities after it go by since, ``kept`` what stays at reversals after it,
    ``settlements`` what it took of campaigns or gave back, and its outcome the difference that all this made.

    ``first_in`` is the account that recorded it first, for this one, while this one was merged into that; empty for
    nearly all. Where that is a reversal, ``stands_at`` is the instant at which it stood there, and stands here. ``by``
    is who asked for it: the id of staff, the name of an API key; empty where nobody is known.
    """

    member_id: str
    seq: int
    program_version: int
    activity: Activity | None
    outcome: Outcome
    recorded_at: datetime
    input_hash: str = ""
    grants: tuple[Grant, ...] = ()
    known_version: int = 0
    revised_from: datetime | None = None
    regrants: tuple[Regrant, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    kept: tuple[Kept, ...] = ()
    first_in: str = ""
    by: str = ""
    stands_at: datetime | None = None

    @property
    def all_grants(self) -> tuple[Grant, ...]:
        """The grants of its own activity, and those that it gives to earlier ones."""
        return (*self.grants, *(grant for each in self.regrants for grant in each.grants))

    @property
    def placed_at(self) -> datetime:
        """Where in the member's time the activity stands: for one that was folded in late, when it happened."""
        if self.stands_at is not None:
            return self.stands_at
        late = self.revised_from is not None and self.activity is not None and self.activity.kind not in REVISING
        return self.revised_from if late and self.revised_from else self.outcome.at
