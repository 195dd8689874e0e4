"""The types of the home query as one writes them by the book of Strawberry: plain types, resolvers, enums, a scalar."""

from datetime import date, datetime
from enum import Enum
from typing import Generic, NewType, TypeVar

import strawberry
from strawberry.types.scalar import ScalarDefinition

from benchmarks.servers.book_context import Info, RankRow
from benchmarks.servers.rivals import value_of
from benchmarks.servers.rules import (
    Badge,
    Bar,
    Challenge,
    Rules,
    badges_won,
    challenge_bars,
    instant_text,
    money_text,
    tier_bar,
)
from benchmarks.servers.rules import Tier as TierRules
from benchmarks.servers.stores import Document, campaign_global_id, member_global_id

NodeT = TypeVar("NodeT")
BigInt = NewType("BigInt", int)

SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(name="BigInt", serialize=int, parse_value=int),
    datetime: strawberry.scalar(name="DateTime", serialize=instant_text, parse_value=datetime.fromisoformat),
}
"""How Strawberry writes what GraphQL has no type for."""


@strawberry.enum
class ProgressState(Enum):
    LOCKED = "LOCKED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    ENDED = "ENDED"


@strawberry.enum
class Rarity(Enum):
    COMMON = "COMMON"
    UNCOMMON = "UNCOMMON"
    RARE = "RARE"
    EPIC = "EPIC"
    LEGENDARY = "LEGENDARY"


@strawberry.type
class Connection(Generic[NodeT]):
    nodes: list[NodeT]


@strawberry.type
class ProgressBar:
    current: float
    target: float
    remaining: float
    percent: int
    label: str
    state: ProgressState


def show_bar(bar: Bar, unit: str = "") -> ProgressBar:
    """A progress bar; of one in money also the label."""
    numbers = f"{money_text(bar.current)} / {money_text(bar.target)} {unit}" if unit else ""
    return ProgressBar(
        current=bar.current / bar.scale,
        target=bar.target / bar.scale,
        remaining=bar.remaining,
        percent=bar.percent,
        label=numbers,
        state=ProgressState(bar.state),
    )


@strawberry.type
class Points:
    available: BigInt
    pending: BigInt


@strawberry.type
class Tier:
    code: str
    name: str
    benefits: list[str]


def show_tier(tier: TierRules, language: str) -> Tier:
    """A rung of the ladder in a language."""
    return Tier(code=tier.code, name=tier.name[language], benefits=[each[language] for each in tier.benefits])


@strawberry.type
class TierStanding:
    current: Tier
    next: Tier | None
    progress: ProgressBar


@strawberry.type
class MemberChallenge:
    code: str
    title: str
    reward_points: BigInt
    ends_at: datetime | None
    progress: ProgressBar


def show_challenge(challenge: Challenge, bar: Bar, language: str) -> MemberChallenge:
    """A challenge as it stands for a member."""
    return MemberChallenge(
        code=challenge.code,
        title=challenge.title[language],
        reward_points=BigInt(challenge.reward_points),
        ends_at=bar.ends_at,
        progress=show_bar(bar),
    )


@strawberry.type
class MemberBadge:
    code: str
    name: str
    icon_url: str | None
    rarity: Rarity
    level: int
    earned_at: datetime


def show_badge(badge: Badge, level: int, at: datetime, language: str) -> MemberBadge:
    """A badge that a member has won."""
    return MemberBadge(
        code=badge.code,
        name=badge.name[language],
        icon_url=badge.icon_url,
        rarity=Rarity(badge.rarity),
        level=level,
        earned_at=at,
    )


@strawberry.type
class Rank:
    rank: int | None
    score: float | None
    total: int


def show_rank(row: RankRow) -> Rank:
    """A member's place on the board."""
    return Rank(
        rank=None if row.place is None else row.place + 1,
        score=None if row.score is None else float(value_of(row.score)),
        total=row.total,
    )


@strawberry.type
class Member:
    document: strawberry.Private[Document]
    rules: strawberry.Private[Rules]
    language: strawberry.Private[str]
    now: strawberry.Private[datetime]
    today: strawberry.Private[date]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(member_global_id(self.document["_id"]))

    @strawberry.field
    def display_name(self) -> str:
        return str(self.document["profile"]["display_name"])

    @strawberry.field
    def loyalty_number(self) -> str:
        return str(self.document["loyalty_number"])

    @strawberry.field
    def points(self) -> Points:
        balance = self.document["state"]["balance"]
        return Points(available=balance["available"], pending=balance["pending"])

    @strawberry.field
    def tier(self) -> TierStanding:
        position, bar = tier_bar(self.rules, self.document["state"], self.today)
        tiers = self.rules.tiers
        following = tiers[position + 1] if position + 1 < len(tiers) else None
        return TierStanding(
            current=show_tier(tiers[position], self.language),
            next=show_tier(following, self.language) if following else None,
            progress=show_bar(bar, self.rules.currency),
        )

    @strawberry.field
    def challenges(self, first: int = 20) -> Connection[MemberChallenge]:
        bars = challenge_bars(self.rules, self.document["state"], self.now, self.today)[:first]
        return Connection(nodes=[show_challenge(challenge, bar, self.language) for challenge, bar in bars])

    @strawberry.field
    def badges(self, first: int = 20) -> Connection[MemberBadge]:
        won = badges_won(self.rules, self.document["state"])[:first]
        return Connection(nodes=[show_badge(badge, level, at, self.language) for badge, level, at in won])

    @strawberry.field
    async def rank(self, info: Info, board: str) -> Rank | None:
        if board != "weekly":
            return None
        return show_rank(await info.context.ranks.load(self.document["_id"]))


@strawberry.type
class PublicProfile:
    handle: str
    avatar_url: str | None


@strawberry.type
class LeaderboardRow:
    rank: int
    score: float
    document: strawberry.Private[Document]

    @strawberry.field
    async def member(self, info: Info) -> PublicProfile | None:
        profile, shows = self.document["profile"], self.document["visibility"]
        if not shows["profile"] or profile["handle"] is None:
            return None
        if await info.context.hidden.load(self.document["_id"]):
            return None
        return PublicProfile(handle=profile["handle"], avatar_url=profile["avatar_url"] if shows["avatar"] else None)


@strawberry.type
class Leaderboard:
    nodes: list[LeaderboardRow]


@strawberry.type
class Campaign:
    id: strawberry.ID
    name: str
    multiplier: float | None
    ends_at: datetime | None
    budget: ProgressBar | None


def show_campaign(document: Document, left: int, language: str) -> Campaign:
    """A campaign with what is left of it."""
    budget = document["budget"]
    bar = None if budget is None else Bar(budget - left, budget, 1, "COMPLETED" if left == 0 else "ACTIVE")
    return Campaign(
        id=strawberry.ID(campaign_global_id(document["_id"])),
        name=document["name"][language],
        multiplier=document["multiplier"],
        ends_at=document["ends_at"],
        budget=show_bar(bar) if bar else None,
    )
