"""Playing a history again: what its activities come to, in the order of time, with what a revision changes.

A reversal is a history played again without what it takes back, a late activity one with it in its place. Both start at
a checkpoint before the change, so that what lies further back need not be played.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from gamification.campaigns import Offer, grants_of
from gamification.fold import Applied, CampaignVersions, advance, apply_standing
from gamification.history import Event
from gamification.record import Regrant
from gamification.regranting import Regranting, as_recorded
from gamification.schedule import Schedule
from gamification.state import Moment, State

CHECKPOINT_ACTIVITIES = 100
"""How many activities lie between two checkpoints of a history."""


class Playing:
    """A history being played: ``state`` is where it stands, ``regrants`` are those of activities that got others.

    ``checkpoints`` are states on the way, each with how many of the events lie behind it. Without ``regranting``, each
    activity goes by the grants that it has; with it, those from ``since`` on may get others.
    """

    def __init__(
        self,
        start: State,
        events: Sequence[Event],
        schedule: Schedule,
        terms: CampaignVersions,
        *,
        regranting: Regranting | None = None,
        since: Moment | None = None,
    ) -> None:
        self.state = start
        self.regrants: list[Regrant] = []
        self.checkpoints: list[tuple[State, int]] = []
        self._events, self._schedule, self._terms = events, schedule, terms
        self._regranting, self._since = regranting, since

    def play(self) -> Iterator[None]:
        """Play it, pausing after each event, so that others can have a turn."""
        for number, event in enumerate(self._events, start=1):
            self.state, _ = advance(self.state, event.at, self._schedule)
            recorded = [Offer.again(each, self._terms[each.campaign, each.version]) for each in event.grants]
            applied = self._apply(event, recorded) if self._regranting is None else self._regrant(event, recorded)
            self.state = applied.state
            if self.state.activities % CHECKPOINT_ACTIVITIES == 0:
                self.checkpoints.append((self.state, number))
            yield

    def to_its_end(self, until: datetime) -> State:
        """Play all of it at once, and let time pass up to an instant."""
        for _ in self.play():
            pass
        return self.let_pass(until)

    def let_pass(self, until: datetime) -> State:
        """Let time pass after the last event."""
        self.state, _ = advance(self.state, until, self._schedule)
        return self.state

    def _apply(self, event: Event, offers: Sequence[Offer]) -> Applied:
        program = self._schedule.version(event.version)
        return apply_standing(self.state, event.activity, program, event.at, offers, quiet=True)

    def _regrant(self, event: Event, recorded: Sequence[Offer]) -> Applied:
        """The event with what campaigns may give it now; noted where that is by other grants."""
        assert self._regranting is not None, "campaigns are asked only where something is decided"
        regranting, moment = self._regranting, event.moment
        regranting.reach(moment)
        if self._since is not None and moment < self._since:
            applied, grants = self._apply(event, recorded), event.grants
        else:
            program = self._schedule.version(event.version)
            offers = regranting.offers_for(event, self.state, program, recorded)
            if not offers:
                return self._apply(event, offers)  # which is how it nearly always is
            applied = self._apply(event, offers)
            grants = as_recorded(grants_of(offers, self.state, applied.outcome), event.grants, applied.outcome)
            if grants != event.grants:
                self.regrants.append(Regrant(event.activity.key, grants))
        regranting.gave(grants)
        return applied
