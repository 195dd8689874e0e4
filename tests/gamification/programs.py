"""Small programs, activities and a player to send through the fold, for tests that work their values out by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gamification.activity import ADJUSTMENT, PURCHASE, Activity, LineItem, Scalar
from gamification.boards.keys import BoardKey
from gamification.effects import (
    AttributeChanged,
    BadgeLost,
    BadgeWon,
    BonusWithheld,
    Celebrated,
    ChainCut,
    Completed,
    CompletionLost,
    Effect,
    Entry,
    LotMoved,
    PauseDropped,
    PausePlanned,
    Progressed,
    Redated,
    Scored,
    StreakMoved,
    StreakReached,
    TierGranted,
    TierMoved,
    TierProgressed,
    TierReviewed,
    TotalsMoved,
    Truncated,
)
from gamification.fold import Applied, InsufficientPoints, advance, apply
from gamification.program import Program
from gamification.record import Outcome, Record
from gamification.state import OpenLot, State

Part = dict[str, Any]

JOINED_AT = datetime(1997, 1, 1, tzinfo=UTC)


def program(*, time_zone: str = "UTC", currency: str = "USD", decimals: int = 2, **parts: Any) -> Program:
    """A program of the given parts; points neither wait nor expire unless ``points`` says so."""
    definition: Part = {
        "code": "shop",
        "name": "Shop",
        "languages": ["en"],
        "time_zone": time_zone,
        "money": {"currency": currency, "decimals": decimals},
        "points": {"name": "points", **parts.pop("points", {})},
    }
    return Program.model_validate(definition | parts)


def rule(code: str = "base", *, on: str | list[str] = PURCHASE, earn: Part | None = None, **more: Any) -> Part:
    """An earning rule; one point per whole unit of money unless ``earn`` says otherwise."""
    return {"code": code, "name": code, "on": on, "earn": earn or {"points": 1, "per_amount": "1"}, **more}


def ladder(metric: str, window: str, *, rewards: Mapping[str, Part] = MappingProxyType({}), **thresholds: int) -> Part:
    """Tiers by code and threshold, lowest first, some with a reward."""
    levels = [
        {"code": code, "name": code, "threshold": threshold, "reward": rewards.get(code, {})}
        for code, threshold in thresholds.items()
    ]
    return {"metric": metric, "window": window, "levels": levels}


def challenge(code: str, **parts: Any) -> Part:
    """A challenge; over purchases unless it has steps or says otherwise."""
    on = {} if "steps" in parts else {"on": PURCHASE}
    return {"code": code, "title": code, **on, **parts}


def steps(*kinds: str, **conditions: str) -> Part:
    """A challenge's steps, one for each kind; ``conditions`` narrow them by kind."""
    each = [{"title": kind, "on": kind, **({"when": conditions[kind]} if kind in conditions else {})} for kind in kinds]
    return {"measure": "steps", "steps": each}


def streak(code: str = "daily", *, on: str = "visit", **parts: Any) -> Part:
    """A streak of days with a visit, unless it says otherwise."""
    return {"code": code, "name": code, "conditions": [{"on": on}], **parts}


def badge(code: str, **parts: Any) -> Part:
    """A badge, given only as a reward unless ``earned`` says otherwise."""
    return {"code": code, "name": code, **parts}


def board(code: str = "board", **parts: Any) -> Part:
    """A board of all time over the points of purchases, unless it says otherwise."""
    return {"code": code, "name": code, "on": PURCHASE, "metric": "points", "period": "all_time", **parts}


def campaign(code: str = "double", **parts: Any) -> Part:
    """Terms of a campaign that doubles the points of purchases from May 2026 on, unless they say otherwise."""
    starts_at = parts.pop("starts_at", "2026-05-01T00:00:00Z")
    effect = parts.pop("effect", {"multiplier": 2})
    return {"code": code, "name": code, "headline": code, "starts_at": starts_at, "effect": effect, **parts}


