"""What an operation costs where an object may be of several types: as much as the costliest of them."""

import pytest
from graphql import parse, specified_rules, validate

from schema import limits
from schema.build import build_schema
from tests.schema.documents import RECORD_ACTIVITIES, RECORD_ACTIVITY, SIMULATE


def cost_of(query: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(limits, "LIMITS", (limits.Limit("cost", -1, "COST", "costs {}"),))
    (error,) = validate(build_schema()._schema, parse(query), (*specified_rules, limits.LimitsRule))
    assert error.extensions
    return int(error.extensions["actual"])


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("id", 1),
        ("... on Record { seq key }", 2),
        ("... on Member { displayName } ... on Record { seq key }", 2),
        ("... on Member { displayName handle language } ... on Record { seq key }", 3),
        ("id ... on Member { displayName handle language } ... on Record { seq key }", 4),
        ("... on Record { seq } ... on Record { key kind }", 3),
        ("...M ...R", 2),
        ("...M ... on Member { handle }", 2),
        ("... on Node { id } ... on Member { displayName }", 2),
        ("... { id } ... @include(if: true) { __typename }", 2),
        ("... on Record { effects { ... on BadgeWon { code level } ... on ChainCut { links } } }", 1 + 10 * 2),
    ],
)
def test_an_object_has_one_type(selection: str, cost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query = f'{{ node(id: "x") {{ {selection} }} }}'
    for name, fragment in {
        "M": "fragment M on Member { displayName }",
        "R": "fragment R on Record { seq key }",
    }.items():
        query += fragment if f"...{name} " in f"{selection} " else ""
    assert cost_of(query, monkeypatch) == 1 + cost


@pytest.mark.parametrize(
    ("page", "size"), [("", 20), ("(first: 7)", 7), ("(first: null)", 20), ("(first: $n)", 100)], ids=str
)
def test_a_page_costs_its_size_and_its_default_where_none_is_told(
    page: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"query Q($n: Int! = 5) {{ me {{ statement{page} {{ nodes {{ points }} }} }} }}"
    query = query if "$n" in page else query.replace("($n: Int! = 5)", "")
    assert cost_of(query, monkeypatch) == 1 + 1 + size * 2


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("aroundMe { rank }", 1 + 2 * 5 + 1),
        ("aroundMe(eachSide: 3) { rank name }", 1 + (2 * 3 + 1) * 2),
        ("aroundMe(eachSide: $n) { rank }", 1 + 2 * 50 + 1),
        ("aroundMe(eachSide: 1000000000) { rank }", 1 + 2 * 50 + 1),
        ("nodes { rank } me { rank } total", 7 * 2 + 2 + 1),
        ("...Page aroundMe { rank }", 7 * 3 + 1 + 2 * 5 + 1),
    ],
)
def test_a_page_multiplies_its_rows_alone(selection: str, cost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query = f'query Q($n: Int! = 5) {{ leaderboard(board: "weekly", first: 7) {{ {selection} }} }}'
    query = query if "$n" in selection else query.replace("query Q($n: Int! = 5) ", "")
    query += "fragment Page on Leaderboard { edges { node { rank } } }" if "...Page" in selection else ""
    assert cost_of(query, monkeypatch) == 1 + cost


@pytest.mark.parametrize("document", [RECORD_ACTIVITY, RECORD_ACTIVITIES, SIMULATE], ids=["one", "many", "dry-run"])
def test_whatever_a_record_says_may_be_asked_for_at_once(document: str) -> None:
    assert validate(build_schema()._schema, parse(document), (*specified_rules, limits.LimitsRule)) == []
