"""A draft: one record in the making, and the only place where a member's state is put together."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gamification import extensions, lot_times, lots
from gamification.activity import EXTENSION, REVERSAL, Activity, beside
from gamification.effects import (
    Account,
    Effect,
    Entry,
    LotMoved,
    Why,
)
from gamification.expressions import Values
from gamification.lot_times import LotCalendar
from gamification.program import Program
from gamification.record import Outcome
from gamification.state import (
    BadgeHeld,
    Balance,
    CampaignUse,
    ChallengeState,
    Moment,
    RuleUse,
    Standing,
    State,
    StreakState,
    Totals,
)
from gamification.windows import add, local_day

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
    is the activity itself. A ``quiet`` one is not told of: nobody reads its arithmetic, nor what nothing follows from.
    """

    def __init__(
        self, state: State, program: Program, at: datetime, activity: Activity | None = None, *, quiet: bool = False
    ) -> None:
        self.state, self.program, self.at, self.activity, self.quiet = state, program, at, activity, quiet
        self.day = local_day(at, program.time_zone)
        self.happened_at, self.happened_on = at, self.day
        if activity is not None and activity.occurred_at < at:
            self.happened_at = activity.occurred_at
            self.happened_on = local_day(self.happened_at, program.time_zone)
        self.lots = state.lots
        self.balance = state.balance
        self.totals = state.totals
        self.standing = state.standing
        self.judged: Standing | None = None
        """The standing as it was when the tiers were last settled; only another one needs it again."""
        self.rules: dict[str, RuleUse] = dict(state.rules)
        self.challenges: dict[str, ChallengeState] = dict(state.challenges)
        self.badges: dict[str, BadgeHeld] = dict(state.badges)
        self.campaigns: dict[str, CampaignUse] = dict(state.campaigns)
        self.attributes: Mapping[str, str] = state.attributes
        self.scores = state.scores
        self.debt = state.debt
        self.active_on = state.active_on
        self.subtotals: dict[str, int] = dict(state.subtotals)
        self.streaks: dict[str, StreakState] = dict(state.streaks)
        self.time_zone, self.birthday = state.time_zone, state.birthday
        self.occasions_from: Mapping[str, str] = state.occasions_from
        self.effects: list[Effect] = []
        self.unsettled: deque[int] = deque()
        self.cause: int | None = None
        self._links: list[int] = []
        # Named after what happened and not after the record, so that a history played again makes the same lots.
        self._name = activity.key if activity else f"@{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3]
        self._told = activity
        self._activity_values: dict[str, Any] = dict(_NO_EFFECT) if activity else {}
        self._values: Values | None = None
        self.unjudged = True
        """Whether something that tiers and badges are judged by has changed since they were."""

    def why(
        self,
        source: Any,
        code: str,
        arithmetic: str = "",
        inputs: Mapping[str, str | int | float] | None = None,
        lots: tuple[str, ...] = (),
    ) -> Why:
        """A reason whose cause is the effect at hand."""
        return Why(source, code, arithmetic, self.cause, {} if inputs is None else inputs, lots)

    def emit(self, effect: Effect) -> int:
        """Put an effect into the record, its consequences to be settled; returns its place."""
        place = len(self.effects)
        self.effects.append(effect)
        if isinstance(effect, Entry):
            self.note_subtotal(f"{effect.account}:{effect.why.source}:{effect.why.code}", effect.points)
        self._links.append(self.links(self.cause) + 1)
        self.unsettled.append(place)
        return place

    def note_subtotal(self, name: str, amount: int) -> None:
        """Add to one of the sums that revisions are told from."""
        self.subtotals[name] = self.subtotals.get(name, 0) + amount

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
        if qualifying and self.program.tier_metric == "points":
            self.add_standing(points)

    def grant(self, points: int, why: Why) -> None:
        """Put points given by staff into a new lot; they are not earned and qualify for nothing."""
        self._open_lot(points, why)

    def keep(self, points: int, why: Why) -> None:
        """Leave points that were available with the member: in a new lot that can be spent at once."""
        self._open_lot(points, why, at_once=True)

    def debit(self, points: int, why: Why) -> None:
        """Take available points, soonest-expiring lots first; what is missing is owed."""
        self.lots, taken = lots.spend(self.lots, points, self.lot_calendar)
        why = replace(why, lots=tuple(lot_id for lot_id, _ in taken))
        self.emit(Entry("available", -points, why))
        self.add_totals(spent=points)
        self._move(available=-points)
        self.debt += points - sum(amount for _, amount in taken)

    def forgive(self, why: Why) -> None:
        """Let the member off what is owed."""
        if self.debt:
            self.emit(Entry("available", self.debt, why))
            self._move(available=self.debt)
            self.debt = 0

    def let_lots_hear(self, activity: Activity) -> None:
        """Release or prolong the lots for which this activity does so. What keeps lots alive counts on its own day."""
        if activity.kind == EXTENSION:
            self._extend(activity)
            return
        if lot_times.keeps_alive(activity.kind, self.program):
            self.active_on = max(self.active_on or 0, self.happened_on.toordinal())
        if not self.balance.pending:
            return  # no lot waits for anything, which is how it nearly always is
        named = activity.attributes.get("activity")
        key = None if named is None else str(named)
        own = None if key is None else beside(activity.key, key)
        freed = lots.release(self.lots, activity.kind, key, self.at, self.lot_calendar, own=own)
        if freed.released:
            self._unlock(freed, "release", {"event": activity.kind})

    def unlock_due(self) -> None:
        """Make pending lots available whose time has come."""
        self._unlock(lots.unlock(self.lots, self.at, self.lot_calendar), "unlock")

    def expire_due(self) -> None:
        """Drop available lots whose end has come."""
        self.lots, due = lots.expire(self.lots, self.at, self.lot_calendar)
        if points := sum(lot.remaining for lot in due):
            self.emit(Entry("available", -points, self.why("clock", "expiry", lots=tuple(lot.lot_id for lot in due))))
            self.add_totals(expired=points)
            self._move(available=-points)

    def add_totals(
        self,
        *,
        earned: int = 0,
        spent: int = 0,
        expired: int = 0,
        purchases: int = 0,
        items: int = 0,
        spend_minor: int = 0,
    ) -> None:
        """Add to the member's lifetime sums."""
        held = self.totals
        # Spelt out, since this runs several times for every activity that is played again.
        self.totals = Totals(
            held.earned + earned,
            held.spent + spent,
            held.expired + expired,
            held.purchases + purchases,
            held.items + items,
            held.spend_minor + spend_minor,
        )
        self.touch()

    def add_standing(self, amount: int) -> None:
        """Count towards the tier ladder: points, or minor units of money."""
        tiers = self.program.tiers
        if tiers:
            window = tiers.window_of(self.state.joined_at, self.program.time_zone)
            kept_from = window.looks_back(self.day)
            tally = add(self.standing.tally, window, self.happened_on, amount, kept_from=kept_from)
            self.standing = self.standing.with_tally(tally)
            self.touch()

    def touch(self) -> None:
        """What rules, tiers and badges read of the member has changed."""
        self._values = None
        self.unjudged = True

    @property
    def lot_calendar(self) -> LotCalendar:
        """What the ends of lots depend on, as things stand now."""
        return LotCalendar(self.program.time_zone, self.active_on)

    @property
    def member_zone(self) -> ZoneInfo:
        """The time zone that the member lives in, as far as known; else the program's."""
        return self.program.zone_of(self.time_zone)

    @property
    def values(self) -> Values:
        """What expressions may read, as things stand now."""
        if self._values is None:
            self._values = Values({**self._activity_values, "now": self.at}, self._read)
        return self._values

    def _read(self, name: str) -> Any | None:
        """A variable of an expression, as things stand now."""
        if name.startswith("member."):
            return read_member(self, self.program, name)
        if self._told is None or name not in _ACTIVITY:
            return None
        # What an activity is does not change while it takes effect.
        value = self._activity_values[name] = _ACTIVITY[name](self._told, self.program)
        return value

    @contextmanager
    def reading(self, activity: Activity) -> Iterator[None]:
        """Let expressions read an activity that the record is not of, such as a birthday that has come round."""
        own, self._told, self._activity_values = (self._told, self._activity_values), activity, dict(_NO_EFFECT)
        self._values = None
        yield
        (self._told, self._activity_values), self._values = own, None

    def finish(self) -> tuple[State, Outcome]:
        """The member's next state, and what led to it."""
        self._values = None  # These refer back here, and a circle stays in memory until the collector comes by.
        state = State(
            joined_at=self.state.joined_at,
            as_of=self.at,
            seq=self.state.seq + 1,
            lots=self._few_lots(),
            balance=self.balance,
            totals=self.totals,
            standing=self.standing,
            rules=self.rules,
            challenges=self.challenges,
            badges=self.badges,
            campaigns=self.campaigns,
            attributes=self.attributes,
            scores=self.scores,
            newest=Moment(self.at, self.activity.key) if self.activity else self.state.newest,
            debt=self.debt,
            subtotals=self.subtotals,
            streaks=self.streaks,
            time_zone=self.time_zone,
            birthday=self.birthday,
            occasions_from=self.occasions_from,
            judged_by=self.state.judged_by,
            absorbed=self.state.absorbed,
            merged_into=self.state.merged_into,
            active_on=self.active_on,
            activities=self.state.activities + (self.activity is not None and self.activity.kind != REVERSAL),
        )
        return state, Outcome(self.at, tuple(self.effects), self.balance)

    def _few_lots(self) -> lots.Lots:
        """The lots, not too many of them. Only where some have come in; it need not be done at every record."""
        if len(self.lots) <= len(self.state.lots):
            return self.lots
        return lots.coalesced(self.lots, MAX_OPEN_LOTS, self.lot_calendar)

    def _open_lot(self, points: int, why: Why, *, at_once: bool = False) -> None:
        name = f"{self._name}.{len(self.effects)}"
        terms = self.program.lot_terms(why.code if why.source == "rule" else None, self.standing.tier)
        zone, may_wait = self.program.time_zone, lots.may_wait(self.lots)
        origin = f"{why.source}:{why.code}"
        lot = lot_times.opened(name, points, self.at, terms, origin, today=self.day, zone=zone, may_wait=may_wait)
        if at_once and lot.pending:
            lot = replace(self.lot_calendar.released(lot, self.at), available_at=self.at)
        self.lots = (*self.lots, lot)
        account: Account = "pending" if lot.pending else "available"
        why = Why(why.source, why.code, why.arithmetic, why.because, why.inputs, (name,))
        self.emit(Entry(account, points, why))
        if lot.pending:
            self._move(pending=points)
        else:
            self._move(available=points)
        self._pay_debt()

    def _extend(self, activity: Activity) -> None:
        """Let lots expire later, and say of each that does."""
        calendar, lots_before = self.lot_calendar, self.lots
        self.lots = extensions.prolonged(lots_before, activity, self.day, calendar)
        for was, now in zip(lots_before, self.lots, strict=True):
            if was != now:
                before, after = calendar.seen(was), calendar.seen(now)
                told = f"{calendar.told(before)} became {calendar.told(after)}"
                why = self.why("staff", EXTENSION, told, {"reason": activity.reason or ""}, (was.lot_id,))
                self.note(LotMoved(was.lot_id, before, after, why))

    def _unlock(self, unlocked: lots.Unlocked, code: str, inputs: Mapping[str, str] | None = None) -> None:
        """Take over what became of pending lots, and say so."""
        self.lots = unlocked.lots
        if points := sum(lot.remaining for lot in unlocked.cancelled):
            why = self.why("clock", "cancelled", lots=tuple(lot.lot_id for lot in unlocked.cancelled))
            self.emit(Entry("pending", -points, why))
            self._move(pending=-points)
        if points := sum(lot.remaining for lot in unlocked.released):
            why = self.why("clock", code, lots=tuple(lot.lot_id for lot in unlocked.released), inputs=inputs)
            self.emit(Entry("pending", -points, why))
            self.emit(Entry("available", points, why))
            self._move(available=points, pending=-points)
            self._pay_debt()

    def _pay_debt(self) -> None:
        """Let what has become available pay for what is owed. The balance says so already."""
        if self.debt:
            self.lots, taken = lots.spend(self.lots, self.debt, self.lot_calendar)
            self.debt -= sum(amount for _, amount in taken)

    def _move(self, available: int = 0, pending: int = 0) -> None:
        self.balance = Balance(self.balance.available + available, self.balance.pending + pending)
        self.touch()


