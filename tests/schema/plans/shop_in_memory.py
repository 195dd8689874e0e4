"""A game that answers out of memory: one member with 12 badges and 8 challenges, a board of ten, and a campaign."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from gamification.boards.listing import Place, Rank, Row, Rows
from gamification.campaigning import CampaignState, Left, created
from gamification.member import Member, Profile
from gamification.notices.notice import Notice
from gamification.notices.posted import Posted
from gamification.program.campaigns import Campaign
from gamification.program.texts import Text
from gamification.schedule import Schedule
from gamification.state import State
from schema.context import Context, Game
from schema.principals import Principal
from schema.sealed_cursors import SealedCursors
from schema.tops import Tops
from tests.gamification.clerk import MEMBER_ID, Clerk
from tests.gamification.programs import badge, board, campaign, challenge, ladder, program, purchase, rule

JOINED_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PROGRAM = program(
    rules=[rule()],
    tiers=ladder("spend", "lifetime", bronze=0, silver=100, gold=1000),
    badges=[badge(f"badge-{number}", earned={"measure": "member.purchases"}) for number in range(12)],
    challenges=[challenge(f"challenge-{number}", target=number + 3, reward={"points": 5}) for number in range(8)],
    boards=[board("weekly", period="week")],
)


def shopper() -> Clerk:
    """A member who has bought three times."""
    clerk = Clerk(PROGRAM, JOINED_AT)
    for day in range(3):
        clerk.record(purchase(JOINED_AT + timedelta(days=day), 5_000 + day))
    return clerk


class Sources:
    """All stores in one, read only."""

    def __init__(self) -> None:
        self.clerk = shopper()
        others = {f"m{place}": self._other(f"m{place}") for place in range(9)}
        self._members: dict[str, Member] = {MEMBER_ID: self.clerk.member, **others}
        self._state: CampaignState = created(
            Campaign.model_validate(campaign("double", starts_at="2026-04-01T00:00:00Z", budget={"points": 500})),
            "staff",
            "boss",
            NOW,
            draft=False,
        )

    @staticmethod
    def _other(member_id: str) -> Member:
        return Member(member_id, "000000000000", JOINED_AT, Profile(member_id, handle=member_id), State.new(JOINED_AT))

    async def schedule(self) -> Schedule:
        return self.clerk.schedule

    def names(self) -> Mapping[str, Text]:
        return {"double": self._state.terms.name}

    async def by_ids(self, member_ids: Sequence[str]) -> Mapping[str, Member]:
        return {each: self._members[each] for each in member_ids if each in self._members}

    async def by_handle(self, handle: str) -> Member | None:
        return next((each for each in self._members.values() if each.profile.handle == handle), None)

    async def by_loyalty_numbers(self, numbers: Sequence[str]) -> Mapping[str, Member]:
        return {each.loyalty_number: each for each in self._members.values() if each.loyalty_number in numbers}

    async def current(self) -> Sequence[CampaignState]:
        return [self._state]

    async def get(self, codes: Sequence[str]) -> Mapping[str, CampaignState]:
        return {"double": self._state} if "double" in codes else {}

    async def live(self, codes: Sequence[str]) -> Mapping[str, Left]:
        return dict.fromkeys(codes, Left(points=123))

    async def top(self, _key: object, first: int, after: Place | None = None) -> Rows:
        return Rows(self._rows()[:first], 10)

    async def around(self, _key: object, _member_id: str, _each_side: int) -> Rows:
        return Rows(self._rows()[:3], 10)

    async def rank_of(self, _key: object, member_id: str) -> Rank:
        return Rank(next((row for row in self._rows() if row.member_id == member_id), None), 10)

    async def friend_ids(self, _member_id: str) -> Sequence[str]:
        return []

    async def kept(self, _member_id: str, _what: object) -> Sequence[Any]:
        return []

    async def between(self, _member_id: str, _others: object) -> Mapping[str, Any]:
        return {}

    async def closed_periods(self, *_asked: object) -> Sequence[Any]:
        return []

    async def is_closed(self, _board: str, _period: str) -> bool:
        return False

    async def page(self, _member_id: str, before_seq: int | None, limit: int) -> Sequence[Any]:
        found = [each for each in self.clerk.records if before_seq is None or each.seq < before_seq]
        return found[::-1][:limit]

    def _rows(self) -> tuple[Row, ...]:
        ids = list(self._members)
        return tuple(
            Row(member_id, 100 - place, (), NOW, True, place + 1, place + 1, Place(100 - place, str(place)))
            for place, member_id in enumerate(ids)
        )


class Told:
    """The notices, read only: two of the member's own."""

    def __init__(self) -> None:
        values = {"title:en": "Hello", "body:en": "Good day"}
        self._posted = [
            Posted(Notice(f"n{place}", MEMBER_ID, "message", "", NOW, 1, values), place, NOW if place == 1 else None)
            for place in (1, 2)
        ]

    async def last(self) -> int:
        return 2

    async def after(self, position: int, limit: int) -> Sequence[Posted]:
        return [each for each in self._posted if each.position > position][:limit]

    async def inbox(self, member_id: str, before: int | None, limit: int) -> Sequence[Posted]:
        found = [each for each in self._posted[::-1] if before is None or each.position < before]
        return found[:limit] if member_id == MEMBER_ID else []

    async def get(self, notice_ids: Sequence[str]) -> Mapping[str, Posted]:
        return {each.notice.notice_id: each for each in self._posted if each.notice.notice_id in notice_ids}

    async def count_unread(self, _member_id: str) -> int:
        return 1


def context_of(sources: Sources, principal: Principal) -> Context:
    """A request's context over these sources."""

    async def key() -> bytes:
        return b"k" * 32

    stores: Any = SimpleNamespace(
        **dict.fromkeys(("members", "journal", "programs", "campaigns", "friends", "boards", "standings"), sources),
        notices=Told(),
    )
    nothing: Any = None
    tops = Tops(stores.boards, stores.members)
    game = Game(
        stores, nothing, nothing, nothing, nothing, tops, SealedCursors(key), nothing, nothing, nothing, lambda: NOW
    )
    return Context(game, principal)
