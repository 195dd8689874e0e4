"""What time gives cause to tell, worked out by hand: lead times, evenings, clocks that change, members who fly."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gamification.activity import ENROLMENT, TIER_GRANT, Activity
from gamification.extensions import extension
from gamification.notices.notice import Notice
from gamification.notices.of_time import LOOK_BACK, due_notices, next_notice_at
from gamification.program import Program
from gamification.schedule import Edition
from tests.gamification.clerk import Clerk
from tests.gamification.notices.declared import notices, told
from tests.gamification.programs import adjustment, at, ladder, program, purchase, rule, streak
from tests.gamification.streak_guest import local, visit

JOINED = at("2026-01-01")
COPENHAGEN, HELSINKI, TOKYO, NEW_YORK = "Europe/Copenhagen", "Europe/Helsinki", "Asia/Tokyo", "America/New_York"


def shop(*kinds: str, declared: dict[str, Any] | None = None, **parts: Any) -> Program:
    return program(rules=[rule()], notices=notices(*kinds, **(declared or {})), **parts)


def clerk_of(played: Program, *, zone: str | None = None, birthday: str | None = None) -> Clerk:
    clerk = Clerk(played, JOINED)
    said = {name: value for name, value in (("time_zone", zone), ("birthday", birthday)) if value}
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, time_zone=zone, birthday=birthday))
    clerk.record(Activity("#enrolment", ENROLMENT, JOINED, attributes=said))
    return clerk


def flies(clerk: Clerk, zone: str, now: datetime) -> None:
    """The member's profile says another time zone, which the game learns."""
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, time_zone=zone))
    clerk.wait(now)


def due(clerk: Clerk, after: datetime, until: datetime, played: Program | None = None) -> tuple[Notice, ...]:
    edition = clerk.schedule.at(clerk.now) if played is None else Edition(2, played, JOINED)
    return due_notices(clerk.member, edition, after, until)


def lines(found: tuple[Notice, ...]) -> list[str]:
    return [f"{each.at:%m-%d %H:%M} {told(each)}" for each in found]


def test_points_that_expire_are_told_at_each_lead_time() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01T10:00"), 4000))  # until the end of 1 April
    clerk.record(purchase(at("2026-02-01T11:00"), 200))
    found = due(clerk, at("2026-02-02"), at("2026-05-01"))
    assert lines(found) == [
        "03-02 09:00 points_expiring points=42 days=30 on=2026-04-01",
        "03-25 09:00 points_expiring points=42 days=7 on=2026-04-01",
    ]
    assert [each.notice_id for each in found] == [
        "m:points_expiring:2026-04-01:30",
        "m:points_expiring:2026-04-01:7",
    ]
    assert [each.expires_at for each in found] == [at("2026-03-05T09:00"), at("2026-03-28T09:00")]


