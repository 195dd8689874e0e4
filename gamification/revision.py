"""Revisions: records that change the past. The member's time is played again, and the difference is what they did."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gamification.activity import MERGE, MERGED, REJUDGEMENT, REVERSAL, UNMERGE, UNMERGED
from gamification.campaigns import Offers
from gamification.difference import Cause, difference, settled
from gamification.fold import CampaignVersions, advance, apply_standing
from gamification.history import Checkpoint, Event, History
from gamification.keeping import Keeping, what_stays
from gamification.playing import Playing
from gamification.record import REVISING, Kept, Outcome, Record
from gamification.regranting import Regranting
from gamification.schedule import Schedule
from gamification.state import Moment, State


@dataclass(frozen=True, slots=True)
class Revised:
    """What a revision came to: the member's new state, the record of the difference, and what goes with it.

    ``checkpoints`` replace those from the changed moment on.
    """

    state: State
    record: Record
    checkpoints: tuple[Checkpoint, ...]


class Revision:
    """A record that changes the member's time, to be played.

    ``record`` is what is known of it beforehand: the activity and where it changes the past. With ``offers``, what
    campaigns give is decided now; without, it has been, and the record says how.
    """

    def __init__(
        self,
        record: Record,
        history: History,
        before: State,
        *,
        schedule: Schedule,
        terms: CampaignVersions,
        offers: Offers | None = None,
    ) -> None:
        self._record, self._history, self._before = record, history, before
        self._schedule, self._terms, self._offers = schedule, terms, offers
        self._moment = revised_moment(record)
        self._old = history.living(history.state_before(self._moment).newest)
        history.take(record, schedule)
        self._keeping = None if offers is None or _is_reversal(record) else Keeping(history, self._moment, schedule)

    @property
    def reaches_to(self) -> Moment:
        """The history from before this moment is needed; it may lie before what changes."""
        return self._moment if self._keeping is None else self._keeping.reaches_to

    def leave_beyond(self) -> None:
        """Do with the history that there is: what stayed at reversals that reach further back stays as it is."""
        if self._keeping is not None:
            self._keeping.leave_beyond()

    def play(self) -> Iterator[None]:
        """Play the time again, pausing after each activity."""
        if self._keeping is not None and self._offers is not None:
            yield from self._keep(self._keeping, self._offers)
        start = self._history.state_before(self._moment)
        self._events = self._to_play(start.newest)
        regranting = None if self._offers is None else self._regranting(self._offers, self._old)
        self._playing = Playing(
            start, self._events, self._schedule, self._terms, regranting=regranting, since=self._moment
        )
        yield from self._playing.play()

    def finish(self) -> Revised:
        """What it came to, once all has been played. The history has then taken in the record."""
        until = self._record.outcome.at
        after, record = self._playing.let_pass(until), self._record
        if self._offers is not None:
            record = self._with_grants(record)
            if _is_reversal(record):
                record, after = self._settled_reversal(record, after)
        program = self._schedule.at(until).program
        effects = difference(self._before, after, until, program, _cause(record))
        taken = settled(self._before, after)
        outcome = Outcome(until, effects, after.balance)
        state = replace(after, seq=record.seq, **_marks(record, self._before))
        checkpoints = self._checkpoints()
        self._history.mark_anew(self._moment, [checkpoint.state for checkpoint in checkpoints])
        return Revised(state, replace(record, outcome=outcome, settlements=taken), checkpoints)

    def _keep(self, keeping: Keeping, offers: Offers) -> Iterator[None]:
        """Settle again what stays at later reversals, and let the record say so."""
        activity, terms = self._record.activity, self._terms
        arrived = None if activity is None else self._history.event(activity.key)
        if arrived is not None:
            program, before = self._schedule.version(arrived.version), self._before
            on_offer = offers.open_for(arrived.activity, arrived.recorded_at, program, before, held=before.campaigns)
            arrived = replace(arrived, grants=tuple(offer.grant() for offer in on_offer))
            terms = {**terms, **offers.terms_of(arrived.grants)}
        yield from keeping.settle(terms, arrived)
        self._record = replace(self._record, kept=tuple(keeping.changed))
        for kept in keeping.changed:
            self._history.keep(kept)

    def _regranting(self, offers: Offers, old: list[Event]) -> Regranting:
        activity = self._record.activity
        assert activity is not None, "time alone revises nothing"
        if activity.kind == MERGE:
            # What the other account did was there already, too, only not here.
            known = {event.activity.key for event in old}
            old = [*old, *(event for event in self._events if event.activity.key not in known)]
            old.sort(key=lambda event: event.moment)
        return Regranting(offers, self._before, old, None if activity.kind in REVISING else activity.key)

    def _to_play(self, after: Moment | None) -> list[Event]:
        """All that still counts; without a new reversal itself, which comes after what it changes is known."""
        activity = self._record.activity
        own = activity.key if self._offers is not None and activity is not None and _is_reversal(self._record) else None
        return [event for event in self._history.living(after) if event.activity.key != own]

    def _with_grants(self, record: Record) -> Record:
        """The record with what campaigns were decided to give; its own activity's among its grants."""
        key = record.activity.key if record.activity else None
        for regrant in self._playing.regrants:
            self._history.grant(regrant)
        own = next((each.grants for each in self._playing.regrants if each.key == key), ())
        others = tuple(each for each in self._playing.regrants if each.key != key)
        return replace(record, grants=own, regrants=others)

    def _settled_reversal(self, record: Record, after: State) -> tuple[Record, State]:
        """Let the reversal itself take effect: what was spent is owed, let off, or stays."""
        activity, program = record.activity, self._schedule.version(record.program_version)
        assert activity is not None, "time alone takes nothing back"
        assert activity.reversal is not None, "a reversal says what it takes back"
        if program.reversals.policy == "only_pending":
            before, _ = advance(self._before, record.outcome.at, self._schedule)
            kept = what_stays(before, after)
            activity = replace(activity, reversal=replace(activity.reversal, kept=kept))
            record = replace(record, activity=activity)
            self._history.keep(Kept(activity.key, kept))
        return record, apply_standing(after, activity, program, record.outcome.at).state

    def _checkpoints(self) -> tuple[Checkpoint, ...]:
        """Those from the changed moment on."""
        lowest, number, made = self._record.seq, len(self._events), []
        for state, behind in reversed(self._playing.checkpoints):
            while number > behind:
                number -= 1
                lowest = min(lowest, self._events[number].seq)
            if state.newest is not None and state.newest >= self._moment:
                made.append(Checkpoint(state, lowest))
        return tuple(reversed(made))


