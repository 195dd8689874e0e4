"""Lots: which points go first, and that nothing is lost on the way."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.lots import balance_of, coalesced, expire, next_due_at, spend, unlock
from gamification.state import Balance, Lot
from tests.gamification.programs import at

DAY = timedelta(days=1)
MAY = at("2024-05-01")


def lot(name: str, points: int, *, earned_at: datetime = MAY, expires_at: datetime | None = None) -> Lot:
    return Lot(name, points, points, earned_at, earned_at, expires_at)


def pending(name: str, points: int, available_at: datetime, expires_at: datetime | None = None) -> Lot:
    return Lot(name, points, points, MAY, available_at, expires_at, pending=True)


def test_soonest_expiring_first_and_never_expiring_last() -> None:
    lots = (lot("never", 10), lot("june", 10, expires_at=MAY + 31 * DAY), lot("may", 10, expires_at=MAY + 9 * DAY))
    left, taken = spend(lots, 25)
    assert taken == (("may", 10), ("june", 10), ("never", 5))
    assert left == (replace(lot("never", 10), remaining=5),)


def test_what_expires_together_goes_oldest_first_then_in_the_order_it_came() -> None:
    end = MAY + 90 * DAY
    lots = (
        lot("second", 5, earned_at=MAY + DAY, expires_at=end),
        lot("first", 5, earned_at=MAY, expires_at=end),
        lot("also first", 5, earned_at=MAY, expires_at=end),
    )
    left, taken = spend(lots, 11)
    assert taken == (("first", 5), ("also first", 5), ("second", 1))
    assert [(rest.lot_id, rest.points, rest.remaining) for rest in left] == [("second", 5, 4)]


def test_pending_points_are_not_spent() -> None:
    lots = (pending("later", 10, MAY + DAY, MAY + 2 * DAY), lot("now", 10))
    left, taken = spend(lots, 10)
    assert taken == (("now", 10),)
    assert left == lots[:1]


def test_spending_nothing_or_everything() -> None:
    lots = (lot("a", 1), lot("b", 2))
    assert spend(lots, 0) == (lots, ())
    assert spend(lots, 3) == ((), (("a", 1), ("b", 2)))


def test_unlock_at_the_very_instant() -> None:
    lots = (pending("a", 10, MAY), pending("b", 20, MAY + DAY))
    assert unlock(lots, MAY - timedelta(milliseconds=1)) == (lots, ())
    after, unlocked = unlock(lots, MAY)
    assert unlocked == (lots[0],)
    assert after == (replace(lots[0], pending=False), lots[1])
    assert balance_of(after) == Balance(10, 20)


def test_expire_at_the_very_instant() -> None:
    lots = (lot("a", 10, expires_at=MAY), lot("b", 20), pending("c", 5, MAY + DAY, MAY))
    assert expire(lots, MAY - timedelta(milliseconds=1)) == (lots, ())
    assert expire(lots, MAY) == (lots[1:], lots[:1])


def test_next_due_is_the_first_unlock_or_expiry() -> None:
    assert next_due_at(()) is None
    assert next_due_at((lot("never", 1),)) is None
    expiring = lot("a", 1, expires_at=MAY + 3 * DAY)
    assert next_due_at((expiring, pending("b", 1, MAY + 2 * DAY, MAY + 2 * DAY))) == MAY + 2 * DAY
    assert next_due_at((expiring, pending("b", 1, MAY + 4 * DAY))) == MAY + 3 * DAY


def test_coalesced_leaves_few_lots_alone() -> None:
    lots = (lot("a", 1), lot("b", 2))
    assert coalesced(lots, 2) is lots


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
    assert coalesced(lots, 4) == (
        replace(lot("a", 9, expires_at=end), remaining=7),
        lot("b", 2),
        pending("d", 16, MAY + DAY),
        pending("f", 8, MAY + 2 * DAY),
    )


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
    left, taken = spend(lots, points)
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
    fewer = coalesced(lots, most)
    assert balance_of(fewer) == balance_of(lots)
    assert sum(held.points for held in fewer) == sum(held.points for held in lots)
    assert next_due_at(fewer) == next_due_at(lots)
    points = int(balance_of(lots).available * share)
    after, after_fewer = spend(lots, points)[0], spend(fewer, points)[0]
    for day in range(14):
        now = MAY + day * DAY
        ends = [balance_of(expire(unlock(some, now)[0], now)[0]) for some in (after, after_fewer)]
        assert ends[0] == ends[1]
