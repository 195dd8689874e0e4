"""What is written comes back equal, types and all, through real BSON."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.stores.codec import (
    friendship_document,
    member_document,
    read_friendship,
    read_member,
    read_record,
    read_state,
    record_document,
    record_id,
    state_document,
    try_member,
    try_record,
)
from app.stores.connection import CODEC_OPTIONS
from gamification.activity import Activity, LineItem
from gamification.effects import (
    BadgeWon,
    ChainCut,
    Completed,
    Effect,
    Entry,
    Progressed,
    Scored,
    StreakMoved,
    TierMoved,
    Why,
)
from gamification.friends import Friendship
from gamification.member import Member, Profile, Visibility
from gamification.record import Outcome, Record
from gamification.state import (
    BadgeHeld,
    Balance,
    ChallengeState,
    Expiry,
    Lot,
    RuleUse,
    Standing,
    State,
    Totals,
    Waiting,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: TEXTS,
    NoneType: st.none(),
    datetime: st.integers(0, 7 * 10**12).map(lambda passed: EPOCH + timedelta(milliseconds=passed)),
}


def values(of: Any) -> st.SearchStrategy[Any]:
    """Anything of a type that the game's vocabulary is made of."""
    if of in SCALARS:
        return SCALARS[of]
    if isinstance(of, type) and is_dataclass(of):
        return st.builds(of, **{name: values(hint) for name, hint in get_type_hints(of).items()})
    origin, parts = get_origin(of), get_args(of)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is Mapping:
        return st.dictionaries(TEXTS, values(parts[1]), max_size=3)
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    assert origin in (Union, UnionType), of
    return st.one_of(*map(values, parts))


WHY = Why("streak", "s")
EFFECTS: tuple[Effect, ...] = (
    Entry("pending", -(2**62), Why("clock", "expiry", lots=("1.0", "2.1"))),
    Progressed("cds", 1, 3, 10, 1, Why("rule", "r", because=0)),
    Completed("cds", 2, Why("challenge", "cds", "2 x 25 = 50", 1, {"times": 2, "rate": 2.0, "text": "2"})),
    BadgeWon("first", 1, Why("badge", "first")),
    TierMoved(None, "gold", True, Why("tier", "gold")),
    ChainCut(16, Why("chain", "entry")),
    Scored("weekly", "2026-W20", "lisbon", None, -(2**53), (3, 0), 1000, Why("board", "weekly", "17.5")),
)


def through_bson(document: dict[str, Any]) -> dict[str, Any]:
    return bson.decode(bson.encode(document), CODEC_OPTIONS)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(values(Record))
def test_any_record_round_trips(record: Record) -> None:
    assert repr(read_record(through_bson(record_document(record)))) == repr(record)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(values(Member))
def test_any_member_round_trips(member: Member) -> None:
    assert repr(read_member(through_bson(member_document(member)))) == repr(member)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(values(Friendship))
def test_any_friendship_round_trips(friendship: Friendship) -> None:
    assert repr(read_friendship(through_bson(friendship_document(friendship)))) == repr(friendship)


def test_every_kind_of_effect_keeps_its_type() -> None:
    activity = Activity("k", "visit", AT, attributes={"yes": True, "one": 1, "float": 1.0, "text": "1"})
    record = Record("m", 7, 3, activity, Outcome(AT, EFFECTS, Balance(2**63 - 1, -(2**63))), AT, "hash")
    assert repr(read_record(through_bson(record_document(record)))) == repr(record)


def test_full_state_keeps_its_types() -> None:
    state = State(
        AT,
        AT,
        9,
        (Lot("1.0", 5, 4, AT, AT, AT, True), Lot("2.0", 5, 5, AT, AT)),
        Balance(5, 4),
        Totals(1, 2, 3, 4, 5, 6),
        Standing("gold", AT, ((730000, 5), (730001, 6))),
        {"r": RuleUse(AT, {"day": ((730000, 5),)})},
        {"c": ChallengeState(((0, 1),), (("jazz", 730000),), 2, AT)},
        {"b": BadgeHeld((AT, AT))},
    )
    member = Member("m", "000000000018", AT, Profile("A", "a"), state, Visibility(True, False), ("b",), "x")
    assert repr(read_member(through_bson(member_document(member)))) == repr(member)
    assert state_document(state) == member_document(member)["state"]


def test_a_snapshot_from_before_lots_had_an_origin_is_read() -> None:
    lot = {"lot_id": "1.0", "points": 5, "remaining": 4, "earned_at": AT, "available_at": AT}
    document = state_document(State.new(AT)) | {"lots": [lot]}
    assert read_state(through_bson(document)).lots == (Lot("1.0", 5, 4, AT, AT),)


def test_lots_are_rows_with_their_values_in_order() -> None:
    lots = (Lot("1.0", 5, 4, AT, AT, None, True, 30, 2, Waiting("visit", Expiry(7)), "rule:base"),)
    assert state_document(State(AT, AT, lots=lots))["lots"] == (
        '[["1.0",5,4,"2026-05-01T12:00:00.123000Z","2026-05-01T12:00:00.123000Z",null,true,30,2,{"kind":"visit",'
        '"expiry":{"days":7,"month_day":"","years_after":0,"idle_days":null,"grace_days":0},"cancels":false},"rule:base"]]'
    )


def test_a_record_from_before_streaks_told_their_freezes_is_read() -> None:
    record = Record("m", 1, 1, None, Outcome(AT, (StreakMoved("s", 1, 2, WHY, 0, 3, 4),), Balance()), AT)
    document = record_document(record)
    for name in ("freezes", "longest", "periods"):
        del document["outcome"]["effects"][0][name]
    assert read_record(document).outcome.effects == (StreakMoved("s", 1, 2, WHY),)


def test_id_of_a_record_is_its_key_and_without_one_its_number() -> None:
    record = Record("m", 2, 1, Activity("k", "visit", AT, items=(LineItem("s"),)), Outcome(AT, (), Balance()), AT)
    assert record_id(record) == "m:k"
    assert record_id(replace(record, activity=None)) == "m:#2"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"state": None}, "state: Expected `object`, got `null`"),
        ({"loyalty_number": 5}, "loyalty_number: Expected `str`, got `int`"),
        ({"state": state_document(State.new(AT)) | {"seq": None}}, "state.seq: Expected `int`, got `null`"),
        ({"state": {"as_of": AT}}, "state: Object missing required field `joined_at`"),
        ({"state": {"lots": '[["1.0","5"]]'}}, "state.lots[0][1]: Expected `int`, got `str`"),
        ({"state": {"lots": '[["1.0"]]'}}, "state.lots[0]: Expected `array` of length 11"),
        ({"state": {"lots": "["}}, "state.lots: Input data was truncated"),
        ({"state": {"joined_at": AT, "as_of": AT, "lots": 5}}, "state.lots: Expected `array`, got `int`"),
    ],
)
def test_broken_member_is_a_value_that_says_why(change: dict[str, Any], fault: str) -> None:
    document = member_document(Member("m", "000000000018", AT, Profile("A"), State.new(AT))) | change
    unreadable = try_member(document)
    assert (unreadable.member_id, getattr(unreadable, "fault", None)) == ("m", fault)


def test_broken_record_is_a_value_that_says_why() -> None:
    document = record_document(Record("m", 2, 1, None, Outcome(AT, (), Balance()), AT))
    del document["outcome"]
    unreadable = try_record(document)
    assert (unreadable.member_id, unreadable.seq, getattr(unreadable, "fault", None)) == (
        "m",
        2,
        "outcome: Field required",
    )
