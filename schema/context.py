"""What every resolver sees: who asks, in which languages, at what moment, and the game's use cases."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from gamification.boards.keys import BoardKey
from gamification.boards.listing import Rank, Unavailable
from gamification.enrolment import Enroller
from gamification.fold import advance
from gamification.member import Member
from gamification.program import Program
from gamification.program.texts import Text
from gamification.recording import Recorder
from gamification.stores import AppliedProgram, Stores
from schema.campaign_feed import CampaignFeed
from schema.languages import choose
from schema.principals import MemberPrincipal, Principal
from schema.sealed_cursors import SealedCursors
from schema.signals import Signals
from schema.tops import Tops

RankOf: TypeAlias = tuple[BoardKey, str, bool]
"""Whose rank on which board, and whether its period is closed."""


@dataclass(frozen=True, slots=True)
class Game:
    """The use cases and stores that resolvers call; one for the whole process."""

    stores: Stores
    recorder: Recorder
    enroller: Enroller
    signals: Signals
    tops: Tops
    cursors: SealedCursors
    campaign_feed: CampaignFeed
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances of a read: under which program, in which language, at which moment."""

    program: Program
    version: int
    language: str
    now: datetime
    campaigns: Mapping[str, Text] = field(default_factory=dict)

    def campaign_name(self, code: str) -> str:
        """What a campaign is called; its code where this process does not know it."""
        campaign = self.program.campaign_by_code.get(code)
        name = self.campaigns.get(code) or (campaign.name if campaign else None)
        return name.read(self.language) if name else code


@dataclass(slots=True)
class Context:
    """One request's context. ``accepted`` are the languages of Accept-Language, the most wanted first.

    ``hidden`` tells of a member id whether a block stands between the caller and that member.
    """

    game: Game
    principal: Principal
    accepted: tuple[str, ...] = ()
    members: DataLoader[str, Member | None] = field(init=False)
    hidden: DataLoader[str, bool] = field(init=False)
    ranks: DataLoader[RankOf, Rank | Unavailable] = field(init=False)
    _now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget what was read, and read as of now: what a subscription does before each event."""
        self.members = DataLoader(load_fn=self._load_members)
        self.hidden = DataLoader(load_fn=self._load_hidden)
        self.ranks = DataLoader(load_fn=self._load_ranks)
        self._now = self.game.now()

    async def reading(self, argument: str | None = None, member: Member | None = None) -> Reading:
        """How to read on behalf of the caller: the argument's language, else the member's, else an accepted one."""
        applied: AppliedProgram = await self.game.stores.programs.current()
        wanted = (argument, member.profile.language if member else None, *self.accepted)
        language = choose(wanted, applied.program.languages)
        return Reading(applied.program, applied.version, language, self._now, self.game.stores.campaigns.names())

    async def _load_members(self, member_ids: list[str]) -> Sequence[Member | None]:
        found = await self.game.stores.members.by_ids(member_ids)
        return [found.get(member_id) for member_id in member_ids]

    async def _load_ranks(self, asked: list[RankOf]) -> Sequence[Rank | Unavailable | BaseException]:
        """The ranks, with a fault in the place of each that could not be read."""
        stores = self.game.stores
        return await asyncio.gather(
            *(
                (stores.standings if final else stores.boards).rank_of(key, member_id)
                for key, member_id, final in asked
            ),
            return_exceptions=True,
        )

    async def _load_hidden(self, member_ids: list[str]) -> Sequence[bool]:
        if not isinstance(self.principal, MemberPrincipal):
            return [False] * len(member_ids)
        between = await self.game.stores.friends.between(self.principal.member_id, member_ids)
        return [member_id in between and between[member_id].hides for member_id in member_ids]


def as_of_now(subject: Member, reading: Reading) -> Member:
    """The member with what time alone has changed since their last record."""
    state, _ = advance(subject.state, reading.now, reading.program)
    return replace(subject, state=state)


Info: TypeAlias = strawberry.Info[Context, None]
