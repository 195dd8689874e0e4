"""Plans and the standard executor give the same answers: for every field of an odd schema, and for random requests."""

import asyncio
import gc
from collections.abc import Iterator
from copy import deepcopy
from inspect import isawaitable
from typing import Any, cast

import pytest
from graphql import (
    GraphQLError,
    MiddlewareManager,
    OperationDefinitionNode,
    execute,
    get_named_type,
    is_composite_type,
    parse,
    validate,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable

from schema.build import build_schema
from schema.faults import MaskedSchema
from schema.principals import Anonymous, MemberPrincipal, Principal, StaffPrincipal
from tests.gamification.clerk import MEMBER_ID
from tests.schema.plans.odd_schema import Context, odd_schema
from tests.schema.plans.requests import Request, requests
from tests.schema.plans.shop_in_memory import Sources, context_of

# The standard executor, too, leaves the answer of a resolver unawaited whose field is cancelled before it begins.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning")

ODD = odd_schema()
LAUREL = build_schema()
SOURCES = Sources()
TURNS = 12
"""Of the loop, after which nothing of the odd schema is under way any more."""
CALLERS: dict[str, Principal] = {
    "member": MemberPrincipal(MEMBER_ID),
    "staff": StaffPrincipal("boss"),
    "anonymous": Anonymous(),
}
WHOLE = settings(deadline=None, suppress_health_check=list(HealthCheck))
# Shrinking takes minutes, so it is left to the soak test.
FEW = settings(WHOLE, max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
MANY = settings(WHOLE, max_examples=20_000)
BELOW = {
    "Thing": "{ text textLater }",
    "Pet": "{ __typename ... on Cat { name lives } ... on Dog { age tricks friend { name } } ... on Fish { depth } }",
    "Named": "{ __typename name shout ... on Dog { tricks } }",
    "Aged": "{ age }",
    "Dog": "{ name }",
    "ThingPage": "{ items { text } total }",
    "StrPage": "{ items }",
}
"""What is selected of the types of the odd schema."""
REQUIRED = {"echoPlainly": "(number: 3)", "spoilAttributes": "(attributes: {a: 1})"}
"""Arguments that must be given."""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """What was left unawaited is forgotten within the test that left it."""
    yield
    gc.collect()


def told(error: GraphQLError) -> tuple[Any, ...]:
    """All that can be seen of an error."""
    return error.message, error.path, error.locations, type(error.original_error), error.extensions


def seen(result: Any) -> tuple[str, list[tuple[Any, ...]]]:
    """The data with the order of its keys and the types of its values, and the errors in their order."""
    return repr(result.data), [told(error) for error in result.errors or ()]


async def answers(schema: MaskedSchema, request: Request, context: Any, other: Any) -> tuple[Any, Any] | None:
    """What is seen of the standard executor's answer and of the plan's; None where no plan answers the request."""
    document = parse(request.query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    # Without validation, which takes longer than all the rest: what is made here is valid, as another test shows.
    schema.documents.keep(request.query, None, document, operation)
    found = schema.documents.find(request.query, None)
    assert found is not None
    planned = schema.documents.planned(request.query, None, deepcopy(request.variables), {found.type})
    if planned is None:
        return None
    executing = execute(
        schema._schema,
        document,
        context_value=context,
        variable_values=deepcopy(request.variables),
        executor_class=schema.execution_context_class,
        is_awaitable=cast("Any", optimized_is_awaitable),
        middleware=MiddlewareManager(),
        operation_extensions=None,
    )
    standard = seen(await executing if isawaitable(executing) else executing)
    answer = seen(await planned.execute(other, None, None))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return standard, answer


def check(request: Request) -> None:
    """The odd schema gives the same answers, and its resolvers are called as often, by a mutation in the same order."""
    context, other = Context(), Context()
    both = asyncio.run(answers(ODD, request, context, other))
    if both is not None:
        standard, planned = both
        assert planned == standard
        in_order = request.query.startswith("mutation")
        assert (other.log == context.log) if in_order else (sorted(other.log) == sorted(context.log))


def check_laurel(request: Request, caller: str) -> None:
    """Laurel gives the same answers to a caller."""
    context, other = (context_of(SOURCES, CALLERS[caller]) for _ in range(2))
    both = asyncio.run(answers(LAUREL, request, context, other))
    assert both is None or both[1] == both[0]


@pytest.mark.parametrize("root", ["thing", "thingLater", "sure", "sureLater"])
def test_every_field_of_an_odd_thing(root: str) -> None:
    type_: Any = ODD._schema.type_map["Thing"]
    for name, definition in type_.fields.items():
        named = get_named_type(definition.type)
        below = BELOW[named.name] if is_composite_type(named) else ""
        arguments = REQUIRED.get(name, "")
        odd = f"odd: {name}{arguments} {below}"
        query = f"{{ {root} {{ before: textLater {odd} after: textLater }} last: thing {{ text }} }}"
        assert not validate(ODD._schema, parse(query)), query
        check(Request(query, {}))


@FEW
@given(requests(ODD._schema))
def test_random_queries_of_an_odd_schema(request: Request) -> None:
    check(request)


@FEW
@given(requests(ODD._schema, root="mutation"))
def test_random_mutations_of_an_odd_schema(request: Request) -> None:
    check(request)


@FEW
@given(requests(LAUREL._schema), st.sampled_from(sorted(CALLERS)))
def test_random_queries_of_laurel(request: Request, caller: str) -> None:
    check_laurel(request, caller)


@settings(FEW, max_examples=10)
@given(requests(ODD._schema), requests(ODD._schema, root="mutation"), requests(LAUREL._schema))
def test_what_is_asked_at_random_is_valid(query: Request, mutation: Request, of_laurel: Request) -> None:
    for schema, request in ((ODD, query), (ODD, mutation), (LAUREL, of_laurel)):
        assert not validate(schema._schema, parse(request.query)), request.query


@pytest.mark.soak
@MANY
@given(
    requests(ODD._schema, size=40), requests(ODD._schema, root="mutation"), st.sampled_from(sorted(CALLERS)), st.data()
)
def test_many_random_requests(query: Request, mutation: Request, caller: str, data: st.DataObject) -> None:
    check(query)
    check(mutation)
    check_laurel(data.draw(requests(LAUREL._schema, size=40)), caller)
