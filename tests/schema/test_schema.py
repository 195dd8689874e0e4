"""The schema's definition: the committed text, the words on every part, and the permission of every root field."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

import schema
from schema.build import build_schema
from schema.permissions import check_schema

COMMITTED = Path(schema.__file__).parent / "schema.graphql"
REGENERATE = "make schema"


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    served = build_schema().as_str() + "\n"
    assert COMMITTED.read_text(encoding="utf-8") == served, (
        f"schema/schema.graphql is not what the code defines. If the change is meant, run: {REGENERATE}"
    )


def described(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """A type and every part of it, by name, with its description. An argument `input` is described by its type."""
    yield kind.name, kind.description
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{kind.name}.{name}", value.description) for name, value in kind.values.items())
    elif isinstance(kind, GraphQLInputObjectType):
        yield from ((f"{kind.name}.{name}", given.description) for name, given in kind.fields.items())
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field.description
            arguments = ((one, argument.description) for one, argument in field.args.items() if one != "input")
            yield from ((f"{kind.name}.{name}({one})", words) for one, words in arguments)


def test_every_part_has_a_description_that_is_a_sentence() -> None:
    types = build_schema()._schema.type_map.values()
    own = [one for one in types if not is_introspection_type(one) and not is_specified_scalar_type(one)]
    words = dict(part for kind in own for part in described(kind))
    assert {"Member.handle", "Account.PENDING", "Effect", "ActivityInput.key", "Query.me(language)"} <= words.keys()
    assert [name for name, text in words.items() if not text or not text.endswith(".")] == []


def test_every_root_field_carries_its_permission() -> None:
    check_schema(build_schema())
