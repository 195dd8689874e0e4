"""Two accounts of one person: together they are what one would have been, and apart what they were."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import EARLIEST, ENROLMENT, MERGE, MERGED, UNMERGE, UNMERGED, Activity
from gamification.history import absorbed_key
from gamification.member_fold import Circumstances, MemberFold
from gamification.program import Program
from gamification.replaying import Replay
from gamification.state import Moment
from tests.gamification.clerk import Clerk, drive
from tests.gamification.strategies import STARTS, Happening, programs, timeline
from tests.gamification.test_time_and_truth import comparable, earning, in_order, named

OTHER_ID = "other"


def enrolled(shop: Program, joined_at: datetime, member_id: str = "m") -> Clerk:
    """A clerk of a member whose enrolment is record 1."""
    clerk = Clerk(shop, joined_at)
    clerk.member = replace(clerk.member, member_id=member_id)
    clerk.record(Activity("#enrolment", ENROLMENT, joined_at))
    return clerk


def change(kinds: tuple[str, str], one: Clerk, other: Clerk, now: datetime) -> None:
    """Merge the other's account into the one's, or take it apart again."""
    one.now = other.now = now
    past, other_past = one.past(Moment(EARLIEST, "")), other.past(Moment(EARLIEST, ""))
    circumstances = Circumstances(one.schedule, one.offers.copy(), now)
    other_fold = MemberFold(other.member, circumstances, other_past, other.terms)
    if kinds[0] == MERGE:
        drive(other_fold.merge(kinds[1], one.member))
        past = past.with_absorbed(OTHER_ID, (*other_past.records, *other_fold.records))
        fold = MemberFold(one.member, circumstances, past, one.terms)
        drive(fold.merge(kinds[0], other_fold.member))
    else:  # Whoever gives comes first, as `Merger` has it.
        fold = MemberFold(one.member, circumstances, past.with_absorbed(OTHER_ID, other_past.records), one.terms)
        drive(fold.merge(kinds[0], other.member))
        drive(other_fold.merge(kinds[1], one.member))
    one.keep(fold.commit())
    other.keep(other_fold.commit())


def check_journal(clerk: Clerk, other: Clerk) -> None:
    """The journal comes to the snapshot, outcome by outcome."""
    replaying = Replay(clerk.member.enrolled_at, clerk.schedule)
    replaying.know(OTHER_ID, other.records)
    for record in clerk.records:
        assert replaying.take(record) == record.outcome
    assert replaying.state == clerk.state


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

    change((MERGE, MERGED), one, other, now)
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
        change((UNMERGE, UNMERGED), one, other, now)
        assert [*one.state.absorbed, other.state.merged_into] == [None]
        for clerk, was in zip((one, other), before, strict=True):
            clerk_then = Clerk(shop, clerk.member.enrolled_at)
            clerk_then.member = replace(clerk.member, state=was)
            assert comparable(clerk.read(now)) == comparable(clerk_then.read(now))
        check_journal(one, other)
        check_journal(other, one)
