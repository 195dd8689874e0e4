"""What records give cause to tell: worked out by hand, through the real record path."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.activity import ENROLMENT, PRIZE, Activity
from gamification.member import Visibility
from gamification.notices.of_records import MAX_NOTICES_A_RECORD
from gamification.program import Program
from gamification.schedule import Edition, scheduled
from tests.gamification.clerk import Clerk
from tests.gamification.notices.declared import everything, notices, told
from tests.gamification.programs import adjustment, at, badge, challenge, event, ladder, program, purchase, rule

JOINED = at("2026-01-01")
PRIZE_OF_THE_WEEK = Activity(
    "#prize:weekly",
    PRIZE,
    at("2026-02-02"),
    attributes={"board": "weekly", "period": "2026-W05", "place": 2},
    points=50,
)


def shop(declared: dict[str, Any] | None = None, **parts: Any) -> Program:
    """A point per dollar, and all kinds of notices unless others are declared."""
    return program(rules=[rule()], notices=everything() if declared is None else declared, **parts)


def clerk_of(played: Program) -> Clerk:
    clerk = Clerk(played, JOINED)
    clerk.record(Activity("#enrolment", ENROLMENT, JOINED))
    return clerk


def told_by(clerk: Clerk, *activities: Activity, now: datetime | None = None) -> list[str]:
    """What the last of these activities has told."""
    for activity in activities:
        clerk.notices.clear()
        clerk.record(activity, now)
    return [told(each) for each in clerk.notices]


def test_the_points_of_a_record_are_told_as_one_sum() -> None:
    played = shop(
        challenges=[challenge("second", target=2, reward={"points": 25})],
        tiers=ladder("spend", "lifetime", rewards={"silver": {"points": 10}}, bronze=0, silver=50),
    )
    clerk = clerk_of(played)
    assert told_by(clerk, purchase(at("2026-02-01"), 4000)) == ["points_earned points=40 pending=0 balance=40"]
    assert told_by(clerk, purchase(at("2026-02-02"), 1000)) == [
        "points_earned points=45 pending=0 balance=85",
        "tier_reached tier=silver",
        "challenge_done challenge=second times=1",
    ]


def test_a_notice_says_what_it_is_about_when_and_for_how_long() -> None:
    declared = notices("points_earned", points_earned={"fresh_hours": 5, "collapse": "points"})
    clerk = clerk_of(shop(declared))
    clerk.record(purchase(at("2026-02-01T10:00"), 700))
    (notice,) = clerk.notices
    assert notice.notice_id == "m:2:0"
    assert (notice.member_id, notice.kind, notice.subject) == ("m", "points_earned", "")
    assert (notice.at, notice.expires_at) == (at("2026-02-01T10:00"), at("2026-02-01T15:00"))
    assert (notice.collapse, notice.program_version) == ("points", 1)
    assert notice.values == {"points": 7, "pending": 0, "balance": 7}


def test_notices_of_one_record_are_numbered() -> None:
    played = shop(badges=[badge("first", earned={"measure": "member.purchases"})])
    clerk = clerk_of(played)
    clerk.record(purchase(at("2026-02-01"), 700))
    assert [(each.notice_id, each.kind, each.subject, each.collapse) for each in clerk.notices] == [
        ("m:2:0", "points_earned", "", ""),
        ("m:2:1", "badge_won", "first", ""),
    ]


def test_a_kind_that_is_not_declared_is_not_made() -> None:
    parts = {"badges": [badge("first", earned={"measure": "member.purchases"})]}
    assert told_by(clerk_of(shop({}, **parts)), purchase(at("2026-02-01"), 700)) == []
    assert told_by(clerk_of(shop(notices("badge_won"), **parts)), purchase(at("2026-02-01"), 700)) == [
        "badge_won badge=first level=1"
    ]


def test_few_points_are_not_told() -> None:
    clerk = clerk_of(shop(notices(points_earned={"minimum": 10})))
    assert told_by(clerk, purchase(at("2026-02-01"), 900)) == []
    assert told_by(clerk, purchase(at("2026-02-02"), 1000)) == ["points_earned points=10 pending=0 balance=19"]


def test_what_staff_gives_is_told_and_what_it_takes_is_not() -> None:
    clerk = clerk_of(shop())
    assert told_by(clerk, adjustment(at("2026-02-01"), 50)) == ["points_earned points=50 pending=0 balance=50"]
    assert told_by(clerk, adjustment(at("2026-02-02"), -20)) == []


def test_pending_points_are_told_when_earned_and_when_released() -> None:
    clerk = clerk_of(shop(points={"pending_days": 3}))
    assert told_by(clerk, purchase(at("2026-02-01T10:00"), 700)) == ["points_earned points=7 pending=7 balance=0"]
    clerk.notices.clear()
    clerk.wait(at("2026-02-05"))
    (notice,) = clerk.notices
    assert told(notice) == "points_released points=7 balance=7"
    assert (notice.notice_id, notice.at) == ("m:3:0", at("2026-02-04"))


def test_points_that_expire_tell_nothing_by_a_record() -> None:
    clerk = clerk_of(shop(points={"expire_days": 3}))
    clerk.record(purchase(at("2026-02-01T10:00"), 700))
    clerk.notices.clear()
    clerk.wait(at("2026-02-05"))
    assert len(clerk.records) == 3
    assert clerk.notices == []


def test_what_the_clock_finds_too_late_is_not_told() -> None:
    clerk = clerk_of(shop(notices(points_released={"fresh_hours": 24}), points={"pending_days": 3}))
    clerk.record(purchase(at("2026-02-01T10:00"), 700))
    clerk.wait(at("2026-02-05"))
    assert clerk.notices == [], "it was due a day before, at the beginning of 4 February"


def test_only_the_highest_of_several_tiers_is_told_and_never_the_first_one() -> None:
    clerk = clerk_of(shop(notices("tier_reached"), tiers=ladder("spend", "lifetime", bronze=0, silver=50, gold=100)))
    assert clerk.state.standing.tier == "bronze"
    assert clerk.notices == []
    assert told_by(clerk, purchase(at("2026-02-01"), 20000)) == ["tier_reached tier=gold"]


def test_a_tier_that_is_lost_is_not_told() -> None:
    played = shop(notices("tier_reached"), tiers=ladder("spend", "rolling 10 days", bronze=0, silver=50))
    clerk = clerk_of(played)
    assert told_by(clerk, purchase(at("2026-02-01"), 6000)) == ["tier_reached tier=silver"]
    clerk.notices.clear()
    clerk.wait(at("2026-02-20"))
    assert clerk.state.standing.tier == "bronze"
    assert clerk.notices == []


def test_a_badge_is_told_at_its_highest_level() -> None:
    played = shop(notices("badge_won"), badges=[badge("b", earned={"measure": "member.spend"}, levels=[10, 20, 500])])
    clerk = clerk_of(played)
    assert told_by(clerk, purchase(at("2026-02-01"), 6000)) == ["badge_won badge=b level=2"]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([7900], []),
        ([8000], ["challenge_almost_done challenge=spend done=80 target=100 missing=20 percent=80"]),
        ([8050], ["challenge_almost_done challenge=spend done=80.5 target=100 missing=19.5 percent=80"]),
        ([7900, 150], ["challenge_almost_done challenge=spend done=80.5 target=100 missing=19.5 percent=80"]),
        ([8000, 100], []),
        ([10000], ["challenge_done challenge=spend times=1"]),
        ([8000, 2000], ["challenge_done challenge=spend times=1"]),
    ],
)
def test_a_challenge_is_almost_done_once_it_comes_to_the_percentage(amounts: list[int], expected: list[str]) -> None:
    declared = notices("challenge_done", "challenge_almost_done")
    goal = challenge("spend", measure="sum", of="activity.amount", target=100)
    clerk = clerk_of(shop(declared, challenges=[goal]))
    days = [at("2026-02-01") + timedelta(days=number) for number in range(len(amounts))]
    assert told_by(clerk, *(purchase(day, amount) for day, amount in zip(days, amounts, strict=True))) == expected


def test_a_prize_is_told_as_such_and_its_points_with_it() -> None:
    clerk = clerk_of(shop())
    assert told_by(clerk, PRIZE_OF_THE_WEEK) == ["board_prize board=weekly place=2 points=50 badge="]
    assert clerk.notices[0].subject == "weekly"


def test_a_member_hidden_on_boards_is_told_of_the_points_and_not_of_the_place() -> None:
    clerk = clerk_of(shop())
    clerk.member = replace(clerk.member, visibility=Visibility(board="hidden"))
    assert told_by(clerk, PRIZE_OF_THE_WEEK) == ["points_earned points=50 pending=0 balance=50"]


def test_something_is_ready_when_an_activity_of_the_declared_kind_says_so() -> None:
    clerk = clerk_of(shop())
    ready = event("redemption.ready", at("2026-02-02"), {"reward": "A tote bag", "shelf": 4, "staff": "secret"})
    assert told_by(clerk, ready) == ["redemption_ready reward=A tote bag shelf=4"]
    assert told_by(clerk, event("redemption.ready", at("2026-02-03"))) == ["redemption_ready reward= shelf="]
    assert told_by(clerk, event("redemption.made", at("2026-02-04"))) == []


def test_a_reversal_tells_nothing_whatever_it_gives() -> None:
    played = program(rules=[rule(caps={"lifetime": 50})], notices=everything())
    clerk = clerk_of(played)
    clerk.record(purchase(at("2026-02-01"), 4000, key="one"))
    clerk.record(purchase(at("2026-02-02"), 3000, key="two"))
    clerk.notices.clear()
    clerk.reverse("one", at("2026-02-03"))
    assert clerk.state.balance.available == 30, "the second purchase gives 20 more, since the cap has room again"
    assert clerk.notices == []


def test_a_late_activity_tells_what_it_newly_brings() -> None:
    clerk = clerk_of(shop(challenges=[challenge("third", target=3, reward={"points": 5})]))
    clerk.record(purchase(at("2026-02-01"), 4000))
    clerk.record(purchase(at("2026-02-20"), 3000))
    late = told_by(clerk, purchase(at("2026-02-10"), 2000), now=at("2026-03-01"))
    assert late == ["points_earned points=25 pending=0 balance=95", "challenge_done challenge=third times=1"]
    assert {each.at for each in clerk.notices} == {at("2026-03-01")}, "it is news when it comes in"


def test_a_late_activity_whose_points_have_been_released_meanwhile_tells_them_once() -> None:
    clerk = clerk_of(shop(points={"pending_days": 3}))
    clerk.record(purchase(at("2026-02-20"), 3000))
    late = told_by(clerk, purchase(at("2026-02-10"), 2000), now=at("2026-02-21"))
    assert late == ["points_earned points=20 pending=0 balance=20"]


def test_a_late_event_tells_the_points_that_it_releases() -> None:
    waiting = {"pending_event": {"on": "delivered", "at_most_days": 30}}
    clerk = clerk_of(shop(points=waiting))
    clerk.record(purchase(at("2026-02-01"), 3000))
    clerk.record(event("visit", at("2026-02-10")))
    assert told_by(clerk, event("delivered", at("2026-02-05")), now=at("2026-02-11")) == [
        "points_released points=30 balance=30"
    ]


def test_a_late_activity_that_gives_no_more_than_it_takes_tells_no_points() -> None:
    clerk = clerk_of(program(rules=[rule(caps={"day": 30})], notices=everything()))
    clerk.record(purchase(at("2026-02-01T12:00"), 3000))
    assert told_by(clerk, purchase(at("2026-02-01T10:00"), 3000), now=at("2026-02-02")) == []


def test_a_backfill_tells_what_it_newly_grants() -> None:
    before = shop()
    after = program(rules=[rule(earn={"points": 2, "per_amount": "1"})], notices=everything())
    clerk = clerk_of(before)
    clerk.record(purchase(at("2026-02-01"), 3000))
    clerk.notices.clear()
    edition = Edition(2, after, JOINED, backfills=True)
    clerk.schedule = scheduled([*clerk.schedule.editions, edition])
    clerk.wait(at("2026-02-10"))
    assert [told(each) for each in clerk.notices] == ["points_earned points=30 pending=0 balance=60"]
    assert clerk.notices[0].program_version == 2


def test_reading_in_old_history_tells_only_what_is_still_fresh() -> None:
    declared = notices(points_earned={"fresh_hours": 48})
    clerk = clerk_of(shop(declared))
    now = at("2026-03-10")
    clerk.now = now
    for day in ("2026-02-01", "2026-03-07", "2026-03-08T00:00:01", "2026-03-09"):
        clerk.record(purchase(at(day), 500), now)
    assert [each.at for each in clerk.notices] == [at("2026-03-08T00:00:01"), at("2026-03-09")]


def test_the_words_are_those_of_the_version_in_force_when_it_is_recorded() -> None:
    silent, speaking = shop({}), shop(notices("points_earned"))
    clerk = clerk_of(silent)
    clerk.schedule = scheduled([*clerk.schedule.editions, Edition(2, speaking, at("2026-02-10"))])
    assert told_by(clerk, purchase(at("2026-02-09"), 500)) == []
    assert told_by(clerk, purchase(at("2026-02-11"), 500)) == ["points_earned points=5 pending=0 balance=10"]
    late = purchase(at("2026-02-08"), 700)
    assert told_by(clerk, late, now=at("2026-02-12")) == ["points_earned points=7 pending=0 balance=17"]
    assert clerk.notices[0].program_version == 2


def test_a_record_makes_a_bounded_number_of_notices() -> None:
    badges = [badge(f"b{number}", earned={"measure": "member.purchases"}) for number in range(60)]
    clerk = clerk_of(shop(notices("badge_won"), badges=badges))
    assert len(told_by(clerk, purchase(at("2026-02-01"), 100))) == MAX_NOTICES_A_RECORD == 50


def test_a_retry_tells_nothing() -> None:
    clerk = clerk_of(shop())
    bought = purchase(at("2026-02-01"), 700)
    assert told_by(clerk, bought) != []
    assert told_by(clerk, bought) == []
