"""Campaigns at play: what those on offer give for an activity, within what is left of them.

What is left of a campaign is shared by all members, so it comes from outside, as an `Offer`. How much of it a record
took is settled in the transaction that writes the record.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from gamification.activity import Activity
from gamification.draft import Draft
from gamification.earning import item_values
from gamification.program import Program
from gamification.program.base import MAX_POINTS
from gamification.program.campaigns import Campaign, PerItem
from gamification.program.rules import ROUNDINGS
from gamification.record import BonusWithheld, Entry, Grant, Outcome
from gamification.state import CampaignUse, State
from gamification.windows import Window, add, total

MAX_USES = 200
"""Of how many campaigns a member's state remembers what they had.

Beyond, the one unused for longest of those that are over is forgotten; where none is over, a new one gives nothing.
"""

_DAY = Window("day")
_Limit = Literal["cap", "places", "budget"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign that may give something, and what is left of it: points of its budget and places for new members.

    None means without limit. ``version`` tells the terms of one time from those of another, and ``forgets`` is the
    campaign that the member's state may forget for this one.
    """

    terms: Campaign
    version: int
    room: int | None = None
    places: int | None = None
    forgets: str | None = None

    @classmethod
    def again(cls, grant: Grant, terms: Campaign) -> "Offer":
        """The offer that a record keeps."""
        return cls(terms, grant.version, grant.room, grant.places, grant.forgets)

    @property
    def grant(self) -> Grant:
        """The offer as a record keeps it, so that it can be taken again."""
        return Grant(self.terms.code, self.version, self.room, self.places, self.forgets)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one record took of a campaign: points of its budget, and a place if the member is new to it."""

    campaign: str
    points: int
    places: int


@dataclass(frozen=True, slots=True)
class _Bid:
    """What a campaign gives for an activity: ``granted`` of what was ``wanted``, and which limit keeps the rest."""

    offer: Offer
    wanted: int
    granted: int
    arithmetic: str
    inputs: dict[str, str | int | float]
    limit: _Limit | None = None


class Offers:
    """The offers while several activities are folded in: what one takes is not there for the next.

    ``others`` are further campaigns that are not over, so that what members had of them must not be forgotten.
    """

    def __init__(self, offers: Iterable[Offer], others: Collection[str] = ()) -> None:
        self._offers = {offer.terms.code: offer for offer in offers}
        self._kept = {*self._offers, *others}
        self._full = {code for code, offer in self._offers.items() if offer.places is not None and offer.places <= 0}

    def open_for(self, activity: Activity, now: datetime, program: Program, state: State) -> tuple[Offer, ...]:
        """Those that an activity of a member in ``state``, arriving ``now``, may get as far as time and kind decide.

        What had no places left to begin with is not for those without one, and keeps nothing back from them.
        """
        happened_at = min(activity.occurred_at, now)
        found = [
            offer
            for code, offer in self._offers.items()
            if activity.kind in offer.terms.on
            and (code not in self._full or code in state.campaigns)
            and offer.terms.accepts(happened_at, now, program.time_zone)
        ]
        fresh = [each for each in found if each.terms.given_per_member and each.terms.code not in state.campaigns]
        if len(state.campaigns) + len(fresh) <= MAX_USES:
            return tuple(found)
        # Which campaigns are over is known only now, so the record keeps it with the offer.
        over = (code for code in state.campaigns if code not in self._kept)
        forgets = {each.terms.code: code for each, code in zip(fresh, over, strict=False)}
        return tuple(replace(offer, forgets=forgets.get(offer.terms.code)) for offer in found)

    def take(self, settlements: Iterable[Settlement]) -> None:
        """Take off what a record got."""
        for taken in settlements:
            offer = self._offers[taken.campaign]
            room = None if offer.room is None else offer.room - taken.points
            places = None if offer.places is None else offer.places - taken.places
            self._offers[taken.campaign] = replace(offer, room=room, places=places)


def grant(draft: Draft, activity: Activity, offers: Sequence[Offer]) -> None:
    """Credit what the campaigns give on top of the rules, and say where a limit withheld something."""
    if not offers:
        return
    base = sum(effect.points for effect in draft.effects if isinstance(effect, Entry) and effect.why.source == "rule")
    bids = [bid for offer in offers if (bid := _bid(draft, offer, activity, base)) is not None]
    chosen = _chosen(bids)
    for bid in bids:
        if bid in chosen and not _has_room(draft, bid.offer):
            _withhold(draft, replace(bid, granted=0, limit="cap", arithmetic=f"{bid.arithmetic}, {_TOO_MANY}: 0"))
            continue
        if bid in chosen:
            _credit(draft, bid)
        if bid.limit is not None and (bid in chosen or bid.granted == 0):
            _withhold(draft, bid)


def touched(outcome: Outcome, offers: Iterable[Offer]) -> tuple[Grant, ...]:
    """The offers that an outcome depends on, as its record keeps them."""
    codes = {
        effect.why.code
        for effect in outcome.effects
        if isinstance(effect, Entry | BonusWithheld) and effect.why.source == "campaign"
    }
    return tuple(offer.grant for offer in offers if offer.terms.code in codes)


def settlements(before: State, outcome: Outcome, grants: Iterable[Grant]) -> tuple[Settlement, ...]:
    """What an outcome took of the campaigns that have a limit."""
    given = {
        effect.why.code: effect.points
        for effect in outcome.effects
        if isinstance(effect, Entry) and effect.why.source == "campaign"
    }
    return tuple(
        Settlement(
            campaign=taken.campaign,
            points=given[taken.campaign] if taken.room is not None else 0,
            places=int(taken.places is not None and taken.campaign not in before.campaigns),
        )
        for taken in grants
        if taken.campaign in given and (taken.room is not None or taken.places is not None)
    )


def _bid(draft: Draft, offer: Offer, activity: Activity, base: int) -> _Bid | None:
    terms = offer.terms
    if terms.when is not None and not terms.when.holds(draft.values):
        return None
    wanted, arithmetic, inputs = _wanted(draft, terms, activity, base)
    if wanted == 0:
        return None
    granted, limit = _within_limits(draft, offer, wanted)
    if limit is not None:
        arithmetic = f"{arithmetic}, {_WORDS[limit]}: {granted}"
    return _Bid(offer, wanted, granted, arithmetic, inputs, limit)


_TOO_MANY = f"the member takes part in {MAX_USES} campaigns already"
_WORDS = {"cap": "capped for the member", "places": "no places left", "budget": "left in the budget"}


def _wanted(
    draft: Draft, terms: Campaign, activity: Activity, base: int
) -> tuple[int, str, dict[str, str | int | float]]:
    effect = terms.effect
    if effect.multiplier is not None:
        extra = effect.multiplier - 1
        points = int((base * extra).to_integral_value(rounding=ROUNDINGS[effect.rounding]))
        points = min(points, MAX_POINTS)
        inputs: dict[str, str | int | float] = {"points": base, "multiplier": str(effect.multiplier)}
        return points, f"{effect.rounding}({base} x {_plain(extra)}) = {points}", inputs
    if effect.per_item is not None:
        pieces = _pieces(draft, effect.per_item, activity)
        points = min(pieces * effect.per_item.points, MAX_POINTS)
        return points, f"{pieces} x {effect.per_item.points} = {points}", {"items": pieces}
    assert effect.bonus is not None, "a campaign has one effect"
    return effect.bonus, f"{effect.bonus}", {}


def _pieces(draft: Draft, per_item: PerItem, activity: Activity) -> int:
    return sum(
        line.quantity
        for line in activity.items
        if (not per_item.categories or line.category in per_item.categories)
        and (per_item.items is None or per_item.items.holds(draft.values.extended(item_values(draft, line))))
    )


def _within_limits(draft: Draft, offer: Offer, wanted: int) -> tuple[int, _Limit | None]:
    """How much of a bonus the limits let through, and the one that keeps the rest. The tightest one is told."""
    terms, used = offer.terms, draft.campaigns.get(offer.terms.code)
    if offer.places is not None and offer.places <= 0 and used is None:
        return 0, "places"
    granted = wanted
    limit: _Limit | None = None
    for cap, given in (
        (terms.caps.member, used.points if used else 0),
        (terms.caps.member_day, total(used.today, _DAY, draft.day) if used else 0),
    ):
        if cap is not None and cap - given < granted:
            granted, limit = max(cap - given, 0), "cap"
    if terms.budget is not None and offer.room is not None and offer.room < granted:
        return (max(offer.room, 0) if terms.budget.too_little == "partial" else 0), "budget"
    return granted, limit


def _chosen(bids: Sequence[_Bid]) -> list[_Bid]:
    """Which of the bids count, by how they stack. What gives nothing stands in nobody's way."""
    giving = [bid for bid in bids if bid.granted > 0]
    exclusive = [bid for bid in giving if bid.offer.terms.stacking == "exclusive"]
    if exclusive:
        return [max(exclusive, key=lambda bid: (bid.offer.terms.priority, bid.granted, bid.offer.terms.code))]
    best = [bid for bid in giving if bid.offer.terms.stacking == "best"]
    single = [max(best, key=lambda bid: (bid.granted, bid.offer.terms.priority, bid.offer.terms.code))] if best else []
    return [*(bid for bid in giving if bid.offer.terms.stacking == "stack"), *single]


