"""The program as everyone may see it: tiers, challenges and badges, without anybody's progress."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from gamification import program
from schema.context import Reading
from schema.scalars import BigInt
from schema.types.streak import Streak, show_streak
from schema.types.texts import words


@strawberry.enum(description="How rare a badge is meant to be.")
class Rarity(Enum):
    """How rare a badge is meant to be."""

    COMMON = strawberry.enum_value("common", description="Most members win it.")
    UNCOMMON = strawberry.enum_value("uncommon", description="Many members win it.")
    RARE = strawberry.enum_value("rare", description="Some members win it.")
    EPIC = strawberry.enum_value("epic", description="Few members win it.")
    LEGENDARY = strawberry.enum_value("legendary", description="Hardly any member wins it.")


_RARITIES = {str(each.value): each for each in Rarity}


@strawberry.type(description="A rung of the tier ladder.")
class Tier:
    """A rung of the tier ladder."""

    code: str = strawberry.field(description="Its name within the program, the same in every language.")
    name: str = strawberry.field(description="In the reader's language.")
    threshold: Decimal = strawberry.field(
        description="What the member must reach, in points or in money, as the program counts."
    )
    benefits: list[str] = strawberry.field(description="What the tier brings, in the reader's language.")


@strawberry.enum(description="What counts towards tiers.")
class TierMetric(Enum):
    """What counts towards tiers."""

    SPEND = strawberry.enum_value("spend", description="Money spent, in the program's `currency`.")
    POINTS = strawberry.enum_value("points", description="Points earned, but for those that are not qualifying.")


@strawberry.enum(description="What becomes of a tier for which a review finds too little.")
class TierDowngrade(Enum):
    """What becomes of a tier for which a review finds too little."""

    EARNED = strawberry.enum_value("earned", description="The member falls to the tier that they have earned.")
    ONE_LEVEL = strawberry.enum_value("one_level", description="The member falls by one tier.")
    NEVER = strawberry.enum_value("never", description="Nothing: a tier once reached stays.")


@strawberry.type(description="How tiers are reached and lost. They are reached at once, as soon as there is enough.")
class TierPolicy:
    """How tiers are reached and lost."""

    metric: TierMetric = strawberry.field(description="What counts.")
    window: str = strawberry.field(
        description='Which days count together: "lifetime", "membership year", "rolling 365 days", or "calendar" and '
        "day, week, month, quarter or year. A tier is reviewed when a period ends, or with rolling days all the time."
    )
    downgrade: TierDowngrade = strawberry.field(
        description="What becomes of a tier for which a review finds too little."
    )
    grace_days: int = strawberry.field(
        description="How many days after such a review it does; not at all if there is enough again by then."
    )


@strawberry.type(description="What a challenge looks like, whoever looks at it.")
class ChallengeFace:
    """What a challenge looks like, whoever looks at it."""

    challenge: strawberry.Private[program.Challenge]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="Its name within the program, the same in every language.")
    def code(self) -> str:
        """Its name within the program."""
        return self.challenge.code

    @strawberry.field(description="In the reader's language.")
    def title(self) -> str:
        """What it is called."""
        return self.challenge.title.read(self.reading.language)

    @strawberry.field(description="In the reader's language; null where the program gives none.")
    def description(self) -> str | None:
        """What it asks for."""
        return words(self.challenge.description, self.reading)

    @strawberry.field(description="Points for completing it; 0 for none.")
    def reward_points(self) -> BigInt:
        """Points for completing it."""
        return BigInt(self.challenge.reward.points)

    @strawberry.field(description="The code of the badge that is won with it; null for none.")
    def reward_badge(self) -> str | None:
        """The badge that is won with it."""
        return self.challenge.reward.badge


@strawberry.type(description="What a badge looks like, whoever looks at it.")
class BadgeFace:
    """What a badge looks like, whoever looks at it."""

    badge: strawberry.Private[program.Badge]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="Its name within the program, the same in every language.")
    def code(self) -> str:
        """Its name within the program."""
        return self.badge.code

    @strawberry.field(description="In the reader's language.")
    def name(self) -> str:
        """What it is called."""
        return self.badge.name.read(self.reading.language)

    @strawberry.field(description="An https address, or a path on this server; null without a picture.")
    def icon_url(self) -> str | None:
        """Where its picture is."""
        return self.badge.icon_url

    @strawberry.field(description="How rare the badge is meant to be.")
    def rarity(self) -> Rarity:
        """How rare it is meant to be."""
        return _RARITIES[self.badge.rarity]


@strawberry.type(description="A goal that the program sets.")
class Challenge(ChallengeFace):
    """A goal that the program sets."""

    target: float = strawberry.field(
        description="What must be reached, in `unit`; for a challenge of steps, how many there are."
    )
    unit: str | None = strawberry.field(
        description="What is counted, in the reader's language; null where the program gives no word."
    )
    repeatable: bool = strawberry.field(description="Whether it can be completed more than once.")
    starts_at: datetime | None = strawberry.field(
        description="When it begins to count; null where no beginning is set."
    )
    ends_at: datetime | None = strawberry.field(description="When it stops counting; null where no end is set.")
    steps: list[str] = strawberry.field(
        description="The titles of its steps, in their order; empty for a challenge without steps."
    )


@strawberry.type(description="A level of a badge.")
class BadgeLevel:
    """A level of a badge."""

    level: int = strawberry.field(description="Its number, from 1.")
    name: str | None = strawberry.field(description="In the reader's language; null where the level has no name.")
    at: BigInt = strawberry.field(description="What the badge's measure must reach.")
    points: BigInt = strawberry.field(description="Points for reaching it; 0 for none.")


@strawberry.type(description="A badge that can be won. Secret ones are not listed.")
class Badge(BadgeFace):
    """A badge that can be won."""

    description: str | None = strawberry.field(
        description="In the reader's language; null where the program gives none."
    )
    levels: list[BadgeLevel] = strawberry.field(description="At least one, lowest first.")


@strawberry.type(description="The loyalty program in force.")
class Program:
    """The loyalty program in force."""

    code: str = strawberry.field(description="The program's own name, the same in every language.")
    version: int = strawberry.field(description="From 1, one more with every change of the program.")
    name: str = strawberry.field(description="In the reader's language.")
    languages: list[str] = strawberry.field(
        description='The languages that texts come in, such as "da"; the first is the default.'
    )
    time_zone: str = strawberry.field(
        description="The IANA time zone in which the program's days, weeks and months begin."
    )
    currency: str = strawberry.field(description="ISO 4217 code of the money that amounts are in.")
    points_name: str = strawberry.field(description="What points are called, in the reader's language.")
    tiers: list[Tier] = strawberry.field(description="The ladder, lowest tier first; empty where the program has none.")
    tier_policy: TierPolicy | None = strawberry.field(
        description="How tiers are reached and lost; null where the program has none."
    )
    challenges: list[Challenge] = strawberry.field(description="In the program's order.")
    streaks: list[Streak] = strawberry.field(description="In the program's order.")
    badges: list[Badge] = strawberry.field(description="In the program's order, without the secret ones.")


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
        tier_policy=_show_policy(shown.tiers) if shown.tiers else None,
        challenges=[_show_challenge(challenge, reading) for challenge in shown.challenges],
        streaks=[show_streak(streak, reading) for streak in shown.streaks],
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


def _show_policy(tiers: program.Tiers) -> TierPolicy:
    return TierPolicy(
        metric=TierMetric(tiers.metric),
        window=str(tiers.window),
        downgrade=TierDowngrade(tiers.downgrade.to),
        grace_days=tiers.downgrade.grace_days,
    )


def _show_challenge(challenge: program.Challenge, reading: Reading) -> Challenge:
    return Challenge(
        challenge=challenge,
        reading=reading,
        target=challenge.goal / challenge.scale,
        unit=words(challenge.unit, reading),
        repeatable=challenge.repeat != "never",
        starts_at=challenge.starts_at,
        ends_at=challenge.ends_at,
        steps=[step.title.read(reading.language) for step in challenge.steps],
    )


def _show_badge(badge: program.Badge, reading: Reading) -> Badge:
    return Badge(
        badge=badge,
        reading=reading,
        description=words(badge.description, reading),
        levels=[
            BadgeLevel(level=number, name=words(level.name, reading), at=BigInt(level.at), points=BigInt(level.points))
            for number, level in enumerate(badge.levels, 1)
        ],
    )
