"""The rules of the shop as a rival reads them from the program's file, and where a member stands by them.

Written anew over plain documents, without the game that Laurel plays, so that equal answers say something. It knows
what the benchmark's program uses and no more. Nothing comes due while the benchmark runs; a snapshot for which
something has would have to be brought up to date first, and is refused.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

Document = dict[str, Any]
Texts = dict[str, str]

_SUM_SCALE = {"activity.amount": 1000}
"""Sums of fractions are kept in thousandths."""
_OPEN_FIRST = ("ACTIVE", "LOCKED", "COMPLETED", "ENDED")


@dataclass(frozen=True, slots=True)
class Tier:
    """A rung of the ladder; the threshold in minor units of money."""

    code: str
    name: Texts
    benefits: tuple[Texts, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge."""

    code: str
    name: Texts
    icon_url: str | None
    rarity: str
    levels: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge; goal and progress are whole numbers, ``scale`` times what is shown."""

    code: str
    title: Texts
    reward_points: int
    distinct: bool
    goal: int
    scale: int
    window: str
    repeats: bool
    needs_tier: str | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The program."""

    languages: tuple[str, ...]
    zone: ZoneInfo
    currency: str
    tiers: tuple[Tier, ...]
    tier_window: str
    challenges: tuple[Challenge, ...]
    badges: dict[str, Badge]

    def language(self, *wanted: str | None) -> str:
        """The first wanted language that is spoken, or else the program's own."""
        return next((each for each in wanted if each in self.languages), self.languages[0])

    def position(self, tier: str | None) -> int:
        """The place of a tier on the ladder, from 0."""
        return next((place for place, each in enumerate(self.tiers) if each.code == tier), 0)


