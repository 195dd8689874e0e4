"""`python -m benchmarks.plans`: what GraphQL itself costs in a home query, by the standard executor and by a plan.

The stores answer out of memory. *All* includes what the resolvers work out; for *GraphQL alone* every resolver hands
out again what it answered the first time. Both ways take turns in one process, parsed and validated documents being
cached for both, and what is measured is processor time, which other processes disturb the least.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import strawberry
import uvloop
from rich.console import Console
from rich.table import Table
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import ExecutionResult
from strawberry.types.fields.resolver import StrawberryResolver

from app.web import HOME_QUERY
from schema.build import build_schema
from schema.faults import MaskedSchema
from schema.principals import MemberPrincipal
from tests.gamification.clerk import MEMBER_ID
from tests.schema.plans.shop_in_memory import Sources, context_of

ROUNDS = 60
TIMES = 20
Answer = Callable[[], Awaitable[ExecutionResult]]


async def main() -> None:
    """Measure and print."""
    table = Table("microseconds per home query", "standard executor", "plan", "ratio of medians")
    schema = build_schema()
    ways = ways_of(schema)
    table.add_row("all", *await compared(ways))
    # What was compiled calls the resolvers themselves.
    schema.documents = type(schema.documents)(schema)
    answer_again(schema)
    table.add_row("GraphQL alone", *await compared(ways))
    Console().print(table)


def ways_of(schema: MaskedSchema) -> tuple[Answer, Answer]:
    """The standard executor's way and the plan's."""
    sources, caller = Sources(), MemberPrincipal(MEMBER_ID)

    async def standard() -> ExecutionResult:
        return await strawberry.Schema.execute(schema, HOME_QUERY, context_value=context_of(sources, caller))

    async def planned() -> ExecutionResult:
        return await schema.execute(HOME_QUERY, context_value=context_of(sources, caller))

    return standard, planned


async def compared(ways: tuple[Answer, Answer]) -> tuple[str, str, str]:
    """Median and fastest of either way, and how many times as long the first one takes."""
    first, second = [await way() for way in ways]
    assert not first.errors
    assert (first.data, first.errors) == (second.data, second.errors)
    measured: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for way, times in zip(ways, measured, strict=True):
            started = time.thread_time()
            for _ in range(TIMES):
                await way()
            times.append((time.thread_time() - started) / TIMES * 1e6)
    medians = [statistics.median(times) for times in measured]
    shown = [f"{median:,.0f} (fastest {min(times):,.0f})" for median, times in zip(medians, measured, strict=True)]
    return shown[0], shown[1], f"{medians[0] / medians[1]:.1f}"


def answer_again(schema: MaskedSchema) -> None:
    """Let every resolver answer at once what it answers the first time it is asked about an object."""
    resolvers: dict[int, StrawberryResolver[Any]] = {}
    for type_ in schema._schema.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            resolver = getattr(field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF), "base_resolver", None)
            if resolver is not None:
                resolvers[id(resolver)] = resolver
    for resolver in resolvers.values():
        resolver.wrapped_func = _kept(resolver.wrapped_func, is_async=resolver.is_async)


def _kept(function: Any, *, is_async: bool) -> Any:
    answers: dict[int, tuple[Any, Any]] = {}

    @wraps(function)
    async def answer_later(*given: Any, **named: Any) -> Any:
        key = id(given[0]) if given else 0
        if key not in answers:
            answers[key] = (await function(*given, **named), given)
        return answers[key][0]

    @wraps(function)
    def answer(*given: Any, **named: Any) -> Any:
        key = id(given[0]) if given else 0
        if key not in answers:
            answers[key] = (function(*given, **named), given)
        return answers[key][0]

    return answer_later if is_async else answer


if __name__ == "__main__":
    uvloop.run(main())
