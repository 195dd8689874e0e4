"""Prospects: who would gain or lose what if members came to another state, added up over all of them."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gamification.program import Program
from gamification.state import State

MAX_PROSPECTS = 10
"""How many members are named on either side."""
_Change: TypeAlias = tuple[int, int, int]
"""By how many points, tiers and levels of badges a member moves; the first that is not 0 decides."""
_NONE: _Change = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Swing:
    """How much some members would gain, and how much others would lose. Both count up from 0."""

    gained: int = 0
    lost: int = 0

    def plus(self, change: int) -> "Swing":
        """With the change of one more member."""
        return Swing(self.gained + max(change, 0), self.lost + max(-change, 0))


@dataclass(frozen=True, slots=True)
class TierFlow:
    """How many ``members`` are on one tier and would be on another, or stay. None: on none yet."""

    before: str | None
    after: str | None
    members: int


@dataclass(frozen=True, slots=True)
class Prospect:
    """What lies ahead of one member. Points are those on both accounts, less what the member owes.

    ``badges_won`` and ``badges_lost`` are the codes of badges of which the member would have a higher or lower level.
    """

    member_id: str
    points_before: int
    points_after: int
    tier_before: str | None
    tier_after: str | None
    badges_won: tuple[str, ...] = ()
    badges_lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prospects:
    """What lies ahead of members: ``changed`` of ``members`` gain or lose points, tiers, badges or completions.

    ``available`` and ``pending`` are points, ``owing`` is how many members come to owe points or owe none any more.
    ``badges`` are by code, in members whose level rises or falls, and ``challenges`` in completions. ``winners`` and
    ``losers`` are those with the largest changes: of points first, then of tiers, then of badges.
    """

    members: int = 0
    changed: int = 0
    available: Swing = Swing()
    pending: Swing = Swing()
    owing: Swing = Swing()
    tiers: tuple[TierFlow, ...] = ()
    badges: Mapping[str, Swing] = field(default_factory=dict)
    challenges: Mapping[str, Swing] = field(default_factory=dict)
    winners: tuple[Prospect, ...] = ()
    losers: tuple[Prospect, ...] = ()


class Tally:
    """Adds up what lies ahead of one member after the other, as the program goes from ``present`` to ``changed``."""

    def __init__(self, present: Program, changed: Program) -> None:
        self._rungs = {**_rungs(present), **_rungs(changed)}
        self._members = self._changed = 0
        self._available = self._pending = self._owing = Swing()
        self._flows: dict[tuple[str | None, str | None], int] = {}
        self._badges: dict[str, Swing] = {}
        self._challenges: dict[str, Swing] = {}
        self._winners: list[tuple[_Change, Prospect]] = []
        self._losers: list[tuple[_Change, Prospect]] = []

    def add(self, member_id: str, before: State, after: State) -> None:
        """Add a member who is in one state and would be in another."""
        levels = _differences(_levels(before), _levels(after))
        times = _differences(_completions(before), _completions(after))
        tiers = before.standing.tier, after.standing.tier
        self._members += 1
        self._flows[tiers] = self._flows.get(tiers, 0) + 1
        if before.balance == after.balance and tiers[0] == tiers[1] and not levels and not times:
            return
        self._changed += 1
        self._available = self._available.plus(after.balance.available - before.balance.available)
        self._pending = self._pending.plus(after.balance.pending - before.balance.pending)
        self._owing = self._owing.plus((after.balance.available < 0) - (before.balance.available < 0))
        for code, change in levels.items():
            self._badges[code] = self._badges.get(code, Swing()).plus(1 if change > 0 else -1)
        for code, change in times.items():
            self._challenges[code] = self._challenges.get(code, Swing()).plus(change)
        self._name(
            Prospect(
                member_id,
                _points(before),
                _points(after),
                *tiers,
                badges_won=tuple(code for code, change in levels.items() if change > 0),
                badges_lost=tuple(code for code, change in levels.items() if change < 0),
            ),
            sum(levels.values()),
        )

    def told(self) -> Prospects:
        """What it comes to so far."""
        flows = sorted(self._flows.items(), key=lambda each: [self._place(tier) for tier in each[0]])
        return Prospects(
            members=self._members,
            changed=self._changed,
            available=self._available,
            pending=self._pending,
            owing=self._owing,
            tiers=tuple(TierFlow(*tiers, members) for tiers, members in flows),
            badges=dict(sorted(self._badges.items())),
            challenges=dict(sorted(self._challenges.items())),
            winners=tuple(each for _, each in self._winners),
            losers=tuple(each for _, each in self._losers),
        )

    def _name(self, prospect: Prospect, levels: int) -> None:
        """Keep the member in mind if few gain or lose as much."""
        climbed = 0
        if prospect.tier_before != prospect.tier_after:
            climbed = self._place(prospect.tier_after)[0] - self._place(prospect.tier_before)[0]
        points = prospect.points_after - prospect.points_before
        change: _Change = (points, climbed, levels)
        if change > _NONE:
            self._winners = _most([*self._winners, ((-points, -climbed, -levels), prospect)])
        elif change < _NONE:
            self._losers = _most([*self._losers, (change, prospect)])

    def _place(self, tier: str | None) -> tuple[int, str]:
        return (-1, "") if tier is None else (self._rungs.get(tier, -1), tier)


def _most(found: list[tuple[_Change, Prospect]]) -> list[tuple[_Change, Prospect]]:
    return heapq.nsmallest(MAX_PROSPECTS, found, key=lambda each: (each[0], each[1].member_id))


def _rungs(program: Program) -> dict[str, int]:
    return program.tiers.positions if program.tiers else {}


def _points(state: State) -> int:
    return state.balance.available + state.balance.pending


def _levels(state: State) -> dict[str, int]:
    return {code: held.level for code, held in state.badges.items()}


def _completions(state: State) -> dict[str, int]:
    return {code: held.completed for code, held in state.challenges.items()}


def _differences(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much each grew, in the order of the names; those that did not change are left out."""
    changes = {code: after.get(code, 0) - before.get(code, 0) for code in sorted({*before, *after})}
    return {code: change for code, change in changes.items() if change}
