"""The life of a campaign, step by step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gamification.campaign_changes import differences
from gamification.campaigning import (
    SHOWN,
    CampaignState,
    Change,
    Left,
    LimitFixed,
    NotAnExtension,
    Repeated,
    Status,
    Transition,
    WrongStatus,
    created,
    due,
    end,
    extend,
    pause,
    phase_at,
    resume,
    reworded,
    start,
)
from gamification.program.campaigns import Campaign

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
END = START + timedelta(days=1)
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("UTC")


def terms(**fields: Any) -> Campaign:
    sound = {"code": "flash", "name": "Flash", "headline": "Now", "starts_at": START, "ends_at": END}
    return Campaign.model_validate({**sound, "effect": {"bonus": 10}, **fields})


def campaign(status: Status = "running", **fields: Any) -> CampaignState:
    state = created(terms(**fields), "staff", "ann", START - HOUR, draft=False)
    return replace(state, status=status)


def changed(state: CampaignState, step: Transition, now: datetime = START) -> Change:
    change = step(state, now)
    assert isinstance(change, Change), change
    return change


def test_a_draft_is_started_paused_resumed_and_ended() -> None:
    state = created(terms(), "staff", "ann", START - HOUR, draft=True)
    kinds = []
    for step in (start, pause, resume, end):
        change = changed(state, step)
        state = change.state
        kinds.append(change.kind)

    assert kinds == ["scheduled", "paused", "resumed", "ended"]
    assert (state.status, state.ended_by, state.ended_at) == ("ended", "staff", START)


@pytest.mark.parametrize(
    ("step", "status", "wanted"),
    [
        (start, "running", ("draft",)),
        (pause, "draft", ("running",)),
        (pause, "ended", ("running",)),
        (resume, "running", ("paused",)),
        (end, "ended", ("draft", "running", "paused")),
        (extend(ends_at=END + HOUR), "ended", ("draft", "running", "paused")),
    ],
)
def test_a_step_from_another_status_is_refused(step: Transition, status: Status, wanted: tuple[Status, ...]) -> None:
    assert step(campaign(status), START) == WrongStatus("flash", status, wanted)


def test_a_step_that_was_taken_already_is_a_retry() -> None:
    state = created(terms(), "staff", "ann", START - HOUR, draft=True)
    for step in (start, pause, resume, pause, resume, end):
        state = changed(state, step).state
        assert step(state, START + HOUR) == Repeated(state)


def test_another_step_with_the_same_outcome_is_no_retry() -> None:
    resumed = changed(campaign("paused"), resume).state
    started = changed(campaign("draft"), start).state
    by_time = changed(campaign(), partial(end, by="time")).state

    assert start(resumed, START) == WrongStatus("flash", "running", ("draft",))
    assert resume(started, START) == WrongStatus("flash", "running", ("paused",))
    assert end(by_time, START) == WrongStatus("flash", "ended", ("draft", "running", "paused"))


ONCE: dict[str, Any] = {"first_members": 3, "caps": {"member": 10}}


def test_one_whose_places_are_gone_goes_on_for_those_who_have_one() -> None:
    state = replace(campaign(first_members=3), started_at=START, is_open=True)

    full = due(state, Left(None, 0), START + HOUR, ZONE)

    assert full is not None
    assert (full.kind, full.state) == ("full", replace(state, is_full=True))
    assert due(full.state, Left(None, 0), START + HOUR, ZONE) is None
    assert phase_at(full.state, START + HOUR, ZONE) == "live"
    paused = changed(full.state, pause).state
    assert due(changed(paused, resume).state, Left(None, 0), START + HOUR, ZONE) is None
    more = changed(full.state, extend(first_members=4)).state
    assert due(more, Left(None, 1), START + HOUR, ZONE) is None
    again = due(more, Left(None, 0), START + HOUR, ZONE)
    assert again is not None
    assert again.kind == "full"


def test_one_bonus_each_ends_with_the_last_place() -> None:
    state = replace(campaign(**ONCE), started_at=START, is_open=True)

    ended = due(state, Left(None, 0), START + HOUR, ZONE)

    assert ended is not None
    assert (ended.kind, ended.state.ended_by, ended.details) == ("ended", "places", {"ended_by": "places"})
    assert not ended.state.is_offered(START + HOUR)


def test_resuming_says_that_it_is_open_where_it_has_no_hours() -> None:
    state = replace(campaign("paused"), started_at=START)
    assert due(changed(state, resume).state, Left(), START + HOUR, ZONE) is None

    hours = {"recurs": {"rule": "FREQ=DAILY", "at": "12:00", "minutes": 120}}
    resumed = changed(replace(campaign("paused", **hours), started_at=START), resume).state
    opened = due(resumed, Left(), START + HOUR, ZONE)
    assert opened is not None
    assert opened.kind == "opened"
    unopened = due(changed(campaign("paused"), resume).state, Left(), START + HOUR, ZONE)
    assert unopened is not None
    assert unopened.kind == "started"


def test_an_extension_changes_the_terms_and_says_how() -> None:
    state = campaign(budget={"points": 100, "too_little": "none"}, first_members=5)

    change = changed(replace(state, is_low=True), extend(END + HOUR, 300, 8))

    after = change.state.terms
    assert (after.ends_at, after.budget and after.budget.points, after.first_members) == (END + HOUR, 300, 8)
    assert after.budget
    assert after.budget.too_little == "none"
    assert (change.state.version, change.state.is_low) == (2, False)
    assert change.details == {
        "ends_at_before": END.isoformat(),
        "ends_at_after": (END + HOUR).isoformat(),
        "budget_before": 100,
        "budget_after": 300,
        "first_members_before": 5,
        "first_members_after": 8,
    }


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (extend(ends_at=END), "ends_at"),
        (extend(budget=100), "budget"),
        (extend(budget=10**12 + 1), "budget"),
        (extend(first_members=4), "first_members"),
        (extend(), "ends_at"),
    ],
)
def test_what_is_no_extension_is_refused(step: Transition, field: str) -> None:
    refused = step(campaign(budget={"points": 100}, first_members=5), START)

    assert isinstance(refused, NotAnExtension)
    assert [name for name, _ in refused.faults] == [field]


def test_all_that_is_no_extension_is_told() -> None:
    assert extend(END + HOUR, 5, 5)(campaign(ends_at=None, first_members=5), START) == NotAnExtension(
        "flash",
        (
            ("ends_at", "this campaign has no end, and one cannot be added"),
            ("budget", "this campaign has no budget, and one cannot be added"),
            ("first_members", "must be more than 5 and at most 1000000000"),
        ),
    )


@pytest.mark.parametrize("step", [extend(ends_at=END), extend(budget=5), extend(first_members=5)])
def test_what_has_no_limit_cannot_be_extended(step: Transition) -> None:
    assert isinstance(step(campaign(ends_at=None), START), NotAnExtension)


def test_whether_there_is_a_limit_is_settled_once_it_was_open() -> None:
    limited = terms(budget={"points": 5})

    assert reworded(limited)(campaign(), START) == LimitFixed("flash", "budget")
    assert changed(campaign(), reworded(limited), START - HOUR).state.terms.budget is not None


def test_time_starts_and_ends_it() -> None:
    state = campaign()
    assert due(state, Left(), START - HOUR, ZONE) is None

    started = due(state, Left(), START, ZONE)
    assert started is not None
    assert (started.kind, started.state.started_at, started.state.is_open) == ("started", START, True)
    assert due(started.state, Left(), END - HOUR, ZONE) is None

    ended = due(started.state, Left(), END + HOUR, ZONE)
    assert ended is not None
    assert (ended.state.ended_by, ended.state.ended_at) == ("time", END)
    assert due(ended.state, Left(0), END + HOUR, ZONE) is None


def test_late_activities_are_waited_for_after_an_end_by_time_alone() -> None:
    by_time = changed(campaign(late_minutes=30), partial(end, by="time"), END).state
    by_staff = changed(campaign(late_minutes=30), end, END).state

    assert by_time.is_offered(END + timedelta(minutes=29))
    assert not by_time.is_offered(END + timedelta(minutes=30))
    assert not by_staff.is_offered(END)


@pytest.mark.parametrize(
    ("fields", "left", "limit"),
    [
        ({"budget": {"points": 100}}, Left(0), "budget"),
        ({"budget": {"points": 100}}, Left(1), None),
        ({"budget": {"points": 100, "too_little": "none"}}, Left(9), "budget"),
        ({"budget": {"points": 100, "too_little": "none"}}, Left(10), None),
        ({"budget": {"points": 100, "too_little": "none"}, "caps": {"member": 12}}, Left(9), None),
        (ONCE, Left(None, 0), "places"),
        (ONCE, Left(None, 1), None),
        (ONCE | {"caps": {"member": 4}}, Left(None, 0), "places"),
        (ONCE | {"caps": {"member": 10, "member_day": 10}}, Left(None, 0), "places"),
        (ONCE | {"budget": {"points": 5}}, Left(0, 0), "budget"),
    ],
)
def test_it_ends_when_nothing_more_can_be_given(fields: dict[str, Any], left: Left, limit: str | None) -> None:
    state = replace(campaign(**fields), started_at=START, is_open=True, is_low=True)
    assert state.exhausted(left) == limit

    ended = due(state, left, START, ZONE)

    assert (ended and ended.state.ended_by) == limit


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"caps": {"member": 11}},
        {"caps": {"member_day": 10}},
        {"caps": {"member": 10, "member_day": 5}},
        {"caps": {"member": 10}, "effect": {"multiplier": 2}},
        {"caps": {"member": 10}, "effect": {"per_item": {"points": 10}}},
    ],
)
def test_no_places_left_end_nothing_where_a_member_may_get_it_again(fields: dict[str, Any]) -> None:
    assert campaign(first_members=3, **fields).exhausted(Left(None, 0)) is None


def test_a_change_of_terms_says_all_that_it_changes() -> None:
    before = terms(when="activity.amount > 5.0", budget={"points": 5}, caps={"member": 10})
    after = terms(
        effect={"multiplier": "2.5"},
        budget={"points": 5, "too_little": "none"},
        recurs={"rule": "FREQ=DAILY", "at": "17:00", "minutes": 60},
        headline={"en": "More", "da": "Mere"},
        on=["purchase", "visit"],
        qualifying=True,
    )

    assert changed(campaign(), reworded(before), START - HOUR).details == {
        "when_before": None,
        "when_after": "activity.amount > 5.0",
        "budget_before": None,
        "budget_after": 5,
        "too_little_before": None,
        "too_little_after": "partial",
        "low_percent_before": None,
        "low_percent_after": 10,
        "caps_before": None,
        "caps_after": "member: 10",
    }
    assert differences(before, after) == {
        "headline_before": "*: Now",
        "headline_after": "en: More; da: Mere",
        "on_before": "purchase",
        "on_after": "purchase, visit",
        "when_before": "activity.amount > 5.0",
        "when_after": None,
        "recurs_before": None,
        "recurs_after": "rule: FREQ=DAILY; at: 17:00; minutes: 60",
        "effect_before": "rounding: floor; bonus: 10",
        "effect_after": "multiplier: 2.5; rounding: floor",
        "qualifying_before": "false",
        "qualifying_after": "true",
        "too_little_before": "partial",
        "too_little_after": "none",
        "caps_before": "member: 10",
        "caps_after": None,
    }
    long = differences(terms(), terms(description="x" * 2000))["description_after"]
    assert long == f"*: {'x' * 997}..."


def test_running_low_is_said_once() -> None:
    state = replace(campaign(budget={"points": 100, "low_percent": 20}), started_at=START, is_open=True)
    assert due(state, Left(21), START, ZONE) is None

    low = due(state, Left(20), START, ZONE)

    assert low is not None
    assert (low.kind, low.details) == ("running_low", {"remaining": 20})
    assert due(low.state, Left(10), START, ZONE) is None


def test_recurring_hours_open_and_close_it() -> None:
    state = campaign(ends_at=None, recurs={"rule": "FREQ=DAILY", "at": "17:00", "minutes": 60})
    five, six = START.replace(hour=17), START.replace(hour=18)
    tomorrow = five + timedelta(days=1)
    kinds = []
    for now in (START, five, five + HOUR / 2, six, tomorrow):
        change = due(state, Left(), now, ZONE)
        kinds.append(change and change.kind)
        state = change.state if change else state

    assert kinds == [None, "started", None, "closed", "opened"]


@pytest.mark.parametrize(
    ("state", "now", "phase"),
    [
        (campaign("draft"), START, "draft"),
        (campaign(), START - HOUR, "scheduled"),
        (campaign(), START, "live"),
        (campaign("paused"), START, "paused"),
        (campaign("paused"), END, "ended"),
        (campaign(), END, "ended"),
        (campaign(recurs={"rule": "FREQ=DAILY", "at": "17:00", "minutes": 60}), START, "idle"),
    ],
)
def test_phases(state: CampaignState, now: datetime, phase: str) -> None:
    assert phase_at(state, now, ZONE) == phase


def test_phones_are_told_of_what_members_notice() -> None:
    assert {"started", "opened", "closed", "paused", "resumed", "running_low", "full", "ended"} == SHOWN
