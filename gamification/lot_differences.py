"""What a revision changed of a member's lots: the entries they belong to, and what of each is open before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

from gamification.activity import ADJUSTMENT
from gamification.lot_times import LotCalendar
from gamification.state import Lot, OpenLot, State

MAX_LOTS_NAMED = 20
"""How many lots an entry of a revision names."""
_BY_TIME = frozenset({"unlock", "release", "cancelled", "expiry"})
"""The codes of entries of the clock by which lots move that something else has made."""


@dataclass(frozen=True, slots=True)
class LotDifference:
    """A lot that differs between two states; None in a state where it is not open."""

    was: Lot | None
    now: Lot | None

    @property
    def lot_id(self) -> str:
        """Its name, which is the same in both."""
        return self._any.lot_id

    @property
    def origin(self) -> str:
        """What made it, as far as that is known."""
        return self._any.origin

    @property
    def _any(self) -> Lot:
        lot = self.now or self.was
        assert lot is not None, "it is open in one of the states"
        return lot

    def belongs_to(self, account: str, source: str, code: str) -> bool:
        """Whether an entry of a revision is about this lot: one of what made it, or of what may have moved it.

        A lot whose origin is not known may be of any.
        """
        if source == "clock" and code in _BY_TIME:
            return self._was_moved_by(code)
        if self._is_made_otherwise and {f"{source}:{code}", ""} & {lot.origin for lot in self._both}:
            return True
        return (account, source, code) == ("available", "staff", ADJUSTMENT) and self._is_spent_otherwise

    @property
    def _both(self) -> Iterator[Lot]:
        return (lot for lot in (self.was, self.now) if lot is not None)

    @property
    def _is_made_otherwise(self) -> bool:
        was, now = self.was, self.now
        if was is None or now is None:
            return True
        return (was.points, was.pending, was.origin) != (now.points, now.pending, now.origin)

    @property
    def _is_spent_otherwise(self) -> bool:
        was, now = (sum(lot.remaining for lot in (each,) if lot is not None) for each in (self.was, self.now))
        return was != now and not any(lot.pending for lot in self._both)

    def _was_moved_by(self, code: str) -> bool:
        """Whether the passing of time may have moved the lot so in the one state, and not in the other."""
        open_in_both, lots = self.was is not None and self.now is not None, tuple(self._both)
        if code in ("unlock", "release"):
            # One that was never pending could be spent when it was earned.
            freed = [not lot.pending and lot.available_at > lot.earned_at for lot in lots]
            return any(freed) and not (open_in_both and all(freed))
        ended = any(lot.pending for lot in lots) == (code == "cancelled")
        return ended and not open_in_both


@dataclass(frozen=True, slots=True)
class LotDifferences:
    """The lots that differ between two states of a member, and the calendars by which the member sees them."""

    lots: tuple[LotDifference, ...]
    was_by: LotCalendar
    now_by: LotCalendar

    @classmethod
    def between(cls, before: State, after: State, was_by: LotCalendar, now_by: LotCalendar) -> "LotDifferences":
        """Those that differ, or whose ends do, since they go by when the member was last active."""
        was, now = ({lot.lot_id: lot for lot in state.lots} for state in (before, after))
        both = (LotDifference(was.get(lot_id), now.get(lot_id)) for lot_id in {**was, **now})
        moved = was_by != now_by
        return cls(tuple(each for each in both if moved or each.was != each.now), was_by, now_by)

    def of_entry(self, account: str, source: str, code: str) -> tuple[str, ...]:
        """The lots that an entry of the difference is about, the first ``MAX_LOTS_NAMED`` of them."""
        found = (each.lot_id for each in self.lots if each.was != each.now and each.belongs_to(account, source, code))
        return tuple(lot_id for lot_id, _ in zip(found, range(MAX_LOTS_NAMED), strict=False))

    def seen(self) -> Iterator[tuple[LotDifference, OpenLot | None, OpenLot | None]]:
        """Every lot that differs in what the member sees of it, and what that is before and after."""
        for each in self.lots:
            before = self.was_by.seen(each.was) if each.was else None
            after = self.now_by.seen(each.now) if each.now else None
            if before != after:
                yield each, before, after
