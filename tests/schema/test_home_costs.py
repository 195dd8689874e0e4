"""What the home screen costs: one find and one pipeline alone, a handful for a hundred at once, and each its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from app.embedded import StoreServers
from app.stores import programs
from app.web import HOME_QUERY
from gamification.friends import block
from gamification.stores import ProfileChanges
from tests.schema.api import RECORD_SHOP, Database, Json, global_id
from tests.schema.arena import Arena, opened
from tests.schema.test_leaderboard_costs import LONG_SECONDS, TRIES, Commands, pipelines

NAMES = tuple(f"m{number:02}" for number in range(25))
"""The later, the higher on the board; the first is on none."""
MANY = 100
HANDFUL = 5
ASKED = frozenset({"members", "friendships"})
"""What home screens read; other collections are read by what runs in the background."""


@pytest.fixture
async def commands() -> Commands:
    """What is sent to MongoDB."""
    return Commands()


@pytest.fixture
async def arena(
    database: Database, servers: StoreServers, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Arena]:
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", LONG_SECONDS)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo_url, event_listeners=[commands])
    async with opened(client[database.name], servers, RECORD_SHOP) as running:
        await running.enrol(*NAMES)
        for number, name in enumerate(NAMES[1:], start=1):
            await running.buy(name, number)
        await running.settled()
        await home(running, NAMES[0])  # the key of cursors is read once
        yield running
    client.close()


async def home(arena: Arena, name: str) -> Json:
    return await arena.api.data(HOME_QUERY, arena.caller(name))


def finds(commands: Commands) -> list[str]:
    return [collection for command, collection in commands.sent if command == "find" and collection in ASKED]


def handles(answer: Json) -> list[str | None]:
    return [(row["member"] or {}).get("handle") for row in answer["leaderboard"]["nodes"]]


async def test_a_home_screen_alone_is_one_find_and_one_pipeline(arena: Arena, commands: Commands) -> None:
    found = []
    for _ in range(TRIES):
        commands.sent.clear()
        before = pipelines(arena)
        answer = await home(arena, "m07")
        found.append((pipelines(arena) - before, finds(commands)))
        assert handles(answer) == [f"handle_{name}" for name in NAMES[:-11:-1]]
    # What runs in the background has pipelines of its own, but never fewer than none.
    assert min(found) == (1, ["members"])


async def test_a_hundred_at_once_cost_a_handful_and_each_is_told_their_own(arena: Arena, commands: Commands) -> None:
    commands.sent.clear()
    before = pipelines(arena)
    names = [NAMES[number % len(NAMES)] for number in range(MANY)]
    answers = await asyncio.gather(*(home(arena, name) for name in names))
    assert len(finds(commands)) <= HANDFUL, Counter(finds(commands))
    assert pipelines(arena) - before <= HANDFUL
    for name, answer in zip(names, answers, strict=True):
        number = NAMES.index(name)
        assert answer["me"]["id"] == global_id(arena.members[name])
        assert answer["me"]["displayName"] == name
        rank = answer["me"]["rank"]
        assert (rank["rank"], rank["total"]) == (len(NAMES) - number if number else None, len(NAMES) - 1)
        assert (
            answer["me"]["points"]["available"] == (await arena.api.stored(arena.members[name])).state.balance.available
        )


async def test_who_is_new_in_the_first_rows_is_read_when_they_are_known(arena: Arena, commands: Commands) -> None:
    """The guess is the first ten as they were. It shows nobody who is not in them now, and leaves nobody out."""
    await arena.buy("m00", 1000)
    await arena.settled()
    commands.sent.clear()
    answer = await home(arena, "m03")
    assert handles(answer) == ["handle_m00", *(f"handle_{name}" for name in NAMES[:-10:-1])]
    assert finds(commands) == ["members", "members"]
    commands.sent.clear()
    assert handles(await home(arena, "m03"))[0] == "handle_m00"
    assert finds(commands) == ["members"]


async def test_whoever_hides_is_gone_for_all_who_ask_after_that(arena: Arena) -> None:
    """Also where others are just reading them, and Redis lists them still: as if the announcement were late."""
    asking = [asyncio.ensure_future(home(arena, name)) for name in NAMES[:5]]
    first = NAMES[-1]
    hides = {"$set": {"visibility.board": "hidden"}}
    await arena.api.database["members"].update_one({"_id": arena.members[first].member_id}, hides)
    after = await asyncio.gather(*(home(arena, name) for name in NAMES[:5]))
    assert [handles(answer)[0] for answer in after] == [f"handle_{NAMES[-2]}"] * 5
    assert handles(await home(arena, first))[0] == f"handle_{first}", "they see themself"
    await asyncio.gather(*asking)


async def test_what_is_written_is_read_by_whoever_wrote_it(arena: Arena) -> None:
    """While others read the same members all the time."""
    stop = asyncio.Event()

    async def others() -> None:
        while not stop.is_set():
            await home(arena, "m02")

    async with asyncio.TaskGroup() as reading:
        for _ in range(2):
            reading.create_task(others())
        member_id = arena.members["m24"].member_id
        for number in range(5):
            changes = ProfileChanges({"handle": f"handle_{number}", "display_name": f"Name {number}"}, {})
            await arena.api.laurel.members.change_profile(member_id, changes)
            answer = await home(arena, "m24")
            assert (answer["me"]["displayName"], handles(answer)[0]) == (f"Name {number}", f"handle_{number}")
        stop.set()


async def test_a_document_that_cannot_be_read_spoils_no_other_answer(arena: Arena) -> None:
    broken = arena.members["m01"]
    await arena.api.database["members"].update_one({"_id": broken.member_id}, {"$set": {"state.balance": "much"}})
    names = ("m01", "m02", "m03")
    answers = await asyncio.gather(*(arena.api.post(HOME_QUERY, arena.caller(name)) for name in names))
    bodies = [answer.json() for answer in answers]
    assert [error["extensions"]["code"] for error in bodies[0]["errors"]] == ["INTERNAL"] * len(bodies[0]["errors"])
    for name, body in zip(names[1:], bodies[1:], strict=True):
        assert list(body) == ["data"]
        assert body["data"]["me"]["displayName"] == name


async def test_a_row_that_cannot_be_read_spoils_the_board_but_not_the_member(arena: Arena) -> None:
    broken = arena.members["m24"]
    await arena.api.database["members"].update_one({"_id": broken.member_id}, {"$set": {"state.balance": "much"}})
    body = (await arena.api.post(HOME_QUERY, arena.caller("m02"))).json()
    assert body["data"]["me"]["displayName"] == "m02"
    assert body["data"]["leaderboard"] is None
    assert [error["path"] for error in body["errors"]] == [["leaderboard"]]


async def test_what_is_read_for_one_is_shown_to_no_other(arena: Arena) -> None:
    """One reads their account while another, in the same tick, asks for it by its id and as nobody in particular."""
    ann, query = arena.members["m05"], "query Q($id: ID!) { node(id: $id) { id } me { id } }"
    own, foreign, nobody = await asyncio.gather(
        home(arena, "m05"),
        arena.api.data(query, arena.caller("m06"), id=global_id(ann)),
        arena.api.post(query, id=global_id(ann)),
    )
    assert own["me"]["id"] == global_id(ann)
    assert foreign == {"node": None, "me": {"id": global_id(arena.members["m06"])}}
    assert {error["extensions"]["code"] for error in nobody.json()["errors"]} == {"UNAUTHENTICATED"}


async def test_only_those_between_whom_a_block_may_stand_look_for_any(arena: Arena, commands: Commands) -> None:
    store = arena.api.laurel.game.stores.friends
    one, other = arena.members["m23"].member_id, arena.members["m04"].member_id
    await store.change(one, other, lambda pair: block(pair, one, None, arena.api.clock.now))
    for name, costs, seen in (("m04", ["members", "friendships"], None), ("m06", ["members"], "handle_m23")):
        commands.sent.clear()
        assert handles(await home(arena, name))[1] == seen
        assert finds(commands) == costs
    assert handles(await home(arena, "m23"))[1] == "handle_m23"
    # One from before it was noted looks, too.
    await arena.api.database["members"].update_one(
        {"_id": arena.members["m06"].member_id}, {"$unset": {"may_have_blocks": ""}}
    )
    commands.sent.clear()
    assert handles(await home(arena, "m06"))[1] == "handle_m23"
    assert finds(commands) == ["members", "friendships"]
