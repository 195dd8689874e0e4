"""Importing a CDNOW log through the same use cases as the API, resumable with the same keys, and its summary."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TypeVar

from app.campaigns.store import MongoCampaigns
from app.cdnow.log import BrokenLine, Purchase
from app.operator_error import OperatorError
from app.stores.codec import Unreadable
from app.stores.journal import MongoJournal
from app.stores.programs import MongoPrograms
from gamification.activity import Activity
from gamification.enrolment import MAX_ENROLMENTS_PER_CALL, Enrolled, EnrolRequest
from gamification.fold import advance
from gamification.member import Member, Profile
from gamification.playing import Playing
from gamification.program.campaigns import Campaign
from gamification.recording import MAX_ITEMS_PER_CALL
from gamification.replaying import Replay
from gamification.requests import IdempotencyConflict, InvalidInput, Recorded, RecordRequest
from gamification.schedule import Schedule
from gamification.state import State
from schema.context import Game

_T = TypeVar("_T")


@dataclass(slots=True)
class Summary:
    """What the log came to: whom and what it holds, and where its members stand at its end.

    ``badges_by_code`` counts the holders of each badge, ``badge_levels`` those at each of its levels.
    """

    members: int = 0
    purchases: int = 0
    points_issued: int = 0
    members_by_tier: Counter[str] = field(default_factory=Counter)
    badges_by_code: Counter[str] = field(default_factory=Counter)
    badge_levels: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, member: Member) -> None:
        """Count a member, whose state is that at the end of the log."""
        self.members += 1
        self.points_issued += member.state.totals.earned
        self.members_by_tier[member.state.standing.tier or "none"] += 1
        for code, held in member.state.badges.items():
            self.badges_by_code[code] += 1
            self.badge_levels[code][held.level] += 1


class History:
    """Members as they were at some moment, by their journals and the versions of the program."""

    def __init__(self, journal: MongoJournal, programs: MongoPrograms, campaigns: MongoCampaigns) -> None:
        self._journal, self._programs, self._campaigns = journal, programs, campaigns

    async def as_of(self, member: Member, moment: datetime) -> Member:
        """The member as they were; their journal is read only where it goes on after that.

        Raises:
            OperatorError: a record of the journal cannot be read.
            StoreUnavailable: the store did not answer in time.
        """
        schedule = await self._programs.schedule()
        if member.state.as_of <= moment:
            return member.with_state(advance(member.state, moment, schedule)[0])
        return member.with_state(await self._played(member, moment, schedule))

    async def _played(self, member: Member, moment: datetime, schedule: Schedule) -> State:
        """What the member had done by then comes to; what was taken back since does not count."""
        replaying = Replay(member.enrolled_at, schedule)
        terms: dict[tuple[str, int], Campaign] = {}
        async for record in self._journal.history(member.member_id):
            if isinstance(record, Unreadable):
                raise OperatorError(f"a record of {member.member_id} cannot be read; laurel verify says more")
            terms.update(await self._campaigns.terms(record.all_grants))
            replaying.take(record, terms)
        events = [event for event in replaying.history.living(None) if event.at <= moment]
        return Playing(State.new(member.enrolled_at), events, schedule, terms).to_its_end(moment)


class LogImport:
    """One log on its way into the journal. ``shift`` moves its days; the same keys make a second run harmless."""

    def __init__(self, game: Game, purchases: Iterable[Purchase], shift: timedelta) -> None:
        self._game, self._shift = game, shift
        self._by_customer: dict[str, list[Purchase]] = defaultdict(list)
        for purchase in sorted(purchases, key=lambda purchase: (purchase.day, purchase.line)):
            self._by_customer[purchase.customer].append(purchase)
        self._member_ids: dict[str, str] = {}
        self.broken: list[BrokenLine] = []
        self.recorded = 0

    @property
    def purchases(self) -> int:
        """How many purchases there are to record."""
        return sum(map(len, self._by_customer.values()))

    async def run(self, progress: Callable[[int], None]) -> None:
        """Enrol the customers and record their purchases; ``progress`` hears how many each step has recorded.

        Raises:
            StoreUnavailable: a store did not answer in time; run again.
        """
        for customers in _batches(self._by_customer, MAX_ENROLMENTS_PER_CALL):
            await self._enrol(customers)
            purchases = [purchase for customer in customers for purchase in self._by_customer[customer]]
            for batch in _batches(purchases, MAX_ITEMS_PER_CALL):
                await self._record(batch)
                progress(len(batch))

    async def summary(self, ends_on: date, history: History) -> Summary:
        """Where the log's members stand at the end of its last day, ``ends_on``, shifted like the rest.

        Whatever they did after that does not count.
        """
        summary = Summary(purchases=self.recorded)
        end = datetime.combine(ends_on, time.max, tzinfo=UTC) + self._shift
        for member_ids in _batches(self._member_ids.values(), MAX_ENROLMENTS_PER_CALL):
            members: Mapping[str, Member] = await self._game.stores.members.by_ids(member_ids)
            for member in members.values():
                summary.add(await history.as_of(member, end))
        return summary

    async def _enrol(self, customers: list[str]) -> None:
        keys = {f"cdnow-{customer}": customer for customer in customers}
        known = await self._game.stores.members.by_enrolment_keys(list(keys))
        self._member_ids |= {keys[key]: member.member_id for key, (member, _) in known.items()}
        requests = [self._enrolment(key, customer) for key, customer in keys.items() if key not in known]
        for request, result in zip(requests, await self._game.enroller.enrol(requests), strict=True):
            if isinstance(result, Enrolled):
                self._member_ids[keys[request.key]] = result.member.member_id
            else:
                message = f"its customer cannot be enrolled: {_reason(result)}"
                self.broken += [BrokenLine(purchase.line, message) for purchase in self._by_customer[keys[request.key]]]

    def _enrolment(self, key: str, customer: str) -> EnrolRequest:
        joined_at = self._by_customer[customer][0].activity(self._shift).occurred_at
        return EnrolRequest(key, Profile(f"Customer {customer}"), joined_at, external_id=key)

    async def _record(self, purchases: list[Purchase]) -> None:
        known = [purchase for purchase in purchases if purchase.customer in self._member_ids]
        requests = [
            _as_it_happened(self._member_ids[purchase.customer], purchase.activity(self._shift)) for purchase in known
        ]
        for purchase, result in zip(known, await self._game.recorder.record(requests), strict=True):
            if isinstance(result, Recorded):
                self.recorded += 1
            else:
                self.broken.append(BrokenLine(purchase.line, _reason(result)))


def _as_it_happened(member_id: str, activity: Activity) -> RecordRequest:
    """The request for an activity of a log: it counts as having come in when it happened."""
    return RecordRequest(member_id, activity, arrived_at=activity.occurred_at)


def shift_to_end_on(last_day: date, today: date) -> timedelta:
    """By how much the days of a log move so that its last one is yesterday, and none lies ahead."""
    return timedelta(days=(today - last_day).days - 1)


def _reason(result: object) -> str:
    if isinstance(result, InvalidInput):
        return "; ".join(f"{problem.path} {problem.message}" for problem in result.problems)
    if isinstance(result, IdempotencyConflict):
        return "was imported before with other content, which stands"
    return f"was refused ({type(result).__name__})"


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
