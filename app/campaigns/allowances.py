"""What is left of limited campaigns, collection ``allowances``: exact, whoever takes and however many at once.

The points of a budget and the places for first members lie in slices, so that commits of several writers seldom meet.
A slice, ``_id`` ``code:points:3``, holds what ``remaining`` there is, what was ``taken`` and what came back of that,
``returned``; its ``version`` grows with every change. Every change, a take, a return or a new limit, happens in the
transaction that gives the reason for it. So at any time what is taken is what the journal says was given, and together
with what remains it is the limit.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from operator import attrgetter
from typing import Literal

from pymongo import UpdateOne

from app.stores.blocking import blocking, read
from app.stores.connection import Connection, Document
from app.stores.transaction import Session
from gamification.campaigning import BelowGiven, Left
from gamification.program.campaigns import Campaign
from gamification.record import Settlement
from gamification.stores import CommitConflict

SLICES = 16
"""How many slices a limit is dealt out to."""
MAX_SLICES = 512
"""Per limit. Where it is raised often, the slices that are there are dealt anew."""

What = Literal["points", "places"]
Key = tuple[str, What]
"""A campaign and which of its limits."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a limit of a campaign."""

    campaign: str
    what: What
    number: int
    remaining: int
    taken: int = 0
    version: int = 1
    returned: int = 0

    @property
    def given(self) -> int:
        """What was taken and has not come back."""
        return self.taken - self.returned

    @property
    def slice_id(self) -> str:
        """Its id in the collection. Codes hold no colon."""
        return f"{self.campaign}:{self.what}:{self.number}"


