"""The life of a campaign: what staff may do with it, and what time and its limits do to it. Pure: no clock, no I/O.

A campaign is a draft until it is started. From then on it runs, and its own terms say when it is open; staff may pause
and resume it. It ends once: by time, when its budget is used up, when its places are and each was for one bonus, by
staff, or with the program.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from gamification.campaign_changes import Details, differences
from gamification.program.campaigns import MAX_BUDGET, MAX_FIRST_MEMBERS, Campaign

Status = Literal["draft", "running", "paused", "ended"]
EndedBy = Literal["time", "budget", "places", "staff", "program"]
Phase = Literal["draft", "scheduled", "live", "idle", "paused", "ended"]
"""What a campaign is at a moment: ``idle`` runs between two openings."""
Origin = Literal["program", "staff"]
EventKind = Literal[
    "created",
    "scheduled",
    "started",
    "opened",
    "closed",
    "paused",
    "resumed",
    "changed",
    "extended",
    "running_low",
    "full",
    "ended",
]
Limit = Literal["ends_at", "budget", "first_members"]

SHOWN: frozenset[EventKind] = frozenset(
    {"started", "opened", "closed", "paused", "resumed", "running_low", "full", "ended"}
)
"""The kinds that phones are told; all kinds together are the audit trail."""

MAX_TRANSITIONS = 8
"""How many transitions one moment can bring about."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a campaign: points of its budget and places for new members; None without limit."""

    points: int | None = None
    places: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignState:
    """A campaign as it is now. ``version`` counts its terms from 1, ``revision`` every change of it.

    ``filed_version`` are the terms that a program's file gave last.
    ``started_at`` is when it was first open, ``is_open`` whether it was when that was last looked at, and ``is_low``
    and ``is_full`` whether it has been told that it runs low or has no places left. ``last_step`` is what staff did
    with it last. ``ended_at`` is the end by its terms where time ended it.
    """

    terms: Campaign
    version: int
    origin: Origin
    status: Status
    created_at: datetime
    created_by: str
    changed_at: datetime
    revision: int = 1
    filed_version: int | None = None
    started_at: datetime | None = None
    is_open: bool = False
    is_low: bool = False
    is_full: bool = False
    last_step: Literal["scheduled", "paused", "resumed"] | None = None
    ended_by: EndedBy | None = None
    ended_at: datetime | None = None

    @property
    def code(self) -> str:
        """The campaign's code, unique for ever."""
        return self.terms.code

    @property
    def offered_until(self) -> datetime | None:
        """Until when activities may still get something of it, as far as it is not changed; None for ever.

        What happened before an end by time may arrive a little later.
        """
        if self.status == "running" or self.ended_by == "time":
            ends_at = self.terms.ends_at
            return None if ends_at is None else ends_at + timedelta(minutes=self.terms.late_minutes)
        return self.ended_at or self.changed_at

    @property
    def is_public(self) -> bool:
        """Whether members may know of it: not of a draft, nor of one that ended as a draft or before it began."""
        return self.status in ("running", "paused") or (self.status == "ended" and self.started_at is not None)

    def is_offered(self, now: datetime) -> bool:
        """Whether an activity that arrives now may get something of it, as far as status and end decide."""
        if self.status not in ("running", "ended") or now < self.terms.starts_at:
            return False
        return self.offered_until is None or now < self.offered_until

    def exhausted(self, left: Left) -> Literal["budget", "places"] | None:
        """Which of its limits ends it, for nobody gets anything any more.

        Without places left, those who hold one go on getting it, unless there is one bonus for each and they have it.
        """
        if left.points is not None and left.points < self._smallest_bonus:
            return "budget"
        return "places" if left.places == 0 and self.terms.is_given_once else None

    def runs_low(self, left: Left) -> bool:
        """Whether no more than the budget's ``low_percent`` is left."""
        budget = self.terms.budget
        return (
            budget is not None and left.points is not None and left.points * 100 <= budget.points * budget.low_percent
        )

    @property
    def _smallest_bonus(self) -> int:
        """The fewest points it can give: with less left, where the budget gives no part, nothing is given any more."""
        terms = self.terms
        if terms.budget is None or terms.budget.too_little == "partial":
            return 1
        if terms.caps.member is not None or terms.caps.member_day is not None:
            return 1
        per_item = terms.effect.per_item
        return terms.effect.bonus or (per_item.points if per_item else 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A campaign as it is after a transition, and the event that says so."""

    state: CampaignState
    kind: EventKind
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """Something that happened to a campaign: numbered from 1 over all campaigns, without gaps. ``by`` is who did it."""

    number: int
    campaign: str
    kind: EventKind
    at: datetime
    by: str
    details: Details

    @property
    def is_shown(self) -> bool:
        """Whether phones are told of it."""
        return self.kind in SHOWN


@dataclass(frozen=True, slots=True)
class WrongStatus:
    """The campaign is not in a status from which this can be done; nothing has changed."""

    code: str
    status: Status
    wanted: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """The campaign took this step already, and is as it wants it: a retry. Nothing has changed."""

    state: CampaignState


@dataclass(frozen=True, slots=True)
class NotAnExtension:
    """What is no extension: it has no such limit, or is not beyond what it is, or too large. Nothing has changed.

    Each of ``faults`` is a limit and what is wrong with what it would be.
    """

    code: str
    faults: tuple[tuple[Limit, str], ...]


@dataclass(frozen=True, slots=True)
class BelowGiven:
    """More is ``given`` already than the ``limit`` would allow. Nothing has changed."""

    code: str
    field: Literal["budget", "first_members"]
    limit: int
    given: int


@dataclass(frozen=True, slots=True)
class LimitFixed:
    """A campaign that was open once keeps having, or not having, a limit; what was given is counted by it."""

    code: str
    field: Literal["budget", "first_members"]


@dataclass(frozen=True, slots=True)
class CodeTaken:
    """There is or was another campaign with this code; nothing has changed."""

    code: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class TooManyCampaigns:
    """Staff have ``limit`` campaigns that have not ended, which is the most there may be; nothing has changed."""

    limit: int


@dataclass(frozen=True, slots=True)
class UnknownCampaign:
    """There is no campaign with this code."""

    code: str


CampaignRefusal = WrongStatus | NotAnExtension | LimitFixed | BelowGiven
Transition = Callable[[CampaignState, datetime], Change | Repeated | CampaignRefusal]
"""A step that a campaign takes at a moment; run again where others were faster."""


def created(terms: Campaign, origin: Origin, by: str, now: datetime, *, draft: bool) -> CampaignState:
    """A new campaign: a draft, or one that runs from ``terms.starts_at``."""
    filed_version = 1 if origin == "program" else None
    status: Status = "draft" if draft else "running"
    return CampaignState(terms, 1, origin, status, now, by, now, filed_version=filed_version)


def start(state: CampaignState, now: datetime) -> Change | Repeated | CampaignRefusal:
    """Let a draft run. It opens when its terms say."""
    if state.status == "running" and state.last_step == "scheduled":
        return Repeated(state)
    if state.status != "draft":
        return WrongStatus(state.code, state.status, ("draft",))
    return Change(replace(state, status="running", last_step="scheduled"), "scheduled")


def pause(state: CampaignState, now: datetime) -> Change | Repeated | CampaignRefusal:
    """Give nothing until it is resumed."""
    if state.status == "paused":
        return Repeated(state)
    if state.status != "running":
        return WrongStatus(state.code, state.status, ("running",))
    return Change(replace(state, status="paused", is_open=False, last_step="paused"), "paused")


def resume(state: CampaignState, now: datetime) -> Change | Repeated | CampaignRefusal:
    """Go on after a pause. One without hours of its own is open at once, and resuming says so."""
    if state.status == "running" and state.last_step == "resumed":
        return Repeated(state)
    if state.status != "paused":
        return WrongStatus(state.code, state.status, ("paused",))
    is_open = state.terms.recurs is None and state.started_at is not None
    return Change(replace(state, status="running", is_open=is_open, last_step="resumed"), "resumed")


def end(state: CampaignState, now: datetime, by: EndedBy = "staff") -> Change | Repeated | CampaignRefusal:
    """End it for good and at once."""
    if state.status == "ended":
        if state.ended_by == by:
            return Repeated(state)
        return WrongStatus(state.code, state.status, ("draft", "running", "paused"))
    return Change(_ended(state, by, now), "ended", {"ended_by": by})


def extend(ends_at: datetime | None = None, budget: int | None = None, first_members: int | None = None) -> Transition:
    """The transition that moves the end, the budget or the places up to these; each must be more than it is."""

    def extended(state: CampaignState, now: datetime) -> Change | CampaignRefusal:
        terms = state.terms
        if state.status == "ended":
            return WrongStatus(state.code, state.status, ("draft", "running", "paused"))
        if faults := tuple(_no_extension(terms, now, ends_at, budget, first_members)):
            return NotAnExtension(state.code, faults)
        changes: dict[str, object] = {}
        if ends_at is not None:
            changes["ends_at"] = ends_at
        if budget is not None and terms.budget is not None:
            changes["budget"] = terms.budget.model_copy(update={"points": budget})
        if first_members is not None:
            changes["first_members"] = first_members
        after = replace(
            state,
            terms=terms.model_copy(update=changes),
            version=state.version + 1,
            is_low=state.is_low and not budget,
            is_full=state.is_full and not first_members,
        )
        return Change(after, "extended", differences(terms, after.terms))

    return extended


def reworded(terms: Campaign) -> Transition:
    """The transition to other terms, as a program brings them."""

    def changed(state: CampaignState, now: datetime) -> Change | CampaignRefusal:
        if state.status == "ended":
            return WrongStatus(state.code, state.status, ("draft", "running", "paused"))
        if state.started_at is not None or now >= state.terms.starts_at:
            if (state.terms.budget is None) != (terms.budget is None):
                return LimitFixed(state.code, "budget")
            if (state.terms.first_members is None) != (terms.first_members is None):
                return LimitFixed(state.code, "first_members")
        version = state.version + 1
        after = replace(state, terms=terms, version=version, filed_version=version, is_low=False, is_full=False)
        return Change(after, "changed", differences(state.terms, terms))

    return changed


def due(state: CampaignState, left: Left, now: datetime, zone: ZoneInfo) -> Change | None:
    """The next transition that time or the limits bring about by now; None where there is none.

    ``left`` is empty where that is not known; then only time decides.
    """
    if state.status not in ("running", "paused"):
        return None
    ends_at = state.terms.ends_at
    if ends_at is not None and ends_at <= now:
        return Change(_ended(state, "time", ends_at), "ended", {"ended_by": "time"})
    if state.status == "paused":
        return None
    is_open = state.terms.is_open(now, zone)
    if is_open and state.started_at is None:
        return Change(replace(state, started_at=now, is_open=True), "started")
    if limit := state.exhausted(left):
        return Change(_ended(state, limit, now), "ended", {"ended_by": limit})
    if is_open != state.is_open:
        return Change(replace(state, is_open=is_open), "opened" if is_open else "closed")
    if left.places == 0 and not state.is_full:
        return Change(replace(state, is_full=True), "full")
    if is_open and not state.is_low and state.runs_low(left):
        return Change(replace(state, is_low=True), "running_low", {"remaining": left.points})
    return None


def phase_at(state: CampaignState, now: datetime, zone: ZoneInfo) -> Phase:
    """What the campaign is at a moment, whether or not that has been noted yet."""
    if state.status in ("draft", "ended"):
        return "draft" if state.status == "draft" else "ended"
    if state.terms.ends_at is not None and state.terms.ends_at <= now:
        return "ended"
    if state.status == "paused":
        return "paused"
    if now < state.terms.starts_at:
        return "scheduled"
    return "live" if state.terms.is_open(now, zone) else "idle"


def _ended(state: CampaignState, by: EndedBy, at: datetime) -> CampaignState:
    return replace(state, status="ended", ended_by=by, ended_at=at, is_open=False)


def _no_extension(
    terms: Campaign, now: datetime, ends_at: datetime | None, budget: int | None, first_members: int | None
) -> Iterator[tuple[Limit, str]]:
    """What is wrong with what a campaign would get more of."""
    if ends_at is None and budget is None and first_members is None:
        yield "ends_at", "give a later end, a larger budget or more places"
    if ends_at is not None and terms.ends_at is None:
        yield "ends_at", "this campaign has no end, and one cannot be added"
    elif ends_at is not None and terms.ends_at is not None and ends_at <= max(terms.ends_at, now):
        yield "ends_at", f"must be later than {terms.ends_at.isoformat()} and in the future"
    limits: tuple[tuple[Limit, str, int | None, int | None, int], ...] = (
        ("budget", "budget", budget, terms.budget.points if terms.budget else None, MAX_BUDGET),
        ("first_members", "limit of members", first_members, terms.first_members, MAX_FIRST_MEMBERS),
    )
    for name, what, more, present, most in limits:
        if more is not None and present is None:
            yield name, f"this campaign has no {what}, and one cannot be added"
        elif more is not None and present is not None and not present < more <= most:
            yield name, f"must be more than {present} and at most {most}"
