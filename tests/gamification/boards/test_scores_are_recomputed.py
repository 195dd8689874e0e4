"""The scores in a member's state are what the list of their activities comes to, by an oracle in plain Python."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import Activity
from gamification.boards.ranking import ranks
from gamification.effects import Entry, Scored
from gamification.fold import Applied, advance, apply
from gamification.program import Program
from gamification.record import Record
from gamification.replaying import replay
from gamification.schedule import Schedule
from gamification.state import Score, State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import Part, at, badge, board, challenge, program, rule

ZONES = ("UTC", "Europe/Copenhagen", "America/New_York", "America/Santiago", "Africa/Cairo")
STARTS = tuple(
    at(text)
    for text in (
        "2024-02-28 20:00",
        "2024-03-30 12:00",
        "2024-04-25 12:00",
        "2024-09-07 12:00",
        "2024-10-30 22:00",
        "2026-12-26 23:00",
    )
)
SEASONS: list[Part] = [
    {"code": "one", "name": "One", "starts_on": "2024-02-20", "ends_on": "2024-03-31"},
    {"code": "two", "name": "Two", "starts_on": "2024-04-26", "ends_on": "2024-10-31"},
    {"code": "three", "name": "Three", "starts_on": "2026-12-31", "ends_on": "2027-01-01"},
]
FORMULAS: dict[str, Callable[[Activity], int | None]] = {
    "activity.quantity + 2": lambda activity: 2,
    "int(activity.attributes.x)": lambda activity: _number(activity.attributes.get("x"), 1),
    "activity.attributes.x * 0.5": lambda activity: _number(activity.attributes.get("x"), 500, floats=True),
}


def _number(value: object, scale: int, *, floats: bool = False) -> int | None:
    if isinstance(value, int | float) and not (floats and isinstance(value, int)):
        return int(value) if scale == 1 else round(value * scale)
    return None


@dataclass(frozen=True)
class Counted:
    """An activity that may count: what happened, when it took effect, and what its record earned."""

    activity: Activity
    took_effect_at: datetime
    earned: int


def amount(measure: Part, counted: Counted) -> int | None:
    match measure["metric"]:
        case "points":
            return counted.earned
        case "amount":
            return counted.activity.amount_minor
        case "count":
            return 1
    return FORMULAS[measure["of"]](counted.activity)


def period_of(part: Part, day: date) -> tuple[str, date | None, date] | None:
    """The code, the day after the last (None without an end), and the first day."""
    match part["period"]:
        case "day":
            return str(day), day + timedelta(days=1), day
        case "week":
            monday = day - timedelta(days=day.weekday())
            thursday = monday + timedelta(days=3)  # a week belongs to the year of its Thursday
            week = (thursday - date(thursday.year, 1, 1)).days // 7 + 1
            return f"{thursday.year}-W{week:02}", monday + timedelta(days=7), monday
        case "month":
            first = day.replace(day=1)
            return str(day)[:7], (first + timedelta(days=40)).replace(day=1), first
        case "season":
            for season in SEASONS:
                first, last = date.fromisoformat(season["starts_on"]), date.fromisoformat(season["ends_on"])
                if first <= day <= last:
                    return str(season["code"]), last + timedelta(days=1), first
            return None
    return "all", None, date.min


def scope_of(part: Part, activity: Activity) -> str | None:
    if "by" not in part:
        return ""
    store = activity.attributes.get("store")
    return None if store in (None, "") or isinstance(store, bool) else str(store)


def numbers(measures: list[Part], counting: list[Counted]) -> tuple[int, ...]:
    made = []
    for measure in measures:
        each = [(amount(measure, counted) or 0, counted.activity.occurred_at) for counted in counting]
        newest = max(happened for _, happened in each)
        made.append(
            {
                "sum": sum(value for value, _ in each),
                "best": max(value for value, _ in each),
                "latest": [value for value, happened in each if happened == newest][-1],
            }[measure.get("operator", "sum")]
        )
    return tuple(made)


def expected(part: Part, history: list[Counted], zone: ZoneInfo) -> list[Score]:
    """A board's scores, each worked out anew from all that counts in it, in the order in which they were begun."""
    measures = [part, *part.get("columns", [])]
    groups: dict[tuple[str, str], list[Counted]] = {}
    kept: dict[str, tuple[date | None, date]] = {}
    for counted in history:
        if counted.activity.kind not in part["on"] or ("when" in part and counted.activity.amount_minor < 500):
            continue
        period, scope = period_of(part, counted.activity.occurred_at.astimezone(zone).date()), None
        scope = scope_of(part, counted.activity)
        each = [amount(measure, counted) for measure in measures]
        if period is None or scope is None or None in each:
            continue
        code, after, first = period
        if (code, scope) not in groups:
            if part.get("operator", "sum") == "sum" and not any(each):
                continue
            trial = kept | {code: (after, first)}
            kept = _retained(trial, counted.took_effect_at, zone, part.get("late_minutes", 15))
            groups = {key: group for key, group in groups.items() if key[0] in kept}
            if code not in kept:
                continue
        groups.setdefault((code, scope), []).append(counted)
    return [_score(part, code, scope, measures, group) for (code, scope), group in groups.items()]


