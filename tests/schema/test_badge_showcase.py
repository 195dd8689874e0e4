"""setBadgeShowcase: up to six badges that the member has won, in the order that they like."""

from typing import Any

import pytest

from gamification.member import Member
from tests.schema.api import NOW, Api, Json, purchase, themself
from tests.schema.documents import SET_BADGE_SHOWCASE

TOO_LONG = "is longer than the code of a badge can be, 48 characters"
MANY = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points}
badges:
""" + "\n".join(f"  - {{code: b{n}, name: b{n}, earned: {{measure: member.purchases}}}}" for n in range(1, 8))


async def collector(api: Api) -> Member:
    """A member with the badges first-purchase and collector."""
    return await api.record(await api.enrol("Ada"), purchase("p1", NOW, 2933, cds=5))


@pytest.mark.parametrize(
    "badges", [["collector", "first-purchase"], ["first-purchase", "collector"], ["collector"], []]
)
async def test_the_order_is_kept(api: Api, badges: list[str]) -> None:
    ada = await collector(api)
    result = await api.result(SET_BADGE_SHOWCASE, themself(ada), input={"badges": badges})
    assert result == {"__typename": "ProfileSuccess", "member": {"showcase": badges}}
    stored = await api.stored(ada)
    assert (stored.showcase, stored.state) == (tuple(badges), ada.state)


@pytest.mark.parametrize(
    ("badges", "problems"),
    [
        (["big-spender"], [("badges.0", "big-spender is not a badge that the member has won")]),
        (["collector", "collector"], [("badges.1", "names collector twice")]),
        (["collector", "$gt"], [("badges.1", "$gt is not a badge that the member has won")]),
        (["b" * 48], [("badges.0", f"{'b' * 48} is not a badge that the member has won")]),
        (["b" * 49, "b" * 100_000], [("badges.0", TOO_LONG), ("badges.1", TOO_LONG)]),
        ([""], [("badges.0", " is not a badge that the member has won")]),
        (["collector"] * 7, [("badges", "names 7 badges; at most 6 can be shown")]),
        (["collector"] * 100_000, [("badges", "names 100000 badges; at most 6 can be shown")]),
    ],
    ids=["not-won", "twice", "operator", "longest", "too-long", "empty", "seven", "very-many"],
)
async def test_a_choice_that_breaks_a_rule(api: Api, badges: list[str], problems: list[tuple[str, str]]) -> None:
    refused = await api.nothing_written(SET_BADGE_SHOWCASE, themself(await collector(api)), input={"badges": badges})
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems
    assert refused["message"] == "; ".join(f"{path} {message}" for path, message in problems)


async def test_six_can_be_shown_and_a_seventh_cannot(api: Api) -> None:
    await api.laurel.programs.apply(MANY, "tests", NOW)
    ada = await api.record(await api.enrol("Ada"), purchase("p1", NOW, 100))
    won: list[Any] = [f"b{number}" for number in range(7, 0, -1)]
    assert set(ada.state.badges) == set(won)
    given: Json = {"badges": won}
    assert (await api.nothing_written(SET_BADGE_SHOWCASE, themself(ada), input=given))["__typename"] == "InvalidInput"
    result = await api.result(SET_BADGE_SHOWCASE, themself(ada), input={"badges": won[:6]})
    assert result["member"]["showcase"] == won[:6]


async def test_a_member_who_is_gone(api: Api) -> None:
    ada = await collector(api)
    await api.database["members"].delete_one({"_id": ada.member_id})
    refused = await api.nothing_written(SET_BADGE_SHOWCASE, themself(ada), input={"badges": ["collector"]})
    assert refused["__typename"] == "MemberNotFound"
