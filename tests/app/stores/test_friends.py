"""Friendships in the store: exact under concurrency, bounded to the last one, and nothing left where nothing is."""

import asyncio
import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from app.stores.friends import MongoFriendships
from gamification import friends
from gamification.friends import (
    MAX_FRIENDS,
    MAX_OPEN_REQUESTS,
    BlockedByYou,
    Friendship,
    LimitReached,
    NoRequest,
    Refusal,
    Standing,
    friendship,
)
from tests.app.stores.play import NOW, Play

COLLECTIONS = ("friendships", "friend_counts")


class Circle:
    """Members known by their ids alone, and the steps that they take."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.store = MongoFriendships(play.connection)

    async def ask(self, by: str, other: str) -> Friendship | Refusal:
        return await self.store.change(by, other, lambda pair: friends.ask(pair, by, other, NOW))

    async def accept(self, by: str, other: str) -> Friendship | Refusal:
        return await self.store.change(by, other, lambda pair: friends.accept(pair, by, NOW))

    async def remove(self, by: str, other: str) -> Friendship | Refusal:
        return await self.store.change(by, other, lambda pair: friends.remove(pair, by))

    async def block(self, by: str, other: str) -> Friendship | Refusal:
        return await self.store.change(by, other, lambda pair: friends.block(pair, by, other, NOW))

    async def unblock(self, by: str, other: str) -> Friendship | Refusal:
        return await self.store.change(by, other, lambda pair: friends.unblock(pair, by))

    async def befriend(self, one: str, other: str) -> None:
        await self.ask(one, other)
        assert isinstance(await self.accept(other, one), Friendship)

    async def counts(self) -> dict[str, tuple[int, int, int]]:
        """Friends, requests and blocks of each member as they are counted."""
        found = await self.play.connection["friend_counts"].find().to_list(None)
        return {one["_id"]: (one["friends"], one["requests"], one["blocks"]) for one in found}

    async def contents(self) -> Mapping[str, Any]:
        return {name: await self.play.connection[name].find().sort("_id", 1).to_list(None) for name in COLLECTIONS}

    async def give(self, member_id: str, **counts: int) -> None:
        """Let a member have so many already."""
        given = {"friends": 0, "requests": 0, "blocks": 0, **counts}
        await self.play.connection["friend_counts"].replace_one({"_id": member_id}, given, upsert=True)


@pytest.fixture
def circle(play: Play) -> Circle:
    return Circle(play)


async def test_what_is_made_is_read_back_equal(circle: Circle) -> None:
    made = await circle.ask("ann", "bob")
    assert made == friends.ask(friendship("ann", "bob"), "ann", "bob", NOW)
    assert await circle.store.between("bob", ["ann", "eve", "bob"]) == {"ann": made}
    assert await circle.store.between("bob", []) == {}
    assert await circle.counts() == {"ann": (0, 1, 0)}
    accepted = await circle.accept("bob", "ann")
    assert accepted == Friendship(("ann", "bob"), friends_since=NOW)
    assert await circle.store.between("ann", ["bob"]) == {"bob": accepted}
    assert (await circle.store.friend_ids("ann"), await circle.store.friend_ids("bob")) == (["bob"], ["ann"])
    assert await circle.counts() == {"ann": (1, 0, 0), "bob": (1, 0, 0)}


async def test_lists_hold_what_each_member_keeps(circle: Circle) -> None:
    await circle.befriend("ann", "bob")
    await circle.ask("ann", "eve")
    await circle.ask("joe", "ann")
    await circle.block("ann", "max")
    await circle.ask("max", "ann")

    async def others(member_id: str) -> list[list[str]]:
        return [
            [pair.other(member_id) for pair in await circle.store.kept(member_id, what)]
            for what in ("friends", "received", "sent", "blocked")
        ]

    assert await others("ann") == [["bob"], ["joe"], ["eve"], ["max"]]
    assert await others("max") == [[], [], ["ann"], []]
    assert await others("eve") == [[], ["ann"], [], []]
    await circle.unblock("ann", "max")
    assert await others("ann") == [["bob"], ["joe", "max"], ["eve"], []]


async def test_nothing_is_left_where_nothing_is(circle: Circle) -> None:
    await circle.befriend("ann", "bob")
    await circle.remove("bob", "ann")
    assert await circle.contents() == {
        "friendships": [],
        "friend_counts": [{"_id": one, "friends": 0, "requests": 0, "blocks": 0} for one in ("ann", "bob")],
    }
    assert await circle.store.friend_ids("ann") == []


async def test_what_is_refused_or_so_already_writes_nothing(circle: Circle) -> None:
    await circle.befriend("ann", "bob")
    await circle.block("ann", "eve")
    before = await circle.contents()
    assert await circle.accept("ann", "joe") == NoRequest()
    assert await circle.ask("ann", "eve") == BlockedByYou()
    assert await circle.ask("ann", "bob") == Friendship(("ann", "bob"), friends_since=NOW)
    assert await circle.remove("ann", "joe") == friendship("ann", "joe")
    await circle.block("ann", "eve")
    await circle.unblock("eve", "ann")
    with pytest.raises(ValueError, match="takes two"):
        await circle.ask("ann", "ann")
    assert await circle.contents() == before


@pytest.mark.parametrize(
    ("who", "held", "refused"),
    [
        ("ann", {"friends": MAX_FRIENDS, "requests": 1}, LimitReached("friends", MAX_FRIENDS)),
        ("bob", {"friends": MAX_FRIENDS}, LimitReached("friends", MAX_FRIENDS)),
    ],
)
async def test_the_limit_of_either_keeps_them_from_being_friends(
    circle: Circle, who: str, held: Mapping[str, int], refused: LimitReached
) -> None:
    await circle.ask("ann", "bob")
    await circle.give(who, **held)
    before = await circle.contents()
    assert await circle.accept("bob", "ann") == refused
    assert await circle.ask("bob", "ann") == refused, "a crossing request is an acceptance"
    assert await circle.contents() == before
    await circle.remove("bob", "ann")
    assert (await circle.counts())["ann"][1] == 0


async def test_requests_of_both_at_once_make_friends(circle: Circle) -> None:
    for number in range(5):
        ann, bob = f"ann{number}", f"bob{number}"
        results = await asyncio.gather(circle.ask(ann, bob), circle.ask(bob, ann))
        standings = {result.standing(ann) for result in results if isinstance(result, Friendship)}
        assert Standing.FRIENDS in standings
        assert await circle.store.friend_ids(ann) == [bob]
        counts = await circle.counts()
        assert (counts[ann], counts[bob]) == ((1, 0, 0), (1, 0, 0))


async def test_an_acceptance_and_a_block_at_once_leave_the_block_alone(circle: Circle) -> None:
    for number in range(5):
        ann, bob = f"ann{number}", f"bob{number}"
        await circle.ask(ann, bob)
        accepted, blocked = await asyncio.gather(circle.accept(bob, ann), circle.block(ann, bob))
        assert accepted in (NoRequest(), Friendship((ann, bob), friends_since=NOW))
        assert blocked == friends.block(friendship(ann, bob), ann, bob, NOW)
        assert await circle.store.between(ann, [bob]) == {bob: blocked}
        assert await circle.store.friend_ids(bob) == []
        counts = await circle.counts()
        assert counts[ann] == (0, 0, 1)
        assert counts.get(bob, (0, 0, 0)) == (0, 0, 0)


async def test_of_many_requests_at_the_limit_just_so_many_are_made(circle: Circle) -> None:
    await circle.give("ann", requests=MAX_OPEN_REQUESTS - 3)
    results = await asyncio.gather(*(circle.ask("ann", f"m{number}") for number in range(20)))
    assert sum(isinstance(result, Friendship) for result in results) == 3
    assert results.count(LimitReached("requests", MAX_OPEN_REQUESTS)) == 17
    assert len(await circle.store.kept("ann", "sent")) == 3
    assert await circle.counts() == {"ann": (0, MAX_OPEN_REQUESTS, 0)}


async def test_of_many_acceptances_at_the_limit_just_so_many_make_friends(circle: Circle) -> None:
    askers = [f"m{number}" for number in range(8)]
    for asker in askers:
        await circle.ask(asker, "ann")
    await circle.give("ann", friends=MAX_FRIENDS - 2)
    results = await asyncio.gather(*map(partial(circle.accept, "ann"), askers))
    assert results.count(LimitReached("friends", MAX_FRIENDS)) == 6
    assert len(await circle.store.friend_ids("ann")) == 2
    counts = await circle.counts()
    assert counts.pop("ann") == (MAX_FRIENDS, 0, 0)
    assert sorted(counts.values()) == [(0, 1, 0)] * 6 + [(1, 0, 0)] * 2


async def test_after_any_steps_at_once_the_counts_are_those_of_the_pairs(circle: Circle) -> None:
    members = ["ann", "bob", "eve", "joe"]
    steps = [circle.ask, circle.ask, circle.accept, circle.remove, circle.block, circle.unblock]
    chance = random.Random(5)

    async def play(by: str) -> None:
        for _ in range(15):
            other = chance.choice([one for one in members if one != by])
            await chance.choice(steps)(by, other)

    await asyncio.gather(*map(play, members))
    for member_id, counted in (await circle.counts()).items():
        kept = [len(await circle.store.kept(member_id, what)) for what in ("friends", "sent", "blocked")]
        assert counted == tuple(kept), member_id
        assert sorted(await circle.store.friend_ids(member_id)) == sorted(
            pair.other(member_id) for pair in await circle.store.kept(member_id, "friends")
        )
