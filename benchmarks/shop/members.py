"""Fills a shop with members: some hundred play through the record path, and the rest are copies of their documents.

A copy has its own id, card, name, handle, picture, language and score of the week. It has no journal, and nothing that
is measured reads one. Claims on handles and cards are left out too, for nothing that is measured looks them up.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from app.wiring import Laurel
from benchmarks.servers.rivals import CAMPAIGNS, JOURNAL, OUTBOX, Keys, rank_score
from benchmarks.shop.lives import joined_at, life, profile
from gamification.boards.periods import Period, period_at
from gamification.enrolment import MAX_ENROLMENTS_PER_CALL, Enrolled, EnrolRequest
from gamification.group_commit import MAX_MEMBERS_PER_COMMIT
from gamification.member import Visibility, loyalty_number
from gamification.requests import Recorded, RecordRequest

LIVES = 200
"""How many different lives are played."""
BATCH = 1_000
SEED = 19970101
BOARD = "weekly"
MOST_POINTS = 5_000
BADGES = 12
"""How many badges each member has at least."""

_WRITTEN = ("members", "journal", "claims", "outbox", "checkpoints")
"""What the record path leaves of those who lived, beside what the campaigns gave them."""

Document = dict[str, Any]
Progress = Callable[[int], None]


def member_id(number: int) -> str:
    """The id of the member of this number: as long as those that Laurel gives, and as scattered."""
    return UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).hex


def card(number: int) -> str:
    """Their loyalty number."""
    return loyalty_number((number + 1) * 7_919 % 10**11)


class Shop:
    """A shop over a Laurel whose program is applied. ``now`` is the moment up to which its members have lived."""

    def __init__(self, laurel: Laurel, redis: Redis, now: datetime) -> None:
        self._laurel, self._redis, self._now = laurel, redis, now
        self._members = laurel.connection["members"]
        self._keys = Keys(self._members.database.name)

    async def fill(self, members: int, progress: Progress, lives: int = LIVES) -> None:
        """Make so many members, the numbers from 0 on; ``progress`` is told how many more there are.

        So many different ``lives`` are played.

        The board of the rivals is filled too. Laurel's own is built by whoever rebuilds it.
        """
        week = await self._week()
        originals = await self._originals(min(lives, members), week)
        chance = random.Random(SEED)
        for first in range(0, members, BATCH):
            numbers = range(first, min(first + BATCH, members))
            documents = [
                _copy(originals[number % len(originals)], number, self._score(number, members, week, chance))
                for number in numbers
            ]
            await self._members.insert_many(documents, ordered=False)
            await self._redis.zadd(self._keys.board, dict(_scores(documents, week)))
            progress(len(numbers))
        await self._copy_campaigns()
        await self._make_indexes()

    async def _week(self) -> Period:
        program = (await self._laurel.programs.current()).program
        week = period_at(program.board_by_code[BOARD], self._now, program.time_zone)
        assert week is not None
        return week

    async def _originals(self, count: int, week: Period) -> Sequence[Document]:
        """The documents of members who have really lived; they are taken out again, for their copies to stand in."""
        chance = random.Random(SEED)
        ids: list[str] = []
        for first in range(0, count, MAX_ENROLMENTS_PER_CALL):
            numbers = range(first, min(first + MAX_ENROLMENTS_PER_CALL, count))
            ids += await self._enrol(numbers, chance)
        lived = [self._play(one, week, random.Random(f"{SEED}-{number}")) for number, one in enumerate(ids)]
        for first in range(0, count, MAX_MEMBERS_PER_COMMIT):  # Those who are recorded at once share commits.
            await asyncio.gather(*lived[first : first + MAX_MEMBERS_PER_COMMIT])
        found = await self._members.find({"_id": {"$in": ids}}).sort("_id").to_list(count)
        for collection in _WRITTEN:
            await self._laurel.connection[collection].delete_many({})
        assert all(len(document["state"]["badges"]) >= BADGES for document in found), "a life has won too little"
        return found

    async def _enrol(self, numbers: range, chance: random.Random) -> list[str]:
        requests = [
            EnrolRequest(f"original-{number}", profile(number), joined_at(self._now, chance)) for number in numbers
        ]
        enrolled = await self._laurel.game.enroller.enrol(requests)
        assert all(isinstance(one, Enrolled) for one in enrolled)
        return [one.member.member_id for one in enrolled if isinstance(one, Enrolled)]

    async def _play(self, member: str, week: Period, chance: random.Random) -> None:
        found = (await self._laurel.members.by_ids([member]))[member]
        activities = life(found.enrolled_at, week.starts_at, self._now, chance)
        requests = [RecordRequest(member, each, arrived_at=each.occurred_at) for each in activities]
        recorded = await self._laurel.game.recorder.record(requests)
        refused = [one for one in recorded if not isinstance(one, Recorded)]
        assert not refused, refused[0]

    async def _make_indexes(self) -> None:
        """Give the collections of the rivals the indexes that Laurel's have."""
        connection = self._laurel.connection
        await connection[JOURNAL].create_index([("member_id", 1), ("seq", 1)], unique=True)
        await connection[OUTBOX].create_index([("at", 1)])

    async def _copy_campaigns(self) -> None:
        """Give the rivals the campaigns that are live, and what is left of them."""
        states = await self._laurel.campaigning.store.refresh()
        left = await self._laurel.campaigning.store.live([state.code for state in states])
        for state in states:
            terms = state.terms
            multiplier = None if terms.effect.multiplier is None else float(terms.effect.multiplier)
            document = {
                "_id": state.code,
                "name": terms.name.root,
                "multiplier": multiplier,
                "starts_at": terms.starts_at,
                "ends_at": terms.ends_at,
                "budget": terms.budget.points if terms.budget else None,
            }
            await self._laurel.connection[CAMPAIGNS].insert_one(document)
            await self._redis.set(self._keys.left(state.code), str(left[state.code].points))

    def _score(self, number: int, members: int, week: Period, chance: random.Random) -> Document:
        """A score of the week that no other member has reached at the same millisecond."""
        since = (self._now - week.starts_at) * (number / members)
        at = week.starts_at + since // timedelta(milliseconds=1) * timedelta(milliseconds=1)
        score = {"board": BOARD, "period": week.code, "scope": "", "columns": (), "reached_at": at, "counted_at": at}
        return {**score, "value": 1 + chance.randrange(MOST_POINTS)}


def _copy(original: Document, number: int, score: Document) -> Document:
    shown = Visibility(profile=number % 5 != 0, avatar=number % 7 != 0)
    return {
        **original,
        "_id": member_id(number),
        "loyalty_number": card(number),
        "profile": {**original["profile"], **asdict(profile(number))},
        "visibility": asdict(shown),
        "enrolment_key": f"member-{number}",
        "state": {**original["state"], "scores": [score]},
    }


def _scores(documents: Sequence[Document], week: Period) -> Iterator[tuple[str, int]]:
    for document in documents:
        [score] = document["state"]["scores"]
        passed = score["reached_at"].astimezone(UTC) - week.starts_at
        yield document["_id"], rank_score(score["value"], passed)