def _retained(
    periods: dict[str, tuple[date | None, date]], now: datetime, zone: ZoneInfo, late_minutes: int
) -> dict[str, tuple[date | None, date]]:
    def is_closed(after: date | None) -> bool:
        if after is None:
            return False
        ends_at = datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
        return ends_at + timedelta(minutes=late_minutes) <= now

    closed = sorted((first, code) for code, (after, first) in periods.items() if is_closed(after))
    gone = {code for _, code in closed[:-3]}
    return {code: period for code, period in periods.items() if code not in gone}


def _score(part: Part, code: str, scope: str, measures: list[Part], group: list[Counted]) -> Score:
    reached_at, before = group[0].took_effect_at, numbers(measures, group[:1])
    for length in range(2, len(group) + 1):
        now = numbers(measures, group[:length])
        if now != before:
            reached_at, before = group[length - 1].took_effect_at, now
    newest = max(counted.activity.occurred_at for counted in group)
    return Score(part["code"], code, scope, before[0], before[1:], reached_at, newest)


measured = st.one_of(
    st.sampled_from(["points", "amount", "count"]).map(lambda metric: {"metric": metric}),
    st.sampled_from(sorted(FORMULAS)).map(lambda formula: {"metric": "value", "of": formula}),
)
operators = st.sampled_from(["sum", "best", "latest"]).map(lambda operator: {"operator": operator})
columns = st.builds(lambda metric, operator: metric | operator, measured, operators)


@st.composite
def boards(draw: st.DrawFn, number: int) -> Part:
    period = draw(st.sampled_from(["day", "week", "month", "season", "all_time"]))
    part = board(f"b{number}", period=period, on=draw(st.sampled_from([["purchase"], ["purchase", "visit"]])))
    part |= draw(measured) | draw(operators)
    if period == "season":
        part["seasons"] = SEASONS
    if period != "all_time":
        part["late_minutes"] = draw(st.sampled_from([0, 15, 3 * 24 * 60]))
    if draw(st.booleans()):
        part["by"] = "activity.attributes.store"
    if draw(st.booleans()):
        part["when"] = "activity.amount >= 5.0"
    part["ties"] = draw(st.sampled_from(["first_to_reach", "shared", "columns"]))
    if part["ties"] == "columns":
        part["columns"] = draw(st.lists(columns, min_size=1, max_size=3))
    return part


happenings = st.tuples(
    st.sampled_from(["purchase", "purchase", "visit", "enrolment"]),
    st.one_of(st.integers(0, 60 * 30), st.integers(0, 60 * 24 * 12)),  # minutes until it is recorded
    st.one_of(st.just(0), st.just(0), st.integers(0, 60 * 24 * 15)),  # minutes by which it is late
    st.sampled_from([0, 100, 499, 500, 2999]),
    st.fixed_dictionaries(
        {},
        optional={
            "store": st.sampled_from(["lisbon", "a/b", "", 7, True]),
            "x": st.sampled_from([-4, 0, 3, 2.5, -1.5, "good"]),
        },
    ),
)


def play(shop: Program, start: datetime, history: list[Any]) -> tuple[State, list[Record], list[Counted]]:
    state, now = State.new(start), start
    records: list[Record] = []
    counted: list[Counted] = []
    for number, (kind, gap, late, paid, attributes) in enumerate(history):
        now += timedelta(minutes=gap)
        happened = now - timedelta(minutes=late)
        activity = Activity(f"k{number}", kind, happened, paid if kind == "purchase" else 0, attributes=attributes)
        state, passed = advance(state, now, shop)
        applied = apply(state, activity, shop, now)
        assert isinstance(applied, Applied)
        for happening, outcome in [*((None, outcome) for outcome in passed), (activity, applied.outcome)]:
            records.append(Record("m", len(records) + 1, 1, happening, outcome, now))
        earned = sum(effect.points for effect in applied.outcome.effects if isinstance(effect, Entry))
        counted.append(Counted(activity, applied.outcome.at, earned))
        state = applied.state
    return state, records, counted


