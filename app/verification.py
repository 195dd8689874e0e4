"""Verification: every journal replayed against its snapshot, and every difference named.

Members and journal are read side by side in the order of member ids, so memory stays bounded however many there are.
Members may go on playing meanwhile. So what looks different in passing is looked at again, one member alone and
between two equal readings of the snapshot, before it is reported.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from app.campaigns.audit import BudgetAudit
from app.campaigns.store import MongoCampaigns
from app.stores.claims import Claims, claims_of
from app.stores.codec import Unreadable
from app.stores.journal import MAX_PAST_RECORDS, MongoJournal
from app.stores.members import MongoMembers
from app.stores.programs import MongoPrograms
from gamification.activity import MERGE
from gamification.effects import Entry
from gamification.fold import NO_CAMPAIGNS, CampaignVersions, next_due_at
from gamification.lots import balance_of
from gamification.member import Member
from gamification.program.campaigns import Campaign
from gamification.record import Outcome, Record
from gamification.replaying import Replay
from gamification.schedule import Schedule
from gamification.state import State

MEMBERS_PER_BATCH = 200
MAX_READINGS = 5
MAX_DIFFERENCES_PER_MEMBER = 20
MAX_VALUE_CHARS = 80

What = Literal["state", "outcome", "sequence", "balance", "program", "campaign", "member", "claim", "due", "unreadable"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be: with which member, in which record if it is about one, and what.

    Where it is about what was given of a campaign, ``member_id`` is the campaign's code.
    """

    member_id: str
    what: What
    detail: str
    seq: int | None = None

    def __str__(self) -> str:
        place = self.member_id if self.seq is None else f"{self.member_id} record {self.seq}"
        return f"{place}: {self.what}: {self.detail}"


class Verifier:
    """Compares what the stores hold with what it must be. Changes nothing."""

    def __init__(
        self,
        members: MongoMembers,
        journal: MongoJournal,
        programs: MongoPrograms,
        campaigns: MongoCampaigns,
        claims: Claims,
    ) -> None:
        self._members, self._journal, self._programs, self._claims = members, journal, programs, claims
        self._campaigns = campaigns

    async def verify(self, progress: Callable[[int], None] | None = None) -> AsyncIterator[Difference]:
        """Every difference of every member, then of campaigns; ``progress`` is told how many more members are done.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        audit = BudgetAudit(self._campaigns)
        await audit.begin()
        schedule = await self._programs.schedule()
        records = _Ahead(audit.passing(self._journal.stream()))
        async for batch in self._members.stream(MEMBERS_PER_BATCH):
            for member_id in await self._suspects(batch, records, schedule):
                for difference in await self.verify_member(member_id):
                    yield difference
            if progress:
                progress(len(batch))
        async for member_id in records.before(None):
            for difference in await self.verify_member(member_id):
                yield difference
        for code, detail in await audit.finish():
            yield Difference(code, "campaign", detail)

    async def verify_member(self, member_id: str) -> Sequence[Difference]:
        """The differences of one member, up to a bound; of an id that is nobody's too.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        differences: Sequence[Difference] = ()
        before = await self._members.read(member_id)
        for _ in range(MAX_READINGS):
            differences = await self._compare(member_id, before)
            after = await self._members.read(member_id)
            if before == after:
                break
            before = after
        return differences[:MAX_DIFFERENCES_PER_MEMBER]

    async def _suspects(
        self, batch: Sequence[Member | Unreadable], records: "_Ahead", schedule: Schedule
    ) -> Sequence[str]:
        """The ids of a batch, or between them, with which something looks different; in their order, each once."""
        suspects: list[str] = []
        for member in batch:
            suspects += [member_id async for member_id in records.before(member.member_id)]
            replaying = _Replaying(member, schedule)
            async for record in records.of(member.member_id):
                await self._step(replaying, record)
            if replaying.differences():
                suspects.append(member.member_id)
        suspects += [difference.member_id for difference in await self._claim_differences(batch)]
        return list(dict.fromkeys(suspects))

    async def _compare(self, member_id: str, member: Member | Unreadable | None) -> Sequence[Difference]:
        if member is None:
            records = [record.seq async for record in self._journal.history(member_id)]
            held = f"there are {len(records)} records, but" if records else "there is"
            return [Difference(member_id, "member", f"{held} no such member")]
        replaying = _Replaying(member, await self._programs.schedule())
        async for record in self._journal.history(member_id):
            await self._step(replaying, record)
        return [*replaying.differences(), *await self._claim_differences([member])]

    async def _step(self, replaying: "_Replaying", record: Record | Unreadable) -> None:
        """Let a replay take the next step, with what it needs of other accounts and of campaigns."""
        merged = _merged_by(record)
        if merged is not None and replaying.is_sound:
            await self._absorb(replaying, *merged)
        replaying.add(record, await self._terms(record))

    async def _absorb(self, replaying: "_Replaying", member_id: str, last_seq: int) -> None:
        """Have the records of an account at hand that is about to be merged, up to that moment."""
        records: list[Record] = []
        async for record in self._journal.history(member_id):
            if isinstance(record, Unreadable) or record.seq != len(records) + 1 or record.seq > last_seq:
                break
            if record.seq > MAX_PAST_RECORDS:
                break  # No merge takes so many, so this one was not made by Laurel.
            # Effects are not needed, and take most of the room.
            records.append(replace(record, outcome=replace(record.outcome, effects=())))
        for nested in filter(None, map(_merged_by, records)):  # Merged into the other one, and taken apart again since.
            await self._absorb(replaying, *nested)
        granted = {(grant.campaign, grant.version): grant for record in records for grant in record.all_grants}
        terms = await self._campaigns.terms(granted.values()) if granted else NO_CAMPAIGNS
        replaying.know(member_id, records, last_seq, terms)

    async def _terms(self, record: Record | Unreadable) -> CampaignVersions:
        grants = record.all_grants if isinstance(record, Record) else ()
        return await self._campaigns.terms(grants) if grants else NO_CAMPAIGNS

    async def _claim_differences(self, members: Sequence[Member | Unreadable]) -> Sequence[Difference]:
        """The members that would not be found, or be taken for another, by what is theirs alone."""
        expected = {
            claim: member.member_id
            for member in members
            if isinstance(member, Member)
            for claim in claims_of(member, None)
        }
        owners = await self._claims.owners(list(expected))
        return [
            Difference(member_id, "claim", f"{claim[0]} {claim[1]} belongs to {owners.get(claim, 'nobody')}")
            for claim, member_id in expected.items()
            if owners.get(claim) != member_id
        ]


