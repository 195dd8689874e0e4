"""Members by the bytes of their documents: decoded once, never stale, and bounded."""

from dataclasses import replace
from datetime import UTC, datetime

import bson
import pytest

from app.stores import decoded as decoded_module
from app.stores.codec import Unreadable, member_document
from app.stores.decoded import DecodedMembers
from gamification.member import Member, Profile
from gamification.state import State

AT = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
MEMBER = Member("m", "000000000018", AT, Profile("Ann"), State.new(AT))


def document(member: Member) -> bytes:
    return bson.encode(member_document(member))


def test_equal_bytes_that_come_again_are_decoded_no_more_and_any_other_byte_counts() -> None:
    decoded = DecodedMembers()
    assert decoded.member(document(MEMBER)) == MEMBER
    first = decoded.member(document(MEMBER))
    assert first == MEMBER
    assert decoded.member(document(MEMBER)) is first
    renamed = replace(MEMBER, profile=Profile("Bnn"))
    assert decoded.member(document(renamed)) == renamed
    assert decoded.member(document(MEMBER)) is first, "what was is known still, and told where it is so again"


def test_what_comes_once_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_module, "MAX_SEEN", 3)
    members = [document(replace(MEMBER, member_id=f"m{number}")) for number in range(5)]
    decoded = DecodedMembers()
    for each in members:
        decoded.member(each)
    assert (len(decoded._members), len(decoded._seen)) == (0, 3)
    last, first = decoded.member(members[4]), decoded.member(members[0])
    assert decoded.member(members[4]) is last
    assert decoded.member(members[0]) is not first, "that it had come before was forgotten"


def test_what_cannot_be_read_is_told_each_time() -> None:
    broken = bson.encode(member_document(MEMBER) | {"loyalty_number": 5})
    decoded = DecodedMembers()
    told = Unreadable("m", None, "loyalty_number: Expected `str`, got `int`")
    assert [decoded.member(broken) for _ in range(2)] == [told, told]


def test_those_that_were_asked_for_last_are_kept_and_no_more_than_fit() -> None:
    members = [replace(MEMBER, member_id=f"m{number}") for number in range(4)]
    size = len(document(members[0]))
    decoded = DecodedMembers(most_bytes=2 * size)
    for member in members[:3]:
        decoded.member(document(member))
    a, b = (decoded.member(document(member)) for member in members[:2])
    assert decoded.member(document(members[0])) is a
    c = decoded.member(document(members[2]))
    assert decoded.member(document(members[0])) is a
    assert decoded.member(document(members[2])) is c
    assert decoded.member(document(members[1])) is not b, "asked for longest ago"
    assert DecodedMembers(most_bytes=size - 1).member(document(MEMBER)) == MEMBER
