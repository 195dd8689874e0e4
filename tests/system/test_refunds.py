"""The CDNOW sample with refunds comes to what the sample comes to without the purchases that went back."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.archive import MongoStandings
from app.boards.periods import MongoBoardPeriods
from app.broadcasts.store import MongoBroadcasts
from app.cdnow.log import read_log
from app.stores.connection import Connection
from app.stores.friends import MongoFriendships
from app.stores.indexes import ensure_indexes
from app.stores.notices import MongoNotices
from gamification.activity import ENROLMENT, Activity
from gamification.effects import Entry
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.fold import advance
from gamification.member import Profile
from gamification.program import Program
from gamification.program.source import read_program
from gamification.record import REVISING, Record
from gamification.recording import Recorder
from gamification.requests import Recorded, RecordRequest, ReverseRequest
from gamification.state import State
from gamification.stores import Stores
from tests.app.stores.play import NO_BOARDS, Play
from tests.gamification.clerk import Clerk
from tests.gamification.test_time_and_truth import check_journal, comparable
from tests.system.installation import ROOT, SAMPLE

SEED = 19980630
MEMBERS = 2357
PURCHASES = 6919
REFUNDED_SHARE = 0.05
MOST_DAYS_LATER = 500
END = datetime(2000, 1, 1, tzinfo=UTC)
SHOP = (ROOT / "programs" / "record-shop.yaml").read_text(encoding="utf-8")
IN_STORES = 400
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Refund:
    """A purchase that goes back at a moment."""

    key: str
    at: datetime


Step = tuple[datetime, int, Activity | Refund]


def sample(purchases: int = PURCHASES) -> dict[str, list[Activity]]:
    """The sample's purchases by customer, in the order of time."""
    with SAMPLE.open("rb") as log:
        lines = log.readlines()[:purchases]
    found, broken = read_log(lines, datetime.now(UTC).date())
    assert not broken
    by_customer: dict[str, list[Activity]] = defaultdict(list)
    for each in sorted(found, key=lambda purchase: (purchase.day, purchase.line)):
        by_customer[each.customer].append(each.activity(timedelta()))
    return by_customer


def refunded(by_customer: dict[str, list[Activity]]) -> dict[str, datetime]:
    """The keys of a twentieth of all purchases, and when each of them goes back."""
    dice = random.Random(SEED)
    bought = [each for purchases in by_customer.values() for each in purchases]
    chosen = dice.sample(bought, round(len(bought) * REFUNDED_SHARE))
    longest = MOST_DAYS_LATER * 24 * 60 * 60
    return {each.key: each.occurred_at + timedelta(seconds=dice.randint(1, longest)) for each in chosen}


def steps(purchases: list[Activity], refunds: dict[str, datetime]) -> list[Step]:
    """What a customer does, in the order of time."""
    done: list[Step] = [(each.occurred_at, 0, each) for each in purchases]
    done += [(refunds[each.key], 1, Refund(each.key, refunds[each.key])) for each in purchases if each.key in refunds]
    return sorted(done, key=lambda step: step[:2])


def without(shop: Program, purchases: list[Activity], refunds: dict[str, datetime]) -> Clerk:
    """The customer who never bought what went back, but joined when they did."""
    clerk = enrolled(shop, purchases)
    for each in purchases:
        if each.key not in refunds:
            clerk.record(each)
    return clerk


def enrolled(shop: Program, purchases: list[Activity]) -> Clerk:
    """A customer from their first purchase on."""
    clerk = Clerk(shop, purchases[0].occurred_at)
    clerk.record(Activity("#enrolment", ENROLMENT, purchases[0].occurred_at))
    return clerk


