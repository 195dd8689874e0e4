"""Replay: a whole history comes to the same state again, each record under the version it was decided under."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gamification.fold import Applied, advance, apply
from gamification.record import Record
from gamification.replaying import Replay, replay
from gamification.schedule import Edition, Schedule
from gamification.state import Balance, State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import (
    JOINED_AT,
    Player,
    adjustment,
    at,
    badge,
    challenge,
    ladder,
    program,
    purchase,
    rule,
    told,
)

FIRST = program(
    rules=[rule()],
    points={"pending_days": 2, "expire_days": 20},
    tiers=ladder("spend", "rolling 30 days", bronze=0, silver=100),
    challenges=[challenge("c", target=2, repeat="always", reward={"points": 5})],
)
SECOND = program(
    rules=[rule(earn={"points": 3, "per_amount": "1"})],
    tiers=ladder("spend", "rolling 30 days", bronze=0, silver=200),
    badges=[badge("b", earned={"measure": "member.purchases"}, levels=[1, 3])],
)

ONLY_FIRST = Schedule.always(FIRST)


def played() -> Player:
    shopper = Player(FIRST)
    shopper.do(purchase(at("2024-05-01"), 9000), purchase(at("2024-05-02"), 3000), adjustment(at("2024-05-05"), -50))
    shopper.wait(at("2024-07-01"))
    return shopper


def test_replay_comes_to_the_same_state() -> None:
    shopper = played()
    assert [record.activity is None for record in shopper.records] == [
        False,
        False,
        True,
        True,
        False,
        True,
        True,
        True,
    ]
    assert replay(JOINED_AT, shopper.records, ONLY_FIRST) == shopper.state


def test_replay_of_nothing() -> None:
    assert replay(JOINED_AT, [], ONLY_FIRST) == State.new(JOINED_AT)


def test_every_prefix_of_a_history_replays() -> None:
    shopper = played()
    replaying = Replay(JOINED_AT, ONLY_FIRST)
    for number, record in enumerate(shopper.records, start=1):
        assert replaying.take(record) == record.outcome
        assert replaying.state == replay(JOINED_AT, shopper.records[:number], ONLY_FIRST)
        assert replaying.state.seq == number
        assert replaying.state.balance == record.outcome.balance


def test_each_record_is_judged_by_its_own_version() -> None:
    both = Schedule((Edition(1, FIRST, JOINED_AT), Edition(2, SECOND, at("2024-05-01 06:00"))))
    clerk = Clerk(both, JOINED_AT)
    clerk.record(purchase(at("2024-05-01"), 15000))
    assert told(clerk.record(purchase(at("2024-05-01 12:00"), 1000)).outcome) == ["available +30 by rule base"]
    # The second version's ladder and badges count from when it comes into force, before the purchase.
    assert [told(record.outcome) for record in clerk.records[1:-1]] == [["tier silver down to bronze", "badge b 1"]]
    assert (clerk.records[1].activity, clerk.records[1].outcome.at) == (None, at("2024-05-01 06:00"))
    assert [record.program_version for record in clerk.records] == [1, 2, 2]
    assert replay(JOINED_AT, clerk.records, both) == clerk.state
    assert clerk.state.balance == Balance(30, 150)
    # Under the first version alone it would have come to something else.
    records = [replace(record, program_version=1) for record in clerk.records]
    assert replay(JOINED_AT, records, ONLY_FIRST).balance == Balance(0, 165)


def test_a_missing_version_is_named() -> None:
    shopper = played()
    with pytest.raises(KeyError, match="1"):
        replay(JOINED_AT, shopper.records, Schedule.always(SECOND, 2))


def test_a_history_that_has_been_tampered_with_does_not_come_to_the_same() -> None:
    shopper = played()
    first = shopper.records[0]
    assert first.activity is not None
    forged = replace(first, activity=replace(first.activity, amount_minor=9100))
    assert replay(JOINED_AT, [forged, *shopper.records[1:]], ONLY_FIRST) != shopper.state
    for left_out in range(len(shopper.records)):
        records = shopper.records[:left_out] + shopper.records[left_out + 1 :]
        assert replay(JOINED_AT, records, ONLY_FIRST).seq < shopper.state.seq


def test_a_record_of_time_in_which_nothing_was_due_is_no_step() -> None:
    shopper = played()
    due = next(record for record in shopper.records if record.activity is None)
    fresh = Replay(JOINED_AT, ONLY_FIRST)
    assert fresh.take(due) is None
    assert fresh.state == State.new(JOINED_AT)
    fresh.take(shopper.records[0])
    before = fresh.state
    early = replace(due, outcome=replace(due.outcome, at=at("2024-05-03") - timedelta(milliseconds=1)))
    assert fresh.take(early) is None
    assert fresh.state == before


def test_a_refused_activity_in_a_journal_is_no_step() -> None:
    shopper = played()
    replaying = Replay(JOINED_AT, ONLY_FIRST)
    for record in shopper.records:
        replaying.take(record)
    refused = adjustment(at("2024-08-01"), -(10**6))
    record = Record("m", 99, 1, refused, shopper.records[0].outcome, at("2024-08-01"))
    assert replaying.take(record) is None
    assert replaying.state == shopper.state


def test_one_record_of_time_takes_one_step_however_much_is_due() -> None:
    bought = purchase(at("2024-05-01"), 9000)
    applied = apply(State.new(JOINED_AT), bought, FIRST)
    assert isinstance(applied, Applied)
    final, outcomes = advance(applied.state, at("2025-01-01"), FIRST)
    assert len(outcomes) == 2
    replaying = Replay(JOINED_AT, ONLY_FIRST)
    replaying.take(Record("m", 1, 1, bought, applied.outcome, bought.occurred_at))
    assert replaying.take(Record("m", 2, 1, None, outcomes[0], at("2025-01-01"))) == outcomes[0]
    assert (replaying.state.seq, final.seq) == (2, 3)
