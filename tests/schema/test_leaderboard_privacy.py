"""Who sees whom on boards, in every way of appearing and at every moment."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from app.embedded import StoreServers
from gamification.friends import block
from gamification.member import BoardVisibility
from gamification.stores import ProfileChanges
from tests.schema.api import STAFF, Database
from tests.schema.arena import VISIBLE_SECONDS, Arena, opened

Shown = list[tuple[int, str | None, str | None]]
MODES: tuple[tuple[str, BoardVisibility, bool], ...] = (
    ("open", "shown", True),
    ("plain", "shown", False),
    ("mask", "alias", True),
    ("close", "friends", True),
    ("gone", "hidden", True),
)
"""Members by how they appear and whether they have a public profile; the first has most points."""


@pytest.fixture
async def arena(database: Database, servers: StoreServers) -> AsyncIterator[Arena]:
    async with opened(database, servers) as running:
        for number, (name, board, profile) in enumerate(MODES):
            await running.enrol(name, board=board, profile=profile)
            await running.buy(name, 50 - number)
        await running.enrol("friend", "other")
        for name, _, _ in MODES:
            await running.befriend("friend", name)
        await running.settled()
        yield running


async def seen(arena: Arena, caller: str | None, **variables: object) -> Shown:
    nodes = (await arena.page("weekly", caller, **variables))["nodes"]
    return [(row["rank"], row["name"], (row["member"] or {}).get("handle")) for row in nodes]


PUBLIC: Shown = [(1, "handle_open", "handle_open"), (2, None, None), (3, "The mask", None)]


async def test_what_everybody_sees(arena: Arena) -> None:
    for caller in (None, "other", "friend"):
        assert await seen(arena, caller) == PUBLIC
        assert (await arena.page("weekly", caller))["total"] == 3
    query = '{ leaderboard(board: "weekly") { total nodes { rank name } me { rank } aroundMe { rank } } }'
    assert (await arena.api.data(query, STAFF))["leaderboard"] == {
        "total": 3,
        "nodes": [{"rank": rank, "name": name} for rank, name, _ in PUBLIC],
        "me": None,
        "aroundMe": [],
    }


async def test_what_friends_see(arena: Arena) -> None:
    assert await seen(arena, "friend", friends=True) == [
        (1, "handle_open", "handle_open"),
        (2, "handle_plain", None),
        (3, "The mask", None),
        (4, "handle_close", "handle_close"),
    ]
    assert await seen(arena, "other", friends=True) == []


@pytest.mark.parametrize(
    ("name", "rank", "listed"),
    [("open", 1, True), ("plain", 2, True), ("mask", 3, True), ("close", 4, False), ("gone", 4, False)],
)
async def test_everybody_sees_themself(arena: Arena, name: str, rank: int, listed: bool) -> None:
    place = await arena.rank("weekly", name)
    assert (place["rank"], place["listed"], place["total"]) == (rank, listed, 3)
    assert place["percentile"] == (100, 66, 33, 0)[rank - 1]
    around = await arena.around("weekly", name, eachSide=5)
    own = "The mask" if name == "mask" else f"handle_{name}"
    assert (rank, own) in around
    assert len(around) == (3 if listed else 4)


@pytest.mark.parametrize(
    ("name", "rank", "listed"),
    [("open", 1, True), ("plain", 1, True), ("mask", 1, True), ("close", 1, True), ("gone", 1, False)],
)
async def test_among_friends_all_are_listed_whom_friends_see(
    arena: Arena, name: str, rank: int, *, listed: bool
) -> None:
    await arena.buy("friend", 1)
    await arena.settled()
    for board, asked in (("weekly", {"friends": True}), ("circle", {})):
        place = await arena.rank(board, name, **asked)
        assert (place["rank"], place["listed"], place["total"]) == (rank, listed, 2)


async def test_an_alias_is_told_from_a_handle(arena: Arena) -> None:
    changes = ProfileChanges({"alias": "handle_open"}, {})
    await arena.api.laurel.members.change_profile(arena.members["mask"].member_id, changes)
    query = """query Q($friends: Boolean!) {
      leaderboard(board: "weekly", friends: $friends) { nodes { name isAlias } }
    }"""
    for caller, friends in ((None, False), ("mask", False), ("friend", True)):
        nodes = (await arena.api.data(query, arena.caller(caller), friends=friends))["leaderboard"]["nodes"]
        assert [row["isAlias"] for row in nodes if row["name"] == "handle_open"] == [False, True]
        assert sum(row["isAlias"] for row in nodes) == 1


async def test_staff_see_the_rank_of_a_member_who_hides(arena: Arena) -> None:
    query = 'query Q($number: String!) { member(loyaltyNumber: $number) { rank(board: "weekly") { rank listed } } }'
    found = await arena.api.data(query, STAFF, number=arena.members["gone"].loyalty_number)
    assert found == {"member": {"rank": {"rank": 4, "listed": False}}}
    friends = query.replace('"weekly"', '"weekly", friends: true')
    assert await arena.api.codes(friends, STAFF, number=arena.members["gone"].loyalty_number) == ["FORBIDDEN"]


@pytest.mark.parametrize("mode", ["hidden", "friends"])
async def test_who_hides_is_out_of_every_read_within_a_second(arena: Arena, mode: BoardVisibility) -> None:
    await arena.appear("open", mode)

    async def gone() -> bool:
        page = await arena.page("weekly", "other")
        return page["total"] == 2 and [row["rank"] for row in page["nodes"]] == [1, 2]

    assert "handle_open" not in [name for _, name, _ in await seen(arena, None)], "at once"
    await arena.until(gone, VISIBLE_SECONDS)
    assert (await arena.rank("weekly", "plain"))["rank"] == 1
    assert (await arena.rank("weekly", "open"))["listed"] is False
    visible = [name for _, name, _ in await seen(arena, "friend", friends=True)]
    assert ("handle_open" in visible) == (mode == "friends")


async def test_whom_redis_still_lists_is_dropped(arena: Arena) -> None:
    """MongoDB alone knows that they hide: as if the announcement were late."""
    members = arena.api.database["members"]
    for name in ("open", "mask"):
        await members.update_one({"_id": arena.members[name].member_id}, {"$set": {"visibility.board": "hidden"}})
    page = await arena.page("weekly", "other", first=1)
    assert (page["nodes"], page["edges"], page["pageInfo"]["hasNextPage"]) == ([], [], True)
    assert await seen(arena, "other", after=page["pageInfo"]["endCursor"]) == [(2, None, None)]
    assert await seen(arena, None) == [(2, None, None)]
    around = await arena.around("weekly", "plain", eachSide=5)
    assert around == [(2, "handle_plain")]
    assert [name for _, name, _ in await seen(arena, "friend", friends=True)] == ["handle_plain", "handle_close"]
    assert (1, "handle_open") in await arena.around("weekly", "open"), "but they see themself"
    await members.delete_one({"_id": arena.members["plain"].member_id})
    assert await seen(arena, None) == []


async def test_a_new_name_is_seen_at_once(arena: Arena) -> None:
    members = arena.api.database["members"]
    await members.update_one({"_id": arena.members["mask"].member_id}, {"$set": {"profile.alias": "Nobody"}})
    assert (await seen(arena, None))[2] == (3, "Nobody", None)


async def test_a_block_hides_the_profile_but_does_not_unmask_an_alias(arena: Arena) -> None:
    other, store = arena.members["other"].member_id, arena.api.laurel.game.stores.friends
    for name in ("open", "mask"):
        blocked = arena.members[name].member_id
        await store.change(other, blocked, lambda pair: block(pair, other, None, arena.api.clock.now))
    # Were the alias gone too, whoever blocks people one after the other would learn whose it is.
    hidden: Shown = [(1, None, None), *PUBLIC[1:]]
    assert await seen(arena, "other") == hidden
    assert (await seen(arena, "open"))[0] == PUBLIC[0]
    assert await seen(arena, None) == PUBLIC


async def test_cursors_do_not_tell_who_someone_is(arena: Arena) -> None:
    page = await arena.page("weekly")
    for edge in page["edges"]:
        text = base64.urlsafe_b64decode(edge["cursor"] + "==")
        for member in arena.members.values():
            assert member.member_id.encode() not in text
    again = await arena.page("weekly")
    assert [edge["cursor"] for edge in again["edges"]] == [edge["cursor"] for edge in page["edges"]]


@pytest.mark.parametrize(
    "after", ["", "junk", "MTp4", "é", "MTpib2FyZDp3ZWVrbHkvMjA5MS1XMjAvOmxpdmU6YWxsOjEwfmE", "A" * 401, "\x00"]
)
async def test_forged_cursors(arena: Arena, after: str) -> None:
    query = """query Q($friends: Boolean! = false, $after: String) {
      leaderboard(board: "weekly", friends: $friends, after: $after) { total }
    }"""
    for caller, friends in ((None, False), ("friend", True), ("friend", False)):
        refused = await arena.api.codes(query, arena.caller(caller), after=after, friends=friends)
        assert refused == ["INVALID_CURSOR"]


async def test_cursors_serve_their_own_list_only(arena: Arena) -> None:
    after = (await arena.page("weekly", first=1))["pageInfo"]["endCursor"]
    among = (await arena.page("weekly", "friend", friends=True, first=1))["pageInfo"]["endCursor"]
    query = """query Q($board: String!, $friends: Boolean! = false, $after: String) {
      leaderboard(board: $board, friends: $friends, after: $after) { total }
    }"""
    damaged = ("A" if after[0] != "A" else "B") + after[1:]
    for caller, asked in (
        (None, {"board": "weekly", "after": among}),
        (None, {"board": "shared", "after": after}),
        (None, {"board": "weekly", "after": damaged}),
        ("friend", {"board": "weekly", "friends": True, "after": after}),
        ("other", {"board": "weekly", "friends": True, "after": among}),
    ):
        assert await arena.api.codes(query, arena.caller(caller), **asked) == ["INVALID_CURSOR"]


@pytest.mark.parametrize("scope", ["\ud800", "rome\udfff"])
async def test_half_a_character_is_no_scope(arena: Arena, scope: str) -> None:
    query = 'query Q($s: String) { leaderboard(board: "stores", scope: $s) { total } }'
    body = json.dumps({"query": query, "variables": {"s": scope}})
    response = await arena.api.client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert "INTERNAL" not in response.text