@dataclass(frozen=True, slots=True)
class Bar:
    """How far something is, in whole numbers that are ``scale`` times what is shown."""

    current: int
    target: int
    scale: int
    state: str = "ACTIVE"
    ends_at: datetime | None = None

    @property
    def remaining(self) -> float:
        """What is missing."""
        return max(self.target - self.current, 0) / self.scale

    @property
    def percent(self) -> int:
        """Whole percent, rounded down."""
        return min(self.current * 100 // self.target, 100) if self.target else 100


def read_rules(file: Path) -> Rules:
    """The rules of a program file."""
    program = yaml.safe_load(file.read_text(encoding="utf-8"))
    languages = tuple(program["languages"])

    def texts(value: str | Texts) -> Texts:
        return value if isinstance(value, dict) else dict.fromkeys(languages, value)

    tiers = program["tiers"]
    return Rules(
        languages=languages,
        zone=ZoneInfo(program["time_zone"]),
        currency=program["money"]["currency"],
        tiers=tuple(
            Tier(each["code"], texts(each["name"]), tuple(map(texts, each["benefits"])), each["threshold"] * 100)
            for each in tiers["levels"]
        ),
        tier_window=tiers["window"],
        challenges=tuple(_challenge(each, texts(each["title"])) for each in program["challenges"]),
        badges={
            each["code"]: Badge(
                each["code"],
                texts(each["name"]),
                each.get("icon_url"),
                each["rarity"].upper(),
                len(each.get("levels", [1])),
            )
            for each in program["badges"]
        },
    )


def _challenge(given: Document, title: Texts) -> Challenge:
    scale = _SUM_SCALE.get(given.get("of", ""), 1)
    return Challenge(
        code=given["code"],
        title=title,
        reward_points=given["reward"]["points"],
        distinct=given.get("measure") == "distinct",
        goal=given["target"] * scale,
        scale=scale,
        window=given.get("window", "lifetime"),
        repeats=given.get("repeat") == "each_window",
        needs_tier=given.get("requires", {}).get("tier"),
        ends_at=given.get("ends_at"),
    )


def bring_up_to_date(member: Document, now: datetime) -> Document:
    """The member as of now, where that is what the snapshot says.

    Raises:
        ValueError: something has come due since, which the rivals cannot work out.
    """
    if member["due_at"] is not None and member["due_at"] <= now:
        raise ValueError(f"something was due for {member['_id']} at {member['due_at']}")
    return member


@lru_cache(maxsize=64)
def opens(window: str, day: date) -> int:
    """The oldest bucket that counts on a day."""
    match window.split():
        case ["rolling", days, _]:
            return day.toordinal() - int(days) + 1
        case ["calendar", unit]:
            return _first_day(unit, day).toordinal()
    return 0


@lru_cache(maxsize=64)
def closes(window: str, day: date, zone: ZoneInfo) -> datetime | None:
    """When the calendar period of a day is over; None for other windows."""
    if not window.startswith("calendar"):
        return None
    unit = window.split()[1]
    later = _first_day(unit, day) + timedelta(days={"week": 7, "month": 31, "quarter": 92}[unit])
    return datetime.combine(_first_day(unit, later), time.min, tzinfo=zone).astimezone(UTC)


def _first_day(unit: str, day: date) -> date:
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def tier_bar(rules: Rules, state: Document, day: date) -> tuple[int, Bar]:
    """Where on the ladder a member is, and how far on the way to the next tier."""
    since = opens(rules.tier_window, day)
    counted = sum(amount for bucket, amount in state["standing"]["tally"] if bucket >= since)
    position = rules.position(state["standing"]["tier"])
    reached = max(position, sum(tier.threshold <= counted for tier in rules.tiers) - 1)
    target = rules.tiers[min(reached + 1, len(rules.tiers) - 1)].threshold
    return position, Bar(counted, target, 100)


def challenge_bars(rules: Rules, state: Document, now: datetime, day: date) -> list[tuple[Challenge, Bar]]:
    """The challenges with how far a member is: open ones first, and those that are done last."""
    bars = [(challenge, _challenge_bar(challenge, rules, state, now, day)) for challenge in rules.challenges]
    return sorted(bars, key=lambda each: _OPEN_FIRST.index(each[1].state))


def _challenge_bar(challenge: Challenge, rules: Rules, state: Document, now: datetime, day: date) -> Bar:
    held = state["challenges"].get(challenge.code) or {"tally": (), "seen": (), "completed_at": None}
    since, ends_at = opens(challenge.window, day), closes(challenge.window, day, rules.zone)
    if challenge.ends_at is not None:
        ends_at = min(challenge.ends_at, ends_at or challenge.ends_at)
    if _done(challenge, held["completed_at"], since, rules):
        return Bar(challenge.goal, challenge.goal, challenge.scale, "COMPLETED", ends_at)
    if challenge.distinct:
        current = sum(bucket >= since for _, bucket in held["seen"])
    else:
        current = sum(amount for bucket, amount in held["tally"] if bucket >= since)
    stands = "ENDED" if challenge.ends_at is not None and now >= challenge.ends_at else "ACTIVE"
    if challenge.needs_tier and rules.position(challenge.needs_tier) > rules.position(state["standing"]["tier"]):
        stands = "LOCKED"
    return Bar(min(current, challenge.goal), challenge.goal, challenge.scale, stands, ends_at)


def _done(challenge: Challenge, completed_at: datetime | None, since: int, rules: Rules) -> bool:
    if completed_at is None:
        return False
    return not challenge.repeats or completed_at.astimezone(rules.zone).date().toordinal() >= since


def badges_won(rules: Rules, state: Document) -> list[tuple[Badge, int, datetime]]:
    """The badges of a member with level and time, latest first."""
    won = [(held["levels_at"][-1], code, len(held["levels_at"])) for code, held in state["badges"].items()]
    won.sort(reverse=True)
    return [(rules.badges[code], min(level, rules.badges[code].levels), at) for at, code, level in won]


def money_text(minor: int) -> str:
    """An amount of money as people write it: 3, not 3.00; 29.90, not 29.9."""
    return str(minor // 100) if minor % 100 == 0 else f"{minor // 100}.{minor % 100:02}"


def instant_text(at: datetime | None) -> str | None:
    """An instant as answers have it: in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
