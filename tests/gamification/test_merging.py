"""Two accounts of one person: together they are what one would have been, and apart what they were."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.activity import EARLIEST, ENROLMENT, Activity
from gamification.circumstances import Circumstances
from gamification.history import Past, absorbed_key
from gamification.merging import Account, join, part
from gamification.program import Program
from gamification.record import Record
from gamification.replaying import Replay
from gamification.requests import MergeRequest, Recorded, ReverseRequest
from gamification.schedule import Schedule
from gamification.state import Moment
from tests.gamification.clerk import Clerk, drive
from tests.gamification.programs import at, program, purchase, rule
from tests.gamification.strategies import STARTS, Happening, programs, timeline
from tests.gamification.test_time_and_truth import comparable, earning, in_order, named

OTHER_ID = "other"


def enrolled(shop: Program | Schedule, joined_at: datetime, member_id: str = "m") -> Clerk:
    """A clerk of a member whose enrolment is record 1."""
    clerk = Clerk(shop, joined_at)
    clerk.member = replace(clerk.member, member_id=member_id)
    clerk.record(Activity("#enrolment", ENROLMENT, joined_at))
    return clerk


def change(one: Clerk, other: Clerk, now: datetime, *, undoes: bool = False) -> None:
    """Merge the other's account into the one's, or take it apart again."""
    one.now = other.now = now
    past = one.past(Moment(EARLIEST, "")).with_absorbed(OTHER_ID, other.records)
    accounts = Account(one.member, past), Account(other.member, other.past(Moment(EARLIEST, "")))
    request = MergeRequest(OTHER_ID, one.member.member_id, undoes)
    circumstances = Circumstances(one.schedule, one.offers.copy(), now)
    changed = drive((part if undoes else join)(request, *accounts, circumstances, {**one.terms, **other.terms}))
    one.keep(changed.fold.commit())
    other.keep(changed.other_fold.commit())


class Merging(Clerk):
    """A clerk of the account that goes on, who has the other one's journal at hand."""

    other: Clerk

    def past(self, before: Moment) -> Past:
        return super().past(before).with_absorbed(OTHER_ID, self.other.records)

    def known(self) -> dict[str, Record]:
        return {absorbed_key(OTHER_ID, key): each for key, each in self.other.known().items()} | super().known()


def check_journal(clerk: Clerk, other: Clerk) -> None:
    """The journal comes to the snapshot, outcome by outcome."""
    replaying = Replay(clerk.member.enrolled_at, clerk.schedule)
    replaying.know(OTHER_ID, other.records)
    for record in clerk.records:
        assert replaying.take(record) == record.outcome
    assert replaying.state == clerk.state


