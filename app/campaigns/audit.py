"""Adds up what the journal says was given of each campaign, and compares it with what was taken of its limits.

Purchases may go on meanwhile. Every record that was there before the audit is read, and every record that is read was
there before its end; so what was given lies between what was taken when it began and when it ended.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from app.campaigns.allowances import Key, Slice, What
from app.campaigns.store import MongoCampaigns
from app.stores.codec import Unreadable
from gamification.campaigning import CampaignState
from gamification.effects import Entry
from gamification.program.campaigns import Campaign
from gamification.record import Record


class BudgetAudit:
    """One audit over all members: begin it, let all records pass, finish it."""

    def __init__(self, campaigns: MongoCampaigns) -> None:
        self._campaigns = campaigns
        self._before: Mapping[Key, Sequence[Slice]] = {}
        self._given: Counter[Key] = Counter()
        self._returned: Counter[Key] = Counter()
        self._member_id = ""
        self._placed: set[str] = set()

    async def begin(self) -> None:
        """Read what was taken until now.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        self._before = (await self._limited())[1]

    async def passing(self, records: AsyncIterator[Record | Unreadable]) -> AsyncIterator[Record | Unreadable]:
        """The same records, all of a member in a row; each is added up."""
        async for record in records:
            if isinstance(record, Record):
                self._add(record)
            yield record

    async def finish(self) -> Sequence[tuple[str, str]]:
        """Each campaign whose numbers do not add up, and how.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        states, slices = await self._limited()
        faults = [
            (code, "its terms cannot be read, so it gives nothing") for code in sorted(states) if not states[code]
        ]
        for key in sorted({*slices, *self._given, *self._returned}):
            faults += self._faults(key, slices.get(key, ()), states.get(key[0]))
        return faults

    def _faults(self, key: Key, parts: Sequence[Slice], state: CampaignState | None) -> Iterator[tuple[str, str]]:
        """Where one limit does not add up. What was taken, and what came back, each only ever grows."""
        before = self._before.get(key, ())
        for told, sums, journal in (
            ("taken", (_taken(before), _taken(parts)), self._given[key]),
            ("given back", (_returned(before), _returned(parts)), self._returned[key]),
        ):
            if not sums[0] <= journal <= sums[1]:
                span = f"{sums[1]}" if sums[0] == sums[1] else f"between {sums[0]} and {sums[1]}"
                verb = "gave" if told == "taken" else "took back"
                yield key[0], f"the journal {verb} {journal} {key[1]}, but {span} were {told}"
        if state is None or (limit := _limit(state.terms, key[1])) is None:
            return
        given, remaining = _taken(parts) - _returned(parts), sum(each.remaining for each in parts)
        if remaining != max(limit - given, 0) or any(each.remaining < 0 for each in parts):
            yield key[0], f"of {limit} {key[1]} {given} were taken, and {remaining} remain"

    def _add(self, record: Record) -> None:
        if record.member_id != self._member_id:
            self._member_id, self._placed = record.member_id, set()
        if record.revised_from is not None:
            self._add_revision(record)
            return
        given: Counter[str] = Counter()
        for effect in record.outcome.effects:
            if isinstance(effect, Entry) and effect.why.source == "campaign":
                given[effect.why.code] += effect.points
        for grant in record.grants:
            if grant.campaign not in given:
                continue
            if grant.room is not None:
                self._given[grant.campaign, "points"] += given[grant.campaign]
            if grant.places is not None and grant.campaign not in self._placed:
                self._placed.add(grant.campaign)
                self._given[grant.campaign, "places"] += 1

    def _add_revision(self, record: Record) -> None:
        for taken in record.settlements:
            amounts: tuple[tuple[What, int], ...] = (("points", taken.points), ("places", taken.places))
            for what, amount in amounts:
                self._given[taken.campaign, what] += max(amount, 0)
                self._returned[taken.campaign, what] += max(-amount, 0)
            if taken.places > 0:
                self._placed.add(taken.campaign)
            elif taken.places < 0:
                self._placed.discard(taken.campaign)

    async def _limited(self) -> tuple[Mapping[str, CampaignState | None], Mapping[Key, Sequence[Slice]]]:
        return await self._campaigns.book.limited()


def _taken(slices: Sequence[Slice]) -> int:
    return sum(each.taken for each in slices)


def _returned(slices: Sequence[Slice]) -> int:
    return sum(each.returned for each in slices)


def _limit(terms: Campaign, what: What) -> int | None:
    if what == "places":
        return terms.first_members
    return terms.budget.points if terms.budget else None
