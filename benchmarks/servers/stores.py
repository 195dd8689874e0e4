"""The stores of the rivals, as Motor and redis-py give them."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from redis.asyncio import Redis

from benchmarks.servers.rivals import Keys
from benchmarks.servers.rules import Rules, read_rules
from benchmarks.servers.tokens import Tokens
from gamification.program import Program
from gamification.program.source import read_program
from schema.ids import to_global_id

Document = dict[str, Any]

MAX_REDIS_CONNECTIONS = 1_000
"""A few for every request under way: redis-py refuses what comes on top, and by itself allows too few of them."""

PROGRAM = Path(__file__).parents[1] / "shop" / "program.yaml"


class Stores:
    """The rivals' connections, rules and tokens, from the same variables that Laurel reads."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        mongo: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            environment["LAUREL_MONGO_URL"], tz_aware=True, tzinfo=UTC
        )
        self.mongo = mongo
        self.database: AsyncIOMotorDatabase[Document] = mongo[environment["LAUREL_DATABASE"]]
        self.keys = Keys(self.database.name)
        self.redis: Redis = Redis.from_url(environment["LAUREL_REDIS_URL"], max_connections=MAX_REDIS_CONNECTIONS)
        self.tokens = Tokens(environment["LAUREL_JWT_SECRET"])
        self.rules: Rules = read_rules(PROGRAM)

    @cached_property
    def program(self) -> Program:
        """The program as the game reads it, for purchases."""
        return read_program(PROGRAM.read_text(encoding="utf-8"))

    async def members(self, ids: Sequence[str]) -> dict[str, Document]:
        """The members with these ids."""
        found = await self.database["members"].find({"_id": {"$in": list(ids)}}).to_list(len(ids))
        return {document["_id"]: document for document in found}

    async def hidden(self, member_id: str, others: Sequence[str]) -> set[str]:
        """Those of the others between whom and this member a block stands."""
        pairs = [":".join(sorted((member_id, other))) for other in others if other != member_id]
        found = await self.database["friendships"].find({"_id": {"$in": pairs}}).to_list(len(pairs))
        return {one for pair in found if pair["blocks"] for one in pair["pair"]}

    async def aclose(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
        self.mongo.close()


def member_global_id(member_id: str) -> str:
    """The id that clients know a member by. What it looks like is part of the answer, and so it is Laurel's."""
    return to_global_id("Member", member_id)


def campaign_global_id(code: str) -> str:
    """The same for a campaign."""
    return to_global_id("Campaign", code)
