"""What every resolver sees: who asks, in which languages, at what moment, and the game's use cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from gamification.enrolment import Enroller
from gamification.member import Member
from gamification.program import Program
from gamification.recording import Recorder
from gamification.stores import AppliedProgram, Stores
from schema.languages import choose
from schema.principals import Principal


@dataclass(frozen=True, slots=True)
class Game:
    """The use cases and stores that resolvers call; one for the whole process."""

    stores: Stores
    recorder: Recorder
    enroller: Enroller
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances of a read: under which program, in which language, at which moment."""

    program: Program
    version: int
    language: str
    now: datetime


@dataclass(slots=True)
class Context:
    """One request's context. ``accepted`` are the languages of Accept-Language, the most wanted first."""

    game: Game
    principal: Principal
    accepted: tuple[str, ...] = ()
    members: DataLoader[str, Member | None] = field(init=False)
    _now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.members = DataLoader(load_fn=self._load_members)
        self._now = self.game.now()

    async def reading(self, argument: str | None = None, member: Member | None = None) -> Reading:
        """How to read on behalf of the caller: the argument's language, else the member's, else an accepted one."""
        applied: AppliedProgram = await self.game.stores.programs.current()
        wanted = (argument, member.profile.language if member else None, *self.accepted)
        language = choose(wanted, applied.program.languages)
        return Reading(applied.program, applied.version, language, self._now)

    async def _load_members(self, member_ids: list[str]) -> Sequence[Member | None]:
        found = await self.game.stores.members.by_ids(member_ids)
        return [found.get(member_id) for member_id in member_ids]


Info: TypeAlias = strawberry.Info[Context, None]
