"""The limits on documents: each one at its bound and past it, in linear time, and with verdicts that are cached."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, get_introspection_query, parse, specified_rules, validate
from strawberry.extensions import validation_cache
from strawberry.schema import schema as strawberry_schema

from schema import limits
from schema.faults import formatted_result
from tests.graphql_http.sample_schema import Context, Trace, sample_schema

ALL_FIGURES = {limit.figure: limit for limit in limits.LIMITS}


@pytest.fixture(scope="module")
def schema() -> strawberry.Schema:
    return sample_schema()


def verdict(schema: strawberry.Schema, query: str) -> list[GraphQLError]:
    document = parse(query, max_tokens=limits.MAX_TOKENS)
    return validate(schema._schema, document, (*specified_rules, limits.LimitsRule))


def refusals(schema: strawberry.Schema, query: str) -> dict[str, tuple[int, int]]:
    """Code to (actual, limit) of each limit that the query exceeds."""
    found: dict[str, tuple[int, int]] = {}
    for error in verdict(schema, query):
        assert error.extensions, error.message
        found[error.extensions["code"]] = (error.extensions["actual"], error.extensions["limit"])
    return found


def twins(depth: int) -> str:
    return "{ item " + "{ twin " * (depth - 2) + "{ name }" + " }" * (depth - 2) + " }"


def doubling(levels: int) -> str:
    """A document of a few bytes a level that stands for 2 to the power of ``levels`` fields."""
    fragments = (f"fragment f{i} on Item {{ ...f{i + 1} ...f{i + 1} }}" for i in range(levels))
    return "{ item { ...f0 } } " + " ".join(fragments) + f" fragment f{levels} on Item {{ name }}"


def repeated(count: int, selection: str) -> str:
    return "{ item { " + " ".join(selection.format(i) for i in range(count)) + " } }"


def played(*counts: int) -> str:
    fields = (f"f{place}: played(plan: {{steps: {[1] * count}}}) {{ name }}" for place, count in enumerate(counts))
    return "{ " + " ".join(fields) + " }"


@pytest.mark.parametrize(
    ("figure", "at_limit", "past_limit", "actual"),
    [
        ("depth", twins(12), twins(13), 13),
        ("top_fields", "{" + "hello " * 20 + "}", "{" + "hello " * 21 + "}", 21),
        ("fields", repeated(499, "name"), repeated(500, "name"), 501),
        ("aliases", repeated(50, "a{}: name"), repeated(51, "a{}: name"), 51),
        ("directives", repeated(50, "name @skip(if: false)"), repeated(51, "name @skip(if: false)"), 51),
        (
            "cost",
            "{ item { items(first: 4999) { nodes { name } } } }",
            "{ item { items(first: 5000) { nodes { name } } } }",
            10_002,
        ),
        (
            "introspection_fields",
            "{ __schema { " + "description " * 500 + "} }",
            "{ __schema { " + "description " * 501 + "} }",
            501,
        ),
        ("steps", played(50, 50), played(50, 51), 101),
        ("previews", "{ previewProgram }", "{ a: previewProgram item { twin { b: previewCampaign } } }", 2),
    ],
)
def test_each_limit_holds_at_its_bound(
    schema: strawberry.Schema, figure: str, at_limit: str, past_limit: str, actual: int
) -> None:
    limit = ALL_FIGURES[figure]
    assert refusals(schema, at_limit) == {}
    assert refusals(schema, past_limit) == {limit.code: (actual, limit.maximum)}


def test_every_limit_has_a_case() -> None:
    (cases,) = (mark for mark in test_each_limit_holds_at_its_bound.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert {case[0] for case in cases.args[1]} == set(ALL_FIGURES)


def test_a_refusal_names_the_operation_the_figure_and_the_limit(schema: strawberry.Schema) -> None:
    (error,) = verdict(schema, "query Deep " + twins(13))
    assert error.message == "The operation Deep nests fields 13 levels deep; the limit is 12."
    assert error.locations == [(1, 1)]


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("item { name }", 2),
        ("item { items(first: 7) { nodes { name } } }", 1 + 1 + 7 * 2),
        ("item { items(first: 7) { pageInfo { hasNextPage } nodes { name } } }", 1 + 1 + 2 + 7 * 2),
        ("item { items { nodes { name } } }", 1 + 1 + 10 * 2),  # the argument's default
        ("item { items(first: $n) { nodes { name } } }", 1 + 1 + 100 * 2),  # unknown until it runs
        ("item { items(first: 3, last: null) { nodes { name } } }", 1 + 1 + 3 * 2),
        ("item { items(first: -3) { nodes { name } } }", 1 + 1),
        ("item { parts { name } }", 1 + 1 + 10 * 1),  # a list that no argument sizes
        ('nodes(ids: ["a", "b", "c"]) { name }', 1 + 3),
        ("nodes(ids: $ids) { name }", 1 + 100),
        ("item { ...Part } item { ...Part }", 2 * (1 + 1 + 10 * 1)),
        ("item { ... @include(if: true) { name } ... on Item { name } }", 3),
        ("__schema { types { fields { name } } }", 100),
    ],
)
def test_cost_counts_the_values_of_the_answer(
    schema: strawberry.Schema, selection: str, cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMITS", (limits.Limit("cost", -1, "COST", "costs {}"),))
    query = f"query Q($n: Int!, $ids: [ID!]!) {{ {selection} }} fragment Part on Item {{ parts {{ name }} }}"
    assert refusals(schema, query) == {"COST": (cost, -1)}


@pytest.mark.parametrize("argument", ["$plan", "{steps: $steps}"])
def test_steps_that_only_a_variable_knows_count_as_the_most(schema: strawberry.Schema, argument: str) -> None:
    declared = "$plan: Plan!" if argument == "$plan" else "$steps: [Int!]!"
    for times, refused in ((2, {}), (3, {"QUERY_TOO_MANY_STEPS": (150, 100)})):
        fields = " ".join(f"f{place}: played(plan: {argument}) {{ name }}" for place in range(times))
        assert refusals(schema, f"query Q({declared}) {{ {fields} }}") == refused
    spread = f"query Q({declared}) {{ ...A ...B }} "
    spread += f"fragment A on Query {{ a: played(plan: {argument}) {{ name }} ...C }}"
    spread += f" fragment B on Query {{ ...C }} fragment C on Query {{ c: played(plan: {argument}) {{ name }} }}"
    assert refusals(schema, spread) == {"QUERY_TOO_MANY_STEPS": (150, 100)}


def test_huge_page_sizes_are_counted_and_not_converted(schema: strawberry.Schema) -> None:
    query = f"{{ item {{ items(first: {'9' * 5000}) {{ nodes {{ name }} }} }} }}"
    assert refusals(schema, query) == {"QUERY_TOO_COSTLY": (10**9, 10_000)}


def test_nested_fragments_take_linear_time(schema: strawberry.Schema) -> None:
    document = parse(doubling(60))
    started = time.perf_counter()
    errors = validate(schema._schema, document, [limits.LimitsRule])
    elapsed_seconds = time.perf_counter() - started
    assert [error.extensions["code"] for error in errors if error.extensions] == [
        "QUERY_TOO_MANY_FIELDS",
        "QUERY_TOO_COSTLY",
    ]
    assert errors[0].extensions == {"code": "QUERY_TOO_MANY_FIELDS", "limit": 500, "actual": 10**9}
    assert "more than 1000000000 fields" in errors[0].message
    assert elapsed_seconds < 0.5  # measured: 1 ms; by expansion: longer than the universe is old


def test_fragments_are_counted_each_time_they_are_spread(schema: strawberry.Schema) -> None:
    assert refusals(schema, doubling(8)) == {}
    assert refusals(schema, doubling(9)) == {"QUERY_TOO_MANY_FIELDS": (2**9 + 1, 500)}


def test_circular_unknown_and_duplicate_fragments_are_left_to_the_standard_rules(schema: strawberry.Schema) -> None:
    circle = "{ item { ...a } } fragment a on Item { twin { ...b } } fragment b on Item { twin { ...a } }"
    assert [error.message for error in verdict(schema, circle)] == ["Cannot spread fragment 'a' within itself via 'b'."]
    unknown = verdict(schema, "{ item { ...gone } nothing { here } ... on Nowhere { x { y } } }")
    assert {error.message for error in unknown} >= {"Unknown fragment 'gone'.", "Unknown type 'Nowhere'."}
    twice = "{ item { ...a } } fragment a on Item { name } fragment a on Item { name }"
    assert [error.message for error in verdict(schema, twice)] == ["There can be only one fragment named 'a'."]


def test_every_operation_of_a_document_is_measured(schema: strawberry.Schema) -> None:
    query = "query Small { hello } query Deep " + twins(13)
    assert refusals(schema, query) == {"QUERY_TOO_DEEP": (13, 12)}


def test_the_introspection_of_tools_passes(schema: strawberry.Schema) -> None:
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert verdict(schema, query) == []


def test_introspection_does_not_hide_what_is_beside_it(schema: strawberry.Schema) -> None:
    deep = twins(13).removeprefix("{").removesuffix("}")
    assert refusals(schema, f"{{ __schema {{ description }} {deep} }}") == {"QUERY_TOO_DEEP": (13, 12)}


class TestExecution:
    """The extensions in a schema that runs."""

    @pytest.fixture
    def validations(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """The documents that are validated, beginning with empty caches."""
        validated: list[str] = []

        def counting(*args: Any, **kwargs: Any) -> list[GraphQLError]:
            validated.append(args[1].loc.source.body)
            return validate(*args, **kwargs)

        validation_cache._get_validate_cache(limits.MAX_CACHED_DOCUMENTS).cache_clear()  # type: ignore[attr-defined]
        monkeypatch.setattr(strawberry_schema, "validate", counting)
        yield validated
        validation_cache._get_validate_cache(limits.MAX_CACHED_DOCUMENTS).cache_clear()  # type: ignore[attr-defined]

    async def run(self, schema: strawberry.Schema, query: str, **arguments: Any) -> dict[str, Any]:
        result = await schema.execute(query, context_value=Context(Trace(), "test"), **arguments)
        return formatted_result(result, "test")

    async def test_a_document_is_validated_once(self, schema: strawberry.Schema, validations: list[str]) -> None:
        good, bad = "query Good { hello }", "query Bad " + twins(13)
        for _ in range(3):
            assert await self.run(schema, good) == {"data": {"hello": "Hello, world"}}
            assert (await self.run(schema, bad))["errors"][0]["extensions"]["code"] == "QUERY_TOO_DEEP"
        assert validations == [good, bad]

    async def test_the_caches_are_bounded(self, schema: strawberry.Schema, validations: list[str]) -> None:
        for number in range(limits.MAX_CACHED_DOCUMENTS + 1):
            await self.run(schema, f"query Number{number} {{ hello }}")
        cache: Any = validation_cache._get_validate_cache(limits.MAX_CACHED_DOCUMENTS)
        assert cache.cache_info().currsize == limits.MAX_CACHED_DOCUMENTS
        await self.run(schema, "query Number0 { hello }")
        assert validations[-1] == "query Number0 { hello }"

    async def test_tokens_are_bounded(self, schema: strawberry.Schema) -> None:
        answer = await self.run(schema, "{" + "hello " * (limits.MAX_TOKENS - 1) + "}")
        assert "data" not in answer
        assert answer["errors"][0]["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
        assert "more than 1500 tokens" in answer["errors"][0]["message"]

    async def test_length_is_bounded(self, schema: strawberry.Schema) -> None:
        longest = "{ hello" + " " * (limits.MAX_QUERY_CHARS - 8) + "}"
        assert await self.run(schema, longest) == {"data": {"hello": "Hello, world"}}
        answer = await self.run(schema, longest + " ")
        assert "data" not in answer
        assert answer["errors"][0]["extensions"] == {"code": "QUERY_TOO_LONG", "limit": 20_000, "actual": 20_001}

    async def test_one_of_several_operations_must_be_named(self, schema: strawberry.Schema) -> None:
        document = 'query A { hello(name: "A") } query B { hello(name: "B") }'
        answer = await self.run(schema, document)
        assert "data" not in answer
        assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
        assert await self.run(schema, document, operation_name="B") == {"data": {"hello": "Hello, B"}}
