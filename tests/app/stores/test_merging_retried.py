"""Purchases, refunds, merges and undoings in any order, each retried at any later time: all of it counts once."""

from dataclasses import dataclass, field, replace
from random import Random

import pytest

from gamification.member import Member
from gamification.merging import CannotMerge, Merged
from gamification.requests import IdempotencyConflict, MergeRequest, Recorded, RecordRequest, ReverseRequest
from tests.app.stores.play import NOW, PROGRAM, Play, purchase

POINT_A_DOLLAR = PROGRAM[: PROGRAM.index("challenges:")]
ROUTES = ((1, 0), (1, 2), (2, 0), (0, 1))
"""Which account may be merged into which other, by their places."""


@dataclass
class Book:
    """What must have been counted: the dollars of each (account that was named, key), nothing once taken back."""

    play: Play
    accounts: tuple[Member, ...]
    counted: dict[tuple[str, str], int] = field(default_factory=dict)
    bought: dict[tuple[str, str], int] = field(default_factory=dict)
    taken_back: set[tuple[str, str]] = field(default_factory=set)
    into: dict[str, str] = field(default_factory=dict)

    def together(self, account: str) -> list[str]:
        """The accounts that are one with this one, in the order in which a key is looked up: itself first."""
        one = self.into.get(account, account)
        return list(dict.fromkeys((account, one, *(other for other, goes_on in self.into.items() if goes_on == one))))

    async def buy(self, account: str, key: str, dollars: int) -> None:
        [result] = await self.play.recorder.record([RecordRequest(account, purchase(key, dollars * 100))])
        known = [self.bought[each, key] for each in self.together(account) if (each, key) in self.bought]
        if known and known[0] == dollars:
            assert isinstance(result, Recorded)
            assert result.replayed
        elif (account, key) in self.bought:
            assert result == IdempotencyConflict(key)
        elif isinstance(result, Recorded) and not result.replayed:
            assert not known
            self.bought[account, key] = self.counted[account, key] = dollars
        else:
            assert known, "only a key that is known is refused"

    async def take_back(self, account: str, key: str) -> None:
        request = ReverseRequest(account, key, f"r {key}")
        result = await self.play.recorder.reverse(request)
        if isinstance(result, IdempotencyConflict):
            assert (account, key) not in self.taken_back
            assert any((each, key) in self.taken_back for each in self.together(account))
            return
        assert isinstance(result, Recorded), result
        assert result.replayed == ((account, key) in self.taken_back)
        self.counted[account, key] = 0
        self.taken_back.add((account, key))

    async def change(self, other: str, account: str, *, undoes: bool) -> None:
        before, request = await self.seqs(), MergeRequest(other, account, undoes)
        result = await self.play.merger.change(request)
        if isinstance(result, CannotMerge) or (isinstance(result, Merged) and result.repeated):
            assert before == await self.seqs()
            return
        assert isinstance(result, Merged)
        after = await self.seqs()
        assert await self.play.merger.change(request) == replace(result, repeated=True)
        assert after == await self.seqs()
        if undoes:
            del self.into[other]
        else:
            self.into[other] = account

    async def seqs(self) -> list[int]:
        """How many records each account has."""
        return [(await self.play.now(each)).state.seq for each in self.accounts]

    async def check(self) -> None:
        """Each account has what was counted for it, and for those that are one with it."""
        for each in self.accounts:
            account = each.member_id
            held = [] if account in self.into else self.together(account)
            expected = sum(dollars for (one, _), dollars in self.counted.items() if one in held)
            assert (await self.play.now(each)).state.balance.available == expected


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_retried_counts_once(play: Play, seed: int) -> None:
    await play.programs.apply(POINT_A_DOLLAR, "test", NOW)
    random = Random(seed)
    accounts = tuple([await play.enrol(name) for name in ("Ann", "Anna", "Anne")])
    book, ids = Book(play, accounts), [each.member_id for each in accounts]
    for _ in range(60):
        step = random.random()
        if step < 0.6:
            await book.buy(random.choice(ids), f"k{random.randrange(9)}", random.randint(1, 3))
        elif step < 0.7 and book.bought:
            await book.buy(*(again := random.choice(list(book.bought))), book.bought[again])
        elif step < 0.8 and book.bought:
            await book.take_back(*random.choice(list(book.bought)))
        else:
            other, account = random.choice(list(book.into.items()) or [tuple(ids[:2])])
            if random.random() < 0.5:
                other, account = (ids[place] for place in random.choice(ROUTES))
            await book.change(other, account, undoes=book.into.get(other) == account)
        await book.check()
    assert await play.verify() == []


async def test_what_is_taken_over_may_take_several_commits(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamification.merging.MAX_TAKEN_OVER", 2)
    await play.programs.apply(POINT_A_DOLLAR, "test", NOW)
    accounts = (await play.enrol("Ann"), await play.enrol("Anna"))
    book, (ann, other) = Book(play, accounts), (each.member_id for each in accounts)
    await book.buy(other, "before", 1)
    await book.change(other, ann, undoes=False)
    for number in range(5):
        await book.buy(other, f"k{number}", 1)
    await book.take_back(other, "k3")
    commits = (await play.now(accounts[1])).state.seq
    await book.change(other, ann, undoes=True)
    assert (await play.now(accounts[1])).state.seq == commits + 5 + 2, "each purchase, the reversal and the undoing"
    await book.check()
    for number in range(5):
        await book.buy(other, f"k{number}", 1)
    await book.take_back(other, "k3")
    await book.check()
    assert await play.verify() == []
