"""A guest whose streaks are played: what they do, and what has become of their streaks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gamification.activity import PARTICULARS, STREAK_PAUSE, Activity
from gamification.effects import StreakMoved
from gamification.state import StreakState
from tests.gamification.programs import Part, Player, at, event, program

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = at("2026-05-01 12:00")


def player(*streaks: Part, joined_at: datetime | None = None, **parts: Any) -> Player:
    """A member of a program with these streaks, who joined long ago."""
    return Player(program(streaks=list(streaks), **parts), joined_at or at("1990-01-01"))


def visit(when: datetime, **attributes: Any) -> Activity:
    """What counts towards the streaks here unless they say otherwise."""
    return event("visit", when, attributes)


def moves(when: datetime, zone: str) -> Activity:
    """The member is in another time zone from now on."""
    return event(PARTICULARS, when, {"time_zone": zone})


def plans(when: datetime, first: str, last: str, **more: str) -> Activity:
    """The member plans a pause from a day to another."""
    return event(STREAK_PAUSE, when, {"from": first, "until": last, **more})


def local(text: str, zone: str) -> datetime:
    """The instant that clocks in a time zone show so."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def of(who: Player, code: str = "daily") -> StreakState:
    """A streak as it stands."""
    return who.state.streaks[code]


def fates(who: Player, code: str = "daily") -> list[tuple[str, str]]:
    """The latest decided periods, with what became of each."""
    return [(date.fromordinal(day).isoformat(), fate) for day, fate in of(who, code).periods]


def whys(who: Player) -> list[str]:
    """The arithmetic of every move so far."""
    effects = [effect for record in who.records for effect in record.outcome.effects]
    return [effect.why.arithmetic for effect in effects if isinstance(effect, StreakMoved)]
