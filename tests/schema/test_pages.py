"""The short lists of a member, challenges and badges, page by page."""

import pytest

from gamification.member import Member
from schema.connections import encode_cursor
from tests.schema.api import NOW, Api, Json, purchase, themself

CHALLENGES = """
query Q($first: Int, $after: String) { me { list: challenges(first: $first, after: $after) { ...Page } } }
fragment Page on MemberChallengeConnection {
  edges { cursor node { code } } nodes { code } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
}
"""
BADGES = """
query Q($first: Int, $after: String, $unwon: Boolean! = false) {
  me { list: badges(first: $first, after: $after, unwon: $unwon) { ...Page } }
}
fragment Page on MemberBadgeConnection {
  edges { cursor node { code } } nodes { code } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
}
"""
COFFEE_CHALLENGES = [
    *("five-a-week", "five-hundred", "explorer", "busy-month", "all-rounder", "trophy-day", "back-on-top"),
    "coffee-school",
]
"""Those that are open in the program's order, then the one that is locked."""


async def walk(api: Api, member: Member, query: str, **variables: object) -> list[str]:
    """The codes of all pages."""
    codes: list[str] = []
    after = None
    while True:
        page = (await api.data(query, themself(member), after=after, **variables))["me"]["list"]
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        assert page["pageInfo"]["hasPreviousPage"] == bool(codes)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        codes += [node["code"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return codes
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("first", [1, 3, 8, 100])
async def test_all_challenges(coffee: Api, first: int) -> None:
    assert await walk(coffee, await coffee.enrol("Ada"), CHALLENGES, first=first) == COFFEE_CHALLENGES


async def test_badges_won_the_latest_first_then_those_to_win(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    await coffee.record(ada, purchase("p1", NOW.replace(month=2), 1000))
    won = ["first-cup"]
    assert await walk(coffee, ada, BADGES, first=2) == won
    to_win = ["versatile", "regular", "explorer", "graduate", "apron", "devoted", "winner"]
    assert await walk(coffee, ada, BADGES, first=2, unwon=True) == won + to_win, "but not the secret one"
    await coffee.record(ada, purchase("p2", NOW.replace(month=3, hour=21), 1000))
    assert await walk(coffee, ada, BADGES, first=1) == ["night-owl", "first-cup"], "until it is won"


async def test_more_than_a_page_holds_and_none(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    for first in (-1, 101):
        for query in (CHALLENGES, BADGES):
            assert await coffee.codes(query, themself(ada), first=first) == ["BAD_USER_INPUT"]
    page: Json = (await coffee.data(CHALLENGES, themself(ada), first=0))["me"]["list"]
    assert page == {
        "edges": [],
        "nodes": [],
        "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


async def test_an_empty_page_ends_where_it_began(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    for passed, more in ((COFFEE_CHALLENGES[2], True), (COFFEE_CHALLENGES[-1], False)):
        after = encode_cursor(f"challenges:{ada.member_id}", passed)
        page = (await coffee.data(CHALLENGES, themself(ada), first=0, after=after))["me"]["list"]
        assert (page["edges"], page["nodes"]) == ([], [])
        assert page["pageInfo"] == {
            "hasNextPage": more,
            "hasPreviousPage": True,
            "startCursor": None,
            "endCursor": after,
        }


@pytest.mark.parametrize("after", ["junk", "", encode_cursor("leaderboard:weekly", "1")])
async def test_a_leaderboard_has_no_cursors_yet(coffee: Api, after: str) -> None:
    board = 'query Q($after: String) { leaderboard(board: "weekly", after: $after) { pageInfo { hasNextPage } } }'
    (error,) = await coffee.errors(board, after=after)
    assert error["extensions"] == {"code": "INVALID_CURSOR"}
    assert error["message"] == "The cursor does not belong to this list, or its place is gone; begin anew."
    assert await coffee.data(board) == {"leaderboard": {"pageInfo": {"hasNextPage": False}}}


async def test_cursors_that_lead_nowhere(coffee: Api) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    page = (await coffee.data(CHALLENGES, themself(bo), first=1))["me"]["list"]
    own = encode_cursor(f"challenges:{ada.member_id}", "five-a-week")
    gone = encode_cursor(f"challenges:{ada.member_id}", "gone")
    assert (await coffee.data(CHALLENGES, themself(ada), after=own))["me"]["list"]["pageInfo"]["hasPreviousPage"]
    for after in (page["pageInfo"]["endCursor"], gone, own[:-2], own[2:], "", "garbage"):
        assert await coffee.codes(CHALLENGES, themself(ada), after=after) == ["INVALID_CURSOR"], after
    assert await coffee.codes(BADGES, themself(ada), after=own) == ["INVALID_CURSOR"]
