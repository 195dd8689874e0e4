"""The fold: a member's state is what happened, applied step by step. Pure: no clock, no I/O.

The mechanism that everything else uses: recording, dry runs, verification and replays are all `apply` and `advance`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from gamification import badges, campaigns, challenges, lots, occasions, particulars, reversal, streaks, tiers
from gamification.activity import (
    ADJUSTMENT,
    ATTRIBUTES,
    ENROLMENT,
    PARTICULARS,
    PRIZE,
    PURCHASE,
    REVERSAL,
    TIER_GRANT,
    Activity,
)
from gamification.boards import prizes, scoring
from gamification.campaigns import Offer
from gamification.challenges import Fact
from gamification.draft import MAX_CHAIN_LINKS, MAX_EFFECTS, Draft
from gamification.earning import earn
from gamification.effects import (
    BadgeWon,
    ChainCut,
    Completed,
    Effect,
    Entry,
    StreakReached,
    TierMoved,
)
from gamification.program import Program
from gamification.program.base import MAX_POINTS, Reward
from gamification.program.campaigns import Campaign
from gamification.record import Outcome
from gamification.schedule import Schedule
from gamification.state import State
from gamification.values import value
from gamification.windows import earliest

MAX_MEMBER_ATTRIBUTES = 50

CampaignVersions = Mapping[tuple[str, int], Campaign]
"""The terms of campaigns by code and version."""
NO_CAMPAIGNS: CampaignVersions = MappingProxyType({})


@value(frozen=True, slots=True)
class Applied:
    """An activity has taken effect."""

    state: State
    outcome: Outcome


@value(frozen=True, slots=True)
class InsufficientPoints:
    """More points were to be taken than are available; nothing has changed."""

    needed: int
    available: int


def apply(
    state: State,
    activity: Activity,
    program: Program,
    at: datetime | None = None,
    offers: Sequence[Offer] = (),
    *,
    stands: bool = False,
    quiet: bool = False,
) -> Applied | InsufficientPoints:
    """Let an activity take effect, with everything that follows from it, ``offers`` of campaigns included.

    It does so ``at`` the moment that its record says, or else when it occurred; but never before ``state.as_of``, to
    which the state has been advanced. One that ``stands`` takes its points even where there are too few: what has been
    handed out stays handed out, and the member owes what is missing. A ``quiet`` one does not tell of scores, which
    nothing follows from, nor how points were worked out: a history played again is told as the difference it makes.
    """
    if activity.kind == ADJUSTMENT and 0 < -activity.points > state.balance.available and not stands:
        return InsufficientPoints(-activity.points, state.balance.available)
    draft = Draft(state, program, max(at or activity.occurred_at, state.as_of), activity, quiet=quiet)
    if activity.kind == REVERSAL:
        draft.unjudged = False  # A reversal itself is no occasion to be judged by, unless it moves points.
        reversal.settle(draft, activity)
        _settle(draft)
        return Applied(*draft.finish())
    _count_totals(draft, activity)
    if activity.kind == ATTRIBUTES:
        _set_attributes(draft, activity)
    elif activity.kind in (ENROLMENT, PARTICULARS):
        particulars.learn(draft, activity)
    draft.let_lots_hear(activity)
    earn(draft, activity)
    campaigns.grant(draft, activity, offers)
    if activity.kind == ADJUSTMENT:
        _adjust(draft, activity)
    elif activity.kind == PRIZE:
        prizes.give(draft, activity)
    elif activity.kind == TIER_GRANT:
        tiers.grant(draft, activity)
    challenges.count(draft, Fact(activity.kind))
    streaks.count(draft, activity)
    _settle(draft)
    draft.cause = None
    scoring.score(draft, activity)
    return Applied(*draft.finish())


def apply_standing(
    state: State,
    activity: Activity,
    program: Program,
    at: datetime,
    offers: Sequence[Offer] = (),
    *,
    quiet: bool = False,
) -> Applied:
    """Let an activity take effect that has done so before, and so stands whatever is left."""
    applied = apply(state, activity, program, at, offers, stands=True, quiet=quiet)
    assert isinstance(applied, Applied), "what has happened stands"
    return applied


def advance(state: State, now: datetime, programs: Program | Schedule) -> tuple[State, tuple[Outcome, ...]]:
    """Let time pass up to and including ``now``: one outcome for every instant at which something was due.

    Each is decided by the version of the program in force at that instant.
    """
    outcomes: list[Outcome] = []
    while (passed := advance_once(state, now, programs)) is not None:
        state, outcome = passed
        outcomes.append(outcome)
    return state, tuple(outcomes)


def advance_once(state: State, now: datetime, programs: Program | Schedule) -> tuple[State, Outcome] | None:
    """Let time pass up to the next instant at which something is due; None if nothing is up to ``now``."""
    due = _next_due(state, programs)
    if due is None or due[0] > now:
        return None
    at, program = due
    draft = Draft(state, program, at)
    draft.unlock_due()
    draft.expire_due()
    streaks.pass_time(draft)
    occasions.celebrate(draft)
    _settle(draft)
    state, outcome = draft.finish()
    if not outcome.effects:
        raise AssertionError(f"{at} was due but changed nothing, and would be due for ever")
    return state, outcome


def next_due_at(state: State, programs: Program | Schedule) -> datetime | None:
    """When time alone changes something next: a lot unlocks or expires, a tier is lost, a streak breaks."""
    due = _next_due(state, programs)
    return due[0] if due else None


def _next_due(state: State, programs: Program | Schedule) -> tuple[datetime, Program] | None:
    """The next instant at which something is due, never before ``state.as_of``, and the program that decides it."""
    if state.merged_into is not None:
        return None  # Time passes for whom it was merged into.
    if isinstance(programs, Program):
        due = _due_under(state, programs, state.as_of)
        return None if due is None else (max(due, state.as_of), programs)
    begins, edition = state.as_of, programs.at(state.as_of)
    while True:
        due, ends = _due_under(state, edition.program, begins), programs.changes_after(begins)
        if due is not None and (ends is None or due < ends):
            return max(due, begins), edition.program
        if ends is None:
            return None
        begins, edition = ends, programs.at(ends)


def _due_under(state: State, program: Program, begins: datetime) -> datetime | None:
    """When something is due by a program that is in force from ``begins`` on."""
    return earliest(
        lots.next_due_at(state, program),
        tiers.next_due_at(state, program, begins),
        streaks.next_due_at(state, program),
        occasions.next_due_at(state, program, begins),
    )


def _count_totals(draft: Draft, activity: Activity) -> None:
    if activity.kind != PURCHASE:
        return
    draft.add_totals(purchases=1, items=activity.quantity, spend_minor=activity.amount_minor)
    if draft.program.tier_metric == "spend":
        draft.add_standing(activity.amount_minor)


def _set_attributes(draft: Draft, activity: Activity) -> None:
    """Merge what is known of the member; an empty text takes one away, and the oldest give way beyond the bound."""
    known = {**draft.attributes, **{name: str(value) for name, value in activity.attributes.items()}}
    kept = {name: value for name, value in known.items() if value}
    draft.attributes = dict(list(kept.items())[-MAX_MEMBER_ATTRIBUTES:])
    draft.touch()


def _adjust(draft: Draft, activity: Activity) -> None:
    why = draft.why("staff", ADJUSTMENT, f"{activity.points:+d}", inputs={"reason": activity.reason or ""})
    if activity.points > 0:
        draft.grant(activity.points, why)
    else:
        draft.debit(-activity.points, why)


def _settle(draft: Draft) -> None:
    """Work out what follows from what, breadth first, until nothing more does or the chain reaches its bound."""
    _settle_standing(draft)
    while draft.unsettled:
        place = draft.unsettled.popleft()
        effect = draft.effects[place]
        if draft.links(place) >= MAX_CHAIN_LINKS or len(draft.effects) >= MAX_EFFECTS:
            _cut(draft, place, effect)
            continue
        draft.cause = place
        _follow(draft, effect)
        _settle_standing(draft)


def _settle_standing(draft: Draft) -> None:
    """Judge tier and badges anew if what they are judged by has changed.

    Once: a badge that another badge earns is won when that one's consequences are worked out, and names it.
    """
    if draft.unjudged:
        draft.unjudged = False
        tiers.settle(draft)
        badges.settle(draft)


def _follow(draft: Draft, effect: Effect) -> None:
    """Give the rewards of an effect, and let it count towards the challenges that listen to such effects."""
    match effect:
        case Completed(code, times):
            _reward(draft, draft.program.challenge_by_code[code].reward, "challenge", code, times)
            for badge in draft.program.badges_for(challenge=code):
                badges.award(draft, badge.code)
        case TierMoved(_, after, True):
            _reward_tier(draft, after)
            for badge in draft.program.badges_for(tier=after):
                badges.award(draft, badge.code)
        case StreakReached(code, length):
            _reward(draft, streaks.reward_of(draft.program, code, length), "streak", code)
        case BadgeWon(code, level):
            points = draft.program.badge_by_code[code].levels[level - 1].points
            draft.credit(points, draft.why("badge", code, f"{points}"), qualifying=False)
    if draft.program.counts_effects and (fact := _fact(effect)):
        challenges.count(draft, fact)


def _reward_tier(draft: Draft, code: str) -> None:
    """Give a tier's reward the first time that it is reached; losing and regaining it pays nothing."""
    tier = draft.program.tier(code)
    if tier is not None and tier.reward != Reward() and code not in draft.standing.rewarded:
        draft.standing = replace(draft.standing, rewarded=(*draft.standing.rewarded, code))
        _reward(draft, tier.reward, "tier", code)


def _reward(draft: Draft, reward: Reward, source: str, code: str, times: int = 1) -> None:
    points = min(times * reward.points, MAX_POINTS)
    arithmetic = f"{points}" if times == 1 else f"{times} x {reward.points} = {points}"
    draft.credit(points, draft.why(source, code, arithmetic), qualifying=reward.qualifying)
    if reward.badge:
        badges.award(draft, reward.badge)


def _fact(effect: Effect) -> Fact | None:
    """What a challenge may count of an effect."""
    match effect:
        case Entry(_, points, why) if points > 0 and why.source not in ("staff", "clock", "reversal"):
            return Fact("points.earned", why.code, points)
        case TierMoved(_, after, True):
            return Fact("tier.reached", after)
        case BadgeWon(code):
            return Fact("badge.won", code)
        case Completed(code, times):
            return Fact("challenge.completed", code, times=times)
        case StreakReached(code, length):
            return Fact("streak.reached", code, length)
    return None


def _cut(draft: Draft, place: int, effect: Effect) -> None:
    """Say in the record that a chain was cut, where the effect could have led on."""
    if _fact(effect) is not None:
        draft.cause = place
        draft.note(ChainCut(draft.links(place), draft.why("chain", effect.kind)))