@settings(max_examples=settings().max_examples // 2)  # Three lives each are slow to play.
@given(
    shop=programs,
    starts=st.tuples(st.sampled_from(STARTS), st.integers(-300, 300)),
    histories=st.tuples(earning, earning),
    undone=st.booleans(),
)
def test_merged_accounts_are_as_one(
    shop: Program, starts: tuple[datetime, int], histories: tuple[list[Happening], list[Happening]], undone: bool
) -> None:
    joined = starts[0], starts[0] + timedelta(days=starts[1])
    one, other = enrolled(shop, joined[0]), enrolled(shop, joined[1], OTHER_ID)
    did = [in_order(named(timeline(start, history))) for start, history in zip(joined, histories, strict=True)]
    for clerk, done in zip((one, other), did, strict=True):
        for activity in done:
            if activity.occurred_at >= clerk.member.enrolled_at:
                clerk.record(activity)
    before = one.state, other.state
    now = max(one.now, other.now) + timedelta(days=3)

    change(one, other, now)
    single = Clerk(shop, min(joined))
    renamed = [replace(each, key=absorbed_key(OTHER_ID, each.key)) for each in did[1] if each.occurred_at >= joined[1]]
    own = [each for each in did[0] if each.occurred_at >= joined[0]]
    for activity in in_order([Activity("#enrolment", ENROLMENT, joined[0]), *own, *renamed]):
        single.record(activity)
    merged = replace(comparable(one.read(now)), absorbed=())
    assert merged == comparable(single.read(now))
    assert one.state.absorbed == (OTHER_ID,)
    assert (other.state.merged_into, other.state.balance.available, other.state.lots, other.state.scores) == (
        "m",
        0,
        (),
        (),
    )
    check_journal(one, other)
    check_journal(other, one)

    if undone:
        change(one, other, now, undoes=True)
        assert [*one.state.absorbed, other.state.merged_into] == [None]
        for clerk, was in zip((one, other), before, strict=True):
            clerk_then = Clerk(shop, clerk.member.enrolled_at)
            clerk_then.member = replace(clerk.member, state=was)
            assert comparable(clerk.read(now)) == comparable(clerk_then.read(now))
        check_journal(one, other)
        check_journal(other, one)


@given(
    shop=programs,
    starts=st.tuples(st.sampled_from(STARTS), st.integers(0, 300)),
    history=earning,
    dealt=st.lists(st.booleans(), min_size=1),
    phases=st.tuples(st.integers(0, 4), st.integers(1, 6), st.booleans()),
)
def test_taken_apart_they_are_as_if_they_had_been_two_all_along(
    shop: Program,
    starts: tuple[datetime, int],
    history: list[Happening],
    dealt: list[bool],
    phases: tuple[int, int, bool],
) -> None:
    joined = starts[0], starts[0] + timedelta(days=starts[1])
    one, other = Merging(shop, joined[0]), enrolled(shop, joined[1], OTHER_ID)
    one.other = other
    alone = enrolled(shop, joined[0]), enrolled(shop, joined[1], OTHER_ID)
    one.record(Activity("#enrolment", ENROLMENT, joined[0]))
    merge_at, undo_at, takes_back = phases[0], phases[0] + phases[1], phases[2]
    now, taken = joined[1], list[tuple[int, str]]()
    for number, activity in enumerate([*named(timeline(joined[1], history)), None, None]):
        if number == merge_at:
            change(one, other, now)
        if number == undo_at:
            for hand, key in taken:
                back = absorbed_key(OTHER_ID, key) if hand else key
                request = ReverseRequest("m", back, f"{OTHER_ID}|r {key}" if hand else f"r {key}")
                assert isinstance(one.ask(request, now), Recorded)
                assert isinstance(alone[hand].reverse(key, now, f"r {key}"), Recorded)
            change(one, other, now, undoes=True)
        if activity is None or activity.occurred_at < joined[1]:
            continue
        now, hand = max(now, activity.occurred_at), dealt[number % len(dealt)]
        alone[hand].record(activity, now)
        if not merge_at <= number < undo_at:
            (other if hand else one).record(activity, now)
        else:
            one.record(replace(activity, key=absorbed_key(OTHER_ID, activity.key)) if hand else activity, now)
            if takes_back and not taken:
                taken.append((hand, activity.key))
    if one.state.absorbed:
        change(one, other, now, undoes=True)
        if takes_back:
            taken.clear()
    for _ in range(2):
        for clerk, single in zip((one, other), alone, strict=True):
            assert comparable(clerk.read(now)) == comparable(single.read(now))
        check_journal(one, other)
        check_journal(other, one)
        kept = [(each.activity.key, each.input_hash) for each in other.records if each.activity and each.input_hash]
        assert len(kept) == len(set(kept))
        change(one, other, now)
        change(one, other, now, undoes=True)


@pytest.mark.parametrize("told", ["before", "while merged"])
def test_an_event_that_names_a_key_of_both_means_that_of_the_account_it_is_reported_for(told: str) -> None:
    terms = {"pending_event": {"on": "delivered", "at_most_days": 30, "then": "cancel"}}
    shop = program(rules=[rule(points=terms)])
    one, other = (enrolled(shop, at("2026-05-01"), name) for name in ("m", OTHER_ID))
    for clerk, minor in ((one, 10000), (other, 5000)):
        clerk.record(purchase(at("2026-05-02"), minor, key="k"))
    delivered = Activity("d", "delivered", at("2026-05-03"), attributes={"activity": "k"})
    if told == "before":
        other.record(delivered)
    change(one, other, at("2026-05-04"))
    if told == "while merged":
        one.record(replace(delivered, key=absorbed_key(OTHER_ID, "d"), occurred_at=at("2026-05-05")))
    assert (one.state.balance.available, one.state.balance.pending) == (50, 100)