class Allowances:
    """Takes what records were granted. Each process starts at a slice of its own and moves on with every commit.

    ``on_change`` is told of slices as they were committed; it must return at once and not fail. ``shortfalls`` counts
    the commits for which there was too little left, a sign that what this process knows of a campaign is old.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["allowances"]
        self._turns = count(random.randrange(SLICES))  # noqa: S311
        self.on_change: Callable[[Sequence[Slice]], None] | None = None
        self.shortfalls = 0

    def settle(self, settlements: Iterable[Settlement], session: Session) -> Sequence[Slice]:
        """Take all of these within a transaction, or give back what is below zero; the slices that change, as after it.

        What is given back of a limit that is no longer there is nobody's.

        Raises:
            CommitConflict: there is not that much left.
        """
        settlements = list(settlements)
        taken, returned = _totals(settlements, 1), _totals(settlements, -1)
        if not taken and not returned:
            return ()
        slices = dict(self._read({campaign for campaign, _ in (*taken, *returned)}, session))
        turn = next(self._turns)
        changed: dict[str, Slice] = {}
        # What comes back first: another member of the same commit may take it.
        for totals, change in ((returned, _give_back), (taken, _take)):
            for key, amount in totals.items():
                parts = change(slices.get(key, ()), amount, turn)
                if parts is None:
                    self.shortfalls += 1
                    raise CommitConflict
                anew = {each.slice_id: each for each in parts}
                slices[key] = [anew.get(each.slice_id, each) for each in slices.get(key, ())]
                changed |= anew
        self._write(list(changed.values()), session)
        return list(changed.values())

    def changed(self, slices: Sequence[Slice]) -> None:
        """Tell that slices were committed like this."""
        if slices and self.on_change is not None:
            self.on_change(slices)

    async def slices(self, campaigns: Collection[str]) -> Mapping[Key, Sequence[Slice]]:
        """The slices of these campaigns as they are now.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await read(self._connection, lambda: self._read(campaigns))

    def slices_within(self, campaigns: Collection[str], session: Session) -> Mapping[Key, Sequence[Slice]]:
        """The slices of these campaigns as they are in a transaction."""
        return self._read(campaigns, session)

    async def below(self, terms: Campaign) -> BelowGiven | None:
        """A limit of new terms that is less than what was taken of it already; None where there is none.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return _below(terms, await self.slices([terms.code]))

    def below_within(self, terms: Campaign, session: Session) -> BelowGiven | None:
        """The same as it is in a transaction."""
        return _below(terms, self._read([terms.code], session))

    def allot(self, terms: Campaign, session: Session) -> None:
        """Make what is left fit the limits of new terms, within the transaction that brings them.

        What was taken stays so. More is dealt out as slices of its own, which gets in nobody's way.
        """
        slices = self._read([terms.code], session)
        for what, _, limit in _limits(terms):
            present = slices.get((terms.code, what), ())
            if limit is None:
                ids = [each.slice_id for each in present]
                blocking(self._collection).delete_many({"_id": {"$in": ids}}, session=session)
                continue
            remaining = sum(each.remaining for each in present)
            goal = max(limit - sum(each.given for each in present), 0)
            if goal > remaining and len(present) + SLICES <= MAX_SLICES:
                shares = _shares(goal - remaining, SLICES)
                fresh = [Slice(terms.code, what, len(present) + at, share) for at, share in enumerate(shares)]
                blocking(self._collection).insert_many([_document(each) for each in fresh], session=session)
            elif goal != remaining:
                shares = _shares(goal, len(present))
                self._write(
                    [
                        replace(each, remaining=share, version=each.version + 1)
                        for each, share in zip(present, shares, strict=True)
                    ],
                    session,
                )

    def _read(self, campaigns: Collection[str], session: Session | None = None) -> Mapping[Key, Sequence[Slice]]:
        return _by_key(blocking(self._collection).find(_of(campaigns), session=session).batch_size(MAX_SLICES * 2))

    def _write(self, slices: Sequence[Slice], session: Session) -> None:
        """Write slices that were read in the same transaction, whose isolation refuses if others were faster."""
        updates = [
            UpdateOne(
                {"_id": each.slice_id},
                {
                    "$set": {
                        "remaining": each.remaining,
                        "taken": each.taken,
                        "returned": each.returned,
                        "version": each.version,
                    }
                },
            )
            for each in slices
        ]
        if not updates:
            return
        written = blocking(self._collection).bulk_write(updates, session=session)
        if written.matched_count != len(updates):
            raise CommitConflict


def left_of(terms: Campaign, slices: Mapping[Key, Sequence[Slice]]) -> Left:
    """What is left of a campaign, by its slices."""
    points = sum(each.remaining for each in slices.get((terms.code, "points"), ()))
    places = sum(each.remaining for each in slices.get((terms.code, "places"), ()))
    return Left(points if terms.budget else None, places if terms.first_members is not None else None)


def _of(campaigns: Collection[str]) -> Document:
    """The query for all slices of campaigns."""
    return {"campaign": {"$in": list(campaigns)}}


def _by_key(documents: Iterable[Document]) -> Mapping[Key, Sequence[Slice]]:
    slices: dict[Key, list[Slice]] = {}
    for part in map(_slice, documents):
        slices.setdefault((part.campaign, part.what), []).append(part)
    for parts in slices.values():
        parts.sort(key=attrgetter("number"))
    return slices


def _below(terms: Campaign, slices: Mapping[Key, Sequence[Slice]]) -> BelowGiven | None:
    for what, field, limit in _limits(terms):
        given = sum(each.given for each in slices.get((terms.code, what), ()))
        if limit is not None and limit < given:
            return BelowGiven(terms.code, field, limit, given)
    return None


def _limits(terms: Campaign) -> tuple[tuple[What, Literal["budget", "first_members"], int | None], ...]:
    points = terms.budget.points if terms.budget else None
    return ("points", "budget", points), ("places", "first_members", terms.first_members)


def _totals(settlements: Iterable[Settlement], sign: Literal[1, -1]) -> dict[Key, int]:
    """What is taken of each limit, or with -1 what comes back, which is never set off against each other."""
    totals: dict[Key, int] = {}
    for each in settlements:
        amounts: tuple[tuple[What, int], ...] = (("points", each.points), ("places", each.places))
        for what, amount in amounts:
            if amount * sign > 0:
                totals[each.campaign, what] = totals.get((each.campaign, what), 0) + abs(amount)
    return totals


def _take(slices: Sequence[Slice], amount: int, turn: int) -> Sequence[Slice] | None:
    """The slices that change where so much is taken, beginning with the one whose turn it is; None if it is too much.

    One slice that holds enough is better than several, for each is one more to meet other writers in.
    """
    start = turn % len(slices) if slices else 0
    ordered = (*slices[start:], *slices[:start])
    enough = next((each for each in ordered if each.remaining >= amount), None)
    changed: list[Slice] = []
    for each in ordered if enough is None else (enough,):
        part = min(each.remaining, amount)
        if part > 0:
            changed.append(
                replace(each, remaining=each.remaining - part, taken=each.taken + part, version=each.version + 1)
            )
            amount -= part
    return None if amount else changed


def _give_back(slices: Sequence[Slice], amount: int, turn: int) -> Sequence[Slice]:
    """The slices that change where so much comes back, as far as it was taken of them."""
    start = turn % len(slices) if slices else 0
    changed: list[Slice] = []
    for each in (*slices[start:], *slices[:start]):
        part = min(each.given, amount)
        if part > 0:
            changed.append(
                replace(each, remaining=each.remaining + part, returned=each.returned + part, version=each.version + 1)
            )
            amount -= part
    return changed


def _shares(amount: int, parts: int) -> Sequence[int]:
    """The amount in parts that differ by one at most."""
    share, rest = divmod(amount, parts)
    return [share + (at < rest) for at in range(parts)]


def _document(part: Slice) -> Document:
    return {
        "_id": part.slice_id,
        "campaign": part.campaign,
        "what": part.what,
        "number": part.number,
        "remaining": part.remaining,
        "taken": part.taken,
        "version": part.version,
        "returned": part.returned,
    }


def _slice(document: Document) -> Slice:
    return Slice(**{name: document[name] for name in Slice.__slots__ if name in document})