class _Ahead:
    """The records of all members in order, with one record known in advance."""

    def __init__(self, records: AsyncIterator[Record | Unreadable]) -> None:
        self._records = records
        self._next: Record | Unreadable | None = None

    async def before(self, member_id: str | None) -> AsyncIterator[str]:
        """Pass over the records before those of a member, or all that are left; the ids that these are about."""
        passed: str | None = None
        while (record := await self._peek()) is not None and (member_id is None or record.member_id < member_id):
            self._next = None
            if record.member_id != passed:
                passed = record.member_id
                yield passed

    async def of(self, member_id: str) -> AsyncIterator[Record | Unreadable]:
        """The next records, as far as they are this member's."""
        while (record := await self._peek()) is not None and record.member_id == member_id:
            self._next = None
            yield record

    async def _peek(self) -> Record | Unreadable | None:
        if self._next is None:
            self._next = await anext(self._records, None)
        return self._next


class _Replaying:
    """One member's journal being replayed next to their snapshot."""

    def __init__(self, member: Member | Unreadable, schedule: Schedule) -> None:
        self._member, self._schedule = member, schedule
        self._differences: list[Difference] = []
        self._replay: Replay | None = None
        self._terms: dict[tuple[str, int], Campaign] = {}
        self._seq = self._available = self._pending = 0
        if isinstance(member, Unreadable):
            self._note("unreadable", member.fault)
        else:
            self._replay = Replay(member.enrolled_at, schedule)

    @property
    def is_sound(self) -> bool:
        """Whether records are still replayed, and not only counted."""
        return self._replay is not None

    def know(self, member_id: str, records: Sequence[Record], last_seq: int, terms: CampaignVersions) -> None:
        """Have the first ``last_seq`` records of another account at hand, which the next record merges."""
        if self._replay is None:
            return
        self._terms.update(terms)
        if len(records) < last_seq:
            detail = f"of the {last_seq} records of {member_id}, which it merges, {len(records)} can be read in order"
            self._give_up("sequence", detail, self._seq + 1)
        elif not any(self._gives_up_on(record, self._seq + 1) for record in records):
            self._replay.know(member_id, records)

    def add(self, record: Record | Unreadable, terms: CampaignVersions) -> None:
        """Take the step of the next record. Where one cannot be taken, the rest only counts and is not replayed."""
        if isinstance(record, Unreadable):
            self._give_up("unreadable", record.fault, record.seq)
            return
        if record.seq != self._seq + 1:
            self._give_up("sequence", f"follows record {self._seq}", record.seq)
        self._seq = record.seq
        self._count(record.outcome)
        if self._replay is None:
            return
        self._terms.update(terms)
        if self._gives_up_on(record, record.seq):
            return
        outcome = self._replay.take(record, self._terms)
        if outcome != record.outcome:
            detail = "none now" if outcome is None else _fields_that_differ(record.outcome, outcome)
            self._note("outcome", detail, record.seq)

    def differences(self) -> Sequence[Difference]:
        """What has been found, once all records have been added."""
        if isinstance(self._member, Unreadable):
            return self._differences
        snapshot = self._member.state
        found = list(self._differences)
        if snapshot.seq != self._seq:
            found.append(self._about("sequence", f"the snapshot is at {snapshot.seq}, the journal ends at {self._seq}"))
        if (snapshot.balance.available, snapshot.balance.pending) != (self._available, self._pending):
            entries = f"available {self._available}, pending {self._pending}"
            balance = f"available {snapshot.balance.available}, pending {snapshot.balance.pending}"
            found.append(self._about("balance", f"the entries sum to {entries}; the snapshot has {balance}"))
        lots = balance_of(snapshot.lots)
        if (lots.available - snapshot.debt, lots.pending) != (snapshot.balance.available, snapshot.balance.pending):
            owed = f" less {snapshot.debt} owed" if snapshot.debt else ""
            detail = f"the open lots come to {lots}{owed}; the snapshot has {snapshot.balance}"
            found.append(self._about("balance", detail))
        if self._replay is not None and self._replay.state != snapshot:
            found.append(self._about("state", _fields_that_differ(snapshot, self._replay.state)))
        if self._member.due_by == self._schedule.newest_version:
            # Sooner is sound: whoever changes a profile that the game has to learn of makes its member due at once.
            due_at, told = next_due_at(snapshot, self._schedule), self._member.due_at
            if due_at is not None and (told is None or told > due_at):
                found.append(self._about("due", f"something is due at {due_at}; the member is down for {told}"))
        return found

    def _gives_up_on(self, record: Record, seq: int) -> bool:
        """Whether a record names a version that is not known, which ends the replay at the member's record ``seq``."""
        if max(record.program_version, record.known_version) > self._schedule.newest_version:
            self._give_up("program", f"version {record.program_version} is not known", seq)
            return True
        for grant in record.all_grants:
            if (grant.campaign, grant.version) not in self._terms:
                self._give_up("campaign", f"version {grant.version} of {grant.campaign} is not known", seq)
                return True
        return False

    def _count(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if isinstance(effect, Entry) and effect.account == "available":
                self._available += effect.points
            elif isinstance(effect, Entry):
                self._pending += effect.points

    def _give_up(self, what: What, detail: str, seq: int | None) -> None:
        self._replay = None
        self._note(what, detail, seq)

    def _note(self, what: What, detail: str, seq: int | None = None) -> None:
        if len(self._differences) < MAX_DIFFERENCES_PER_MEMBER:
            self._differences.append(self._about(what, detail, seq))

    def _about(self, what: What, detail: str, seq: int | None = None) -> Difference:
        return Difference(self._member.member_id, what, detail, seq)


def _merged_by(record: Record | Unreadable) -> tuple[str, int] | None:
    """The account that a record merges, and the number of its last record by then; None if it merges none."""
    if isinstance(record, Unreadable) or record.activity is None or record.activity.kind != MERGE:
        return None
    told = record.activity.attributes
    return str(told["member"]), int(told["seq"])


def _fields_that_differ(stored: State | Outcome, replayed: State | Outcome) -> str:
    return "; ".join(_differing(stored, replayed))


def _differing(stored: State | Outcome, replayed: State | Outcome) -> Iterator[str]:
    for field in fields(stored):
        was, must_be = getattr(stored, field.name), getattr(replayed, field.name)
        if was != must_be:
            yield f"{field.name} is {_short(was, must_be)}, replayed {_short(must_be, was)}"


def _short(value: object, other: object) -> str:
    """A value in few characters, where it is a collection only what the other lacks."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        value = {key: held for key, held in value.items() if key not in other or other[key] != held}
    elif isinstance(value, tuple) and isinstance(other, tuple):
        value = tuple(held for held in value if held not in other)
    text = str(value)
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[: MAX_VALUE_CHARS - 3]}..."