def test_a_warning_is_of_no_use_once_the_next_one_is_due_or_it_is_too_late() -> None:
    declared = {"points_expiring": {"lead_days": [2, 1], "fresh_hours": 240}}
    clerk = clerk_of(shop(declared=declared, points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01T10:00"), 4000))
    found = due(clerk, at("2026-02-02"), at("2026-05-01"))
    assert [(each.at, each.expires_at) for each in found] == [
        (at("2026-03-30T09:00"), at("2026-03-31T09:00")),
        (at("2026-03-31T09:00"), at("2026-04-02")),
    ]


def test_points_spent_meanwhile_are_not_warned_of() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01T10:00"), 4000))
    clerk.record(adjustment(at("2026-03-10"), -30))
    assert [each.values["points"] for each in due(clerk, at("2026-03-10"), at("2026-05-01"))] == [10]
    clerk.record(adjustment(at("2026-03-25T08:59"), -10))
    assert due(clerk, at("2026-03-10"), at("2026-05-01")) == ()


def test_points_that_came_later_than_the_warning_are_not_in_it() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_on": "03-31", "years_after": 0}))
    clerk.record(purchase(at("2026-02-01"), 4000))
    clerk.record(purchase(at("2026-03-20"), 500))
    found = due(clerk, at("2026-02-02"), at("2026-05-01"))
    assert [(each.values["days"], each.values["points"]) for each in found] == [(30, 40), (7, 45)]


def test_pending_points_are_warned_of_and_those_that_wait_for_an_event_are_not() -> None:
    terms = {"pending_days": 50, "expire_days": 5}
    clerk = clerk_of(shop("points_expiring", points=terms))
    clerk.record(purchase(at("2026-02-01"), 4000))
    assert lines(due(clerk, at("2026-02-02"), at("2026-05-01"))) == [
        "02-25 09:00 points_expiring points=40 days=30 on=2026-03-27",
        "03-20 09:00 points_expiring points=40 days=7 on=2026-03-27",
    ]
    waiting = {"pending_event": {"on": "delivered", "at_most_days": 50}, "expire_days": 12}
    clerk = clerk_of(shop("points_expiring", points=waiting))
    clerk.record(purchase(at("2026-02-01"), 4000))
    assert lines(due(clerk, at("2026-02-02"), at("2026-05-01"))) == [
        "03-27 09:00 points_expiring points=40 days=7 on=2026-04-03"
    ], "released on 23 March for want of the event, which is less than 30 days before they expire"


def test_an_end_promised_for_points_that_wait_may_not_be_theirs_and_is_not_told() -> None:
    waiting = {"pending_event": {"on": "delivered", "at_most_days": 50}, "expire_days": 60}
    clerk = clerk_of(shop("points_expiring", points=waiting))
    clerk.record(purchase(at("2026-02-01"), 4000))
    clerk.record(extension("x", at("2026-02-02"), "sorry", until=date(2026, 4, 10)))
    assert clerk.state.lots[0].expires_at == at("2026-04-11")
    assert lines(due(clerk, at("2026-02-02"), at("2026-07-30"))) == [
        "04-21 09:00 points_expiring points=40 days=30 on=2026-05-21",
        "05-14 09:00 points_expiring points=40 days=7 on=2026-05-21",
    ], "released on 23 March, from when on they have their 60 days"


def test_what_is_to_be_told_as_something_else_expires_is_told_once() -> None:
    declared = {"points_expiring": {"lead_days": [7], "hour": 0}}
    clerk = clerk_of(shop(declared=declared, points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01"), 4000))  # gone at the beginning of 2 April
    clerk.record(purchase(at("2026-02-09"), 500))  # told at the beginning of 2 April
    assert lines(due(clerk, at("2026-03-30"), at("2026-05-01"))) == [
        "04-02 00:00 points_expiring points=5 days=7 on=2026-04-09"
    ]


def test_the_end_that_is_told_is_the_one_before_the_days_of_grace() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_days": 60, "grace_days": 14}))
    clerk.record(purchase(at("2026-02-01"), 4000))
    assert [each.values["on"] for each in due(clerk, at("2026-02-02"), at("2026-05-01"))] == ["2026-04-01"] * 2


def test_what_is_owed_is_taken_off() -> None:
    clerk = clerk_of(shop("points_expiring", points={"pending_days": 1, "expire_days": 59}))
    clerk.record(purchase(at("2026-01-31"), 3000, key="first"))
    clerk.record(adjustment(at("2026-02-02"), -30))
    clerk.reverse("first", at("2026-02-03"))
    clerk.record(purchase(at("2026-02-03T12:00"), 4000))
    assert (clerk.state.debt, clerk.state.balance.pending) == (30, 40)
    assert [each.values["points"] for each in due(clerk, clerk.now, at("2026-05-01"))] == [10, 10]


def test_an_extension_moves_the_warning_and_is_told_again() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01"), 4000))
    assert len(due(clerk, at("2026-02-02"), at("2026-03-26"))) == 2
    clerk.record(extension("x", at("2026-03-26"), "sorry", days=20))
    assert [each.notice_id for each in due(clerk, at("2026-03-26"), at("2026-06-01"))] == [
        "m:points_expiring:2026-04-21:7"
    ], "30 days before is over"


def test_a_lead_time_that_is_changed_meanwhile_is_found_by_looking_back() -> None:
    clerk = clerk_of(shop(declared={"points_expiring": {"lead_days": [7]}}, points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01"), 4000))  # until the end of 1 April
    changed = shop(declared={"points_expiring": {"lead_days": [10]}}, points={"expire_days": 60})
    now = at("2026-03-24T12:00")
    assert due(clerk, at("2026-02-02"), now) == ()
    assert due(clerk, now, at("2026-05-01"), changed) == (), "10 days before is two days ago"
    (found,) = due(clerk, now - LOOK_BACK, now, changed)
    assert (found.notice_id, found.at, found.program_version) == (
        "m:points_expiring:2026-04-01:10",
        at("2026-03-22T09:00"),
        2,
    )
    assert found.expires_at is not None
    assert found.expires_at > now


def test_an_expiry_rule_that_is_changed_leaves_the_points_that_there_are() -> None:
    clerk = clerk_of(shop("points_expiring", points={"expire_days": 60}))
    clerk.record(purchase(at("2026-02-01"), 4000))
    changed = shop("points_expiring", points={"expire_days": 10})
    assert [each.values["on"] for each in due(clerk, at("2026-02-02"), at("2026-05-01"), changed)] == ["2026-04-01"] * 2


def test_days_of_points_are_the_program_s_and_the_hour_is_the_member_s() -> None:
    played = shop("points_expiring", points={"expire_days": 60}, time_zone=COPENHAGEN)
    clerk = clerk_of(played, zone=NEW_YORK)
    clerk.record(purchase(local("2026-02-01 10:00", COPENHAGEN), 4000))
    found = due(clerk, at("2026-02-02"), at("2026-05-01"))
    assert [each.values["on"] for each in found] == ["2026-04-01"] * 2
    assert [each.at for each in found] == [local("2026-03-02 09:00", NEW_YORK), local("2026-03-25 09:00", NEW_YORK)]
    assert found[0].at.hour == 14, "before the clocks of New York change"
    assert found[1].at.hour == 13


def test_an_hour_that_the_clocks_skip_is_right_after_it_and_one_they_repeat_comes_once() -> None:
    declared = {"points_expiring": {"lead_days": [1], "hour": 2}}
    clerk = clerk_of(shop(declared=declared, points={"expire_on": "03-30", "years_after": 0}), zone=COPENHAGEN)
    clerk.record(purchase(at("2026-02-01"), 4000))
    (skipped,) = due(clerk, at("2026-02-02"), at("2026-05-01"))
    assert skipped.at == local("2026-03-29 03:00", COPENHAGEN)
    clerk = clerk_of(shop(declared=declared, points={"expire_on": "10-26", "years_after": 0}), zone=COPENHAGEN)
    clerk.record(purchase(at("2026-02-01"), 4000))
    (repeated,) = due(clerk, at("2026-02-02"), at("2026-12-01"))
    assert repeated.at == at("2026-10-25T00:00"), "the first of the two"


def test_a_tier_that_too_little_is_there_for_is_told_with_what_is_missing() -> None:
    played = shop("tier_at_risk", tiers=ladder("spend", "calendar year", bronze=0, silver=100, gold=300))
    clerk = clerk_of(played)
    clerk.record(purchase(at("2026-05-01"), 30000))
    assert due(clerk, at("2026-05-02"), at("2027-01-01")) == (), "there is enough for another year"
    clerk.record(purchase(at("2027-02-01"), 12050))
    assert lines(due(clerk, at("2027-02-02"), at("2027-12-31"))) == [
        "12-17 09:00 tier_at_risk tier=gold missing=17950 days=14 on=2027-12-31"
    ]
    clerk.record(purchase(at("2027-12-01"), 17950))
    assert due(clerk, at("2027-12-01"), at("2027-12-31")) == ()


def test_a_tier_held_by_rolling_days_is_at_risk_when_these_pass() -> None:
    played = shop("tier_at_risk", tiers=ladder("points", "rolling 100 days", bronze=0, silver=100))
    clerk = clerk_of(played)
    clerk.record(purchase(at("2026-02-01"), 8000))
    clerk.record(purchase(at("2026-03-01"), 4000))
    (found,) = due(clerk, at("2026-03-02"), at("2026-06-30"))
    assert lines((found,)) == ["04-27 09:00 tier_at_risk tier=silver missing=60 days=14 on=2026-05-11"]
    assert (found.subject, found.notice_id) == ("silver", "m:tier_at_risk:silver:2026-05-11:14")
    clerk.record(purchase(at("2026-04-27T08:00"), 6000))
    assert [each.values["on"] for each in due(clerk, at("2026-04-20"), at("2026-06-30"))] == ["2026-06-08"]


def test_a_tier_in_its_grace_is_told_before_that_ends() -> None:
    tiers = ladder("points", "rolling 100 days", bronze=0, silver=100) | {"downgrade": {"grace_days": 30}}
    clerk = clerk_of(shop("tier_at_risk", tiers=tiers))
    clerk.record(purchase(at("2026-02-01"), 10000))
    assert lines(due(clerk, at("2026-02-02"), at("2026-06-30"))) == [
        "04-27 09:00 tier_at_risk tier=silver missing=100 days=14 on=2026-05-11",
        "05-27 09:00 tier_at_risk tier=silver missing=100 days=14 on=2026-06-10",
    ]


def test_a_tier_that_staff_granted_ends_with_the_grant() -> None:
    clerk = clerk_of(shop("tier_at_risk", tiers=ladder("points", "calendar year", bronze=0, silver=100)))
    granted = {"tier": "silver", "until": "2026-06-01T00:00:00+00:00"}
    clerk.record(Activity("grant", TIER_GRANT, at("2026-02-01"), attributes=granted, reason="welcome"))
    assert lines(due(clerk, at("2026-02-02"), at("2026-12-31"))) == [
        "05-17 09:00 tier_at_risk tier=silver missing=100 days=14 on=2026-05-31"
    ]


def test_what_is_missing_for_a_granted_tier_is_what_is_missing_that_day() -> None:
    clerk = clerk_of(shop("tier_at_risk", tiers=ladder("points", "rolling 60 days", bronze=0, silver=100)))
    granted = {"tier": "silver", "until": "2026-06-01T00:00:00+00:00"}
    clerk.record(Activity("grant", TIER_GRANT, at("2026-02-01"), attributes=granted, reason="welcome"))
    clerk.record(purchase(at("2026-02-10"), 3000))
    clerk.record(purchase(at("2026-04-01"), 2000))
    assert lines(due(clerk, at("2026-04-02"), at("2026-12-31"))) == [
        "05-17 09:00 tier_at_risk tier=silver missing=80 days=14 on=2026-05-31"
    ]


def test_a_tier_that_cannot_be_lost_is_never_at_risk() -> None:
    tiers = ladder("points", "calendar year", bronze=0, silver=100)
    clerk = clerk_of(shop("tier_at_risk", tiers=tiers | {"downgrade": {"to": "never"}}))
    clerk.record(purchase(at("2026-02-01"), 10000))
    assert due(clerk, at("2026-02-02"), at("2028-12-31")) == ()


def test_a_streak_is_at_risk_in_the_evening_unless_the_day_is_done() -> None:
    clerk = clerk_of(shop("streak_at_risk", streaks=[streak()]), zone=COPENHAGEN)
    clerk.record(visit(local("2026-02-01 12:00", COPENHAGEN)))
    (found,) = due(clerk, at("2026-02-01"), at("2026-02-10"))
    assert told(found) == "streak_at_risk streak=daily length=1 freezes=0"
    assert (found.at, found.notice_id) == (local("2026-02-02 19:00", COPENHAGEN), "m:streak_at_risk:daily:2026-02-02")
    assert found.expires_at == local("2026-02-03 00:00", COPENHAGEN)
    clerk.record(visit(local("2026-02-02 18:59", COPENHAGEN)))
    assert [each.at for each in due(clerk, at("2026-02-02"), at("2026-02-10"))] == [
        local("2026-02-03 19:00", COPENHAGEN)
    ]


def test_a_streak_that_freezes_hold_is_told_each_evening_with_how_many_are_left() -> None:
    daily = streak(freezes={"start": 2, "limit": 2})
    clerk = clerk_of(shop("streak_at_risk", streaks=[daily]))
    clerk.record(visit(at("2026-02-01T12:00")))
    assert [(f"{each.at:%d}", each.values["freezes"]) for each in due(clerk, clerk.now, at("2026-02-10"))] == [
        ("02", 2),
        ("03", 1),
        ("04", 0),
    ]


def test_a_paused_streak_is_at_no_risk_until_the_pause_is_over() -> None:
    daily = streak(pauses=[{"starts_on": "2026-02-02", "ends_on": "2026-02-04"}])
    clerk = clerk_of(shop("streak_at_risk", streaks=[daily]))
    clerk.record(visit(at("2026-02-01T12:00")))
    assert [each.at for each in due(clerk, clerk.now, at("2026-02-10"))] == [at("2026-02-05T19:00")]


def test_a_streak_of_weeks_is_at_risk_on_sunday() -> None:
    clerk = clerk_of(shop("streak_at_risk", streaks=[streak(period="week")]))
    clerk.record(visit(at("2026-02-04T12:00")))
    (found,) = due(clerk, clerk.now, at("2026-03-10"))
    assert (found.at, found.notice_id) == (at("2026-02-15T19:00"), "m:streak_at_risk:daily:2026-02-09")


@pytest.mark.parametrize(("hour", "expected"), [(19, "2026-03-29 19:00"), (2, "2026-03-29 03:00")])
def test_the_evening_is_that_of_the_day_on_which_clocks_change(hour: int, expected: str) -> None:
    played = shop(declared={"streak_at_risk": {"hour": hour}}, streaks=[streak()])
    clerk = clerk_of(played, zone=COPENHAGEN)
    clerk.record(visit(local("2026-03-28 12:00", COPENHAGEN)))
    assert [each.at for each in due(clerk, clerk.now, at("2026-04-10"))] == [local(expected, COPENHAGEN)]


def test_a_member_who_flies_west_is_told_once_in_the_first_evening() -> None:
    clerk = clerk_of(shop("streak_at_risk", streaks=[streak()]), zone=COPENHAGEN)
    clerk.record(visit(local("2026-02-01 12:00", COPENHAGEN)))
    evening = local("2026-02-02 19:00", COPENHAGEN)
    (told_there,) = due(clerk, at("2026-02-01"), evening)
    flies(clerk, NEW_YORK, evening + timedelta(hours=1))
    (told_again,) = due(clerk, evening, at("2026-02-10"))
    assert told_again.at == local("2026-02-02 19:00", NEW_YORK)
    assert told_again.notice_id == told_there.notice_id, "a store that has it keeps the one that it has"


def test_a_member_who_flies_east_past_the_evening_is_told_by_looking_back() -> None:
    clerk = clerk_of(shop("streak_at_risk", streaks=[streak()]), zone=COPENHAGEN)
    clerk.record(visit(local("2026-02-01 12:00", COPENHAGEN)))
    landed = local("2026-02-02 19:30", HELSINKI)  # 18:30 in Copenhagen, where the evening was yet to come
    assert due(clerk, at("2026-02-02"), landed) == ()
    flies(clerk, HELSINKI, landed)
    (found,) = due(clerk, landed - LOOK_BACK, landed)
    assert (found.at, found.expires_at) == (local("2026-02-02 19:00", HELSINKI), local("2026-02-03 00:00", HELSINKI))


def test_a_day_that_a_flight_cut_short_may_be_missed_and_is_not_told() -> None:
    clerk = clerk_of(shop("streak_at_risk", streaks=[streak()]), zone=NEW_YORK)
    clerk.record(visit(local("2026-02-01 12:00", NEW_YORK)))
    landed = local("2026-02-02 18:00", TOKYO)  # 04:00 in New York
    flies(clerk, TOKYO, landed)
    assert [each.at for each in due(clerk, landed - LOOK_BACK, at("2026-02-10"))] == [local("2026-02-03 19:00", TOKYO)]


def test_a_birthday_is_told_where_the_member_is() -> None:
    clerk = clerk_of(shop("birthday"), zone=TOKYO, birthday="1990-05-17")
    (found,) = due(clerk, at("2026-02-01"), at("2027-02-01"))
    assert (found.at, found.notice_id) == (local("2026-05-17 09:00", TOKYO), "m:birthday:2026")
    assert (told(found), found.expires_at) == ("birthday years=36", local("2026-05-18 00:00", TOKYO))


def test_a_birthday_on_a_leap_day_is_the_28th_in_other_years() -> None:
    clerk = clerk_of(shop("birthday"), birthday="1992-02-29")
    assert [each.at for each in due(clerk, JOINED, at("2028-12-31"))] == [
        at("2026-02-28T09:00"),
        at("2027-02-28T09:00"),
        at("2028-02-29T09:00"),
    ]


def test_no_birthday_is_told_before_the_member_joined_or_where_none_is_known() -> None:
    clerk = clerk_of(shop("birthday"), birthday="1990-01-01")
    assert JOINED.hour == 0
    assert [each.at.year for each in due(clerk, at("2020-01-01"), at("2027-02-01"))] == [2026, 2027]
    assert due(clerk_of(shop("birthday")), JOINED, at("2030-01-01")) == ()


def test_whoever_is_merged_into_another_account_is_told_nothing() -> None:
    clerk = clerk_of(shop("birthday", "points_expiring", points={"expire_days": 60}), birthday="1990-05-17")
    clerk.record(purchase(at("2026-02-01"), 4000))
    edition = clerk.schedule.at(clerk.now)
    merged = replace(clerk.member, state=replace(clerk.state, merged_into="other"))
    assert len(due(clerk, clerk.now, at("2026-12-31"))) == 3
    assert due_notices(merged, edition, clerk.now, at("2026-12-31")) == ()
    assert next_notice_at(merged, edition, clerk.now) is None


def test_nothing_is_told_and_nobody_need_ask_where_nothing_is_declared() -> None:
    clerk = clerk_of(shop(points={"expire_days": 60}), birthday="1990-05-17")
    clerk.record(purchase(at("2026-02-01"), 4000))
    assert due(clerk, clerk.now, at("2026-12-31")) == ()
    assert next_notice_at(clerk.member, clerk.schedule.at(clerk.now), clerk.now) is None


def test_when_to_ask_next() -> None:
    clerk = clerk_of(shop("points_expiring", "birthday", points={"expire_days": 60}), birthday="1990-03-20")
    clerk.record(purchase(at("2026-02-01"), 4000))
    edition, asked, after = clerk.schedule.at(clerk.now), list[datetime](), clerk.now
    for _ in range(5):
        following = next_notice_at(clerk.member, edition, after)
        assert following is not None
        asked.append(following)
        after = following
    assert asked == [
        at("2026-03-02T09:00"),
        at("2026-03-20T09:00"),
        at("2026-03-25T09:00"),
        at("2026-04-02T00:00"),  # the points expire, and something else might follow from that
        at("2027-03-20T09:00"),
    ]
