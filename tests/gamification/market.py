"""A market: several members, the campaigns on offer to them, and what is left of each, as the record path has it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gamification.activity import Activity
from gamification.campaigns import Offer, Offers
from gamification.circumstances import Circumstances, ReachesBack
from gamification.effects import Entry
from gamification.fold import CampaignVersions
from gamification.history import Checkpoint, Past
from gamification.member import Member, Profile
from gamification.member_fold import MemberFold
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.record import Record, Settlement
from gamification.replaying import replay
from gamification.requests import Recorded, RecordRequest, Request, ReverseRequest
from gamification.schedule import Schedule
from gamification.state import State
from tests.gamification.clerk import drive
from tests.gamification.programs import JOINED_AT, Part, told

VERSION = 1


class Market:
    """Members who buy in turn. Each activity is a commit of its own, settled before the next begins."""

    def __init__(self, program: Program, *terms: Part | Campaign) -> None:
        self.program = program
        self.terms = [Campaign.model_validate(each) for each in terms]
        self.room = {each.code: each.budget.points if each.budget else None for each in self.terms}
        self.places = {each.code: each.first_members for each in self.terms}
        self.settlements: list[Settlement] = []
        self.members: dict[str, Member] = {}
        self.records: dict[str, list[Record]] = {}

    def offers(self) -> list[Offer]:
        """What is on offer now, with what is left."""
        return [Offer(each, VERSION, self.room[each.code], self.places[each.code]) for each in self.terms]

    def do(self, activity: Activity, who: str = "m", now: datetime | None = None) -> list[str]:
        """Record an activity, which arrives when it happens unless told; what it brought, told in short."""
        return told(self.record(activity, who, now).outcome)

    def record(self, activity: Activity, who: str = "m", now: datetime | None = None) -> Record:
        """Record an activity, which arrives when it happens unless told."""
        return self.together([(who, activity)], now or activity.occurred_at)[0]

    def together(self, activities: Sequence[tuple[str, Activity]], now: datetime) -> list[Record]:
        """Record activities of several members in one commit; the record of each."""
        return self._commit([RecordRequest(who, activity) for who, activity in activities], now)

    def reverse(self, key: str, who: str = "m", now: datetime | None = None) -> Record:
        """Take an activity back, at once unless told; the record of that."""
        return self._commit([ReverseRequest(who, key)], now or self.member(who).state.as_of)[0]

    def _commit(self, requests: Sequence[Request], now: datetime) -> list[Record]:
        """What is asked of several members, in one commit."""
        pasts: dict[str, Past] = {}
        while True:
            around = Circumstances(Schedule.always(self.program, VERSION), Offers(self.offers()), now)
            folds = {
                each.member_id: MemberFold(
                    self.member(each.member_id), around, pasts.get(each.member_id), self.versions
                )
                for each in requests
            }
            try:
                made = [self._answer(folds[each.member_id], each) for each in requests]
                break
            except ReachesBack as back:
                who = back.member_id
                pasts[who] = Past(Checkpoint(State.new(JOINED_AT), 1), tuple(self.records.get(who, ())))
        for who, fold in folds.items():
            commit = fold.commit()
            self.members[who] = commit.member
            self.records.setdefault(who, []).extend(commit.records)
            for settled in commit.settlements:
                self._settle(settled)
        return made

    def _answer(self, fold: MemberFold, request: Request) -> Record:
        known = {
            (who, record.activity.key): record
            for who, records in self.records.items()
            for record in records
            if record.activity is not None
        }
        result = drive(fold.answer(request, known))
        assert isinstance(result, Recorded), result
        return result.record

    def member(self, who: str) -> Member:
        """A member as they stand; one who has done nothing yet has just joined."""
        if who not in self.members:
            self.members[who] = Member(who, "0" * 12, JOINED_AT, Profile(who), State.new(JOINED_AT))
        return self.members[who]

    def given(self, code: str, who: str | None = None) -> int:
        """The points that the ledger shows for a campaign, to one member or to all."""
        records = self.records.get(who, []) if who else [record for each in self.records.values() for record in each]
        return sum(
            effect.points
            for record in records
            for effect in record.outcome.effects
            if isinstance(effect, Entry) and (effect.why.source, effect.why.code) == ("campaign", code)
        )

    def replayed(self, who: str = "m") -> State:
        """The state that the member's journal comes to."""
        return replay(JOINED_AT, self.records[who], Schedule.always(self.program, VERSION), self.versions)

    @property
    def versions(self) -> CampaignVersions:
        """The terms by code and version."""
        return {(each.code, VERSION): each for each in self.terms}

    def _settle(self, settled: Settlement) -> None:
        self.settlements.append(settled)
        code = settled.campaign
        room, places = self.room[code], self.places[code]
        if room is not None:
            self.room[code] = room - settled.points
        if places is not None:
            self.places[code] = places - settled.places


def minute(number: int, start: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)) -> datetime:
    """So many minutes after the noon of May 1, 2026, a Friday."""
    return start + timedelta(minutes=number)
