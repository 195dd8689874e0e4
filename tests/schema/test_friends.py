"""Friends: who may ask whom, what each sees of the other, and that a block cannot be told from no answer."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from gamification import friends
from gamification.friends import MAX_FRIENDS, MAX_OPEN_REQUESTS
from gamification.member import Member
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import NOW, STAFF, Api, Json, global_id, themself
from tests.schema.documents import ERRORS, PUBLIC_PROFILE, UPDATE_PROFILE

LIMIT = "... on FriendLimitReached { bound limit }"
RESULT = "{ __typename ...Errors ... on FriendshipSuccess { profileId status } %s } }" + ERRORS
REQUEST = "mutation M($input: RequestFriendInput!) { requestFriend(input: $input) " + RESULT % LIMIT
OTHER = "mutation M($input: OtherMemberInput!) { %s(input: $input) " + RESULT
ACCEPT, BLOCK = OTHER % ("acceptFriend", LIMIT), OTHER % ("blockMember", LIMIT)
REMOVE, UNBLOCK = OTHER % ("removeFriend", ""), OTHER % ("unblockMember", "")
BY_OTHER = {"acceptFriend": ACCEPT, "removeFriend": REMOVE, "blockMember": BLOCK, "unblockMember": UNBLOCK}
LISTS = """
{ me {
  friends { nodes { profileId handle alias since profile { handle avatarUrl } } }
  got: friendRequests { nodes { profileId handle askedAt profile { handle } } }
  sent: friendRequests(sent: true) { nodes { profileId handle askedAt profile { handle } } }
  blocked { nodes { profileId handle blockedAt } }
} }
"""
FRIENDS = """
query Q($first: Int, $after: String) {
  me { friends(first: $first, after: $after) { nodes { handle } pageInfo { hasNextPage endCursor } } }
}
"""
STAMP = "2026-05-01T12:00:00.000Z"
AVATAR = "https://images.example/ada.png"
NOT_FOUND = "MemberNotFound"


def profile_id(member: Member) -> str:
    return to_global_id("PublicProfile", member.member_id)


def to(member: Member) -> Json:
    return {"profileId": profile_id(member)}


async def pair(api: Api) -> tuple[Member, Member]:
    return await api.enrol("Ada", handle="ada", avatar_url=AVATAR), await api.enrol("Bo", handle="bo_1")


async def ask(api: Api, by: Member, handle: str) -> str:
    """The status after a request that is answered without an error."""
    result = await api.result(REQUEST, themself(by), input={"handle": handle})
    assert result["__typename"] == "FriendshipSuccess", result
    return str(result["status"])


async def take(api: Api, mutation: str, by: Member, given: Json) -> str:
    result = await api.result(mutation, themself(by), input=given)
    assert result["__typename"] == "FriendshipSuccess", result
    return str(result["status"])


async def befriend(api: Api, one: Member, other: Member) -> None:
    assert other.profile.handle is not None
    await ask(api, one, other.profile.handle)
    assert await take(api, ACCEPT, other, to(one)) == "FRIENDS"


async def lists(api: Api, member: Member) -> Any:
    """What the member sees: friends, requests received and sent, and whom they block."""
    me = (await api.data(LISTS, themself(member)))["me"]
    return {name: me[name]["nodes"] for name in ("friends", "got", "sent", "blocked") if me[name]["nodes"]}


async def test_a_request_is_seen_by_both_and_accepted(api: Api) -> None:
    ada, bo = await pair(api)
    assert await api.result(REQUEST, themself(bo), input={"handle": "ada"}) == {
        "__typename": "FriendshipSuccess",
        "profileId": profile_id(ada),
        "status": "REQUESTED",
    }
    sent = {"profileId": profile_id(ada), "handle": "ada", "askedAt": STAMP, "profile": None}
    got = {"profileId": profile_id(bo), "handle": "bo_1", "askedAt": STAMP, "profile": None}
    assert (await lists(api, bo), await lists(api, ada)) == ({"sent": [sent]}, {"got": [got]})
    api.clock.now = NOW + timedelta(minutes=1)
    assert await ask(api, bo, "ada") == "REQUESTED", "asking again changes nothing"
    assert await lists(api, bo) == {"sent": [sent]}
    assert await take(api, ACCEPT, ada, {"handle": "bo_1"}) == "FRIENDS"
    friend = {"profileId": profile_id(bo), "handle": "bo_1", "alias": None, "profile": None}
    assert await lists(api, ada) == {"friends": [friend | {"since": "2026-05-01T12:01:00.000Z"}]}
    assert [list(await lists(api, one)) for one in (ada, bo)] == [["friends"], ["friends"]]
    api.clock.now = NOW + timedelta(minutes=2)
    assert await take(api, ACCEPT, ada, to(bo)) == "FRIENDS", "so is accepting again"
    assert await ask(api, ada, "bo_1") == "FRIENDS"
    assert (await lists(api, ada))["friends"][0]["since"] == "2026-05-01T12:01:00.000Z"


async def test_requests_of_both_make_friends(api: Api) -> None:
    ada, bo = await pair(api)
    assert (await ask(api, ada, "bo_1"), await ask(api, bo, "ada")) == ("REQUESTED", "FRIENDS")
    statuses = await asyncio.gather(ask(api, ada, "bo_1"), ask(api, bo, "ada"))
    assert list(statuses) == ["FRIENDS", "FRIENDS"]


async def test_whoever_asked_or_was_asked_may_end_it(api: Api) -> None:
    ada, bo = await pair(api)
    for by in (ada, bo):
        await ask(api, ada, "bo_1")
        assert await take(api, REMOVE, by, to(bo if by is ada else ada)) == "NONE"
        assert (await lists(api, ada), await lists(api, bo)) == ({}, {})
        await befriend(api, ada, bo)
        assert await take(api, REMOVE, by, to(bo if by is ada else ada)) == "NONE"
        assert (await lists(api, ada), await lists(api, bo)) == ({}, {})
    assert await take(api, REMOVE, ada, to(bo)) == "NONE", "ending nothing is no error"


async def test_a_friend_shows_handle_and_alias_and_the_rest_as_to_everybody(api: Api) -> None:
    ada, bo = await pair(api)
    await befriend(api, ada, bo)
    await api.result(UPDATE_PROFILE, themself(ada), input={"alias": "Owl", "handle": "ada_king"})
    seen = {"profileId": profile_id(ada), "handle": "ada_king", "alias": "Owl", "since": STAMP, "profile": None}
    assert (await lists(api, bo))["friends"] == [seen]
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": {"profile": True}})
    open_profile = {"handle": "ada_king", "avatarUrl": AVATAR}
    assert (await lists(api, bo))["friends"] == [seen | {"profile": open_profile}]
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": {"avatar": False}})
    assert (await lists(api, bo))["friends"] == [seen | {"profile": open_profile | {"avatarUrl": None}}]
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": None})
    assert (await lists(api, bo))["friends"] == [seen | {"handle": None}]
    await api.database["members"].delete_one({"_id": ada.member_id})
    assert (await lists(api, bo))["friends"] == [seen | {"handle": None, "alias": None}]
    assert await take(api, REMOVE, bo, to(ada)) == "NONE"


async def test_whoever_was_asked_is_not_followed_to_another_handle(api: Api) -> None:
    ada, bo = await pair(api)
    await ask(api, bo, "ada")
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king"})
    await api.result(UPDATE_PROFILE, themself(bo), input={"handle": "bo_2"})
    assert [one["handle"] for one in (await lists(api, bo))["sent"]] == ["ada"]
    assert [one["handle"] for one in (await lists(api, ada))["got"]] == ["bo_2"]


async def test_who_is_blocked_finds_everything_as_with_one_who_does_not_answer(api: Api) -> None:
    ada, bo = await pair(api)
    silent = await api.enrol("Cy", handle="cy_1")
    for other in (ada, silent):
        await api.result(UPDATE_PROFILE, themself(other), input={"visibility": {"profile": False}})
        await befriend(api, bo, other)
    assert await take(api, BLOCK, ada, {"handle": "bo_1"}) == "BLOCKED"
    assert await take(api, REMOVE, silent, {"handle": "bo_1"}) == "NONE"
    for handle, other in (("ada", ada), ("cy_1", silent)):
        assert await lists(api, bo) == {}
        accepted = await api.nothing_written(ACCEPT, themself(bo), input=to(other))
        assert accepted["code"] == "NO_FRIEND_REQUEST"
        assert await take(api, UNBLOCK, bo, to(other)) == "NONE"
        assert [await ask(api, bo, handle) for _ in range(2)] == ["REQUESTED"] * 2
        asked = {"profileId": profile_id(other), "handle": handle, "askedAt": STAMP, "profile": None}
        assert await lists(api, bo) == {"sent": [asked]}
        assert await take(api, REMOVE, bo, {"handle": handle}) == "NONE"
    await ask(api, bo, "ada")
    blocked = {"profileId": profile_id(bo), "handle": "bo_1", "blockedAt": STAMP}
    assert await lists(api, ada) == {"blocked": [blocked]}, "Ada sees none of it"


async def test_a_block_ends_with_who_made_it(api: Api) -> None:
    ada, bo = await pair(api)
    await take(api, BLOCK, ada, to(bo))
    refused = await api.nothing_written(REQUEST, themself(ada), input={"handle": "bo_1"})
    assert (refused["__typename"], refused["code"]) == ("BlockedByYou", "BLOCKED_BY_YOU")
    await ask(api, bo, "ada")
    assert (await api.nothing_written(ACCEPT, themself(ada), input=to(bo)))["code"] == "NO_FRIEND_REQUEST"
    assert await take(api, UNBLOCK, ada, to(bo)) == "RECEIVED", "what was asked meanwhile comes to light"
    assert await take(api, ACCEPT, ada, to(bo)) == "FRIENDS"


async def test_the_list_of_the_blocked_does_not_follow_them_either(api: Api) -> None:
    ada, bo = await pair(api)
    await take(api, BLOCK, ada, to(bo))
    await api.result(UPDATE_PROFILE, themself(bo), input={"handle": "bo_2"})
    assert [one["handle"] for one in (await lists(api, ada))["blocked"]] == ["bo_1"]


async def test_a_block_hides_each_from_the_other_and_from_nobody_else(api: Api) -> None:
    ada, bo = await pair(api)
    cy = await api.enrol("Cy")
    node = "query Q($id: ID!) { node(id: $id) { id } }"
    for one in (ada, bo):
        await api.result(UPDATE_PROFILE, themself(one), input={"visibility": {"profile": True}})

    async def sees(by: Member, handle: str, other: Member) -> list[bool]:
        profile = (await api.data(PUBLIC_PROFILE, themself(by), handle=handle))["publicProfile"]
        found = (await api.data(node, themself(by), id=profile_id(other)))["node"]
        return [profile is not None, found is not None]

    await take(api, BLOCK, ada, to(bo))
    assert [await sees(ada, "bo_1", bo), await sees(bo, "ada", ada)] == [[False, False], [False, False]]
    assert [await sees(cy, "ada", ada), await sees(bo, "bo_1", bo)] == [[True, True], [True, True]]
    await take(api, UNBLOCK, ada, to(bo))
    assert [await sees(ada, "bo_1", bo), await sees(bo, "ada", ada)] == [[True, True], [True, True]]


async def test_nobody_is_found_without_a_handle_nor_asks_without_one(api: Api) -> None:
    ada, _ = await pair(api)
    nameless = await api.enrol("Cy")
    for handle in ("nobody", "Ada", "", "$gt", nameless.member_id, nameless.loyalty_number, "a" * 10_000):
        refused = await api.nothing_written(REQUEST, themself(ada), input={"handle": handle})
        assert refused["__typename"] == NOT_FOUND, handle
    refused = await api.nothing_written(REQUEST, themself(nameless), input={"handle": "ada"})
    assert refused["problems"] == [
        {"path": "handle", "message": "of your own is needed first, so that they see who asks"}
    ]


async def test_oneself_cannot_be_named(api: Api) -> None:
    ada, _ = await pair(api)
    yourself = "is your own; name another member"
    refused = await api.nothing_written(REQUEST, themself(ada), input={"handle": "ada"})
    assert refused["problems"] == [{"path": "handle", "message": yourself}]
    for mutation in BY_OTHER.values():
        for path, value in (("handle", "ada"), ("profileId", profile_id(ada))):
            refused = await api.nothing_written(mutation, themself(ada), input={path: value})
            assert refused["problems"] == [{"path": path, "message": yourself}]


@pytest.mark.parametrize("name", BY_OTHER)
async def test_another_must_be_named_in_one_way(api: Api, name: str) -> None:
    ada, bo = await pair(api)
    for given in ({}, {"handle": "bo_1", **to(bo)}):
        refused = await api.nothing_written(BY_OTHER[name], themself(ada), input=given)
        assert refused["problems"] == [{"path": "profileId", "message": "or handle is needed, one of the two"}]
    for given in ({"handle": "nobody"}, {"profileId": global_id(bo)}, {"profileId": "$gt"}, {"profileId": ""}):
        refused = await api.nothing_written(BY_OTHER[name], themself(ada), input=given)
        assert refused["__typename"] == NOT_FOUND, given


@pytest.mark.parametrize("mutation", [ACCEPT, BLOCK])
async def test_nobody_comes_to_be_a_friend_or_blocked(api: Api, mutation: str) -> None:
    ada, bo = await pair(api)
    gone = {"profileId": to_global_id("PublicProfile", "nobody")}
    assert (await api.nothing_written(mutation, themself(ada), input=gone))["__typename"] == NOT_FOUND
    await ask(api, bo, "ada")
    await api.database["members"].delete_one({"_id": ada.member_id})
    assert (await api.nothing_written(mutation, themself(ada), input=to(bo)))["__typename"] == NOT_FOUND


async def test_no_request_to_accept(api: Api) -> None:
    ada, bo = await pair(api)
    await ask(api, ada, "bo_1")
    assert await api.nothing_written(ACCEPT, themself(ada), input=to(bo)) == {
        "__typename": "NoFriendRequest",
        "code": "NO_FRIEND_REQUEST",
        "message": "There is no request of this member to accept.",
    }


async def test_limits_say_what_there_is_too_much_of(api: Api) -> None:
    ada, bo = await pair(api)
    counts = {"friends": MAX_FRIENDS, "requests": MAX_OPEN_REQUESTS, "blocks": 1000}
    await api.database["friend_counts"].insert_one({"_id": ada.member_id, **counts})
    refused = await api.nothing_written(REQUEST, themself(ada), input={"handle": "bo_1"})
    assert refused == {
        "__typename": "FriendLimitReached",
        "code": "FRIEND_LIMIT_REACHED",
        "message": "A member can have 100 requests, and you have as many; remove some first.",
        "bound": "REQUESTS",
        "limit": 100,
    }
    blocked = await api.nothing_written(BLOCK, themself(ada), input=to(bo))
    assert (blocked["bound"], blocked["limit"]) == ("BLOCKS", 1000)
    await ask(api, bo, "ada")
    for mutation, by, given in ((ACCEPT, ada, to(bo)), (REQUEST, ada, {"handle": "bo_1"})):
        full = await api.nothing_written(mutation, themself(by), input=given)
        assert (full["bound"], full["limit"]) == ("FRIENDS", 500)
        assert full["message"] == "A member can have 500 friends, and one of you has as many; remove some first."


async def test_lists_are_the_latest_first_and_pages_go_on_where_an_entry_is_gone(api: Api) -> None:
    ada = await api.enrol("Ada", handle="ada")
    others = [await api.enrol(f"m{number}", handle=f"m_{number}") for number in range(5)]
    for number, other in enumerate(others):
        api.clock.now = NOW + timedelta(seconds=number // 2)
        await befriend(api, other, ada)

    async def page(first: int, after: str | None = None) -> tuple[list[str], bool, str]:
        found = (await api.data(FRIENDS, themself(ada), first=first, after=after))["me"]["friends"]
        info = found["pageInfo"]
        return [one["handle"] for one in found["nodes"]], info["hasNextPage"], info["endCursor"]

    everyone = (await page(100))[0]
    assert (everyone[0], sorted(everyone[1:3]), sorted(everyone[3:])) == ("m_4", ["m_2", "m_3"], ["m_0", "m_1"])
    shown, more, cursor = await page(2)
    assert (shown, more) == (everyone[:2], True)
    await take(api, REMOVE, ada, {"handle": shown[1]})
    assert (await page(2, cursor))[:2] == (everyone[2:4], True)
    assert (await page(3, cursor))[:2] == (everyone[2:], False)
    assert await api.codes(FRIENDS, themself(others[0]), after=cursor) == ["INVALID_CURSOR"]
    assert await api.codes(FRIENDS, themself(ada), first=101) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("field", ["friends", "friendRequests", "blocked"])
async def test_nobody_else_reads_them(api: Api, field: str) -> None:
    ada, bo = await pair(api)
    await befriend(api, ada, bo)
    query = (
        f"query Q($id: ID!) {{ node(id: $id) {{ ... on Member {{ handle {field} {{ nodes {{ profileId }} }} }} }} }}"
    )
    for caller in (STAFF, await api.service(*Scope)):
        answer = (await api.post(query, caller, id=global_id(ada))).json()
        assert answer["data"] == {"node": {"handle": "ada", field: None}}
        (error,) = answer["errors"]
        assert (error["path"], error["extensions"]) == (["node", field], {"code": "FORBIDDEN"})
        assert error["message"] == f"{field} of a member is for that member alone."
    own = await api.data(query, themself(ada), id=global_id(ada))
    assert own["node"]["handle"] == "ada"


async def test_friends_are_read_in_one_look_at_members(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await api.enrol("Ada", handle="ada")
    others = [await api.enrol(f"m{number}", handle=f"m_{number}") for number in range(5)]
    store = api.laurel.game.stores.friends
    for other in others:
        for by in (ada.member_id, other.member_id):
            await store.change(ada.member_id, other.member_id, partial(friends.ask, by=by, handle="h", at=NOW))
    looks: list[int] = []
    by_ids = type(api.laurel.members).by_ids

    async def counted(self: Any, member_ids: Any) -> Any:
        looks.append(len(member_ids))
        return await by_ids(self, member_ids)

    monkeypatch.setattr(type(api.laurel.members), "by_ids", counted)
    assert len((await lists(api, ada))["friends"]) == 5
    assert looks == [1, 5]
