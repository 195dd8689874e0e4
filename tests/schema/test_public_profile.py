"""publicProfile: the only window on others, which shows what each of them allows."""

from typing import Any

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from tests.schema.api import ANONYMOUS, NOW, STAFF, Api, Caller, Json, purchase, themself
from tests.schema.documents import PUBLIC_PROFILE, SET_BADGE_SHOWCASE, UPDATE_PROFILE

AVATAR = "https://images.example/ada.png"
COLLECTOR: Json = {
    "code": "collector",
    "name": "Collector",
    "iconUrl": "/icons/collector.svg",
    "rarity": "UNCOMMON",
    "level": 2,
    "levelName": None,
}
FIRST_PURCHASE: Json = {
    "code": "first-purchase",
    "name": "First purchase",
    "iconUrl": "/icons/first-purchase.svg",
    "rarity": "COMMON",
    "level": 1,
    "levelName": None,
}
EVERYTHING: Json = {
    "id": to_global_id("PublicProfile", "ada"),
    "handle": "ada",
    "avatarUrl": AVATAR,
    "tier": {"name": "Silver"},
    "badges": [COLLECTOR, FIRST_PURCHASE],
}


async def collector(api: Api, **visibility: bool) -> Member:
    """A member with a tier, an avatar and three badges, two of which she shows."""
    ada = await api.enrol("Ada", handle="ada", avatar_url=AVATAR)
    ada = await api.record(ada, purchase("p1", NOW, 12_000, cds=10))
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": visibility})
    await api.result(SET_BADGE_SHOWCASE, themself(ada), input={"badges": ["collector", "first-purchase"]})
    return ada


async def look(api: Api, handle: str = "ada", caller: Caller = ANONYMOUS, **variables: Any) -> Any:
    return (await api.data(PUBLIC_PROFILE, caller, handle=handle, **variables))["publicProfile"]


@pytest.mark.parametrize(
    ("visibility", "seen"),
    [
        ({"profile": True}, EVERYTHING),
        ({"profile": True, "avatar": False}, EVERYTHING | {"avatarUrl": None}),
        ({"profile": True, "tier": False}, EVERYTHING | {"tier": None}),
        ({"profile": True, "badges": False}, EVERYTHING | {"badges": []}),
        (
            {"profile": True, "avatar": False, "tier": False, "badges": False},
            EVERYTHING | {"avatarUrl": None, "tier": None, "badges": []},
        ),
        ({"profile": False}, None),
        ({}, None),
    ],
    ids=["all", "no-avatar", "no-tier", "no-badges", "handle-only", "hidden", "default"],
)
async def test_what_others_see(api: Api, visibility: dict[str, bool], seen: Json | None) -> None:
    ada, bo = await collector(api, **visibility), await api.enrol("Bo")
    for caller in (ANONYMOUS, themself(bo), themself(ada), STAFF):
        assert await look(api, caller=caller) == seen
    node = await api.data("query Q($id: ID!) { node(id: $id) { id } }", STAFF, id=EVERYTHING["id"])
    assert node == {"node": {"id": EVERYTHING["id"]} if seen else None}


async def test_the_hidden_and_the_unknown_look_alike(api: Api) -> None:
    await collector(api)
    hidden = await api.post(PUBLIC_PROFILE, handle="ada")
    for handle in ("nobody", "Ada", "", "$gt", '{"$ne":null}', "a" * 10_000, "ada\x00"):
        unknown = await api.post(PUBLIC_PROFILE, handle=handle)
        assert (unknown.status_code, unknown.text) == (hidden.status_code, hidden.text), handle
    assert hidden.json() == {"data": {"publicProfile": None}}


async def test_a_member_without_a_handle_cannot_be_looked_at(api: Api) -> None:
    ada = await collector(api, profile=True)
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": None})
    assert await look(api) is None


async def test_a_handle_that_has_gone_to_another_shows_that_one(api: Api) -> None:
    ada = await collector(api, profile=True)
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king"})
    bo = await api.enrol("Bo", handle="ada")
    assert await look(api) is None
    await api.result(UPDATE_PROFILE, themself(bo), input={"visibility": {"profile": True}})
    assert await look(api) == EVERYTHING | {"avatarUrl": None, "tier": {"name": "Bronze"}, "badges": []}
    assert (await look(api, "ada_king"))["tier"] == {"name": "Silver"}


async def test_the_language_is_the_reader_s(api: Api) -> None:
    ada = await collector(api, profile=True)
    await api.result(UPDATE_PROFILE, themself(ada), input={"language": "en"})
    for danish in (await look(api, language="da"), await look(api, caller=ANONYMOUS.speaking("da"))):
        assert (danish["tier"]["name"], [badge["name"] for badge in danish["badges"]]) == (
            "Sølv",
            ["Samler", "Første køb"],
        )


async def test_nothing_else_can_be_asked_of_others(api: Api) -> None:
    await collector(api, profile=True)
    for field in ("displayName", "loyaltyNumber", "points { available }", "language", "enrolledAt"):
        query = f'{{ publicProfile(handle: "ada") {{ {field} }} }}'
        assert await api.codes(query) == ["GRAPHQL_VALIDATION_FAILED"], field


async def test_the_tier_is_as_of_now(api: Api) -> None:
    await collector(api, profile=True)
    api.clock.now = NOW.replace(year=2027)
    assert (await look(api))["tier"] == {"name": "Bronze"}