def _credit(draft: Draft, bid: _Bid) -> None:
    terms = bid.offer.terms
    if terms.given_per_member:
        _note_use(draft, bid.offer, bid.granted)
    why = draft.why("campaign", terms.code, bid.arithmetic, inputs=bid.inputs)
    draft.credit(bid.granted, why, qualifying=terms.qualifying)


def _withhold(draft: Draft, bid: _Bid) -> None:
    why = draft.why("campaign", bid.offer.terms.code, bid.arithmetic, inputs=bid.inputs)
    draft.note(BonusWithheld(bid.offer.terms.code, bid.wanted, bid.granted, bid.limit or "cap", why))


def _has_room(draft: Draft, offer: Offer) -> bool:
    """Whether what the member has had of it can be remembered; what cannot be must not be given."""
    code = offer.terms.code
    if not offer.terms.given_per_member or code in draft.campaigns or len(draft.campaigns) < MAX_USES:
        return True
    return offer.forgets in draft.campaigns


def _note_use(draft: Draft, offer: Offer, points: int) -> None:
    terms = offer.terms
    if terms.code not in draft.campaigns and len(draft.campaigns) >= MAX_USES and offer.forgets is not None:
        del draft.campaigns[offer.forgets]
    # Taken out and put back, so that the order of the campaigns is that of their last use.
    used = draft.campaigns.pop(terms.code, CampaignUse(draft.at))
    today = add(used.today, _DAY, draft.day, points) if terms.caps.member_day is not None else ()
    draft.campaigns[terms.code] = CampaignUse(draft.at, used.points + points, today)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
