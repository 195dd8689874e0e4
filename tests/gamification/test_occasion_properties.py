"""Occasions whatever happens: at most one in 364 days, and the same whenever the clock runs."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import PARTICULARS, Activity
from gamification.effects import Celebrated, Entry
from gamification.fold import advance, apply
from gamification.record import Outcome
from gamification.state import State
from gamification.windows import local_day
from tests.gamification.occasion_guest import (
    FIFTY,
    GIFT,
    KIRITIMATI,
    NEW_YORK,
    SHOP,
)
from tests.gamification.programs import Player, at, program, rule

ZONES = st.sampled_from(
    ["", "UTC", KIRITIMATI, NEW_YORK, "Etc/GMT+12", "America/St_Johns", "Pacific/Apia", "Asia/Beirut"]
)
BIRTHDAYS = st.one_of(
    st.just(""),
    st.sampled_from(["1996-02-29", "1990-12-30", "1990-12-31", "1990-01-01", "1990-02-28", "1990-03-01"]),
    st.dates(at("1990-01-01").date(), at("1990-12-31").date()).map(str),
)
GAPS = st.one_of(
    st.integers(0, 48).map(lambda hours: timedelta(hours=hours)),
    st.integers(0, 200).map(lambda days: timedelta(days=days)),
    st.sampled_from([timedelta(days=363), timedelta(days=364), timedelta(days=365), timedelta(days=366)]),
)
CHANGES = st.lists(
    st.tuples(GAPS, st.fixed_dictionaries({}, optional={"birthday": BIRTHDAYS, "time_zone": ZONES})), max_size=12
)
STARTS = st.sampled_from([at("2011-12-29T06:00"), at("2020-02-27T22:00"), at("2010-11-06T20:00"), at("2020-12-31")])


def changed(start: datetime, changes: list[tuple[timedelta, dict[str, str]]]) -> list[Activity]:
    """The changes as activities, one after the other, and a last one four years on."""
    made, when = [], start
    for number, (gap, particulars) in enumerate([*changes, (timedelta(days=4 * 366), {})]):
        when += gap
        made.append(Activity(f"#particulars:{number}", PARTICULARS, when, attributes=particulars))
    return made


@given(STARTS, CHANGES)
def test_at_most_one_in_364_days_each_on_the_day_it_is(
    start: datetime, changes: list[tuple[timedelta, dict[str, str]]]
) -> None:
    player = Player(SHOP, start)
    last = None
    for activity in changed(start, changes):
        settled = player.state
        zone = ZoneInfo(settled.time_zone or "UTC")
        player.wait(activity.occurred_at)
        player.do(activity)
        for record in player.records:
            moved = record.activity is not None
            for effect in record.outcome.effects:
                if not isinstance(effect, Celebrated):
                    continue
                shown = ZoneInfo(player.state.time_zone or "UTC") if moved else zone
                day = local_day(record.outcome.at, shown)
                born = settled.birthday
                names = {f"{day - timedelta(days=skipped):%m-%d}" for skipped in range(2)}
                leaps = born[5:] == "02-29" and "02-28" in names
                assert born[5:] in names or leaps, (day, born)
                assert last is None or (day - last).days >= 364
                last = day
        player.records.clear()
    if player.state.birthday:
        assert last is not None, "in four years without a change, one has come round"
        assert (local_day(player.state.as_of, ZoneInfo("UTC")) - last).days <= 367


@given(STARTS, CHANGES, st.lists(st.integers(0, 4 * 366 * 24), max_size=20))
def test_when_the_clock_runs_does_not_matter(
    start: datetime, changes: list[tuple[timedelta, dict[str, str]]], hours: list[int]
) -> None:
    def played(instants: list[datetime]) -> tuple[State, list[Outcome]]:
        state = State.new(start)
        outcomes: list[Outcome] = []
        for activity in changed(start, changes):
            for instant in [each for each in sorted(instants) if each <= activity.occurred_at] + [activity.occurred_at]:
                state, passed = advance(state, instant, both)
                outcomes += passed
            result = apply(state, activity, both)
            state = result.state  # type: ignore[union-attr]
            outcomes.append(result.outcome)  # type: ignore[union-attr]
        return state, outcomes

    both = program(rules=[GIFT, rule("loyal", on="anniversary", earn=FIFTY)])
    whole, stepped = played([]), played([start + timedelta(hours=hour) for hour in hours])
    assert whole == stepped
    assert sum(e.points for o in whole[1] for e in o.effects if isinstance(e, Entry)) == whole[0].balance.available
