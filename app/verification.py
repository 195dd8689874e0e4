"""Verification: every journal replayed against its snapshot, and every difference named.

Members and journal are read side by side in the order of member ids, so memory stays bounded however many there are.
Members may go on playing meanwhile. So what looks different in passing is looked at again, one member alone and
between two equal readings of the snapshot, before it is reported.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from app.campaigns.audit import BudgetAudit
from app.campaigns.store import MongoCampaigns
from app.stores.claims import Claims, claims_of
from app.stores.codec import Unreadable
from app.stores.journal import MongoJournal
from app.stores.members import MongoMembers
from app.stores.programs import MongoPrograms
from gamification.fold import NO_CAMPAIGNS, CampaignVersions, replay_one
from gamification.lots import balance_of
from gamification.member import Member
from gamification.record import Entry, Outcome, Record
from gamification.state import State
from gamification.stores import AppliedProgram

MEMBERS_PER_BATCH = 200
MAX_READINGS = 5
MAX_DIFFERENCES_PER_MEMBER = 20
MAX_VALUE_CHARS = 80

What = Literal["state", "outcome", "sequence", "balance", "program", "campaign", "member", "claim", "unreadable"]


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
        self._versions: dict[int, AppliedProgram | None] = {}

    async def verify(self, progress: Callable[[int], None] | None = None) -> AsyncIterator[Difference]:
        """Every difference of every member, then of campaigns; ``progress`` is told how many more members are done.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        audit = BudgetAudit(self._campaigns)
        await audit.begin()
        records = _Ahead(audit.passing(self._journal.stream()))
        async for batch in self._members.stream(MEMBERS_PER_BATCH):
            for member_id in await self._suspects(batch, records):
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

    async def _suspects(self, batch: Sequence[Member | Unreadable], records: "_Ahead") -> Sequence[str]:
        """The ids of a batch, or between them, with which something looks different; in their order, each once."""
        suspects: list[str] = []
        for member in batch:
            suspects += [member_id async for member_id in records.before(member.member_id)]
            replaying = _Replaying(member)
            async for record in records.of(member.member_id):
                replaying.add(record, await self._version(record), await self._terms(record))
            if replaying.differences():
                suspects.append(member.member_id)
        suspects += [difference.member_id for difference in await self._claim_differences(batch)]
        return list(dict.fromkeys(suspects))

    async def _compare(self, member_id: str, member: Member | Unreadable | None) -> Sequence[Difference]:
        if member is None:
            records = [record.seq async for record in self._journal.history(member_id)]
            held = f"there are {len(records)} records, but" if records else "there is"
            return [Difference(member_id, "member", f"{held} no such member")]
        replaying = _Replaying(member)
        async for record in self._journal.history(member_id):
            replaying.add(record, await self._version(record), await self._terms(record))
        return [*replaying.differences(), *await self._claim_differences([member])]

    async def _version(self, record: Record | Unreadable) -> AppliedProgram | None:
        if isinstance(record, Unreadable):
            return None
        version = record.program_version
        if version not in self._versions:
            self._versions[version] = await self._programs.version(version)
        return self._versions[version]

    async def _terms(self, record: Record | Unreadable) -> CampaignVersions:
        grants = record.grants if isinstance(record, Record) else ()
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

    def __init__(self, member: Member | Unreadable) -> None:
        self._member = member
        self._differences: list[Difference] = []
        self._state: State | None = None
        self._seq = self._available = self._pending = 0
        if isinstance(member, Unreadable):
            self._note("unreadable", member.fault)
        else:
            self._state = State.new(member.enrolled_at)

    def add(self, record: Record | Unreadable, applied: AppliedProgram | None, terms: CampaignVersions) -> None:
        """Take the step of the next record. Where one cannot be taken, the rest only counts and is not replayed."""
        if isinstance(record, Unreadable):
            self._state = None
            self._note("unreadable", record.fault, record.seq)
            return
        if record.seq != self._seq + 1:
            self._state = None
            self._note("sequence", f"follows record {self._seq}", record.seq)
        self._seq = record.seq
        self._count(record.outcome)
        if self._state is None:
            return
        if applied is None:
            self._state = None
            self._note("program", f"version {record.program_version} is not known", record.seq)
            return
        for grant in record.grants:
            if (grant.campaign, grant.version) not in terms:
                self._state = None
                self._note("campaign", f"version {grant.version} of {grant.campaign} is not known", record.seq)
                return
        self._state, outcome = replay_one(self._state, record, applied.program, terms)
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
        if (lots := balance_of(snapshot.lots)) != snapshot.balance:
            found.append(self._about("balance", f"the open lots come to {lots}; the snapshot has {snapshot.balance}"))
        if self._state is not None and self._state != snapshot:
            found.append(self._about("state", _fields_that_differ(snapshot, self._state)))
        return found

    def _count(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if isinstance(effect, Entry) and effect.account == "available":
                self._available += effect.points
            elif isinstance(effect, Entry):
                self._pending += effect.points

    def _note(self, what: What, detail: str, seq: int | None = None) -> None:
        if len(self._differences) < MAX_DIFFERENCES_PER_MEMBER:
            self._differences.append(self._about(what, detail, seq))

    def _about(self, what: What, detail: str, seq: int | None = None) -> Difference:
        return Difference(self._member.member_id, what, detail, seq)


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
