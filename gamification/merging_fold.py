"""A fold for merging: two accounts become one, or two again, and each takes a record of it."""

from dataclasses import replace

from gamification.absorbed import taken_over
from gamification.activity import MERGE, UNMERGE, Activity, Scalar
from gamification.member import Member
from gamification.member_fold import MemberFold, Told
from gamification.record import Outcome, Record
from gamification.requests import MergeRequest
from gamification.revision import revise_again, revised_moment
from gamification.state import Moment


class MergingFold(MemberFold):
    """The part of a member who is merged with another, or taken apart again, in the commit of both."""

    async def merge(self, kind: str, other: Member, request: MergeRequest) -> Record:
        """Take another account of the same person in (`MERGE`) or give it back (`UNMERGE`).

        Or be that account, and be taken in (`MERGED`) or given back (`UNMERGED`). The game is then played as if the
        person had had one account all along, or two.
        """
        await self._catch_up()
        self._let_pass(self._now)
        until = max(self._now, self._state.as_of)
        attributes: dict[str, Scalar] = {"member": other.member_id, "seq": other.state.seq}
        assert request.key is not None, "both records go by one key"
        activity = Activity(request.key, kind, until, attributes=attributes, reason=request.reason)
        own = self._member.enrolled_at
        from_at = min(other.enrolled_at, own) if kind in (MERGE, UNMERGE) else own
        return await self._revise(activity, from_at, until, Told(request.input_hash, by=request.by))

    def as_it_stands(self, record: Record) -> Record:
        """A record of this account with the version, the grants and what stays that its activity goes by now."""
        assert record.activity is not None, "time alone stands for nothing"
        event = self._history_before(Moment(record.placed_at, record.activity.key)).event(record.activity.key)
        assert event is not None, "what was recorded is in the history"
        return replace(record, program_version=event.version, activity=event.activity, grants=event.grants)

    def take_over(self, told: Record) -> Record:
        """Record here what the account that this one is merged into recorded for it. It counts when they are two again.

        The key is the one that it was reported with, and so a retry finds it.
        """
        assert self._state.merged_into is not None, "only then does another account record for this one"
        outcome = Outcome(max(self._now, self._state.as_of), (), self._state.balance)
        record = taken_over(told, self.member, outcome, self._schedule.newest_version)
        moment = revised_moment(record)
        history = self._history_before(moment)
        return self._keep(revise_again(record, history, self._state, self._schedule, self._terms), moment)
