"""What is taken back while two accounts are one stands, once they are two again, where it stood."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import EARLIEST, ENROLMENT, Activity, own_key
from gamification.history import absorbed_key
from gamification.program import Program
from gamification.record import Kept
from gamification.requests import Recorded, ReverseRequest
from gamification.schedule import Edition, Schedule
from gamification.state import State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import adjustment, at, program, purchase, rule
from tests.gamification.test_merging import OTHER_ID, Merging, change, check_journal, enrolled
from tests.gamification.test_time_and_truth import comparable

START = at("2026-05-01")
policies = st.sampled_from(["allow_debt", "within_balance", "only_pending"])


def shop(policy: str, days: int = 30, **more: Any) -> Program:
    """A point for every dollar, for so many days."""
    return program(rules=[rule(**more)], reversals={"policy": policy}, points={"expire_days": days})


def day(number: float) -> datetime:
    """An instant in May."""
    return START + timedelta(days=number)


@dataclass
class Two:
    """Two accounts that are merged and taken apart, and ``alone`` two for whom the same happens without that."""

    programs: Program | Schedule
    is_one: bool = False
    bought: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))

    def __post_init__(self) -> None:
        self.one, self.other = Merging(self.programs, START), enrolled(self.programs, START, OTHER_ID)
        self.one.other = self.other
        self.one.record(Activity("#enrolment", ENROLMENT, START))
        self.alone = enrolled(self.programs, START), enrolled(self.programs, START, OTHER_ID)

    def holder(self, hand: int) -> Clerk:
        """Who records for one of the two by now."""
        return self.other if hand and not self.is_one else self.one

    def key(self, hand: int, key: str) -> str:
        """The key that something of one of the two has there."""
        return absorbed_key(OTHER_ID, key) if hand and self.is_one else key

    def buy(self, hand: int, key: str, minor: int, happened_at: datetime, now: datetime) -> None:
        activity = replace(purchase(happened_at, minor), key=key)
        self.alone[hand].record(activity, now)
        self.holder(hand).record(replace(activity, key=self.key(hand, key)), now)
        self.bought[hand].append(key)

    def spend(self, hand: int, key: str, percent: int, now: datetime) -> None:
        """Spend a share of what there is."""
        had = [each.read(now).balance.available for each in (self.alone[hand], self.holder(hand))]
        if (points := max(min(had), 0) * percent // 100) > 0:
            activity = replace(adjustment(now, -points), key=key)
            self.alone[hand].record(activity, now)
            self.holder(hand).record(replace(activity, key=self.key(hand, key)), now)

    def reverse(self, hand: int, key: str, own: str | None, now: datetime, amount_minor: int | None = None) -> None:
        """Take back something of one of the two; only where the key is given there, it names the account."""
        request = ReverseRequest("m", self.key(hand, key), own, amount_minor=amount_minor)
        assert isinstance(self.holder(hand).ask(request, now), Recorded)
        named = own if own is None else own_key(own)
        assert isinstance(self.alone[hand].reverse(key, now, named, amount_minor=amount_minor), Recorded)

    def change(self, now: datetime, *, undoes: bool = False) -> None:
        """Merge the accounts, or take them apart."""
        change(self.one, self.other, now, undoes=undoes)
        self.is_one = not undoes

    def check(self, *moments: datetime) -> None:
        """Each is what they would be without having been one, and its journal says so."""
        for moment in moments:
            for clerk, single in zip((self.one, self.other), self.alone, strict=True):
                assert _nameless(clerk.read(moment)) == _nameless(single.read(moment))
        check_journal(self.one, self.other)
        check_journal(self.other, self.one)


def _nameless(state: State) -> State:
    """A comparable state; what stays at a reversal, without the key of that, which may be one of ours."""
    lots = (replace(each, lot_id="") if each.origin == "reversal:kept" else each for each in state.lots)
    return replace(comparable(state), lots=tuple(lots))


@dataclass(frozen=True)
class Deed:
    """Something that one of the two does, ``gap`` after what came before; a purchase may be ``late``."""

    what: Literal["buy", "spend", "reverse"]
    hand: int
    gap: timedelta
    late: timedelta
    percent: int
    place: int


hours = st.integers(1, 96).map(lambda number: timedelta(hours=number))
deeds = st.builds(
    Deed,
    st.sampled_from(["buy", "buy", "spend", "reverse", "reverse"]),
    st.sampled_from([0, 1, 1]),
    hours,
    st.sampled_from([0, 0, 30, 100, 300]).map(lambda number: timedelta(hours=number)),
    st.integers(1, 100),
    st.integers(0, 5),
)
shops = st.builds(
    lambda policy, days, cap: shop(policy, days, caps={"week": cap}),
    policies,
    st.integers(5, 30),
    st.integers(20, 200),
)


@given(
    editions=st.tuples(shops, shops, st.integers(1, 20), st.booleans()),
    before=st.lists(deeds, min_size=1, max_size=5),
    meanwhile=st.lists(deeds, min_size=2, max_size=8),
    since=st.lists(deeds, max_size=3),
)
def test_what_is_taken_back_while_merged_stands_where_it_stood(
    editions: tuple[Program, Program, int, bool], before: list[Deed], meanwhile: list[Deed], since: list[Deed]
) -> None:
    first, second, changed_on, backfills = editions
    later = Edition(2, second, day(changed_on), backfills=backfills)
    two = Two(Schedule((Edition(1, first, EARLIEST), later)))
    now = do_all(two, [Deed("buy", 1, timedelta(hours=1), timedelta(), 50, 0), *before], START, "b")
    two.change(now)
    now = do_all(two, meanwhile, now, "m")
    two.change(now, undoes=True)
    two.check(now, now + timedelta(days=4), now + timedelta(days=40))
    now = do_all(two, since, now, "s")
    two.check(now)
    two.change(now)
    two.change(now, undoes=True)
    two.check(now, now + timedelta(days=4))


def do_all(two: Two, todo: list[Deed], now: datetime, prefix: str) -> datetime:
    """Do all that, each at an instant of its own; the instant after the last one."""
    for number, deed in enumerate(todo):
        now = now.replace(microsecond=0) + deed.gap + timedelta(milliseconds=10 * number + deed.hand)
        key = f"{prefix}{deed.place}{number}"
        if deed.what == "spend":
            two.spend(deed.hand, key, deed.percent, now)
        elif deed.what == "reverse" and (bought := two.bought[deed.hand]):
            taken = bought[deed.place % len(bought)]
            part = 100 if deed.percent > 80 else None
            own = None if part is None and deed.place % 3 == 0 else f"r{key}"
            two.reverse(deed.hand, taken, two.key(deed.hand, own) if own and deed.place % 3 == 1 else own, now, part)
            if part is None:
                bought.remove(taken)
        elif deed.what == "buy":
            happened_at = max(now - deed.late, START + timedelta(milliseconds=10 * number + deed.hand + 1))
            two.buy(deed.hand, key, deed.percent * 200, happened_at, now)
    return now + timedelta(hours=1)


@pytest.mark.parametrize("undone_on", [6, 25])
@pytest.mark.parametrize(("policy", "left"), [("allow_debt", -30), ("within_balance", 50), ("only_pending", 70)])
def test_time_goes_on_between_a_reversal_and_taking_apart(policy: str, left: int, undone_on: int) -> None:
    two = Two(shop(policy))
    two.buy(1, "p1", 10000, day(1), day(1))
    two.spend(1, "s1", 80, day(2))
    two.change(day(3))
    two.reverse(1, "p1", "other|r1", day(4))
    two.buy(1, "p2", 5000, day(5), day(5))
    two.change(day(undone_on), undoes=True)
    assert two.other.state.balance.available == left
    two.check(day(26), day(36), day(60))
    taken = next(each for each in two.other.records if each.activity and each.activity.key == "r1")
    assert (taken.placed_at, taken.revised_from, taken.first_in) == (day(4), day(1), "m")
    revisions = [each for each in two.other.records if each.activity and each.activity.kind in ("unmerged", "reversal")]
    assert [each.activity and each.activity.kind for each in revisions] == ["reversal", "unmerged"]


def test_what_stays_at_a_reversal_of_one_account_is_nothing_to_a_purchase_of_the_other_with_its_key() -> None:
    two = Two(shop("only_pending"))
    two.buy(0, "p1", 10000, day(1), day(1))
    two.spend(0, "s1", 80, day(2))
    two.reverse(0, "p1", "x1", day(4))
    two.buy(1, "x1", 5000, day(4.5), day(4.5))
    two.change(day(5))
    two.buy(1, "late", 3000, day(3), day(6))
    assert two.one.records[-1].kept == (Kept("x1", 50),)
    two.change(day(7), undoes=True)
    two.check(day(8))
