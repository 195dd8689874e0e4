"""The same home query, and a purchase in a transaction of its own, by the book of Strawberry, Motor and redis-py.

Types with resolvers, DataLoaders for each request, ParserCache and ValidationCache, Strawberry's own view in a
Starlette application. ``python -m benchmarks.servers by-the-book PORT`` serves it.
"""

from typing import Any, cast

import jwt
import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from app.auth import Role
from benchmarks.servers.book_context import Context, Info
from benchmarks.servers.book_purchase import ActivityInput, MemberNotFound, RecordActivitySuccess, record_activity
from benchmarks.servers.book_types import (
    SCALARS,
    Campaign,
    Leaderboard,
    LeaderboardRow,
    Member,
    show_campaign,
)
from benchmarks.servers.rivals import CAMPAIGNS, value_of
from benchmarks.servers.rules import bring_up_to_date
from benchmarks.servers.stores import Stores

CACHED_DOCUMENTS = 100
MAX_CAMPAIGNS = 100


@strawberry.type
class Query:
    @strawberry.field
    async def me(self, info: Info) -> Member | None:
        context = info.context
        document = await context.members.load(context.caller.subject)
        if document is None:
            return None
        return Member(
            document=bring_up_to_date(document, context.now),
            rules=context.stores.rules,
            language=context.language(document),
            now=context.now,
            today=context.today,
        )

    @strawberry.field
    async def leaderboard(self, info: Info, board: str, first: int = 20) -> Leaderboard | None:
        if board != "weekly":
            return None
        stores = info.context.stores
        found = await stores.redis.zrevrange(stores.keys.board, 0, first - 1, withscores=True)
        rows = cast("list[tuple[bytes, float]]", found)
        members = await info.context.members.load_many([member_id.decode() for member_id, _ in rows])
        return Leaderboard(
            nodes=[
                LeaderboardRow(rank=rank, score=float(value_of(score)), document=document)
                for rank, ((_, score), document) in enumerate(zip(rows, members, strict=True), start=1)
                if document is not None and document["visibility"]["board"] in ("shown", "alias")
            ]
        )

    @strawberry.field
    async def campaigns(self, info: Info, live: bool = True) -> list[Campaign]:
        context, stores = info.context, info.context.stores
        running: dict[str, Any] = {"starts_at": {"$lte": context.now}} if live else {}
        found = await stores.database[CAMPAIGNS].find(running).sort("_id").to_list(MAX_CAMPAIGNS)
        open_now = [each for each in found if each["ends_at"] is None or context.now < each["ends_at"]]
        if not open_now:
            return []
        left = await stores.redis.mget([stores.keys.left(each["_id"]) for each in open_now])
        language = context.language(None)
        return [show_campaign(each, int(points or 0), language) for each, points in zip(open_now, left, strict=True)]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def record_activity(
        self,
        info: Info,
        input: ActivityInput,  # noqa: A002 - the name that clients know
    ) -> RecordActivitySuccess | MemberNotFound:
        if info.context.caller.role != Role.STAFF:
            raise PermissionError("only staff record activities")
        return await record_activity(info.context, input)


class View(GraphQL[Context, None]):
    """Strawberry's view with our context."""

    def __init__(self, schema: strawberry.Schema, stores: Stores) -> None:
        super().__init__(schema)
        self._stores = stores

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        authorization = request.headers.get("authorization", "")
        try:
            caller = self._stores.tokens.caller(authorization)
        except jwt.PyJWTError as error:
            raise HTTPException(401, str(error)) from error
        return Context(self._stores, caller, accepted=request.headers.get("accept-language"))


def application(stores: Stores) -> Starlette:
    """The application."""
    schema = strawberry.Schema(
        Query,
        Mutation,
        extensions=[
            lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
            lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    return Starlette(routes=[Route("/graphql", View(schema, stores))])