def at(text: str) -> datetime:
    """An instant in UTC: a date (its midnight), or a date and a time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def purchase(when: datetime, amount_minor: int = 0, *items: LineItem, **more: Any) -> Activity:
    """A purchase, whose key is its time and amount unless one is given."""
    key = more.pop("key", f"p {when:%Y%m%d %H%M%S} {amount_minor}")
    return Activity(key, PURCHASE, when, amount_minor, items, **more)


def event(kind: str, when: datetime, attributes: Mapping[str, Scalar] | None = None, **more: Any) -> Activity:
    """A custom event with attributes."""
    return Activity(f"e {kind} {when:%Y%m%d %H%M%S}", kind, when, attributes=attributes or {}, **more)


def adjustment(when: datetime, points: int) -> Activity:
    """Points given or taken by staff."""
    return Activity(f"a {when:%Y%m%d %H%M%S} {points}", ADJUSTMENT, when, points=points, reason="goodwill")


class Player:
    """A member on their way through the fold, with every record of it, as the record path would write them."""

    def __init__(self, played: Program, joined_at: datetime = JOINED_AT) -> None:
        self.program = played
        self.state = State.new(joined_at)
        self.records: list[Record] = []

    def attempt(self, activity: Activity) -> Applied | InsufficientPoints:
        """Record an activity after what time has brought about before it; nothing if points are missing."""
        state, passed = advance(self.state, activity.occurred_at, self.program)
        result = apply(state, activity, self.program)
        if isinstance(result, Applied):
            for outcome in passed:
                self._append(None, outcome)
            self._append(activity, result.outcome)
            self.state = result.state
        return result

    def do(self, *activities: Activity) -> list[str]:
        """Record activities, all of which take effect; what the last one brought, told in short."""
        result: Applied | InsufficientPoints | None = None
        for activity in activities:
            result = self.attempt(activity)
            assert isinstance(result, Applied), activity
        assert isinstance(result, Applied)
        return told(result.outcome)

    def wait(self, until: datetime) -> list[tuple[datetime, list[str]]]:
        """Let time pass; when it brought something about, and what."""
        self.state, passed = advance(self.state, until, self.program)
        for outcome in passed:
            self._append(None, outcome)
        return [(outcome.at, told(outcome)) for outcome in passed]

    def entries(self) -> list[Entry]:
        """Every ledger entry so far."""
        return [effect for record in self.records for effect in record.outcome.effects if isinstance(effect, Entry)]

    def _append(self, activity: Activity | None, outcome: Outcome) -> None:
        self.records.append(Record("m", len(self.records) + 1, 1, activity, outcome, outcome.at))


def told(outcome: Outcome) -> list[str]:
    """The effects in short, each with the place of the effect that led to it after ``<``."""
    return [_told(effect) for effect in outcome.effects]


def only(effects: Sequence[Effect], kind: type[Effect]) -> list[Effect]:
    """The effects of one type."""
    return [effect for effect in effects if isinstance(effect, kind)]


def _told(effect: Effect) -> str:
    match effect:
        case Entry(account, points, why):
            text = f"{account} {points:+d} by {why.source} {why.code}"
        case Progressed(code, before, after, goal):
            text = f"{code} {before} to {after} of {goal}"
        case Completed(code, times):
            text = f"{code} completed x{times}"
        case BadgeWon(code, level):
            text = f"badge {code} {level}"
        case TierMoved(before_code, after_code, up):
            text = f"tier {before_code} {'up' if up else 'down'} to {after_code}"
        case TierReviewed(code, verdict):
            text = f"tier {code} {verdict}"
        case StreakMoved(code, before_length, after_length, _, frozen):
            text = f"streak {code} {before_length} to {after_length}{f', {frozen} frozen' if frozen else ''}"
        case ChainCut(links):
            text = f"cut after {links}"
        case Scored(board, period, scope, before_score, after_score, columns):
            key = BoardKey(board, period, scope).text
            text = f"{key} {before_score} to {after_score}{list(columns) if columns else ''}"
        case Celebrated(occasion, years):
            text = f"{occasion} {years}"
        case BonusWithheld(code, wanted, granted, limit):
            text = f"campaign {code} gave {granted} of {wanted}, by {limit}"
        case _:
            text = _told_further(effect)
    return text if effect.why.because is None else f"{text} <{effect.why.because}"


def _told_lot(lot: OpenLot | None) -> str:
    if lot is None:
        return "none"
    return f"{lot.remaining} until {lot.gone_at:%Y-%m-%d}" if lot.gone_at else f"{lot.remaining}"


def _told_further(effect: Effect) -> str:
    match effect:
        case CompletionLost(code, times):
            return f"{code} completed x-{times}"
        case BadgeLost(code, before_level, after_level):
            return f"badge {code} {before_level} to {after_level}"
        case StreakReached(code, length):
            return f"streak {code} reached {length}"
        case LotMoved(lot, before_lot, after_lot):
            return f"lot {lot}: {_told_lot(before_lot)} became {_told_lot(after_lot)}"
        case TierGranted(tier, until):
            return f"granted {tier}{f' until {until:%Y-%m-%d %H:%M}' if until else ''}"
        case TierProgressed(tier, before_progress, after_progress):
            return f"way from {tier} {before_progress.counted} to {after_progress.counted}"
        case PausePlanned(code, first, last) | PauseDropped(code, first, last):
            return f"{code} {'paused' if isinstance(effect, PausePlanned) else 'not paused'} {first} to {last}"
        case Redated(what, code, before_date, after_date):
            return f"{what} {code} dated {before_date} to {after_date}"
        case AttributeChanged(name, before_text, after_text):
            return f"{name} {before_text} to {after_text}"
        case TotalsMoved():
            return "totals moved"
        case Truncated(left_out):
            return f"{left_out} more"
    raise AssertionError(effect)
