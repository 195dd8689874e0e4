"""What every resolver sees: who asks, in which languages, at what moment, and the game's use cases."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import strawberry

from gamification.boards.keys import BoardKey
from gamification.boards.listing import Rank, Rows, Unavailable
from gamification.delivery.stores import Telling
from gamification.enrolment import Enroller
from gamification.fold import advance
from gamification.friends import Friendship
from gamification.member import Member
from gamification.merging import Merger
from gamification.program import Program
from gamification.program.texts import Text
from gamification.record import Record
from gamification.recording import Recorder
from gamification.schedule import Schedule
from gamification.stores import Boards, Stores
from gamification.webhooks.stores import WebhookStores
from schema.campaign_feed import CampaignFeed
from schema.languages import choose
from schema.loading import Loader, Memo
from schema.principals import MemberPrincipal, Principal
from schema.reasons import Reached, Reason, look_back
from schema.sealed_cursors import SealedCursors
from schema.signals import Signals
from schema.tops import Tops

RankOf: TypeAlias = tuple[BoardKey, str, bool]
"""Whose rank on which board, and whether its period is closed."""
TopOf: TypeAlias = tuple[BoardKey, int]
"""Which board's first rows, and how many."""


@dataclass(frozen=True, slots=True)
class Game:
    """The use cases and stores that resolvers call; one for the whole process."""

    stores: Stores
    recorder: Recorder
    enroller: Enroller
    merger: Merger
    signals: Signals
    tops: Tops
    cursors: SealedCursors
    campaign_feed: CampaignFeed
    telling: Telling
    webhooks: WebhookStores
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances of a read: under which program, in which language, at which moment, and about which member.

    ``member_id`` is None where it is about nobody in particular. ``foretold`` are records of theirs that a dry run has
    made, oldest first.
    """

    program: Program
    version: int
    language: str
    now: datetime
    schedule: Schedule
    campaigns: Mapping[str, Text] = field(default_factory=dict)
    member_id: str | None = None
    foretold: tuple[Record, ...] = ()

    def campaign_name(self, code: str) -> str:
        """What a campaign is called; its code where this process does not know it."""
        campaign = self.program.campaign_by_code.get(code)
        name = self.campaigns.get(code) or (campaign.name if campaign else None)
        return name.read(self.language) if name else code


@dataclass(slots=True)
class Context:
    """One request's context. ``accepted`` are the languages of Accept-Language, the most wanted first.

    ``hidden`` tells of a member id whether a block stands between the caller and that member. ``token_id`` is the
    member of the caller's token, once `follow_merge` has looked whom that leads to.
    """

    game: Game
    principal: Principal
    accepted: tuple[str, ...] = ()
    members: Loader[str, Member] = field(init=False)
    hidden: Loader[str, bool] = field(init=False)
    ranks: Memo[RankOf, Rank | Unavailable] = field(init=False)
    tops: Memo[TopOf, Rows | Unavailable] = field(init=False)
    reasons: Loader[tuple[str, Reached], Reason] = field(init=False)
    _reads: "_Reads" = field(init=False)
    _now: datetime = field(init=False)
    _readings: dict[tuple[tuple[str | None, ...], str | None], Reading] = field(init=False)
    token_id: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget what was read, and read as of now: what a subscription does before each event."""
        self._reads = reads = _Reads(self.game, self.principal)
        self.members, self.hidden = reads.members, Loader(reads.hidden)
        self.ranks, self.tops, self.reasons = Memo(reads.rank), Memo(reads.top), Loader(reads.reasons)
        self._now = self.game.now()
        self._readings = {}

    async def member(self, member_id: str) -> Member | None:
        """A member by id, who may go by another one: the account that theirs was merged into."""
        found = await self.members.load(member_id)
        into = found.state.merged_into if found else None
        return await self.members.load(into) if into else found

    async def account(self, member_id: str) -> str:
        """The id by which the game goes on with a member: another one where their account was merged into that."""
        member = await self.member(member_id)
        return member.member_id if member else member_id

    def begin_caller(self) -> None:
        """Begin to read the account of whoever asks, where that is a member."""
        if isinstance(self.principal, MemberPrincipal):
            self.members.begin([self.principal.member_id])

    async def follow_merge(self) -> None:
        """Take the caller for the account that goes on, where the one of their token was merged into it.

        Once: an operation has one and the same caller from beginning to end.
        """
        if self.token_id is None and isinstance(self.principal, MemberPrincipal):
            token_id = self.principal.member_id
            member_id = await self.account(token_id)
            if member_id != token_id:
                self.principal = self._reads.principal = MemberPrincipal(member_id)
            self.token_id = token_id

    async def still_goes_on(self) -> bool:
        """Whether the account of the caller's token still leads to the one that the caller was taken for."""
        caller = self.principal
        if self.token_id is None or not isinstance(caller, MemberPrincipal):
            return True
        return await self.account(self.token_id) == caller.member_id

    async def reading(self, argument: str | None = None, member: Member | None = None) -> Reading:
        """How to read on behalf of the caller: the argument's language, else the member's, else an accepted one."""
        wanted = (argument, member.profile.language if member else None, *self.accepted)
        member_id = member.member_id if member else None
        known = self._readings.get((wanted, member_id))
        if known is None:
            known = self._readings[wanted, member_id] = await self._reading(wanted, member_id)
        return known

    async def _reading(self, wanted: Sequence[str | None], member_id: str | None) -> Reading:
        schedule = await self.game.stores.programs.schedule()
        edition = schedule.at(self._now)
        language, names = choose(wanted, edition.program.languages), self.game.stores.campaigns.names()
        return Reading(edition.program, edition.version, language, self._now, schedule, names, member_id)

    async def hidden_among(self, member_ids: Sequence[str]) -> Collection[str]:
        """Those of these members between whom and the caller a block stands."""
        if not isinstance(self.principal, MemberPrincipal):
            return ()
        caller = await self.members.load(self.principal.member_id)
        if caller is not None and not caller.may_have_blocks:
            return ()
        hidden = await self.hidden.load_many(member_ids)
        return [member_id for member_id, is_hidden in zip(member_ids, hidden, strict=True) if is_hidden]


