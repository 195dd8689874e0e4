"""Replaying: what a whole journal comes to, record by record, as `verify` and previews need it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from gamification.activity import Activity
from gamification.campaigns import Offer
from gamification.fold import NO_CAMPAIGNS, Applied, CampaignVersions, advance_once, apply
from gamification.history import Checkpoint, History
from gamification.playing import CHECKPOINT_ACTIVITIES
from gamification.record import Outcome, Record
from gamification.revision import revise_again
from gamification.schedule import Schedule
from gamification.state import State


class Replay:
    """One member's journal being replayed; ``state`` is what it comes to so far.

    Every record is judged by the versions that it was decided under.
    """

    def __init__(self, joined_at: datetime, schedule: Schedule) -> None:
        self.state = State.new(joined_at)
        self.history = History(Checkpoint(self.state, 1))
        self._schedule = schedule

    def know(self, member_id: str, records: Sequence[Record]) -> None:
        """Have all records of an account at hand that a later record merges into the member's."""
        self.history.know(member_id, records)

    def take(self, record: Record, terms: CampaignVersions = NO_CAMPAIGNS) -> Outcome | None:
        """Take one record's step again; what came of it, None where nothing does now, which no sound journal shows.

        ``terms`` are those that this record and those before it name.

        Raises:
            KeyError: the record names a version of the program or of a campaign that is not known.
        """
        known = self._schedule.known(record.known_version or record.program_version)
        if not self.state.seq:
            self.state = replace(self.state, judged_by=known.backfilled)
        if record.revised_from is not None:
            revised = revise_again(record, self.history, self.state, known, terms)
            self.state = revised.state
            return revised.record.outcome
        if record.activity is not None:
            return self._apply(record, record.activity, terms)
        passed = advance_once(self.state, record.outcome.at, known)
        if passed is None:
            return None
        self.state, outcome = passed
        return outcome

    def _apply(self, record: Record, activity: Activity, terms: CampaignVersions) -> Outcome | None:
        offers = [Offer.again(each, terms[each.campaign, each.version]) for each in record.grants]
        program = self._schedule.version(record.program_version)
        applied = apply(self.state, activity, program, record.outcome.at, offers)
        self.history.take(record, self._schedule)
        if not isinstance(applied, Applied):
            return None
        self.state = applied.state
        if self.state.activities % CHECKPOINT_ACTIVITIES == 0:
            self.history.mark(self.state)
        return applied.outcome


def replay(
    joined_at: datetime, records: Iterable[Record], schedule: Schedule, terms: CampaignVersions = NO_CAMPAIGNS
) -> State:
    """The state that a whole journal comes to.

    Raises:
        KeyError: a record names a version of the program or of a campaign that is not given.
    """
    replaying = Replay(joined_at, schedule)
    for record in records:
        replaying.take(record, terms)
    return replaying.state