@given(
    st.sampled_from(ZONES),
    st.sampled_from(STARTS),
    st.tuples(*(boards(number) for number in range(4))),
    st.lists(happenings, min_size=1, max_size=25),
)
def test_scores_are_what_the_activities_come_to(
    zone: str, start: datetime, parts: tuple[Part, ...], history: list[Any]
) -> None:
    shop = program(
        time_zone=zone,
        rules=[rule(), rule("visit", on="visit", earn={"points": 3})],
        challenges=[challenge("c", target=2, repeat="always", reward={"points": 5, "badge": "b"})],
        badges=[badge("b", levels=[{"points": 7}])],
        boards=list(parts),
    )
    state, records, counted = play(shop, start, history)
    for part in parts:
        theirs = [held for held in state.scores if held.board == part["code"]]
        assert theirs == expected(part, counted, ZoneInfo(zone))
    assert replay(start, records, Schedule.always(shop)) == state
    _told(records, state)


@given(
    st.sampled_from(ZONES),
    st.sampled_from(STARTS),
    st.tuples(*(boards(number) for number in range(3))),
    st.lists(happenings, min_size=1, max_size=12),
    st.sets(st.integers(0, 11), max_size=3),
)
def test_scores_are_those_of_the_order_of_time_whatever_came_late_or_was_taken_back(
    zone: str, start: datetime, parts: tuple[Part, ...], history: list[Any], undone: set[int]
) -> None:
    shop = program(time_zone=zone, rules=[rule(), rule("visit", on="visit", earn={"points": 3})], boards=list(parts))
    clerk, arrives_at = Clerk(shop, start - timedelta(days=20)), start
    happened: list[tuple[datetime, str, Any]] = []
    for number, (kind, gap, late, paid, attributes) in enumerate(history):
        arrives_at += timedelta(minutes=gap)
        at_, key = arrives_at - timedelta(minutes=late), f"k{number:02}"
        amount = paid if kind == "purchase" else 0
        clerk.record(Activity(key, kind, at_, amount, attributes=attributes), arrives_at)
        happened.append((at_, key, (kind, amount, attributes)))
    for number in undone:
        if number < len(happened) and happened[number][2][0] != "enrolment":
            clerk.reverse(happened[number][1])
            happened[number] = (happened[number][0], "", ())
    state, counted = State.new(start - timedelta(days=20)), []
    for at_, key, (kind, amount, attributes) in sorted(each for each in happened if each[1]):
        activity = Activity(key, kind, at_, amount, attributes=attributes)
        applied = apply(advance(state, at_, shop)[0], activity, shop)
        assert isinstance(applied, Applied)
        state = applied.state
        earned = sum(effect.points for effect in applied.outcome.effects if isinstance(effect, Entry))
        counted.append(Counted(activity, at_, earned))
    for part in parts:
        theirs = [held for held in clerk.state.scores if held.board == part["code"]]
        assert theirs == expected(part, counted, ZoneInfo(zone))
    changed: dict[tuple[str, str, str], int | None] = {}
    for record in clerk.records:
        for effect in record.outcome.effects:
            if isinstance(effect, Scored):
                place = (effect.board, effect.period, effect.scope)
                assert effect.before == changed.get(place)
                changed[place] = effect.after
    held_now = {(held.board, held.period, held.scope): held.value for held in clerk.state.scores}
    assert {place: value for place, value in changed.items() if value is not None and place in held_now} == held_now


def _told(records: list[Record], state: State) -> None:
    """The record tells of every change of a score, each from where the one before left it."""
    last: dict[tuple[str, str, str], tuple[int | None, tuple[int, ...], datetime]] = {}
    for record in records:
        for effect in record.outcome.effects:
            if isinstance(effect, Scored):
                key = (effect.board, effect.period, effect.scope)
                assert effect.before == (last[key][0] if key in last else None)
                assert (effect.after, effect.columns) != last.get(key, (None, ()))[:2]
                last[key] = (effect.after, effect.columns, record.outcome.at)
    for held in state.scores:
        assert last[held.board, held.period, held.scope] == (held.value, held.columns, held.reached_at)


@given(
    st.sampled_from(ZONES), st.sampled_from(STARTS), boards(0), st.lists(st.lists(happenings, max_size=6), max_size=5)
)
def test_a_board_is_a_plain_sort_of_its_members(
    zone: str, start: datetime, part: Part, histories: list[list[Any]]
) -> None:
    shop = program(time_zone=zone, rules=[rule()], boards=[part])
    scores = {f"m{number}": play(shop, start, history)[0].scores for number, history in enumerate(histories)}
    for period, scope in {(held.period, held.scope) for held_by in scores.values() for held in held_by}:
        pairs = [
            (m, held) for m, each in scores.items() for held in each if (held.period, held.scope) == (period, scope)
        ]
        assert len({member for member, _ in pairs}) == len(pairs)
        placed = ranks(shop.boards[0], pairs)
        plain = sorted(pairs, key=lambda pair: (pair[1].reached_at, pair[0]))
        if part["ties"] == "columns":
            plain.sort(key=lambda pair: pair[1].columns, reverse=True)
        plain.sort(key=lambda pair: pair[1].value, reverse=True)
        assert [each.member_id for each in placed] == [member for member, _ in plain]
