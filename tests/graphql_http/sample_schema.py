"""A small schema with one field for each thing that can happen at the edge."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON

from gamification.stores import StoreUnavailable
from schema.faults import CallerError, MaskedSchema
from schema.limits import DOCUMENT_EXTENSIONS

SECRET = "the pepper of the house"


@dataclass(slots=True)
class Trace:
    """What the resolvers saw and did; shared by all requests of one app."""

    written: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Context:
    trace: Trace
    request_id: str


Info = strawberry.Info[Context, None]


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.type
class Item:
    name: str = "item"
    preview_campaign: str = ""

    @strawberry.field
    def twin(self) -> "Item":
        return Item()

    @strawberry.field
    def parts(self) -> list["Item"]:
        return []

    @strawberry.field
    def items(self, first: int = 10, last: int | None = None) -> "ItemConnection":
        return ItemConnection()


@strawberry.type
class ItemConnection:
    page_info: PageInfo = field(default_factory=PageInfo)
    nodes: list[Item] = field(default_factory=list)


@strawberry.input
class Filter:
    name: str | None = None
    also: "Filter | None" = None


@strawberry.input
class Plan:
    steps: list[int]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}"

    @strawberry.field
    def preview_program(self) -> str:
        return ""

    @strawberry.field
    def item(self) -> Item:
        return Item()

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Item]:
        return [Item(name=str(one)) for one in ids]

    @strawberry.field
    def played(self, plan: Plan) -> Item:
        return Item(name=str(sum(plan.steps)))

    @strawberry.field
    def matching(self, wanted: Filter) -> bool:
        return wanted.also is not None

    @strawberry.field
    def request_id(self, info: Info) -> str:
        return info.context.request_id

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def broken_strictly(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def too_big(self) -> int | None:
        return 2**40

    @strawberry.field
    def unencodable(self) -> JSON | None:
        return JSON(2**70)

    @strawberry.field
    def impostor(self) -> "Person | None":
        return {"secret": SECRET}  # type: ignore[return-value]

    @strawberry.field
    def all_broken(self) -> list["Broken"]:
        fault = RuntimeError(SECRET)
        return [Broken(fault=fault) for _ in range(5)]

    @strawberry.field
    def variously_broken(self, count: int) -> list["Broken"]:
        return [Broken(fault=RuntimeError(SECRET)) for _ in range(count)]

    @strawberry.field
    def forbidden(self) -> str | None:
        raise CallerError("FORBIDDEN", "Not yours.", field="forbidden")

    @strawberry.field
    def coded(self) -> str | None:
        raise GraphQLError("Not yours either.", extensions={"code": "FORBIDDEN"})

    @strawberry.field
    def uncoded(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    def outage(self) -> str | None:
        raise StoreUnavailable(SECRET)

    @strawberry.field
    async def slow(self, info: Info) -> str:
        info.context.trace.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            info.context.trace.cancelled.set()
            raise
        return "never"

    @strawberry.field
    async def own_timeout(self) -> str | None:
        raise TimeoutError(SECRET)


@strawberry.interface
class Named:
    name: str = "nobody"


@strawberry.type
class Person(Named):
    """Implements an interface, so that graphql-core checks what a resolver hands over as one."""


@strawberry.type
class Broken:
    fault: strawberry.Private[Exception]

    @strawberry.field
    def value(self) -> str | None:
        raise self.fault


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self, info: Info, text: str) -> str:
        info.context.trace.written.append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def sample_schema() -> strawberry.Schema:
    """A fresh schema, with everything that the real one gets from `schema.limits` and `schema.faults`."""
    return MaskedSchema(Query, Mutation, Subscription, extensions=DOCUMENT_EXTENSIONS)
