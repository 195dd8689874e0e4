"""A draft: one record in the making, and the only place where a member's state is put together."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gamification import lots
from gamification.activity import Activity
from gamification.expressions import Values
from gamification.program import Program
from gamification.record import Effect, Entry, Outcome, Why
from gamification.state import BadgeHeld, Balance, CampaignUse, ChallengeState, Lot, RuleUse, State
from gamification.windows import add, local_day, start_of_day

MAX_CHAIN_LINKS = 16
"""How many links a chain of causes within one record may have: purchase, points, tier, badge, points and so on."""
MAX_EFFECTS = 2000
"""How many effects one record may have before what they would lead to is left out."""
MAX_OPEN_LOTS = 100
"""Beyond this, lots that become available and expire together become one, so that a snapshot stays small."""

_NO_EFFECT = {"effect.code": "", "effect.points": 0}
"""What a challenge reads of the effect it counts where it counts the activity itself."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Draft:
    """What has become of a member's state while an activity, or the passing of time, takes effect at ``at``.

    What windows count is counted on the day it ``happened_on``, which for an activity that arrives late lies before the
    ``day`` on which it takes effect. ``cause`` is the place of the effect whose consequences are being worked out; None
    is the activity itself.
    """

    def __init__(self, state: State, program: Program, at: datetime, activity: Activity | None = None) -> None:
        self.state, self.program, self.at, self.activity = state, program, at, activity
        self.day = local_day(at, program.time_zone)
        self.happened_at = min(activity.occurred_at, at) if activity else at
        self.happened_on = local_day(self.happened_at, program.time_zone)
        self.lots = state.lots
        self.balance = state.balance
        self.totals = state.totals
        self.standing = state.standing
        self.rules: dict[str, RuleUse] = dict(state.rules)
        self.challenges: dict[str, ChallengeState] = dict(state.challenges)
        self.badges: dict[str, BadgeHeld] = dict(state.badges)
        self.campaigns: dict[str, CampaignUse] = dict(state.campaigns)
        self.attributes: Mapping[str, str] = state.attributes
        self.scores = state.scores
        self.effects: list[Effect] = []
        self.unsettled: deque[int] = deque()
        self.cause: int | None = None
        self._links: list[int] = []
        self._activity_values = _activity_values(program, activity) if activity else {}
        self._values: Values | None = None
        self.unjudged = True
        """Whether something that tiers and badges are judged by has changed since they were."""

    def why(self, source: Any, code: str, arithmetic: str = "", **more: Any) -> Why:
        """A reason whose cause is the effect at hand."""
        return Why(source, code, arithmetic, self.cause, **more)

    def emit(self, effect: Effect) -> int:
        """Put an effect into the record, its consequences to be settled; returns its place."""
        place = len(self.effects)
        self.effects.append(effect)
        self._links.append(self.links(self.cause) + 1)
        self.unsettled.append(place)
        return place

    def note(self, effect: Effect) -> None:
        """Put an effect into the record from which nothing follows."""
        self.effects.append(effect)
        self._links.append(self.links(self.cause))

    def links(self, place: int | None) -> int:
        """How many links of the chain lead to the effect at ``place``, itself included; 0 for the activity."""
        return 0 if place is None else self._links[place]

    def credit(self, points: int, why: Why, *, qualifying: bool) -> None:
        """Put earned points into a new lot; ``qualifying`` ones count towards a ladder of points."""
        if points == 0:
            return
        self._open_lot(points, why)
        self.add_totals(earned=points)
        tiers = self.program.tiers
        if qualifying and tiers and tiers.metric == "points":
            self.add_standing(points)

    def grant(self, points: int, why: Why) -> None:
        """Put points given by staff into a new lot; they are not earned and qualify for nothing."""
        self._open_lot(points, why)

    def debit(self, points: int, why: Why) -> None:
        """Take available points, soonest-expiring lots first. The caller has made sure that there are enough."""
        self.lots, taken = lots.spend(self.lots, points)
        why = replace(why, lots=tuple(lot_id for lot_id, _ in taken))
        self.emit(Entry("available", -points, why))
        self.add_totals(spent=points)
        self._move(available=-points)

    def unlock_due(self) -> None:
        """Make pending lots available whose time has come."""
        self.lots, due = lots.unlock(self.lots, self.at)
        if points := sum(lot.remaining for lot in due):
            why = self.why("clock", "unlock", lots=tuple(lot.lot_id for lot in due))
            self.emit(Entry("pending", -points, why))
            self.emit(Entry("available", points, why))
            self._move(available=points, pending=-points)

    def expire_due(self) -> None:
        """Drop available lots whose end has come."""
        self.lots, due = lots.expire(self.lots, self.at)
        if points := sum(lot.remaining for lot in due):
            self.emit(Entry("available", -points, self.why("clock", "expiry", lots=tuple(lot.lot_id for lot in due))))
            self.add_totals(expired=points)
            self._move(available=-points)

    def add_totals(self, **amounts: int) -> None:
        """Add to the member's lifetime sums."""
        added = {name: getattr(self.totals, name) + amount for name, amount in amounts.items()}
        self.totals = replace(self.totals, **added)
        self.touch()

    def add_standing(self, amount: int) -> None:
        """Count towards the tier ladder: points, or minor units of money."""
        if self.program.tiers:
            tally = add(self.standing.tally, self.program.tiers.window, self.happened_on, amount, self.day)
            self.standing = replace(self.standing, tally=tally)
            self.touch()

    def touch(self) -> None:
        """What rules, tiers and badges read of the member has changed."""
        self._values = None
        self.unjudged = True

    @property
    def values(self) -> Values:
        """What expressions may read, as things stand now."""
        if self._values is None:
            self._values = Values({**self._activity_values, **member_values(self, self.program), "now": self.at})
        return self._values

    def finish(self) -> tuple[State, Outcome]:
        """The member's next state, and what led to it."""
        state = State(
            joined_at=self.state.joined_at,
            as_of=self.at,
            seq=self.state.seq + 1,
            lots=lots.coalesced(self.lots, MAX_OPEN_LOTS),
            balance=self.balance,
            totals=self.totals,
            standing=self.standing,
            rules=self.rules,
            challenges=self.challenges,
            badges=self.badges,
            campaigns=self.campaigns,
            attributes=self.attributes,
            scores=self.scores,
        )
        return state, Outcome(self.at, tuple(self.effects), self.balance)

    def _open_lot(self, points: int, why: Why) -> None:
        currency = self.program.points
        zone = self.program.time_zone
        pending = currency.pending_days > 0
        day = self.day + timedelta(days=currency.pending_days)
        available_at = start_of_day(day, zone) if pending else self.at
        expires_at = start_of_day(day + timedelta(days=currency.expire_days), zone) if currency.expire_days else None
        lot_id = f"{self.state.seq + 1}.{len(self.effects)}"
        lot = Lot(lot_id, points, points, self.at, available_at, expires_at, pending)
        self.lots = (*self.lots, lot)
        self.emit(Entry("pending" if pending else "available", points, replace(why, lots=(lot_id,))))
        self._move(**{"pending" if pending else "available": points})

    def _move(self, available: int = 0, pending: int = 0) -> None:
        self.balance = Balance(self.balance.available + available, self.balance.pending + pending)
        self.touch()


