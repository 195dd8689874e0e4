"""A small schema with one subscription for each thing that can happen to a stream, and what became of its sources."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import strawberry
from strawberry.scalars import JSON

from gamification.stores import StoreUnavailable
from schema.faults import CallerError, MaskedSchema
from schema.limits import DOCUMENT_EXTENSIONS
from schema.principals import Anonymous, MemberPrincipal, Principal

SECRET = "the pepper of the house"


@dataclass(slots=True)
class Sources:
    """What the resolvers of one application saw and did."""

    open: int = 0
    opened: int = 0
    sent: int = 0
    written: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    number: int = 0

    async def publish(self) -> None:
        """Wake every subscriber of ``news``."""
        async with self.news:
            self.number += 1
            self.news.notify_all()


@dataclass(frozen=True, slots=True)
class Context:
    sources: Sources
    principal: Principal
    language: str | None


Info = strawberry.Info[Context, None]


@strawberry.type
class Event:
    number: int

    @strawberry.field
    def strictly_broken(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def unencodable(self) -> JSON | None:
        return JSON(2**70)


@strawberry.type
class Query:
    @strawberry.field
    def who(self, info: Info) -> str:
        match info.context.principal:
            case MemberPrincipal(member_id=member_id):
                return member_id
            case Anonymous():
                return "nobody"
            case _:
                return "somebody"

    @strawberry.field
    def language(self, info: Info) -> str | None:
        return info.context.language

    @strawberry.field
    async def slow(self, info: Info) -> str:
        async with _counted(info.context.sources):
            await asyncio.Event().wait()
        return "never"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self, info: Info, text: str) -> str:
        info.context.sources.written.append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, up_to: int) -> AsyncGenerator[int, None]:
        async with _counted(info.context.sources):
            for number in range(1, up_to + 1):
                yield number

    @strawberry.subscription
    async def news(self, info: Info) -> AsyncGenerator[Event, None]:
        sources = info.context.sources
        async with _counted(sources):
            seen = sources.number
            while True:
                async with sources.news:
                    while sources.number == seen:
                        await sources.news.wait()
                    seen = sources.number
                yield Event(number=seen)

    @strawberry.subscription
    async def flood(self, info: Info, characters: int) -> AsyncGenerator[str, None]:
        sources = info.context.sources
        async with _counted(sources):
            while True:
                yield "x" * characters
                sources.sent += 1
                await asyncio.sleep(0)

    @strawberry.subscription
    async def events(self, info: Info) -> AsyncGenerator[Event, None]:
        async with _counted(info.context.sources):
            yield Event(number=1)
            yield Event(number=2)

    @strawberry.subscription
    async def breaks(self, info: Info, after: int) -> AsyncGenerator[int, None]:
        async with _counted(info.context.sources):
            for number in range(after):
                yield number
            raise RuntimeError(SECRET)

    @strawberry.subscription
    async def forbidden(self, allowed: bool = False) -> AsyncGenerator[int, None]:
        if not allowed:
            raise CallerError("FORBIDDEN", "Not yours.")
        yield 0

    @strawberry.subscription
    async def outage(self) -> AsyncGenerator[int, None]:
        yield 0
        raise StoreUnavailable(SECRET)


class _counted:  # noqa: N801
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def __aenter__(self) -> None:
        self._sources.open += 1
        self._sources.opened += 1

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.sleep(0)  # sources that let go of something have to wait for it
        self._sources.open -= 1


def live_schema() -> strawberry.Schema:
    """A fresh schema with limits and masks."""
    return MaskedSchema(Query, Mutation, Subscription, extensions=DOCUMENT_EXTENSIONS)
