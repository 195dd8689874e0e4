"""leaderboardChanges over real sockets: the top of a board for any number of watchers."""

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.clock import utc_now
from gamification.friends import Step, block
from gamification.member import Member
from gamification.stores import ProfileChanges
from schema.sharing import SharedAnswers
from schema.subscriptions.leaderboard_changes import _Watcher
from tests.schema.api import ANONYMOUS, STAFF, Api, Json, themself
from tests.schema.listening import BOARD, Door, Subscribed, buy

PURCHASES = 30
WATCHERS = 100
WITHOUT_ME = """subscription ($board: String!) { leaderboardChanges(board: $board) {
  __typename state edges { cursor node { rank score isMe name member { handle } } } total } }"""
IN_A_FRAGMENT = """subscription ($board: String!) { leaderboardChanges(board: $board) { ...Own } }
fragment Own on Leaderboard { nodes { rank } ... { place: aroundMe { rank isMe } } }"""


class TestLeaderboardChanges:
    async def test_it_shows_the_top_and_each_caller_their_own_place(self, shop: Api, door: Door) -> None:
        ann, bob = await shop.enrol("Ann"), await shop.enrol("Bob")
        await shop.laurel.members.change_profile(bob.member_id, ProfileChanges({"alias": "B."}, {"board": "alias"}))
        async with (
            door.subscribed(BOARD, themself(ann), board="all-time") as anns,
            door.streamed(BOARD, board="all-time") as anybody_s,
        ):
            assert [(await one.next())["total"] for one in (anns, anybody_s)] == [0, 0]
            await buy(shop, bob, "p1", 2000)
            row = {"rank": 1, "score": 20.0, "isMe": False, "name": "B."}
            for events, me in ((anns, {"rank": None}), (anybody_s, None)):
                change = await events.next()
                assert (change["nodes"], change["me"]) == ([row], me)
            await buy(shop, ann, "p1", 3000)
            change = await anns.next()
            assert ([row["isMe"] for row in change["nodes"]], change["me"]) == ([True, False], {"rank": 1})
            await shop.laurel.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "hidden"}))
            while len(change["nodes"]) != 1:
                change = await anybody_s.next()
            assert (change["nodes"], change["total"]) == ([row], 1)

    async def test_many_watch_and_the_board_is_read_four_times_a_second(
        self, shop: Api, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = await shop.enrol("Ann")
        reads: list[float] = []
        top = shop.laurel.game.tops._boards.top

        async def noted(*arguments: object) -> object:
            reads.append(time.monotonic())
            return await top(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(shop.laurel.live.reads, "top", noted)
        async with AsyncExitStack() as stack:
            watchers = [
                await stack.enter_async_context(door.subscribed(BOARD, board="all-time")) for _ in range(WATCHERS)
            ]
            for watcher in watchers:
                assert (await watcher.next())["total"] == 0
            reads.clear()
            begun = time.monotonic()
            for number in range(PURCHASES):
                member = await buy(shop, ann, f"p{number}")
            points = float(member.state.balance.available)
            for watcher in watchers:
                while (await watcher.next())["nodes"][0]["score"] != points:
                    pass
            assert 1 <= len(reads) <= (time.monotonic() - begun) / 0.25 + 2

    async def test_everybody_gets_what_each_would_get_alone(
        self, shop: Api, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The two at the top, one of whom a third blocks; somebody with nothing; and some who are no members."""
        members = {name: await shop.enrol(name.title(), handle=name) for name in ("ann", "bob", "cat", "dan")}
        for name in ("ann", "bob"):
            await shop.laurel.members.change_profile(members[name].member_id, ProfileChanges({}, {"profile": True}))
            await buy(shop, members[name], "p1", 1000)
        await shop.laurel.game.stores.friends.change(
            members["cat"].member_id, members["bob"].member_id, _blocks(members["cat"])
        )
        monkeypatch.setattr("schema.tops.READ_PAUSE_SECONDS", 0.01)
        callers = {**{name: themself(member) for name, member in members.items()}, "": ANONYMOUS, "staff": STAFF}

        async def asked() -> Mapping[tuple[str, str], Any]:
            answers = {}
            for query in (BOARD, WITHOUT_ME, IN_A_FRAGMENT):
                for name, caller in callers.items():
                    async with door.subscribed(query, caller, board="all-time") as events:
                        answers[query, name] = await settled(events)
            return answers

        shared = await asked()
        monkeypatch.setattr("schema.sharing.MAX_ANSWERS", 0)
        monkeypatch.setattr(shop.laurel.game.tops, "answers", SharedAnswers())

        async def alone(*_: object) -> bool:
            return True

        monkeypatch.setattr(_Watcher, "_sees_otherwise", alone)
        assert await asked() == shared
        assert shared[WITHOUT_ME, "dan"] == shared[WITHOUT_ME, ""] == shared[WITHOUT_ME, "staff"]
        handles = {
            name: [edge["node"]["member"] and edge["node"]["member"]["handle"] for edge in answer["edges"]]
            for (query, name), answer in shared.items()
            if query == WITHOUT_ME
        }
        assert (handles["cat"], handles["dan"]) == (["ann", None], ["ann", "bob"])
        assert [row["isMe"] for row in shared[IN_A_FRAGMENT, "bob"]["place"]] == [False, True]


def _blocks(member: Member) -> Step:
    return lambda between: block(between, member.member_id, member.profile.handle, utc_now())


async def settled(events: Subscribed) -> Json:
    """What is told once both who have bought are there."""
    while True:
        event: Json = await events.next()
        if len(event.get("nodes") or event["edges"]) == 2:
            return event
