"""Golden years, checked day by day: what is read at the end of each day is what was worked out by hand.

The clock may run every day, or never.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from gamification.activity import ENROLMENT, Activity
from gamification.campaigns import Offer
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.program.source import read_program
from gamification.requests import InvalidInput, Recorded
from gamification.state import State
from tests.gamification.clerk import Clerk
from tests.gamification.golden_year import (
    BORN_ON,
    DEEDS,
    EVERYTHING,
    MAY,
    RECORD_SHOP_DEEDS,
    RECORD_SHOP_YEAR,
    YEAR,
    Deed,
    Row,
    noon,
    rows,
)
from tests.gamification.programs import program
from tests.gamification.test_time_and_truth import check_journal
from tests.schema.api import RECORD_SHOP

DAY = timedelta(days=1)
clocks = pytest.mark.parametrize("clock_runs", [True, False], ids=["daily", "never"])


def joined(shop: Program, row: Row, campaign: Campaign, birthday: str = "") -> Clerk:
    """The clerk of a member who joins at noon, with a campaign on offer."""
    room = campaign.budget.points if campaign.budget else None
    joined_at = noon(row.day, shop.time_zone)
    clerk = Clerk(shop, joined_at, [Offer(campaign, 1, room)])
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, birthday=birthday or None))
    told = {"birthday": birthday} if birthday else {}
    clerk.record(Activity("#enrolment", ENROLMENT, joined_at, attributes=told))
    return clerk


def in_the_table(row: Row, state: State) -> Row:
    """A state as a line of the table."""
    daily, weekly = state.streaks.get("daily"), state.streaks.get("weekly")
    assert state.balance.available == sum(lot.remaining for lot in state.lots if not lot.pending) - state.debt
    return Row(
        row.day,
        state.balance.available,
        state.balance.pending,
        state.debt,
        state.standing.tier or "",
        f"{daily.length}/{daily.freezes}" if daily else "0/0",
        weekly.length if weekly else 0,
        " ".join(f"{code[0]}{held.level}" for code, held in sorted(state.badges.items())) or "-",
    )


def days(
    clerk: Clerk, table: str, deeds: Mapping[str, Deed], *, clock_runs: bool
) -> Iterator[tuple[date, State, object]]:
    """Live day by day as the table says, each checked at its end; each with what came of what was done."""
    zone, lines = clerk.schedule.editions[0].program.time_zone, rows(table)
    by_day = {line.day: line for line in lines}
    day, row, undone = lines[0].day, lines[0], {date.fromisoformat(each) for each in deeds}
    while day <= lines[-1].day:
        row = by_day.get(day, row)
        if clock_runs and day != lines[0].day:
            clerk.wait(datetime.combine(day, time(0, 5), tzinfo=zone))
        deed, result = deeds.get(day.isoformat()), None
        if deed is not None:
            result = deed(clerk, noon(day, zone))
            undone.remove(day)
        state = clerk.read(datetime.combine(day, time(23, 59), tzinfo=zone))
        assert (day, in_the_table(row, state)) == (day, row)
        yield day, state, result
        day += DAY
    assert not undone


def scores(state: State, board: str) -> dict[str, int]:
    """A member's scores on a board by period."""
    return {score.period: score.value for score in state.scores if score.board == board}


@clocks
def test_a_year_at_the_record_shop(clock_runs: bool) -> None:
    shop = read_program(RECORD_SHOP)
    clerk = joined(shop, rows(RECORD_SHOP_YEAR)[0], shop.campaign_by_code["app-weekends"])
    all_time = {
        "2026-01-17": 59,
        "2026-03-02": 284,
        "2026-03-12": 114,
        "2026-04-15": 344,
        "2026-05-10": 284,
        "2026-08-01": 424,
    }
    for day, state, result in days(clerk, RECORD_SHOP_YEAR, RECORD_SHOP_DEEDS, clock_runs=clock_runs):
        assert result is None or isinstance(result, Recorded)
        if day.isoformat() in all_time:
            assert scores(state, "all-time") == {"all": all_time[day.isoformat()]}
        if day.isoformat() == "2026-04-15":
            assert {"2026-01": 3, "2026-02": 2, "2026-04": 6}.items() <= scores(state, "collectors").items()
            assert scores(state, "collectors")["2026-03"] == 1
    offer = clerk.offers.left("app-weekends")
    assert offer is not None
    assert offer.room == 100_000 - 15 - 20
    check_journal(clerk)


@clocks
def test_a_year_with_every_policy_switched_on(clock_runs: bool) -> None:
    shop = program(**EVERYTHING)
    clerk = joined(shop, rows(YEAR)[0], Campaign.model_validate(MAY), BORN_ON)
    for day, state, result in days(clerk, YEAR, DEEDS, clock_runs=clock_runs):
        if day.isoformat() == "2026-07-20":
            assert isinstance(result, InvalidInput)
            assert [problem.path for problem in result.problems] == ["occurredAt"]
        else:
            assert result is None or isinstance(result, Recorded)
        if day.isoformat() == "2026-04-30":
            assert scores(state, "monthly") == {"2026-01": 174, "2026-04": 200}
        if day.isoformat() == "2026-05-31":
            assert scores(state, "monthly") == {"2026-01": 174, "2026-04": 90, "2026-05": 70}
    offer = clerk.offers.left("may")
    assert offer is not None
    assert offer.room == 0
    check_journal(clerk)


def test_it_does_not_matter_whether_the_clock_ran() -> None:
    shop, clerks = program(**EVERYTHING), []
    for clock_runs in (True, False):
        clerk = joined(shop, rows(YEAR)[0], Campaign.model_validate(MAY), BORN_ON)
        for _ in days(clerk, YEAR, DEEDS, clock_runs=clock_runs):
            pass
        clerk.wait(datetime.combine(rows(YEAR)[-1].day, time(23), tzinfo=shop.time_zone))
        clerks.append(clerk)
    assert clerks[0].state == clerks[1].state
    written_at = clerks[0].now
    assert [replace(each, recorded_at=written_at) for each in clerks[0].records] == [
        replace(each, recorded_at=written_at) for each in clerks[1].records
    ]
