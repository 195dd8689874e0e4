"""Lots: which points go first, what waits and what expires, and that nothing is lost on the way."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gamification.lot_times import LotCalendar
from gamification.lots import (
    Unlocked,
    balance_of,
    coalesced,
    codes,
    expire,
    first_due_at,
    named,
    release,
    spend,
    unlock,
)
from gamification.state import Balance, Expiry, Lot, Waiting
from tests.gamification.programs import at

DAY = timedelta(days=1)
MAY = at("2024-05-01")
UTC_DAYS = LotCalendar(ZoneInfo("UTC"))


def lot(name: str, points: int, *, earned_at: datetime = MAY, expires_at: datetime | None = None) -> Lot:
    return Lot(name, points, points, earned_at, earned_at, expires_at)


def pending(name: str, points: int, available_at: datetime, expires_at: datetime | None = None) -> Lot:
    return Lot(name, points, points, MAY, available_at, expires_at, pending=True)


def test_soonest_expiring_first_and_never_expiring_last() -> None:
    lots = (lot("never", 10), lot("june", 10, expires_at=MAY + 31 * DAY), lot("may", 10, expires_at=MAY + 9 * DAY))
    left, taken = spend(lots, 25, UTC_DAYS)
    assert taken == (("may", 10), ("june", 10), ("never", 5))
    assert left == (replace(lot("never", 10), remaining=5),)


def test_what_expires_together_goes_oldest_first_then_in_the_order_it_came() -> None:
    end = MAY + 90 * DAY
    lots = (
        lot("second", 5, earned_at=MAY + DAY, expires_at=end),
        lot("first", 5, earned_at=MAY, expires_at=end),
        lot("also first", 5, earned_at=MAY, expires_at=end),
    )
    left, taken = spend(lots, 11, UTC_DAYS)
    assert taken == (("first", 5), ("also first", 5), ("second", 1))
    assert [(rest.lot_id, rest.points, rest.remaining) for rest in left] == [("second", 5, 4)]


def test_pending_points_are_not_spent() -> None:
    lots = (pending("later", 10, MAY + DAY, MAY + 2 * DAY), lot("now", 10))
    left, taken = spend(lots, 10, UTC_DAYS)
    assert taken == (("now", 10),)
    assert left == lots[:1]


def test_spending_nothing_or_everything() -> None:
    lots = (lot("a", 1), lot("b", 2))
    assert spend(lots, 0, UTC_DAYS) == (lots, ())
    assert spend(lots, 3, UTC_DAYS) == ((), (("a", 1), ("b", 2)))


def test_unlock_at_the_very_instant() -> None:
    lots = (pending("a", 10, MAY), pending("b", 20, MAY + DAY))
    assert unlock(lots, MAY - timedelta(milliseconds=1), UTC_DAYS) == Unlocked(lots, ())
    unlocked = unlock(lots, MAY, UTC_DAYS)
    assert (unlocked.released, unlocked.cancelled) == ((lots[0],), ())
    after = unlocked.lots
    assert after == (replace(lots[0], pending=False), lots[1])
    assert balance_of(after) == Balance(10, 20)


def test_expire_at_the_very_instant() -> None:
    lots = (lot("a", 10, expires_at=MAY), lot("b", 20), pending("c", 5, MAY + DAY, MAY))
    assert expire(lots, MAY - timedelta(milliseconds=1), UTC_DAYS) == (lots, ())
    assert expire(lots, MAY, UTC_DAYS) == (lots[1:], lots[:1])


def test_next_due_is_the_first_unlock_or_expiry() -> None:
    assert first_due_at((), UTC_DAYS) is None
    assert first_due_at((lot("never", 1),), UTC_DAYS) is None
    expiring = lot("a", 1, expires_at=MAY + 3 * DAY)
    assert first_due_at((expiring, pending("b", 1, MAY + 2 * DAY, MAY + 2 * DAY)), UTC_DAYS) == MAY + 2 * DAY
    assert first_due_at((expiring, pending("b", 1, MAY + 4 * DAY)), UTC_DAYS) == MAY + 3 * DAY


def test_coalesced_leaves_few_lots_alone() -> None:
    lots = (lot("a", 1), lot("b", 2))
    assert coalesced(lots, 2, UTC_DAYS) is lots


def test_coalesced_joins_what_expires_together() -> None:
    end = MAY + 9 * DAY
    lots = (
        replace(lot("a", 5, expires_at=end), remaining=3),
        lot("b", 2),
        lot("c", 4, earned_at=MAY + DAY, expires_at=end),
        pending("d", 8, MAY + DAY),
        pending("e", 8, MAY + DAY),
        pending("f", 8, MAY + 2 * DAY),
    )
    assert coalesced(lots, 4, UTC_DAYS) == (
        replace(lot("a", 9, expires_at=end), remaining=7),
        lot("b", 2),
        pending("d", 16, MAY + DAY),
        pending("f", 8, MAY + 2 * DAY),
    )


def waiting(name: str, points: int, kind: str = "delivered", *, cancels: bool = False, days: int | None = None) -> Lot:
    return Lot(name, points, points, MAY, MAY + 30 * DAY, None, True, waiting=Waiting(kind, Expiry(days), cancels))


def test_an_event_releases_what_waits_for_it_and_days_count_from_then() -> None:
    lots = (waiting("a.b.0", 1, days=10), waiting("a.0", 2), waiting("a.b.1", 4, "collected"), pending("c", 8, MAY))
    now = MAY + 5 * DAY + timedelta(hours=7)
    assert release(lots, "delivered", "b", now, UTC_DAYS) == Unlocked(lots, ())
    one = release(lots, "delivered", "a.b", now, UTC_DAYS)
    assert one.released == lots[:1]
    assert one.lots == (Lot("a.b.0", 1, 1, MAY, now, MAY + 15 * DAY), *lots[1:])
    every = release(lots, "delivered", None, now, UTC_DAYS)
    assert every.released == lots[:2]
    assert every.lots[2:] == lots[2:]


def test_an_event_means_what_the_account_did_that_is_named_and_else_the_one_that_goes_on() -> None:
    names = ("k.0", "x|k.0", "x|only.0", "gone.0", "own.0")
    lots = (*(waiting(name, 1) for name in names), pending("x|gone.0", 8, MAY + 9 * DAY))
    told = [("k", "x|k"), ("k", "k"), ("own", "x|own"), ("only", "only"), ("gone", "x|gone")]
    freed = [release(lots, "delivered", key, MAY + DAY, UTC_DAYS, own=own).released for key, own in told]
    assert [[lot.lot_id for lot in each] for each in freed] == [["x|k.0"], ["k.0"], ["own.0"], ["x|only.0"], []]


def test_each_lot_has_a_code_of_its_own_by_which_it_is_found() -> None:
    lots = tuple(lot(name, 1) for name in ("k.0", "x|k.0", "x|a.0", "x|b.0", "y|b.0"))
    called = codes(lots)
    x, y = (sha256(account.encode()).hexdigest()[:8] for account in ("x|", "y|"))
    assert list(called.values()) == ["k.0", f"k.0|{x}", "a.0", f"b.0|{x}", f"b.0|{y}"]
    assert [named(lots, code) for code in called.values()] == [(each,) for each in lots]


def test_an_event_finds_what_merged_accounts_did_unless_the_member_did_something_of_that_name() -> None:
    now = MAY + DAY

    def released(lots: tuple[Lot, ...], key: str) -> list[str]:
        freed = release(lots, "delivered", key, now, UTC_DAYS)
        assert [lot.lot_id for lot in freed.lots if not lot.pending] == [lot.lot_id for lot in freed.released]
        return [lot.lot_id for lot in freed.released]

    merged = (waiting("x|a.0", 1), waiting("y|x|a.0", 2), waiting("x|b.0", 4), waiting("x|ba.0", 8))
    assert released(merged, "a") == ["x|a.0", "y|x|a.0"]
    assert released(merged, "x|a") == ["x|a.0"]
    assert released(merged, "x") == []
    lots = (*merged, waiting("a.0", 16), waiting("a.1", 32))
    assert released(lots, "a") == ["a.0", "a.1"]
    assert released(lots, "b") == ["x|b.0"]
    assert released(lots, "x|a") == ["x|a.0"]


def test_the_name_of_a_lot_is_the_member_s_own_or_else_one_of_merged_accounts() -> None:
    lots = (lot("x|a.0", 1), lot("y|a.0", 2), lot("a.1", 4))
    assert named(lots, "a.0") == lots[:2]
    assert named(lots, "y|a.0") == lots[1:2]
    assert named(lots, "a") == ()
    own = lot("a.0", 8)
    assert named((*lots, own), "a.0") == (own,)


def test_at_its_last_day_what_waits_is_released_or_cancelled() -> None:
    lots = (waiting("a.0", 1, days=10), waiting("b.0", 2, cancels=True))
    last = MAY + 30 * DAY
    assert unlock(lots, last - timedelta(milliseconds=1), UTC_DAYS) == Unlocked(lots, ())
    unlocked = unlock(lots, last, UTC_DAYS)
    assert unlocked == Unlocked((Lot("a.0", 1, 1, MAY, last, last + 10 * DAY),), lots[:1], lots[1:])


def test_what_waits_is_joined_with_what_the_same_activity_made_only() -> None:
    lots = (waiting("a.0", 1), waiting("b.0", 2), waiting("a.1", 4), waiting("b.1", 8, "collected"))
    assert coalesced(lots, 3, UTC_DAYS) == (waiting("a.0", 5), lots[1], lots[3])


def test_what_no_event_releases_any_more_is_joined_by_its_last_day() -> None:
    lots = tuple(
        replace(waiting(name, 1, cancels=True), waiting=Waiting(None, Expiry(), cancels=True))
        for name in ("a.0", "b.0")
    )
    assert coalesced(lots, 1, UTC_DAYS) == (replace(lots[0], points=2, remaining=2),)


def test_what_idleness_ends_is_joined_once_activity_has_put_it_off() -> None:
    lots = tuple(replace(lot(f"{n}", 1, expires_at=MAY + (n + 10) * DAY), idle_days=10) for n in range(3))
    assert coalesced(lots, 2, UTC_DAYS) == lots
    active = replace(UTC_DAYS, active_on=(MAY + DAY).date().toordinal())
    assert [active.end(each) for each in lots] == [MAY + 11 * DAY, MAY + 11 * DAY, MAY + 12 * DAY]
    joined = replace(lots[0], points=2, remaining=2, expires_at=MAY + 11 * DAY)
    assert coalesced(lots, 2, active) == (joined, lots[2])


open_lots = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 5), st.sampled_from([None, 10, 11, 12]), st.booleans()), max_size=12
).map(
    lambda drawn: tuple(
        Lot(
            f"{n}",
            points,
            points,
            MAY + day * DAY,
            MAY + (day + 3) * DAY,
            None if end is None else MAY + end * DAY,
            is_pending,
        )
        for n, (points, day, end, is_pending) in enumerate(drawn)
    )
)


@given(open_lots, st.floats(0, 1))
def test_spending_takes_exactly_what_is_asked_and_in_order(lots: tuple[Lot, ...], share: float) -> None:
    available = balance_of(lots).available
    points = int(available * share)
    left, taken = spend(lots, points, UTC_DAYS)
    assert sum(amount for _, amount in taken) == points
    assert balance_of(left) == Balance(available - points, balance_of(lots).pending)
    assert all(0 < rest.remaining <= rest.points for rest in left)
    by_id = {held.lot_id: held for held in lots}
    never = MAY + 1000 * DAY
    order = [(by_id[name].expires_at or never, by_id[name].earned_at) for name, _ in taken]
    assert order == sorted(order)
    # Nothing is left of a lot that should have gone before the last one touched.
    if taken:
        assert all((rest.expires_at or never, rest.earned_at) >= order[-1] for rest in left if not rest.pending)


@given(open_lots, st.integers(0, 8), st.floats(0, 1))
def test_coalescing_changes_nothing_that_a_member_could_notice(lots: tuple[Lot, ...], most: int, share: float) -> None:
    fewer = coalesced(lots, most, UTC_DAYS)
    assert balance_of(fewer) == balance_of(lots)
    assert sum(held.points for held in fewer) == sum(held.points for held in lots)
    assert first_due_at(fewer, UTC_DAYS) == first_due_at(lots, UTC_DAYS)
    points = int(balance_of(lots).available * share)
    after, after_fewer = spend(lots, points, UTC_DAYS)[0], spend(fewer, points, UTC_DAYS)[0]
    for day in range(14):
        now = MAY + day * DAY
        ends = [balance_of(expire(unlock(some, now, UTC_DAYS).lots, now, UTC_DAYS)[0]) for some in (after, after_fewer)]
        assert ends[0] == ends[1]
