"""Regranting: what campaigns give for activities that are played again.

As if what a revision takes out had never been there: an activity finds what was left of a campaign when it was
recorded, and what the member would not have taken before it. What there is now is the bound, for others may have taken
the rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gamification.campaigns import Offer, Offers, budget_subtotal, places_subtotal
from gamification.effects import BonusWithheld
from gamification.history import Event
from gamification.program import Program
from gamification.record import Grant, Outcome
from gamification.state import Moment, State

SCARCE_POINTS = 10_000
"""Of a budget that has more left, a record does not say that it was still more: no activity would want all of it."""


class Regranting:
    """What one member gets of campaigns while their history is played again.

    ``offers`` are those of today, ``before`` is the member's state before the revision, ``old`` what happened as it
    stood then, in the order of time, and ``new_key`` the activity that has just come in, if it is one.
    """

    def __init__(self, offers: Offers, before: State, old: Iterable[Event], new_key: str | None) -> None:
        self._offers, self._before, self._new_key = offers, before, new_key
        self._old: Iterator[tuple[Moment, Sequence[Grant]]] = (
            (event.moment, event.grants) for event in old if event.grants
        )
        self._next = next(self._old, None)
        self._had: Counter[str] = Counter()
        self._placed: set[str] = set()

    def reach(self, moment: Moment) -> None:
        """Note what the member had had of campaigns before a moment."""
        while self._next is not None and self._next[0] < moment:
            self._note(self._next[1], 1)
            self._next = next(self._old, None)

    def gave(self, grants: Iterable[Grant]) -> None:
        """Note what the member has now got."""
        self._note(grants, -1)

    def offers_for(self, event: Event, state: State, program: Program, recorded: Sequence[Offer]) -> Sequence[Offer]:
        """The offers for an activity: today's where it is new, else those that it had when it was recorded."""
        if event.activity.key == self._new_key:
            held = self._before.campaigns
            open_now = self._offers.open_for(event.activity, event.recorded_at, program, state, held=held)
            return [self._by_now(offer, state) for offer in open_now]
        return [self._freed(offer, self._by_now(offer, state), state) for offer in recorded]

    def _note(self, grants: Iterable[Grant], sign: int) -> None:
        for grant in grants:
            self._had[grant.campaign] += sign * grant.given
            if grant.placed and sign > 0:
                self._placed.add(grant.campaign)

    def _freed(self, offer: Offer, by_now: Offer, state: State) -> Offer:
        """An offer as it would have been found, had the member had until then what they now have."""
        code = offer.terms.code
        freed_place = code in self._placed and code not in state.campaigns
        return offer.with_left(
            _least(by_now.room, None if offer.room is None else max(offer.room + self._had[code], 0)),
            _least(by_now.places, None if offer.places is None else offer.places + freed_place),
        )

    def _by_now(self, offer: Offer, state: State) -> Offer:
        """An offer with all there is: left now, and what the member had and has not had again so far."""
        code = offer.terms.code
        left = self._offers.left(code)
        room, places = (left.room, left.places) if left else self._offers.returned(code)
        had, held = (
            self._before.subtotals.get(name, 0) - state.subtotals.get(name, 0)
            for name in (budget_subtotal(code), places_subtotal(code))
        )
        return offer.with_left(
            None if offer.room is None or room is None else max(room + had, 0),
            None if offer.places is None or places is None else max(places + held, 0),
        )


def as_recorded(grants: Sequence[Grant], recorded: Sequence[Grant], outcome: Outcome) -> tuple[Grant, ...]:
    """The grants of an activity that was played again, left as they were recorded where that comes to the same."""
    if any(isinstance(effect, BonusWithheld) and effect.limit != "cap" for effect in outcome.effects):
        return tuple(grants)
    before = {(grant.campaign, grant.version): grant for grant in recorded}
    return tuple(_as_before(grant, before.get((grant.campaign, grant.version))) for grant in grants)


def _as_before(grant: Grant, before: Grant | None) -> Grant:
    if before is None:
        return grant
    has_room = before.room is None or before.room >= grant.given
    has_place = before.places is None or not grant.placed or before.places > 0
    same = has_room and has_place and not _has_more(grant, before)
    return replace(grant, room=before.room, places=before.places) if same else grant


def _has_more(grant: Grant, before: Grant) -> bool:
    """Whether there was more of a scarce campaign than before, which may matter when the activity is played again.

    It did not meet the campaign's condition now, say, and will when something else is taken back.
    """
    more_room = before.room is not None and grant.room is not None and before.room < min(grant.room, SCARCE_POINTS)
    return more_room or (before.places == 0 and bool(grant.places))


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