def test_refunds_leave_nothing_behind() -> None:
    shop, by_customer = read_program(SHOP), sample()
    refunds = refunded(by_customer)
    assert (len(by_customer), len(refunds)) == (MEMBERS, round(PURCHASES * REFUNDED_SHARE))
    returned = 0
    for purchases in by_customer.values():
        if not any(each.key in refunds for each in purchases):
            continue  # Nothing differs for those who keep everything.
        clerk = enrolled(shop, purchases)
        for moment, _, step in steps(purchases, refunds):
            if isinstance(step, Activity):
                clerk.record(step)
                continue
            assert isinstance(clerk.reverse(step.key, moment), Recorded)
            returned += 1
            gone = {key: at for key, at in refunds.items() if at <= moment}
            so_far = [each for each in purchases if each.occurred_at <= moment]
            assert comparable(clerk.state) == comparable(without(shop, so_far, gone).read(moment))
        assert comparable(clerk.read(END)) == comparable(without(shop, purchases, refunds).read(END))
        check_journal(clerk)
    assert returned == len(refunds)


class Counter:
    """A recorder over the stores, at whose counter it is any time that a test says."""

    def __init__(self, play: Play, joined_at: datetime) -> None:
        self.play, self.now = play, joined_at
        connection = play.connection
        friends, standings = MongoFriendships(connection), MongoStandings(connection, MongoBoardPeriods(connection))
        stores = Stores(
            play.members,
            play.journal,
            play.programs,
            play.campaigns,
            friends,
            NO_BOARDS,
            standings,
            MongoNotices(connection),
            MongoBroadcasts(connection),
        )
        self.recorder = Recorder(stores, lambda: self.now, timedelta(minutes=5))

    async def take(self, member_id: str, moment: datetime, step: Activity | Refund) -> Recorded:
        self.now = moment
        if isinstance(step, Refund):
            refunded = await self.recorder.reverse(ReverseRequest(member_id, step.key))
            assert isinstance(refunded, Recorded), refunded
            return refunded
        [result] = await self.recorder.record([RecordRequest(member_id, step)])
        assert isinstance(result, Recorded), result
        return result


async def test_refunds_leave_nothing_behind_in_the_stores(database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
    by_customer = sample(IN_STORES)
    refunds = refunded(by_customer)
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    play = Play.over(connection)
    await play.programs.apply(SHOP, "tests", datetime(1996, 1, 1, tzinfo=UTC))
    shop, member_ids = read_program(SHOP), {}
    for customer, purchases in by_customer.items():
        request = EnrolRequest(customer, Profile(f"Customer {customer}"), purchases[0].occurred_at)
        [enrolment] = await play.enroller.enrol([request])
        assert isinstance(enrolment, Enrolled)
        member_ids[customer] = enrolment.member.member_id
    everything = sorted(
        ((*step, customer) for customer, purchases in by_customer.items() for step in steps(purchases, refunds)),
        key=lambda each: (each[0], each[1], each[3]),
    )
    counter = Counter(play, everything[0][0])
    for moment, _, step, customer in everything:
        result = await counter.take(member_ids[customer], moment, step)
        told = result.record.activity
        assert told is not None
        assert (told.kind in REVISING) == isinstance(step, Refund)

    assert await play.verify() == []
    schedule = await play.programs.schedule()
    held = await play.members.by_ids(list(member_ids.values()))
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for customer, purchases in by_customer.items():
        expected = without(shop, purchases, refunds).read(END)
        state = advance(held[member_ids[customer]].state, END, schedule)[0]
        assert comparable(state) == comparable(expected)
        _add_scores(sums, state)
        records = [record async for record in play.journal.history(member_ids[customer]) if isinstance(record, Record)]
        entries = [e for record in records for e in record.outcome.effects if isinstance(e, Entry)]
        assert sum(e.points for e in entries if e.account == "available") == state.balance.available
    kept = [each for purchases in by_customer.values() for each in purchases if each.key not in refunds]
    assert sums["all-time", "all"] == sum(
        without(shop, purchases, refunds).state.totals.earned for purchases in by_customer.values()
    )
    assert sums["collectors", "1998-06"] == sum(
        each.quantity for each in kept if f"{each.occurred_at:%Y-%m}" == "1998-06"
    )


def _add_scores(sums: dict[tuple[str, str], int], state: State) -> None:
    for score in state.scores:
        sums[score.board, score.period] += score.value