def _local(activity: Activity, program: Program) -> datetime:
    return activity.occurred_at.astimezone(program.time_zone)


_ACTIVITY: Mapping[str, Callable[[Activity, Program], Any]] = {
    "activity.kind": lambda activity, _: activity.kind,
    "activity.amount": lambda activity, program: float(program.money.to_major(activity.amount_minor)),
    "activity.quantity": lambda activity, _: activity.quantity,
    "activity.lines": lambda activity, _: len(activity.items),
    "activity.skus": lambda activity, _: [item.sku for item in activity.items],
    "activity.categories": lambda activity, _: sorted({item.category for item in activity.items if item.category}),
    "activity.attributes": lambda activity, _: dict(activity.attributes),
    "activity.occurred_at": lambda activity, _: activity.occurred_at,
    "activity.day": lambda activity, program: _local(activity, program).date().isoformat(),
    "activity.month": lambda activity, program: _local(activity, program).date().isoformat()[: len("2026-05")],
    "activity.weekday": lambda activity, program: _WEEKDAYS[_local(activity, program).weekday()],
    "activity.hour": lambda activity, program: _local(activity, program).hour,
}
"""What expressions may read of an activity."""
_MEMBER: Mapping[str, Callable[["Draft | State", Program], Any]] = {
    "member.points": lambda member, _: member.balance.available,
    "member.points_earned": lambda member, _: member.totals.earned,
    "member.spend": lambda member, program: float(program.money.to_major(member.totals.spend_minor)),
    "member.purchases": lambda member, _: member.totals.purchases,
    "member.items": lambda member, _: member.totals.items,
    "member.tier": lambda member, _: member.standing.tier or "",
    "member.joined_at": lambda member, _: member.state.joined_at if isinstance(member, Draft) else member.joined_at,
    "member.attributes": lambda member, _: dict(member.attributes),
    "member.badges": lambda member, _: list(member.badges),
    "member.challenges": lambda member, _: [code for code, held in member.challenges.items() if held.completed],
}
"""What they may read of a member."""


def read_member(member: "Draft | State", program: Program, name: str) -> Any:
    """A variable that is about a member."""
    return _MEMBER[name](member, program)
