"""Which documents are kept and compiled, and which requests a plan answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from schema.build import build_schema
from schema.faults import MaskedSchema
from schema.limits import DOCUMENT_EXTENSIONS
from schema.plans import documents
from schema.principals import MemberPrincipal
from tests.gamification.clerk import MEMBER_ID
from tests.schema.plans.odd_schema import Context, odd_schema
from tests.schema.plans.shop_in_memory import Sources, context_of

HOME = (Path(__file__).parents[3] / "schema" / "home.graphql").read_text(encoding="utf-8")


@pytest.fixture
def schema() -> MaskedSchema:
    return odd_schema()


async def ask(schema: MaskedSchema, query: str, /, name: str | None = None, **variables: Any) -> tuple[Any, Any]:
    """The data and the errors' messages."""
    result = await schema.execute(query, variables, Context(), operation_name=name)
    return result.data, [error.message for error in result.errors or ()]


async def test_a_document_is_answered_by_its_plan_from_the_second_time_on(schema: MaskedSchema) -> None:
    for answered in (0, 1, 2):
        assert await ask(schema, "{ sure { text } }") == ({"sure": {"text": "text"}}, [])
        assert (schema.documents.by_executor, schema.documents.by_plan) == (1, answered)


async def test_a_refused_document_is_not_kept(schema: MaskedSchema) -> None:
    for query in ("{ sure { nothing", "{ sure { no } }", "{ " + "sure { text } " * 21 + "}"):
        for _ in range(2):
            assert (await ask(schema, query))[0] is None
        assert schema.documents.find(query, None) is None
    assert schema.documents.by_plan == 0


@pytest.mark.parametrize(
    "query",
    ["{ __schema { description } }", '{ ...Types } fragment Types on Query { __type(name: "Cat") { name } }'],
)
async def test_a_look_at_the_schema_is_left_to_the_standard_executor(schema: MaskedSchema, query: str) -> None:
    first = await ask(schema, query)
    assert await ask(schema, query) == first
    document = schema.documents.find(query, None)
    assert document is not None
    assert document.left_because == "it looks at the schema"
    assert (schema.documents.by_executor, schema.documents.by_plan) == (2, 0)


async def test_a_directive_of_ones_own_is_left_to_the_standard_executor() -> None:
    @strawberry.directive(locations=[DirectiveLocation.FIELD])
    def upper(value: DirectiveValue[str]) -> str:
        return value.upper()

    @strawberry.type
    class Query:
        name: str = "ann"

    schema = MaskedSchema(Query, directives=[upper], extensions=DOCUMENT_EXTENSIONS)
    for query, name in (("{ name @upper }", "ANN"), ("{ name }", "ann")):
        for _ in range(2):
            assert (await schema.execute(query, root_value=Query())).data == {"name": name}
    document = schema.documents.find("{ name @upper }", None)
    assert document is not None
    assert document.left_because == "it has the directive @upper"
    assert schema.documents.by_plan == 1


