"""publicProfile: the only window on others, which shows what each of them allows."""

from typing import Any

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from tests.schema.api import ANONYMOUS, NOW, STAFF, Api, Caller, Json, purchase, themself
from tests.schema.documents import PUBLIC_PROFILE, SET_BADGE_SHOWCASE, UPDATE_PROFILE

NODE = "query Q($id: ID!) { node(id: $id) { id ... on PublicProfile { handle } } }"
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
SILVER: Json = {"code": "silver", "name": "Silver"}
BRONZE: Json = {"code": "bronze", "name": "Bronze"}
EVERYTHING: Json = {
    "handle": "ada",
    "avatarUrl": AVATAR,
    "tier": SILVER,
    "badges": [COLLECTOR, FIRST_PURCHASE],
}


async def collector(api: Api, **visibility: bool) -> Member:
    """A member with a tier, an avatar and three badges, two of which she shows."""
    ada = await api.enrol("Ada", handle="ada", avatar_url=AVATAR)
    ada = await api.record(ada, purchase("p1", NOW, 12_000, cds=10))
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": visibility})
    await api.result(SET_BADGE_SHOWCASE, themself(ada), input={"badges": ["collector", "first-purchase"]})
    return ada


def profile_id(member: Member) -> str:
    return to_global_id("PublicProfile", member.member_id)


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
        assert await look(api, caller=caller) == (seen and {"id": profile_id(ada), **seen})
    node = await api.data(NODE, STAFF, id=profile_id(ada))
    assert node == {"node": {"id": profile_id(ada), "handle": "ada"} if seen else None}


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
    (other,) = [one["_id"] for one in (await api.contents())["members"] if one["_id"] != ada.member_id]
    assert await look(api) == {
        "id": to_global_id("PublicProfile", other),
        "handle": "ada",
        "avatarUrl": None,
        "tier": BRONZE,
        "badges": [],
    }
    assert (await look(api, "ada_king"))["tier"] == SILVER


async def test_a_profile_keeps_its_id_when_the_handle_changes(api: Api) -> None:
    ada = await collector(api, profile=True)
    before = await look(api)
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king"})
    after = await look(api, "ada_king")
    assert after == before | {"handle": "ada_king"}
    for caller in (themself(ada), themself(await api.enrol("Bo")), STAFF):
        found = await api.data(NODE, caller, id=before["id"])
        assert found == {"node": {"id": before["id"], "handle": "ada_king"}}


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
    for field in ("displayName", "loyaltyNumber", "points { available }", "language", "enrolledAt", "birthday"):
        query = f'{{ publicProfile(handle: "ada") {{ {field} }} }}'
        assert await api.codes(query) == ["GRAPHQL_VALIDATION_FAILED"], field


async def test_the_tier_is_as_of_now(api: Api) -> None:
    await collector(api, profile=True)
    api.clock.now = NOW.replace(year=2027)
    assert (await look(api))["tier"] == BRONZE
