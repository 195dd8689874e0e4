"""Reversals over the stores: what is refused writes nothing, what is taken back is so once, and never another's."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gamification.activity import MAX_KEY_CHARS, Activity, LineItem, Problem
from gamification.effects import CompletionLost, Entry
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.member import Member, Profile
from gamification.requests import (
    MAX_RETURNS,
    IdempotencyConflict,
    InvalidInput,
    MemberNotFound,
    Recorded,
    RecordRequest,
    ReverseRequest,
    UnknownActivity,
)
from gamification.reversal import AlreadyReversed, NotReversible, Return
from gamification.state import Balance
from tests.app.stores.play import NOW, Play

RECEIPT = (LineItem("lp", 3, 3000), LineItem("mug", 1, 500), LineItem("cd", 2, 999), LineItem("cd", 1, 600))
"""40.99 as listed, and 40 paid."""


async def contents(play: Play) -> Mapping[str, Any]:
    """Everything that a reversal can change."""
    names = ("members", "journal", "claims", "checkpoints", "allowances", "outbox")
    return {name: await play.connection[name].find().sort("_id", 1).to_list(None) for name in names}


async def joined(play: Play, name: str = "Ann") -> Member:
    """A member who came a month ago and has bought a receipt with key ``k`` since."""
    [result] = await play.enroller.enrol([EnrolRequest(name, Profile(name), NOW - timedelta(days=30))])
    assert isinstance(result, Enrolled)
    bought = Activity("k", "purchase", NOW - timedelta(days=9), 4000, RECEIPT)
    [made] = await play.recorder.record([RecordRequest(result.member.member_id, bought)])
    assert isinstance(made, Recorded)
    return made.member


LATER = ReverseRequest("m1", "k", occurred_at=NOW + timedelta(minutes=6))


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (ReverseRequest("nobody", "k"), MemberNotFound("nobody")),
        (ReverseRequest("m1", "nope"), UnknownActivity("nope")),
        (ReverseRequest("m1", "other"), UnknownActivity("other")),
        (LATER, InvalidInput((Problem("occurredAt", "lies in the future by more than 300 seconds"),))),
        (
            ReverseRequest("m1", "k", occurred_at=NOW.replace(tzinfo=None)),
            InvalidInput((Problem("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", amount_minor=4001),
            InvalidInput((Problem("amount", "must be more than 0 and at most the 40.00 USD that are left"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", amount_minor=0),
            InvalidInput((Problem("amount", "must be more than 0 and at most the 40.00 USD that are left"),)),
        ),
        (
            ReverseRequest("m1", "k", amount_minor=100),
            InvalidInput((Problem("reversalKey", "is needed for a part, so that a retry takes nothing back twice"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", (Return(sku="lp"),), 100),
            InvalidInput((Problem("amount", "and lines exclude each other; each line may have an amount of its own"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", (Return(sku="lp", quantity=4), Return(sku="cd"), Return(line=4))),
            InvalidInput(
                (
                    Problem("lines.0", "has 3 pieces left to take back"),
                    Problem("lines.1", "names no single line of the activity"),
                    Problem("lines.2", "names no single line of the activity"),
                )
            ),
        ),
        (
            ReverseRequest("m1", "k", "r", (Return(line=1, quantity=1), Return(line=1))),
            InvalidInput((Problem("lines.1", "has 0 pieces left to take back"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", (Return(line=0, quantity=1, amount_minor=3001),)),
            InvalidInput((Problem("lines.0", "has 30.00 USD left to take back"),)),
        ),
        (
            ReverseRequest("m1", "k", "r", (Return(line=0),) * (MAX_RETURNS + 1)),
            InvalidInput((Problem("lines", f"has {MAX_RETURNS + 1} entries; at most {MAX_RETURNS} are allowed"),)),
        ),
        (
            ReverseRequest("m1", "k", "r" * (MAX_KEY_CHARS + 1)),
            InvalidInput(
                (
                    Problem(
                        "reversalKey",
                        f"is {MAX_KEY_CHARS + 1} characters long; at most {MAX_KEY_CHARS} are allowed",
                    ),
                )
            ),
        ),
        (
            ReverseRequest("m1", "k", reason="{$gt: 1}"),
            InvalidInput((Problem("reason", "must not hold a database operator such as $gt"),)),
        ),
        (ReverseRequest("m1", "k", "k"), IdempotencyConflict("k")),
    ],
)
async def test_what_cannot_be_taken_back_changes_nothing(play: Play, request_: ReverseRequest, answer: object) -> None:
    await joined(play)
    bob = await play.enrol("Bob")
    await play.buy(bob, "other")
    before = await contents(play)
    assert await play.recorder.reverse(request_) == answer
    assert await contents(play) == before


async def test_joining_and_reversals_themselves_stay(play: Play) -> None:
    ann = await joined(play)
    assert isinstance(await play.recorder.reverse(ReverseRequest(ann.member_id, "k", "r")), Recorded)
    [enrolment] = await play.journal.since(ann.member_id, 0, 1)
    assert enrolment.activity is not None
    before = await contents(play)
    for key, kind in ((enrolment.activity.key, "enrolment"), ("r", "reversal")):
        assert await play.recorder.reverse(ReverseRequest(ann.member_id, key)) == NotReversible(key, kind)
    assert await contents(play) == before


async def test_the_whole_is_taken_back_once(play: Play) -> None:
    ann = await joined(play)
    await play.buy(ann, "two", "three")
    first = await play.recorder.reverse(ReverseRequest(ann.member_id, "k", reason="broken"))
    assert isinstance(first, Recorded)
    # Two purchases of 10 are left, too few for the challenge: its 25 points went with the 40 of the receipt.
    assert first.member.state.balance == Balance(20, 0)
    effects = first.record.outcome.effects
    assert sum(effect.points for effect in effects if isinstance(effect, Entry)) == -65
    assert [effect.code for effect in effects if isinstance(effect, CompletionLost)] == ["third"]
    assert first.record.activity is not None
    assert (first.record.activity.kind, first.record.activity.reason) == ("reversal", "broken")
    before = await contents(play)
    for again in (ReverseRequest(ann.member_id, "k"), ReverseRequest(ann.member_id, "k", "own key")):
        assert await play.recorder.reverse(again) == AlreadyReversed("k")
    part = ReverseRequest(ann.member_id, "k", "part", amount_minor=1)
    assert await play.recorder.reverse(part) == AlreadyReversed("k")
    assert await contents(play) == before
    assert await play.verify() == []


async def test_a_retry_with_its_own_key_is_answered_with_the_first_result(play: Play) -> None:
    ann = await joined(play)
    request = ReverseRequest(ann.member_id, "k", "r", (Return(line=0, quantity=1),), reason="scratched")
    first = await play.recorder.reverse(request)
    assert isinstance(first, Recorded)
    before = await contents(play)
    again = await play.recorder.reverse(request)
    assert isinstance(again, Recorded)
    assert (again.replayed, again.record, again.member) == (True, first.record, first.member)
    other = ReverseRequest(ann.member_id, "k", "r", (Return(line=0, quantity=2),), reason="scratched")
    assert await play.recorder.reverse(other) == IdempotencyConflict("r")
    [taken] = await play.recorder.record([RecordRequest(ann.member_id, Activity("r", "visit", NOW))])
    assert taken == IdempotencyConflict("r")
    assert await contents(play) == before


async def test_parts_add_up_to_the_whole_at_most(play: Play) -> None:
    ann = await joined(play)

    async def left_after(key: str, *returns: Return, amount_minor: int | None = None) -> int:
        result = await play.recorder.reverse(ReverseRequest(ann.member_id, "k", key, returns, amount_minor))
        assert isinstance(result, Recorded), result
        return result.member.state.balance.available

    # 40.00 were paid: one record of three for 10.00, the mug for 5.00, 4.50 by amount, and the pair for 9.99.
    assert await left_after("a", Return(line=0, quantity=1)) == 30
    assert await left_after("b", Return(sku="mug")) == 25
    assert await left_after("c", amount_minor=450) == 20  # 20.50
    assert await left_after("d", Return(line=2, quantity=1), Return(line=2, quantity=1)) == 10  # 10.51
    refused = await play.recorder.reverse(ReverseRequest(ann.member_id, "k", "e", amount_minor=1052))
    assert refused == InvalidInput((Problem("amount", "must be more than 0 and at most the 10.51 USD that are left"),))
    assert await left_after("f", Return(line=0, quantity=2, amount_minor=1000)) == 0  # 0.51
    assert await left_after("g", amount_minor=51) == 0
    assert await play.recorder.reverse(ReverseRequest(ann.member_id, "k")) == AlreadyReversed("k")
    assert await play.verify() == []


async def test_of_several_at_once_each_counts_once(play: Play) -> None:
    """Also of different parts: whoever comes second sees what the first has left."""
    ann = await joined(play)
    asked = [ReverseRequest(ann.member_id, "k", f"r{number}", amount_minor=1500) for number in range(4)]
    results = await asyncio.gather(*map(play.recorder.reverse, asked), *map(play.recorder.reverse, asked))
    done = [result for result in results if isinstance(result, Recorded)]
    assert len({result.record.seq for result in done}) == 2
    assert sorted(result.replayed for result in done) == [False, False, True, True]
    refused = [result for result in results if not isinstance(result, Recorded)]
    assert len(refused) == 4
    assert all(isinstance(result, InvalidInput) for result in refused)
    assert (await play.now(ann)).state.balance.available == 10
    assert await play.verify() == []
