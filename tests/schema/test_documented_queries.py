"""Every GraphQL document that stands in the documentation can be sent as it is."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("[a-z]*/README.md"))]
EXAMPLES = [
    pytest.param(example, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, example in enumerate(re.findall(r"```graphql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]
SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


def test_there_are_some() -> None:
    assert {"README.md-0", "docs/api.md-0"} <= {example.id for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_is_valid(example: str) -> None:
    assert validate(SCHEMA, parse(example)) == []
