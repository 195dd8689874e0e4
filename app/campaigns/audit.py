"""Adds up what the journal says was given of each campaign, and compares it with what was taken of its limits.

Purchases may go on meanwhile. Every record that was there before the audit is read, and every record that is read was
there before its end; so what was given lies between what was taken when it began and when it ended.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence

from app.campaigns.allowances import Key, Slice, What
from app.campaigns.store import MongoCampaigns
from app.stores.codec import Unreadable
from gamification.campaigning import CampaignState
from gamification.program.campaigns import Campaign
from gamification.record import Entry, Record


class BudgetAudit:
    """One audit over all members: begin it, let all records pass, finish it."""

    def __init__(self, campaigns: MongoCampaigns) -> None:
        self._campaigns = campaigns
        self._before: Mapping[Key, int] = {}
        self._given: Counter[Key] = Counter()
        self._member_id = ""
        self._placed: set[str] = set()

    async def begin(self) -> None:
        """Read what was taken until now.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        self._before = {key: _taken(slices) for key, slices in (await self._limited())[1].items()}

    async def passing(self, records: AsyncIterator[Record | Unreadable]) -> AsyncIterator[Record | Unreadable]:
        """The same records, all of a member in a row; each is added up."""
        async for record in records:
            if isinstance(record, Record) and record.grants:
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
        for key in sorted({*slices, *self._given}):
            parts, given = slices.get(key, ()), self._given[key]
            before, after = self._before.get(key, 0), _taken(parts)
            if not before <= given <= after:
                taken = f"{after}" if before == after else f"between {before} and {after}"
                faults.append((key[0], f"the journal gave {given} {key[1]}, but {taken} were taken"))
            state = states.get(key[0])
            if state is not None and (limit := _limit(state.terms, key[1])) is not None:
                remaining = sum(each.remaining for each in parts)
                if remaining != max(limit - after, 0) or any(each.remaining < 0 for each in parts):
                    message = f"of {limit} {key[1]} {after} were taken, and {remaining} remain"
                    faults.append((key[0], message))
        return faults

    def _add(self, record: Record) -> None:
        if record.member_id != self._member_id:
            self._member_id, self._placed = record.member_id, set()
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

    async def _limited(self) -> tuple[Mapping[str, CampaignState | None], Mapping[Key, Sequence[Slice]]]:
        return await self._campaigns.book.limited()


def _taken(slices: Sequence[Slice]) -> int:
    return sum(each.taken for each in slices)


def _limit(terms: Campaign, what: What) -> int | None:
    if what == "places":
        return terms.first_members
    return terms.budget.points if terms.budget else None
