"""Keeping: what stays with the member at reversals under ``only_pending``, settled again where their past changes.

What stays at a reversal follows from the list before it, played with what it takes back and without. What earlier
reversals took is gone from both, and what later ones will take is still in both. So the order of arrival has no say:
where something comes in late, the reversals after it come to what they would have come to, had it been in time. And a
reversal changes nothing of the earlier ones.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from gamification.activity import Reversal
from gamification.fold import CampaignVersions, advance
from gamification.history import Event, History
from gamification.playing import Playing
from gamification.record import Kept
from gamification.schedule import Schedule
from gamification.state import Moment, State

MAX_PLAYED_TWICE = 100_000
"""How many activities, from what is taken back to its reversal, one revision plays a second time, all together.

Reversals for which it would be more keep what they kept; the latest are settled first.
"""


def what_stays(before: State, without: State) -> int:
    """The points that stay at a reversal: what can be spent before it, and could not without what it takes back."""
    return max(before.balance.available - max(without.balance.available, 0), 0)


class Keeping:
    """The reversals after a change of the past at which something may stay, to be settled again.

    The ``history`` has taken the change in, and is to reach back before the moment ``reaches_to``. ``changed`` is where
    something else stays than before. Nothing is played where there is nothing to settle.
    """

    def __init__(self, history: History, since: Moment, schedule: Schedule) -> None:
        self._history, self._since, self._schedule = history, since, schedule
        later = history.reversals_after(since)
        concerned = [number for number, each in enumerate(later) if self._is_only_pending(each) or _taken(each).kept]
        # What those before the first of these took is gone from all that is compared.
        self._later = later[concerned[0] :] if concerned else []
        self._count = concerned[-1] - concerned[0] + 1 if concerned else 0
        self.reaches_to = min([since, *filter(None, map(history.taken_from, self._later))])
        self.changed: list[Kept] = []

    def leave_beyond(self) -> None:
        """Leave reversals of what lies before the history as they are, and with the last of them all before it."""
        places = map(self._history.taken_from, self._later)
        beyond = [number for number, place in enumerate(places, 1) if place and not self._history.reaches_before(place)]
        if beyond:
            self._later, self._count = self._later[beyond[-1] :], max(self._count - beyond[-1], 0)
        self.reaches_to = min([self._since, *filter(None, map(self._history.taken_from, self._later))])

    def settle(self, terms: CampaignVersions, arrived: Event | None = None) -> Iterator[None]:
        """Settle them in the order of time, pausing after each activity that is played.

        Each activity goes by the grants that it has; what has ``arrived`` just now, by those that it is given here.
        """
        if not self._count:
            return
        events = self._within_bound()
        if arrived is not None:
            events = [arrived if event.activity.key == arrived.activity.key else event for event in events]
        start = self._history.state_before(self.reaches_to)
        line = _Line(start, events, self._schedule, terms, Counter(_taken(each).key for each in self._later))
        for number, event in enumerate(self._later[: self._count], start=1):
            key, points = _taken(event).key, 0
            left = self._history.left(key, _keys(self._later[number:]))
            if self._is_only_pending(event) and self._history.taken_from(event) is not None:
                yield from line.play_to(event)
                before = line.state
                line.take_back(key, left)
                yield from line.play_to(event)
                points = what_stays(before, line.state)
            else:
                line.take_back(key, left)
            line.change(event.keeping(points))
            if points != _taken(event).kept:
                self.changed.append(Kept(event.activity.key, points))

    def _is_only_pending(self, event: Event) -> bool:
        return self._schedule.version(event.version).reversals.policy == "only_pending"

    def _within_bound(self) -> list[Event]:
        """The list as it was before any of these, of which only so many are left as may be settled."""
        events = self._before(self._later)
        places = {event.activity.key: place for place, event in enumerate(events)}
        room = MAX_PLAYED_TWICE
        for number in reversed(range(self._count)):
            end = places[self._later[number].activity.key]
            room -= end - places.get(_taken(self._later[number]).key, end)
            if room < 0:
                self._later, self._count = self._later[number + 1 :], self._count - number - 1
                return self._before(self._later)
        return events

    def _before(self, reversals: Sequence[Event]) -> list[Event]:
        start = self._history.state_before(self.reaches_to)
        return self._history.living(start.newest, _keys(reversals))


class _Line:
    """The list while one reversal after the other takes from it; ``state`` is what it comes to so far.

    ``awaited`` is what will be taken back, and how often. The states before that are noted, to go back there.
    """

    def __init__(
        self,
        start: State,
        events: Sequence[Event],
        schedule: Schedule,
        terms: CampaignVersions,
        awaited: Counter[str],
    ) -> None:
        self.state = start
        self._events: list[Event | None] = [*events]
        self._schedule, self._terms, self._awaited = schedule, terms, awaited
        self._places = {event.activity.key: place for place, event in enumerate(events)}
        self._stops = sorted(self._places[key] for key in awaited if key in self._places)
        self._noted: dict[int, State] = {}
        self._reached = 0

    def play_to(self, event: Event) -> Iterator[None]:
        """Play on up to the instant of an event, which itself is not played."""
        end = self._places[event.activity.key]
        for stop in self._stops[bisect_left(self._stops, self._reached) : bisect_left(self._stops, end)]:
            yield from self._play(stop)
            self._noted[stop] = self.state
        yield from self._play(end)
        self.state, _ = advance(self.state, event.at, self._schedule)

    def take_back(self, key: str, left: Event | None) -> None:
        """Let only so much of an activity be left, and go back to before it."""
        place = self._places.get(key)
        if place is None:
            return
        self._events[place] = left
        if self._reached > place:
            self.state, self._reached = self._noted[place], place
        self._awaited[key] -= 1
        if not self._awaited[key]:
            del self._stops[bisect_left(self._stops, place)]
            self._noted.pop(place, None)

    def change(self, event: Event) -> None:
        """Let an event that has not been played yet be another one."""
        self._events[self._places[event.activity.key]] = event

    def _play(self, end: int) -> Iterator[None]:
        events = [event for event in self._events[self._reached : end] if event is not None]
        playing = Playing(self.state, events, self._schedule, self._terms)
        yield from playing.play()
        self.state, self._reached = playing.state, end


def _taken(event: Event) -> Reversal:
    assert event.activity.reversal is not None, "a reversal says what it takes back"
    return event.activity.reversal


def _keys(events: Sequence[Event]) -> frozenset[str]:
    return frozenset(event.activity.key for event in events)
