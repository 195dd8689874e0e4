"""Group commit: what is written together, what never is, and whose fault is whose."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gamification import group_commit
from gamification.contention import Contended
from gamification.group_commit import (
    MAX_ITEMS_PER_COMMIT,
    MAX_ITEMS_PER_MEMBER,
    MAX_MEMBERS_PER_COMMIT,
    MAX_WRITERS,
    MIN_ITEMS_BESIDE,
    GroupCommit,
)
from gamification.stores import StoreUnavailable

Item = tuple[str, int]
"""A member and a number."""
PATIENCE_SECONDS = 5.0


class Ledger:
    """What is written to; every commit waits at ``gate`` while that is shut, and ``fault`` may raise."""

    def __init__(self, fault: Callable[[Sequence[Item]], Exception | None] = lambda items: None) -> None:
        self.fault = fault
        self.commits: list[list[Item]] = []
        self.written: list[Item] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way: list[set[str]] = []
        self.most_under_way = 0

    async def commit(self, items: Sequence[Item]) -> Sequence[str]:
        members = {member for member, _ in items}
        assert all(members.isdisjoint(others) for others in self.under_way), "a member is in two commits at once"
        self.under_way.append(members)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        self.commits.append(list(items))
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            if error := self.fault(items):
                raise error
            self.written += items
            return [f"{member}{number}" for member, number in items]
        finally:
            self.under_way.remove(members)


def queue(ledger: Ledger) -> GroupCommit[Item, str]:
    return GroupCommit(ledger.commit)


def pairs(*items: Item) -> list[tuple[str, Item]]:
    return [(member, (member, number)) for member, number in items]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the loop itself is what is being watched
            await asyncio.sleep(0)


def refusing(member: str, error: Exception) -> Callable[[Sequence[Item]], Exception | None]:
    return lambda items: error if any(who == member for who, _ in items) else None


async def test_what_arrives_together_is_written_together_and_answered_in_order() -> None:
    ledger = Ledger()
    assert await queue(ledger).write(pairs(("b", 1), ("a", 1), ("b", 2))) == ["b1", "a1", "b2"]
    assert ledger.commits == [[("b", 1), ("a", 1), ("b", 2)]]


async def test_nothing_is_written_for_nothing() -> None:
    ledger = Ledger()
    assert await queue(ledger).write([]) == []
    assert ledger.commits == []


async def test_callers_of_the_same_moment_share_a_commit() -> None:
    ledger = Ledger()
    group = queue(ledger)
    results = await asyncio.gather(*(group.write(pairs((f"m{number}", number))) for number in range(40)))
    assert results == [[f"m{number}{number}"] for number in range(40)]
    assert len(ledger.commits) == 1


async def test_a_commit_has_a_bounded_number_of_members_and_of_items() -> None:
    ledger = Ledger()
    await queue(ledger).write(pairs(*((f"m{number}", 0) for number in range(2 * MAX_MEMBERS_PER_COMMIT + 1))))
    assert [len({who for who, _ in items}) for items in ledger.commits] == [MAX_MEMBERS_PER_COMMIT] * 2 + [1]
    ledger = Ledger()
    await queue(ledger).write(pairs(*(("m", number) for number in range(MAX_ITEMS_PER_COMMIT + 1))))
    assert {len(items) for items in ledger.commits[:-1]} == {MAX_ITEMS_PER_MEMBER}
    assert ledger.written == [("m", number) for number in range(MAX_ITEMS_PER_COMMIT + 1)]
    ledger = Ledger()
    members = 2 * MAX_ITEMS_PER_COMMIT // MAX_ITEMS_PER_MEMBER
    many = [(f"m{who}", number) for who in range(members) for number in range(MAX_ITEMS_PER_MEMBER)]
    await queue(ledger).write(pairs(*many))
    assert max(len(items) for items in ledger.commits) == MAX_ITEMS_PER_COMMIT


async def test_a_few_wait_for_the_commit_under_way_and_many_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_PATIENCE_SECONDS", 100.0)
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    calls = [asyncio.create_task(group.write(pairs(("first", 0))))]
    for number in range(MIN_ITEMS_BESIDE):
        await until(lambda: len(ledger.commits) == 1)
        calls.append(asyncio.create_task(group.write(pairs((f"m{number}", 0)))))
        for _ in range(5):
            await asyncio.sleep(0)
    assert [len(items) for items in ledger.commits] == [1, MIN_ITEMS_BESIDE]
    calls.append(asyncio.create_task(group.write(pairs(("last", 0)))))
    ledger.gate.set()
    await asyncio.gather(*calls)
    assert [len(items) for items in ledger.commits] == [1, MIN_ITEMS_BESIDE, 1]


async def test_a_few_that_have_waited_for_what_takes_long_wait_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_PATIENCE_SECONDS", 0.0)
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    first = asyncio.create_task(group.write(pairs(("a", 0))))
    await until(lambda: len(ledger.commits) == 1)
    second = asyncio.create_task(group.write(pairs(("b", 0))))
    await until(lambda: len(ledger.commits) == MAX_WRITERS)
    ledger.gate.set()
    await asyncio.gather(first, second)
    assert ledger.commits == [[("a", 0)], [("b", 0)]]


async def test_commits_of_other_members_go_on_beside_one_that_waits_up_to_a_bound() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    calls = []
    for number in range(5):
        calls.append(asyncio.create_task(group.write(pairs((f"m{number}", 0)))))
        await until(lambda number=number: len(ledger.commits) == min(number + 1, MAX_WRITERS))  # type: ignore[misc]
        for _ in range(5):
            await asyncio.sleep(0)
    assert [items[0][0] for items in ledger.commits] == ["m0", "m1"]
    ledger.gate.set()
    await asyncio.gather(*calls)
    assert ledger.most_under_way == MAX_WRITERS
    assert sorted(ledger.written) == [(f"m{number}", 0) for number in range(5)]


async def test_a_member_s_items_keep_their_order_and_are_never_in_two_commits_at_once() -> None:
    ledger = Ledger()
    group = queue(ledger)
    calls = []
    for number in range(300):
        calls.append(
            asyncio.create_task(group.write(pairs((f"m{number % 7}", number), (f"m{number % 3}", 1000 + number))))
        )
        if number % 5 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*calls)
    for who in {member for member, _ in ledger.written}:
        mine = [number for member, number in ledger.written if member == who]
        assert mine == sorted(mine, key=lambda number: (number % 1000, number))
    assert len(ledger.written) == 600


async def test_a_failing_member_is_tried_alone_and_the_others_are_written() -> None:
    fault = ValueError("this member")
    ledger = Ledger(refusing("bad", fault))
    group = queue(ledger)
    results = await asyncio.gather(
        *(group.write(pairs((who, 1), (who, 2))) for who in ("a", "bad", "b")), return_exceptions=True
    )
    assert results == [["a1", "a2"], fault, ["b1", "b2"]]
    assert ledger.written == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert ledger.commits[1:] == [[(who, 1), (who, 2)] for who in ("a", "bad", "b")]


async def test_contention_is_settled_member_by_member() -> None:
    """Too many others wrote: that is no outage, so each member has a try of their own."""
    ledger = Ledger(lambda items: Contended("again") if len({who for who, _ in items}) > 1 else None)
    assert await queue(ledger).write(pairs(("a", 1), ("b", 1))) == ["a1", "b1"]
    assert [len(items) for items in ledger.commits] == [2, 1, 1]


async def test_an_outage_is_everybody_s_and_nobody_is_tried_alone() -> None:
    outage = StoreUnavailable("gone")
    ledger = Ledger(lambda items: outage)
    group = queue(ledger)
    results = await asyncio.gather(*(group.write(pairs((who, 1))) for who in "abc"), return_exceptions=True)
    assert results == [outage] * 3
    assert len(ledger.commits) == 1
    ledger.fault = lambda items: None
    assert await group.write(pairs(("a", 2))) == ["a2"]


async def test_a_caller_who_has_gone_before_it_began_is_passed_over() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    first = asyncio.create_task(group.write(pairs(("m", 1))))
    await until(lambda: len(ledger.commits) == 1)
    gone, stays = (asyncio.create_task(group.write(pairs(("m", number)))) for number in (2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    ledger.gate.set()
    assert (await first, await stays) == (["m1"], ["m3"])
    assert ledger.written == [("m", 1), ("m", 3)]


async def test_a_caller_who_goes_meanwhile_hinders_nobody() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    gone, stays = (asyncio.create_task(group.write(pairs((who, 1)))) for who in "ab")
    await until(lambda: len(ledger.commits) == 1)
    gone.cancel()
    ledger.gate.set()
    assert await stays == ["b1"]
    assert gone.cancelled()
    assert ledger.written == [("a", 1), ("b", 1)]  # it was under way: it is written, and a retry finds it


async def test_what_would_only_wait_in_vain_is_refused_and_none_of_it_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    running = asyncio.create_task(group.write(pairs(("m", 0))))
    await until(lambda: len(ledger.commits) == 1)
    waiting = asyncio.create_task(group.write(pairs(("m", 1), ("m", 2))))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="2 activities are waiting"):
        await group.write(pairs(("n", 1), ("n", 2)))
    ledger.gate.set()
    assert (await running, await waiting) == (["m0"], ["m1", "m2"])
    assert ("n", 1) not in ledger.written
    assert await group.write(pairs(("n", 1), ("n", 2))) == ["n1", "n2"]


async def test_it_ends_when_all_is_written_and_begins_again() -> None:
    ledger = Ledger()
    group = queue(ledger)
    for number in range(3):
        assert await group.write(pairs(("m", number))) == [f"m{number}"]
        await until(lambda: not group._writers)
    assert not group._waiting
    assert not group._busy


async def test_when_the_process_ends_nobody_waits_for_ever() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    call = asyncio.create_task(group.write(pairs(("m", 1))))
    await until(lambda: len(ledger.commits) == 1)
    for writer in group._writers:
        writer.cancel()
    with pytest.raises(StoreUnavailable, match="the process is ending"):
        await asyncio.wait_for(call, PATIENCE_SECONDS)
    assert ledger.written == []


async def test_an_outage_while_members_are_tried_alone_refuses_the_rest_at_once() -> None:
    outage = StoreUnavailable("gone")
    ledger = Ledger(lambda items: ValueError("one of them") if len(items) > 1 else outage if items[0][1] else None)
    group = queue(ledger)
    results = await asyncio.gather(
        *(group.write(pairs((who, number))) for number, who in enumerate("abcd")), return_exceptions=True
    )
    assert results == [["a0"], outage, outage, outage]
    assert [len(items) for items in ledger.commits] == [4, 1, 1]
    assert ledger.written == [("a", 0)]


async def test_a_member_with_much_to_write_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_ITEMS_PER_MEMBER", MAX_ITEMS_PER_COMMIT)
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    running = asyncio.create_task(group.write(pairs(("first", 0), ("second", 0))))
    await until(lambda: len(ledger.commits) == 1)
    much = 2 * MAX_ITEMS_PER_COMMIT
    calls = [
        asyncio.create_task(group.write(pairs(*(("bulk", number) for number in range(much))))),
        asyncio.create_task(group.write(pairs(("bulk too", 0)))),
        asyncio.create_task(group.write(pairs(("first", 1)))),
        asyncio.create_task(group.write(pairs(("last", 0), ("last", 1)))),
    ]
    await until(lambda: len(ledger.commits) == 2)
    ledger.gate.set()
    await asyncio.gather(running, *calls)
    # Each of the others has room for one; then those who waited come before the bulk's second turn.
    most = MAX_ITEMS_PER_COMMIT - 2
    assert ledger.commits[1] == [*(("bulk", number) for number in range(most)), ("bulk too", 0), ("last", 0)]
    assert [items[0] for items in ledger.commits[2:]] == [("first", 1), ("bulk", most), ("bulk", much - 3)]
    assert ledger.commits[3][-1] == ("last", 1)
    assert [number for who, number in ledger.written if who == "bulk"] == list(range(much))
    assert sum(who == "first" for who, _ in ledger.written) == 2


async def test_those_who_come_together_share_a_commit_with_a_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_ITEMS_PER_MEMBER", MAX_ITEMS_PER_COMMIT)
    ledger = Ledger()
    bulk = (("bulk", number) for number in range(MAX_ITEMS_PER_COMMIT))
    await queue(ledger).write(pairs(*bulk, ("a", 0), ("b", 0), ("b", 1)))
    assert [len(items) for items in ledger.commits] == [MAX_ITEMS_PER_COMMIT, 3]
    assert ledger.commits[0][-2:] == [("a", 0), ("b", 0)]
    assert sorted(ledger.commits[1]) == [("b", 1), ("bulk", 498), ("bulk", 499)]


async def test_a_call_of_whom_all_have_gone_is_passed_over_with_all_its_items() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    group = queue(ledger)
    running = asyncio.create_task(group.write(pairs(("m", 0), ("n", 0))))
    await until(lambda: len(ledger.commits) == 1)
    many = [("m", 1)] * (2 * MAX_ITEMS_PER_COMMIT)
    gone = [asyncio.create_task(group.write(pairs(*items))) for items in (many, [("m", 2)])]
    stays = asyncio.create_task(group.write(pairs(("n", 1))))
    await asyncio.sleep(0)
    for call in gone:
        call.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    ledger.gate.set()
    assert (await running, await stays) == (["m0", "n0"], ["n1"])
    await until(lambda: not group._writers)
    assert (group._count, group._waiting) == (0, {})
    assert [who for who, number in ledger.written if number] == ["n"]