class _Reads:
    """What a request's loaders read by.

    It refers to none of them but the members', nor to the context: in a ring of references, all that a request has read
    would wait for the garbage collector, which then holds up everybody for some 20 ms.
    """

    __slots__ = ("_game", "members", "principal")

    def __init__(self, game: Game, principal: Principal) -> None:
        self._game = game
        self.principal = principal
        self.members: Loader[str, Member] = Loader(game.stores.members.by_ids)

    def rank(self, asked: RankOf) -> Awaitable[Rank | Unavailable]:
        key, member_id, final = asked
        boards: Boards = self._game.stores.standings if final else self._game.stores.boards
        return boards.rank_of(key, member_id)

    def top(self, asked: TopOf) -> Awaitable[Rows | Unavailable]:
        return self._game.tops.first_rows(*asked)

    async def reasons(self, asked: Sequence[tuple[str, Reached]]) -> Mapping[tuple[str, Reached], Reason]:
        journal, by_member = self._game.stores.journal, dict[str, list[Reached]]()
        for member_id, reached in asked:
            by_member.setdefault(member_id, []).append(reached)
        return {
            (member_id, reached): reason
            for member_id, wanted in by_member.items()
            for reached, reason in (await look_back(journal, member_id, wanted)).items()
        }

    async def hidden(self, member_ids: Sequence[str]) -> Mapping[str, bool]:
        between: Mapping[str, Friendship] = {}
        if isinstance(self.principal, MemberPrincipal):
            caller = await self.members.load(self.principal.member_id)
            if caller is None or caller.may_have_blocks:
                between = await self._game.stores.friends.between(self.principal.member_id, member_ids)
        return {member_id: member_id in between and between[member_id].hides for member_id in member_ids}


def as_of_now(subject: Member, reading: Reading) -> Member:
    """The member with what time alone has changed since their last record."""
    if subject.stands_at(reading.now, reading.schedule.newest_version):
        return subject
    state, _ = advance(subject.state, reading.now, reading.schedule)
    return subject if state is subject.state else subject.with_state(state)


Info: TypeAlias = strawberry.Info[Context, None]
