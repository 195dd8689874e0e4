"""The program as everyone may see it: tiers, challenges and badges, without anybody's progress."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from gamification import program
from gamification.program import Text
from schema.context import Reading
from schema.scalars import BigInt


@strawberry.enum(description="How rare a badge is meant to be.")
class Rarity(Enum):
    """How rare a badge is meant to be."""

    COMMON = "common"
    UNCOMMON = "uncommon"
    RARE = "rare"
    EPIC = "epic"
    LEGENDARY = "legendary"


@strawberry.type(description="A rung of the tier ladder.")
class Tier:
    """A rung of the tier ladder."""

    code: str
    name: str
    threshold: Decimal = strawberry.field(description="In points, or in money, as the program counts.")
    benefits: list[str]


@strawberry.type(description="A goal that the program sets.")
class Challenge:
    """A goal that the program sets."""

    code: str
    title: str
    description: str | None
    reward_points: BigInt
    reward_badge: str | None = strawberry.field(description="The code of the badge that is won with it.")
    target: float
    unit: str | None
    repeatable: bool
    starts_at: datetime | None
    ends_at: datetime | None
    steps: list[str]


@strawberry.type(description="A level of a badge.")
class BadgeLevel:
    """A level of a badge."""

    level: int
    name: str | None
    at: BigInt = strawberry.field(description="What the badge's measure must reach.")
    points: BigInt


@strawberry.type(description="A badge that can be won. Secret ones are not listed.")
class Badge:
    """A badge that can be won."""

    code: str
    name: str
    description: str | None
    icon_url: str | None
    rarity: Rarity
    levels: list[BadgeLevel]


@strawberry.type(description="The loyalty program in force.")
class Program:
    """The loyalty program in force."""

    code: str
    version: int
    name: str
    languages: list[str]
    time_zone: str
    currency: str = strawberry.field(description="ISO 4217 code of the money that amounts are in.")
    points_name: str
    tiers: list[Tier]
    challenges: list[Challenge]
    badges: list[Badge]


def words(text: Text | None, reading: Reading) -> str | None:
    """An optional text in the reader's language."""
    return text.read(reading.language) if text else None


def show_program(reading: Reading) -> Program:
    """The program in the reader's language."""
    shown = reading.program
    return Program(
        code=shown.code,
        version=reading.version,
        name=shown.name.read(reading.language),
        languages=list(shown.languages),
        time_zone=shown.time_zone.key,
        currency=shown.money.currency,
        points_name=shown.points.name.read(reading.language),
        tiers=[show_tier(tier, reading) for tier in shown.tiers.levels] if shown.tiers else [],
        challenges=[_show_challenge(challenge, reading) for challenge in shown.challenges],
        badges=[_show_badge(badge, reading) for badge in shown.badges if not badge.secret],
    )


def show_tier(tier: program.Tier, reading: Reading) -> Tier:
    """A tier in the reader's language."""
    return Tier(
        code=tier.code,
        name=tier.name.read(reading.language),
        threshold=tier.threshold,
        benefits=[benefit.read(reading.language) for benefit in tier.benefits],
    )


def _show_challenge(challenge: program.Challenge, reading: Reading) -> Challenge:
    return Challenge(
        code=challenge.code,
        title=challenge.title.read(reading.language),
        description=words(challenge.description, reading),
        reward_points=BigInt(challenge.reward.points),
        reward_badge=challenge.reward.badge,
        target=challenge.goal / challenge.scale,
        unit=words(challenge.unit, reading),
        repeatable=challenge.repeat != "never",
        starts_at=challenge.starts_at,
        ends_at=challenge.ends_at,
        steps=[step.title.read(reading.language) for step in challenge.steps],
    )


def _show_badge(badge: program.Badge, reading: Reading) -> Badge:
    return Badge(
        code=badge.code,
        name=badge.name.read(reading.language),
        description=words(badge.description, reading),
        icon_url=badge.icon_url,
        rarity=Rarity(badge.rarity),
        levels=[
            BadgeLevel(level=number, name=words(level.name, reading), at=BigInt(level.at), points=BigInt(level.points))
            for number, level in enumerate(badge.levels, 1)
        ],
    )
