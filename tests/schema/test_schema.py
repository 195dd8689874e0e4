"""The schema's definition: the committed text, and the permission that every root field carries."""

from pathlib import Path

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


def test_every_root_field_carries_its_permission() -> None:
    check_schema(build_schema())
