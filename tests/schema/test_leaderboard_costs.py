"""What leaderboards cost: one Redis pipeline, however they are asked for together with ranks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from app.embedded import StoreServers
from app.stores import programs
from app.web import HOME_QUERY
from tests.schema.api import RECORD_SHOP, Database
from tests.schema.arena import Arena, opened

LONG_SECONDS = 3600.0
TRIES = 4


class Commands(CommandListener):
    """The commands that a client sends, each with its collection."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append((event.command_name, event.command.get(event.command_name)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """What comes of a command is asserted elsewhere."""

    def failed(self, event: CommandFailedEvent) -> None:
        """What comes of a command is asserted elsewhere."""


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
        await running.enrol("ann", "bob", "cid")
        for name, dollars in {"ann": 10, "bob": 20, "cid": 30}.items():
            await running.buy(name, dollars)
        await running.settled()
        await running.page("weekly", "ann")  # the key of cursors is read once
        yield running
    client.close()


def pipelines(arena: Arena) -> int:
    return arena.api.laurel.live.boards._wire.pipelines


async def fewest_pipelines(arena: Arena, query: str, name: str) -> tuple[int, Any]:
    """How many pipelines a query takes, and its answer; of a few tries, since the background has some of its own."""
    found = []
    for _ in range(TRIES):
        before = pipelines(arena)
        answer = await arena.api.data(query, arena.caller(name))
        found.append(pipelines(arena) - before)
    return min(found), answer


FORMS = {
    "home": HOME_QUERY,
    "alias": '{ I: me { mine: rank(board: "weekly") { rank } } top: leaderboard(board: "weekly") { nodes { rank } } }',
    "fragments": """
        query { ...Root leaderboard(board: "weekly") { nodes { rank } } }
        fragment Root on Query { me { ...Mine } }
        fragment Mine on Member { ... on Member { ... { rank(board: "weekly") { rank } } } }
    """,
    "variables": """
        query Q($b: String! = "weekly", $yes: Boolean! = true, $none: String) {
          me { rank(board: $b, scope: $none, friends: false) @include(if: $yes) { rank } }
          leaderboard(board: $b) { nodes { rank } }
        }
    """,
    "many": """
        { me { a: rank(board: "weekly") { rank } b: rank(board: "all-time") { rank } }
          c: me { rank(board: "collectors") { rank } }
          d: leaderboard(board: "weekly") { nodes { rank } } e: leaderboard(board: "all-time") { nodes { rank } } }
    """,
}


@pytest.mark.parametrize("query", FORMS.values(), ids=FORMS.keys())
async def test_ranks_and_leaderboards_are_one_pipeline(arena: Arena, query: str) -> None:
    for name in ("ann", "bob"):
        sent = arena.api.laurel.live.reads.pipelines
        fewest, home = await fewest_pipelines(arena, query, name)
        assert (fewest, arena.api.laurel.live.reads.pipelines - sent) == (1, TRIES)
        me = home.get("me") or home["I"]
        rank = me.get("rank") or me.get("mine") or me["a"]
        assert rank["rank"] == {"ann": 3, "bob": 2}[name]


@pytest.mark.parametrize("left_out", ["@skip(if: true)", "@include(if: false)"])
async def test_what_is_left_out_is_not_read(arena: Arena, left_out: str) -> None:
    for asked in (
        f'rank(board: "weekly") {left_out} {{ rank }}',
        f'... {left_out} {{ rank(board: "weekly") {{ rank }} }}',
    ):
        fewest, _ = await fewest_pipelines(arena, f"{{ me {{ id {asked} }} }}", "ann")
        assert fewest == 0


async def test_a_refused_rank_spoils_nothing(arena: Arena) -> None:
    query = '{ me { id a: rank(board: "weekly", scope: "rome") { rank } rank(board: "weekly") { rank } } }'
    answer = (await arena.api.post(query, arena.caller("ann"))).json()
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT"}]
    assert (answer["data"]["me"]["a"], answer["data"]["me"]["rank"]) == (None, {"rank": 3})