async def test_a_schema_with_other_extensions_keeps_nothing() -> None:
    executed: list[str | None] = []

    class Watching(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            executed.append(self.execution_context.query)
            yield

    @strawberry.type
    class Query:
        name: str = "ann"

    schema = MaskedSchema(Query, extensions=(*DOCUMENT_EXTENSIONS, Watching))
    for _ in range(3):
        assert (await schema.execute("{ name }", root_value=Query())).data == {"name": "ann"}
    assert executed == ["{ name }"] * 3


async def test_each_way_to_skip_and_include_has_its_plan(schema: MaskedSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PLANS", 3)
    query = "query Q($a: Boolean!, $b: Boolean = true) { sure { text @skip(if: $a) number @include(if: $b) } }"
    expected = {
        (True, True): {"number": 7},
        (True, False): {},
        (False, True): {"text": "text", "number": 7},
        (False, False): {"text": "text"},
    }
    for _ in range(2):
        for (a, b), thing in expected.items():
            assert await ask(schema, query, a=a, b=b) == ({"sure": thing}, [])
    # The very first request made the document known, and the fourth way is one too many.
    assert (schema.documents.by_executor, schema.documents.by_plan) == (2, 6)
    assert await ask(schema, query, a=False) == ({"sure": expected[False, True]}, [])


async def test_what_a_variable_leaves_open_is_told_by_the_standard_executor(schema: MaskedSchema) -> None:
    query = "query Q($n: Int!, $a: Boolean = true) { thing { byParent(number: $n) text @skip(if: $a) } }"
    assert await ask(schema, query, n=1) == ({"thing": {"byParent": 8}}, [])
    assert await ask(schema, query, n=2) == ({"thing": {"byParent": 9}}, [])
    for variables, message in (
        ({}, "Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided."),
        ({"n": "1"}, "Variable '$n' has invalid value: Int cannot represent non-integer value: '1'"),
        ({"n": 1, "a": None}, "Argument 'if' has invalid value: Expected variable '$a' provided to non-null type "),
    ):
        data, (error,) = await ask(schema, query, **variables)
        assert error.startswith(message)
        assert data in (None, {"thing": None})
    assert (schema.documents.by_executor, schema.documents.by_plan) == (4, 1)


async def test_an_operation_that_is_not_allowed_is_refused_whether_known_or_not(schema: MaskedSchema) -> None:
    query = 'mutation { write(text: "a") { text } }'
    for _ in range(2):
        assert await ask(schema, query) == ({"write": {"text": "a"}}, [])
    context = Context()
    with pytest.raises(InvalidOperationTypeError):
        await schema.execute(query, context_value=context, allowed_operation_types={OperationType.QUERY})
    assert context.log == []


async def test_each_operation_of_a_document_is_known_by_its_name(schema: MaskedSchema) -> None:
    query = "query A { sure { text } } query B($n: Boolean!) { sure { number @skip(if: $n) flag } }"
    for _ in range(2):
        assert await ask(schema, query, "A") == ({"sure": {"text": "text"}}, [])
        assert await ask(schema, query, "B", n=True) == ({"sure": {"flag": True}}, [])
        assert (await ask(schema, query))[1] == ["The document holds several operations; name one as operationName."]
    assert schema.documents.by_plan == 2


async def test_documents_are_bounded_in_number_and_length(
    schema: MaskedSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [f"{{ sure {{ n{number}: text }} }}" for number in range(4)]
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 3)
    for query in (*queries[:3], queries[0], queries[3]):
        await ask(schema, query)
    assert [schema.documents.find(query, None) is not None for query in queries] == [True, False, True, True]
    monkeypatch.setattr(documents, "MAX_DOCUMENT_CHARS", 3 * len(queries[0]))
    longer = queries[1] + " " * len(queries[0])
    await ask(schema, longer)
    kept = [schema.documents.find(query, None) is not None for query in (*queries, longer)]
    assert kept == [False, False, False, True, True]


async def test_no_request_sees_what_another_made_of_its_arguments(schema: MaskedSchema) -> None:
    lists = 'spoil a: spoil(words: ["given"]) b: spoil(words: $w) c: spoil(words: $w)'
    maps = "things { d: spoilAttributes(attributes: {a: 1}) }"
    query = f"query Q($w: [String!]!) {{ sure {{ {lists} {maps} }} }}"
    answer = {
        "spoil": "['fresh', 'spoilt']",
        "a": "['given', 'spoilt']",
        "b": "['variable', 'spoilt']",
        "c": "['variable', 'spoilt']",
        "things": [{"d": "{'a': 1, 'spoilt 1': True}"}] * 2,
    }
    for _ in range(3):
        assert await ask(schema, query, w=["variable"]) == ({"sure": answer}, [])
    assert schema.documents.by_plan == 2


async def test_what_is_selected_follows_the_variables(schema: MaskedSchema) -> None:
    for argument, told in (("$n", "{{'number': {}}}"), ("5", "{{'number': '5'}}")):
        query = f"query Q($n: Int = 0) {{ sure {{ selects {{ byParent(number: {argument}) }} static(number: $n) }} }}"
        for number in (1, 2, 3, 3):
            context = Context()
            await schema.execute(query, {"n": number}, context)
            (log,) = context.log
            assert told.format(number) in log
    assert schema.documents.by_plan == 6


async def test_a_plan_answers_the_home_query_by_itself() -> None:
    schema, sources = build_schema(), Sources()
    results = [
        await schema.execute(HOME, context_value=context_of(sources, MemberPrincipal(MEMBER_ID))) for _ in range(2)
    ]
    assert [result.errors for result in results] == [None, None]
    assert results[0].data == results[1].data
    document = schema.documents.find(HOME, None)
    assert document is not None
    assert (document.left_because, document.deviations) == (None, 0)