def revise_again(
    record: Record, history: History, before: State, schedule: Schedule, terms: CampaignVersions
) -> Revised:
    """Take the step of a revision that has been recorded once more."""
    revision = Revision(record, history, before, schedule=schedule, terms=terms)
    for _ in revision.play():
        pass
    return revision.finish()


def revised_moment(record: Record) -> Moment:
    """From where on a recorded revision changes the member's time."""
    assert record.revised_from is not None, "a revision says from when"
    assert record.activity is not None, "time alone revises nothing"
    reversal = record.activity.reversal
    key = reversal.key if reversal else "" if record.activity.kind in REVISING else record.activity.key
    return Moment(record.revised_from, key)


def _is_reversal(record: Record) -> bool:
    return record.activity is not None and record.activity.kind == REVERSAL


def _marks(record: Record, before: State) -> dict[str, Any]:
    """What a state keeps beside what its activities come to: by what it is judged, and which accounts are one."""
    activity = record.activity
    assert activity is not None, "time alone revises nothing"
    other, absorbed = str(activity.attributes.get("member", "")), before.absorbed
    merged_into = other if activity.kind == MERGED else None if activity.kind == UNMERGED else before.merged_into
    if activity.kind == MERGE:
        absorbed = (*absorbed, other)
    elif activity.kind == UNMERGE:
        absorbed = tuple(each for each in absorbed if each != other)
    judged_by = record.known_version if activity.kind == REJUDGEMENT else before.judged_by
    return {"judged_by": judged_by, "absorbed": absorbed, "merged_into": merged_into}


def _cause(record: Record) -> Cause:
    activity = record.activity
    assert activity is not None, "time alone revises nothing"
    if activity.reversal is not None:
        return Cause("reversed", activity.reversal.key)
    if activity.kind == REJUDGEMENT:
        return Cause("rejudged", str(record.known_version))
    if activity.kind in REVISING:
        return Cause(activity.kind, str(activity.attributes["member"]))
    return Cause("late", activity.key)
