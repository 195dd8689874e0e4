"""Campaigns at play: what those on offer give for an activity, within what is left of them.

What is left of a campaign is shared by all members, so it comes from outside, as an `Offer`. How much of it a record
took is settled in the transaction that writes the record.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from gamification.activity import Activity
from gamification.draft import Draft
from gamification.earning import item_values
from gamification.effects import BonusWithheld, Entry
from gamification.program import Program
from gamification.program.base import MAX_POINTS
from gamification.program.campaigns import Campaign, PerItem
from gamification.program.rules import ROUNDINGS
from gamification.record import Grant, Outcome, Settlement
from gamification.state import CampaignUse, State
from gamification.values import value
from gamification.windows import Window, add, total

MAX_USES = 200
"""Of how many campaigns a member's state remembers what they had.

Beyond, the one unused for longest of those that are over is forgotten; where none is over, a new one gives nothing.
"""

_DAY = Window("day")
_Limit = Literal["cap", "places", "budget"]


@value(frozen=True, slots=True)
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

    def with_left(self, room: int | None, places: int | None) -> "Offer":
        """The same offer with other things left. Spelt out, since a history that is played again has many."""
        return Offer(self.terms, self.version, room, places, self.forgets)

    def grant(self, given: int = 0, *, placed: bool = False) -> Grant:
        """The offer as a record keeps it, so that it can be taken again, with what it gave."""
        return Grant(self.terms.code, self.version, self.room, self.places, self.forgets, given, placed)


@value(frozen=True, slots=True)
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
        self._returned: dict[str, tuple[int, int]] = {}
        self._full = {code for code, offer in self._offers.items() if offer.places is not None and offer.places <= 0}

    def open_for(
        self, activity: Activity, now: datetime, program: Program, state: State, held: Collection[str] = ()
    ) -> tuple[Offer, ...]:
        """Those that an activity of a member in ``state``, arriving ``now``, may get as far as time and kind decide.

        What had no places left to begin with is not for those without one, and keeps nothing back from them. ``held``
        are further campaigns that the member has a place of, though not yet in ``state``.
        """
        if not self._offers:
            return ()
        happened_at = min(activity.occurred_at, now)
        found = [
            offer
            for code, offer in self._offers.items()
            if activity.kind in offer.terms.on
            and (code not in self._full or code in state.campaigns or code in held)
            and offer.terms.accepts(happened_at, now, program.time_zone)
        ]
        fresh = [each for each in found if each.terms.given_per_member and each.terms.code not in state.campaigns]
        if len(state.campaigns) + len(fresh) <= MAX_USES:
            return tuple(found)
        # Which campaigns are over is known only now, so the record keeps it with the offer.
        over = (code for code in state.campaigns if code not in self._kept)
        forgets = {each.terms.code: code for each, code in zip(fresh, over, strict=False)}
        return tuple(replace(offer, forgets=forgets.get(offer.terms.code)) for offer in found)

    def copy(self) -> "Offers":
        """The same offers, to be taken from by themselves."""
        return Offers(self._offers.values(), self._kept)

    def terms_of(self, grants: Iterable[Grant]) -> dict[tuple[str, int], Campaign]:
        """The terms of those of these grants that are of what is on offer."""
        return {
            (grant.campaign, grant.version): offer.terms
            for grant in grants
            if (offer := self._offers.get(grant.campaign)) is not None and offer.version == grant.version
        }

    def left(self, code: str) -> Offer | None:
        """A campaign with what is left of it by now; None if it is not on offer."""
        return self._offers.get(code)

    def returned(self, code: str) -> tuple[int, int]:
        """What has come back of a campaign that is no longer on offer: points and places."""
        return self._returned.get(code, (0, 0))

    def take(self, settlements: Iterable[Settlement]) -> None:
        """Take off what a record got, or put back what it gave back."""
        for taken in settlements:
            offer = self._offers.get(taken.campaign)
            if offer is None:
                back = self.returned(taken.campaign)
                self._returned[taken.campaign] = (back[0] - taken.points, back[1] - taken.places)
                continue
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


def budget_subtotal(code: str) -> str:
    """Under what a state's subtotals hold the points that came out of a campaign's budget."""
    return f"budget:campaign:{code}"


def places_subtotal(code: str) -> str:
    """Under what a state's subtotals hold the places that a member took of a campaign's."""
    return f"places:campaign:{code}"


def grants_of(offers: Iterable[Offer], before: State, outcome: Outcome) -> tuple[Grant, ...]:
    """The offers that an outcome was decided by, as its record keeps them, with what each of them gave.

    All of them, for what gave nothing now may give something when the history is played again.
    """
    given = {
        effect.why.code: effect.points
        for effect in outcome.effects
        if isinstance(effect, Entry) and effect.why.source == "campaign"
    }
    return tuple(
        offer.grant(
            given.get(offer.terms.code, 0),
            placed=offer.places is not None
            and given.get(offer.terms.code, 0) > 0
            and offer.terms.code not in before.campaigns,
        )
        for offer in offers
    )


def settlements(grants: Iterable[Grant]) -> tuple[Settlement, ...]:
    """What an outcome took of the campaigns that have a limit."""
    return tuple(
        Settlement(
            campaign=taken.campaign,
            points=taken.given if taken.room is not None else 0,
            places=int(taken.placed),
        )
        for taken in grants
        if taken.given and (taken.room is not None or taken.places is not None)
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
    if bid.offer.room is not None:
        draft.note_subtotal(budget_subtotal(terms.code), bid.granted)
    if bid.offer.places is not None and terms.code not in draft.campaigns:
        draft.note_subtotal(places_subtotal(terms.code), 1)
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