def _activity_values(program: Program, activity: Activity) -> dict[str, Any]:
    local = activity.occurred_at.astimezone(program.time_zone)
    return {
        **_NO_EFFECT,
        "activity.kind": activity.kind,
        "activity.amount": float(program.money.to_major(activity.amount_minor)),
        "activity.quantity": activity.quantity,
        "activity.lines": len(activity.items),
        "activity.skus": [item.sku for item in activity.items],
        "activity.categories": sorted({item.category for item in activity.items if item.category}),
        "activity.attributes": dict(activity.attributes),
        "activity.occurred_at": activity.occurred_at,
        "activity.day": local.strftime("%Y-%m-%d"),
        "activity.month": local.strftime("%Y-%m"),
        "activity.weekday": _WEEKDAYS[local.weekday()],
        "activity.hour": local.hour,
    }


def member_values(member: "Draft | State", program: Program) -> Mapping[str, Any]:
    """What expressions may read of a member."""
    totals = member.totals
    return {
        "member.points": member.balance.available,
        "member.points_earned": totals.earned,
        "member.spend": float(program.money.to_major(totals.spend_minor)),
        "member.purchases": totals.purchases,
        "member.items": totals.items,
        "member.tier": member.standing.tier or "",
        "member.joined_at": member.state.joined_at if isinstance(member, Draft) else member.joined_at,
        "member.attributes": dict(member.attributes),
        "member.badges": list(member.badges),
        "member.challenges": [code for code, held in member.challenges.items() if held.completed],
    }
