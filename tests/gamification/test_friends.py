"""What stands between two members: every step from every standing, and that a block cannot be told from silence."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.friends import (
    MAX_BLOCKS,
    MAX_FRIENDS,
    MAX_OPEN_REQUESTS,
    Block,
    BlockedByYou,
    Counts,
    Friendship,
    LimitReached,
    NoRequest,
    Refusal,
    Request,
    Standing,
    accept,
    ask,
    block,
    friendship,
    remove,
    settle,
    unblock,
)

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


def made(step: Friendship | Refusal) -> Friendship:
    assert isinstance(step, Friendship), step
    return step


NOTHING = friendship("ann", "bob")
ASKED = made(ask(NOTHING, "ann", "bob_1", AT))
FRIENDS = Friendship(("ann", "bob"), friends_since=AT)
BLOCKING = block(NOTHING, "ann", "bob_1", AT)
UNSEEN = made(ask(BLOCKING, "bob", "ann_1", LATER))
BOTH = block(BLOCKING, "bob", "ann_1", LATER)
_Play = tuple[str, str]


def test_the_order_of_the_two_does_not_matter() -> None:
    assert friendship("bob", "ann") == NOTHING == Friendship(("ann", "bob"))
    assert (NOTHING.other("ann"), NOTHING.other("bob")) == ("bob", "ann")
    with pytest.raises(ValueError, match="takes two"):
        friendship("ann", "ann")


@pytest.mark.parametrize(
    ("pair", "ann", "bob"),
    [
        (NOTHING, Standing.NONE, Standing.NONE),
        (ASKED, Standing.SENT, Standing.RECEIVED),
        (FRIENDS, Standing.FRIENDS, Standing.FRIENDS),
        (BLOCKING, Standing.BLOCKED, Standing.NONE),
        (UNSEEN, Standing.BLOCKED, Standing.SENT),
        (BOTH, Standing.BLOCKED, Standing.BLOCKED),
    ],
)
def test_each_sees_their_own_side(pair: Friendship, ann: Standing, bob: Standing) -> None:
    assert (pair.standing("ann"), pair.standing("bob")) == (ann, bob)


@pytest.mark.parametrize(
    ("before", "by", "after"),
    [
        (NOTHING, "bob", Friendship(("ann", "bob"), request=Request("bob", "h", LATER))),
        (ASKED, "ann", ASKED),
        (ASKED, "bob", Friendship(("ann", "bob"), friends_since=LATER)),
        (FRIENDS, "ann", FRIENDS),
        (BLOCKING, "ann", BlockedByYou()),
        (BLOCKING, "bob", Friendship(("ann", "bob"), request=Request("bob", "h", LATER), blocks=(BLOCKING.blocks))),
        (UNSEEN, "bob", UNSEEN),
        (UNSEEN, "ann", BlockedByYou()),
    ],
)
def test_asking(before: Friendship, by: str, after: Friendship | Refusal) -> None:
    assert ask(before, by, "h", LATER) == after


@pytest.mark.parametrize(
    ("before", "by", "after"),
    [
        (NOTHING, "bob", NoRequest()),
        (ASKED, "ann", NoRequest()),
        (ASKED, "bob", Friendship(("ann", "bob"), friends_since=LATER)),
        (FRIENDS, "bob", FRIENDS),
        (UNSEEN, "ann", NoRequest()),
        (BLOCKING, "bob", NoRequest()),
    ],
)
def test_accepting(before: Friendship, by: str, after: Friendship | Refusal) -> None:
    assert accept(before, by, LATER) == after


@pytest.mark.parametrize(
    ("before", "by", "after"),
    [
        (NOTHING, "ann", NOTHING),
        (ASKED, "ann", NOTHING),
        (ASKED, "bob", NOTHING),
        (FRIENDS, "bob", NOTHING),
        (UNSEEN, "bob", BLOCKING),
        (UNSEEN, "ann", UNSEEN),
        (BOTH, "ann", BOTH),
    ],
)
def test_removing(before: Friendship, by: str, after: Friendship) -> None:
    assert remove(before, by) == after


@pytest.mark.parametrize("before", [NOTHING, ASKED, FRIENDS])
@pytest.mark.parametrize("by", ["ann", "bob"])
def test_a_block_ends_what_there_was(before: Friendship, by: str) -> None:
    blocked = block(before, by, "h", LATER)
    assert blocked == Friendship(("ann", "bob"), blocks=(Block(by, "h", LATER),))
    assert (blocked.hides, before.hides) == (True, False)
    assert block(blocked, by, "other", LATER) == blocked, "blocking again changes nothing"
    assert unblock(blocked, by) == NOTHING
    assert unblock(blocked, blocked.other(by)) == blocked, "nobody lifts the block of another"


def test_a_request_made_under_a_block_comes_to_light_with_its_end() -> None:
    assert UNSEEN.request_to("ann") is None
    lifted = unblock(UNSEEN, "ann")
    assert lifted.request_to("ann") == Request("bob", "ann_1", LATER)
    assert made(accept(lifted, "ann", LATER)).friends_since == LATER


def test_lists_have_the_time_of_their_own_entry() -> None:
    assert [UNSEEN.kept_at("ann", what) for what in ("friends", "received", "sent", "blocked")] == [
        None,
        None,
        None,
        AT,
    ]
    assert [UNSEEN.kept_at("bob", what) for what in ("friends", "received", "sent", "blocked")] == [
        None,
        None,
        LATER,
        None,
    ]
    assert (FRIENDS.kept_at("bob", "friends"), ASKED.kept_at("bob", "received")) == (AT, AT)


@pytest.mark.parametrize(
    ("before", "after", "ann", "bob", "what"),
    [
        (NOTHING, ASKED, Counts(requests=MAX_OPEN_REQUESTS), Counts(), "requests"),
        (ASKED, FRIENDS, Counts(MAX_FRIENDS, 1), Counts(), "friends"),
        (ASKED, FRIENDS, Counts(0, 1), Counts(MAX_FRIENDS), "friends"),
        (NOTHING, BLOCKING, Counts(blocks=MAX_BLOCKS), Counts(), "blocks"),
    ],
)
def test_limits(before: Friendship, after: Friendship, ann: Counts, bob: Counts, what: str) -> None:
    limits = {"requests": 100, "friends": 500, "blocks": 1000}
    assert settle(before, after, {"ann": ann, "bob": bob}) == LimitReached(what, limits[what])  # type: ignore[arg-type]


def test_one_below_the_limits_and_everything_that_makes_fewer_go_through() -> None:
    full = Counts(MAX_FRIENDS, MAX_OPEN_REQUESTS, MAX_BLOCKS)
    nearly = Counts(MAX_FRIENDS - 1, MAX_OPEN_REQUESTS, MAX_BLOCKS - 1)
    assert settle(ASKED, FRIENDS, {"ann": nearly, "bob": nearly}) == {
        "ann": Counts(MAX_FRIENDS, MAX_OPEN_REQUESTS - 1, MAX_BLOCKS - 1),
        "bob": Counts(MAX_FRIENDS, MAX_OPEN_REQUESTS, MAX_BLOCKS - 1),
    }
    assert settle(FRIENDS, NOTHING, {"ann": full, "bob": full}) == {
        "ann": Counts(MAX_FRIENDS - 1, MAX_OPEN_REQUESTS, MAX_BLOCKS),
        "bob": Counts(MAX_FRIENDS - 1, MAX_OPEN_REQUESTS, MAX_BLOCKS),
    }
    assert settle(FRIENDS, block(FRIENDS, "ann", None, AT), {"ann": nearly, "bob": full}) == {
        "ann": Counts(MAX_FRIENDS - 2, MAX_OPEN_REQUESTS, MAX_BLOCKS),
        "bob": Counts(MAX_FRIENDS - 1, MAX_OPEN_REQUESTS, MAX_BLOCKS),
    }


STEPS: dict[str, Callable[[Friendship, str], Friendship | Refusal]] = {
    "ask": lambda pair, by: ask(pair, by, "h", AT),
    "accept": lambda pair, by: accept(pair, by, AT),
    "remove": remove,
    "block": lambda pair, by: block(pair, by, "h", AT),
    "unblock": unblock,
}
plays = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(list(STEPS))), max_size=12)


def played(pair: Friendship, steps: Sequence[_Play]) -> Friendship:
    for by, name in steps:
        step = STEPS[name](pair, by)
        pair = step if isinstance(step, Friendship) else pair
    return pair


@settings(deadline=None, derandomize=True, database=None)
@given(plays)
def test_whatever_is_played_there_is_at_most_one_thing_between_two_and_blocks(steps: Sequence[_Play]) -> None:
    pair = played(NOTHING, steps)
    blockers = {one.by for one in pair.blocks}
    assert pair.friends_since is None or (pair.request is None and not blockers)
    assert pair.request is None or pair.request.by not in blockers
    assert len(blockers) == len(pair.blocks)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(plays, st.lists(st.sampled_from(list(STEPS)), max_size=8))
def test_who_is_blocked_sees_what_they_would_see_if_they_were_only_not_answered(
    history: Sequence[_Play], tries: Sequence[str]
) -> None:
    pair = played(NOTHING, history)
    silent, blocked = remove(pair, "ann"), block(pair, "ann", "h", AT)
    if pair.block_of("ann"):
        silent = pair
    for name in tries:
        one, other = STEPS[name](silent, "bob"), STEPS[name](blocked, "bob")
        assert isinstance(one, Friendship) == isinstance(other, Friendship)
        if isinstance(one, Friendship) and isinstance(other, Friendship):
            silent, blocked = one, other
        else:
            assert one == other
        assert silent.standing("bob") == blocked.standing("bob")
        for what in ("friends", "received", "sent", "blocked"):
            assert silent.kept_at("bob", what) == blocked.kept_at("bob", what)
