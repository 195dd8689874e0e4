"""Random programs and random histories for property tests, leaning towards borders: midnights, DST, year ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gamification.activity import PARTICULARS, STREAK_PAUSE, TIER_GRANT, Activity, LineItem, Scalar
from gamification.extensions import extension
from gamification.program import Program
from gamification.windows import Window
from tests.gamification.programs import (
    Part,
    adjustment,
    badge,
    board,
    challenge,
    event,
    ladder,
    program,
    purchase,
    rule,
    steps,
    streak,
)

ZONES = (
    "UTC",
    "Europe/Copenhagen",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Pacific/Apia",
    "Antarctica/Casey",
)
STARTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "1997-01-01",
        "2010-11-06T20:00",  # St. John's: the day after begins, stops and goes on
        "2018-11-03T12:00",  # Sao Paulo: a day without midnight
        "2020-02-27T22:00",  # a leap day ahead
        "2020-12-27T09:30",  # week 53, and the turn of the year
        "2022-03-26T12:00",  # Beirut: a day without midnight
        "2011-12-29T06:00",  # Apia: a day that was left out
        "2024-10-26T23:15",  # Copenhagen: an hour twice
    )
)
CATEGORIES = ("food", "music", "toys")
KINDS = ("visit", "review", "survey")

windows: SearchStrategy[Window] = st.one_of(
    st.sampled_from([Window(unit) for unit in ("lifetime", "day", "week", "month", "quarter", "year")]),
    st.integers(1, 400).map(lambda days: Window("rolling", days)),
)
tier_windows: SearchStrategy[Window] = st.one_of(windows, st.just(Window("membership")), st.just(Window("year")))
points = st.integers(0, 120)
targets = st.integers(1, 6)


pending_terms: SearchStrategy[Part] = st.one_of(
    st.just({}),
    st.integers(0, 40).map(lambda days: {"pending_days": days}),
    st.sampled_from(["1997-01-20", "2011-12-31", "2018-11-04", "2020-12-31", "2022-03-27", "2024-11-01"]).map(
        lambda day: {"pending_until": day}
    ),
    st.builds(
        lambda days, then: {"pending_event": {"on": "review", "at_most_days": days, "then": then}},
        st.integers(1, 60),
        st.sampled_from(["release", "cancel"]),
    ),
)
_graces: SearchStrategy[Part] = st.one_of(st.just({}), st.integers(0, 12).map(lambda days: {"grace_days": days}))
expiry_terms: SearchStrategy[Part] = st.one_of(
    st.just({}),
    st.just({"never_expire": True}),
    st.builds(lambda days, grace: {"expire_days": days} | grace, st.integers(1, 400), _graces),
    st.builds(lambda days, grace: {"expire_idle_days": days} | grace, st.integers(1, 120), _graces),
    st.builds(
        lambda day, years, grace: {"expire_on": day, "years_after": years} | grace,
        st.sampled_from(["12-31", "02-29", "11-04", "03-27", "06-30"]),
        st.integers(0, 1),
        _graces,
    ),
)


@st.composite
def terms(draw: DrawFn) -> Part:
    """When points can be spent, and until when."""
    pending: Part = draw(pending_terms)
    expiry: Part = draw(expiry_terms)
    return pending | expiry


def _own_terms(draw: DrawFn) -> Part:
    """Terms of a rule's own or a tier's; mostly none."""
    return {"points": draw(terms())} if draw(st.integers(0, 2)) == 0 else {}


@st.composite
def _streaks(draw: DrawFn) -> list[Part]:
    more: Part = draw(
        st.sampled_from([{}, {"freezes": {"start": 1, "limit": 2, "every": 3}}, {"freezes": {"every": 2, "limit": 1}}])
    )
    reward: Part = {"points": draw(points), "qualifying": draw(st.booleans())}
    milestones = [{"length": 2, "reward": reward}, {"every": 3, "reward": reward | {"badge": "gift"}}]
    more = more | draw(st.sampled_from([{}, {"member_pauses": {"max_days": 10, "per_year": 2}}]))
    mixed: Part = {"mode": draw(st.sampled_from(["all", "any"])), "milestones": milestones[:1]}
    conditions = [{"on": ["visit", "survey"]}, {"on": "purchase", "when": "activity.amount > 10.0", "times": 2}]
    mixed |= {"period": draw(st.sampled_from(["day", "week", "month"])), "conditions": conditions}
    return [
        streak("daily", on=draw(st.sampled_from(["visit", "purchase"])), milestones=milestones, **more),
        streak("mixed") | mixed | more,
    ]


@st.composite
def _rules(draw: DrawFn) -> list[Part]:
    caps: Part = draw(
        st.dictionaries(
            st.sampled_from(["activity", "day", "week", "month", "year", "lifetime"]),
            st.integers(0, 60),
            min_size=1,
            max_size=2,
        )
    )
    narrowed: Part = draw(st.sampled_from([{}, {"categories": ["food"]}, {"items": "item.quantity > 1"}]))
    base = {"points": draw(st.integers(0, 5)), "per_amount": draw(st.sampled_from(["1", "0.1", "10", "2.50"]))}
    rounding = draw(st.sampled_from(["floor", "ceil", "half_up"]))
    return [
        rule("base", earn=base | narrowed | {"rounding": rounding}, caps=caps, qualifying=draw(st.booleans())),
        rule("pieces", earn={"points": draw(points), "per_items": draw(st.integers(1, 4))}),
        rule("visit", on=list(KINDS[:2]), earn={"points": draw(points)}, cooldown_minutes=draw(st.integers(1, 3000))),
        rule("vip", when='activity.attributes["vip"] == true', earn={"formula": "activity.amount * 0.1"}),
        rule("survey", on="survey", earn={"formula": 'activity.attributes["score"] * 10'}, caps={"day": 100}),
    ]


_MOST_GRACE_DAYS = {"lifetime": 0, "day": 0, "week": 6, "month": 27, "quarter": 89}


@st.composite
def downgrades(draw: DrawFn, window: Window) -> Part:
    """A policy for what becomes of a tier that too little is left for, sound for a window."""
    to = draw(st.sampled_from(["earned", "one_level", "never"] if window.unit != "lifetime" else ["earned", "never"]))
    most = _MOST_GRACE_DAYS.get(window.unit, 120) if to != "never" else 0
    return {"to": to, "grace_days": draw(st.one_of(st.just(0), st.integers(0, most)))}


@st.composite
def _tiers(draw: DrawFn) -> Part:
    low = draw(st.integers(1, 80))
    rewards = {"silver": {"points": draw(points), "badge": "gift", "qualifying": draw(st.booleans())}}
    metric, window = draw(st.sampled_from(["spend", "points"])), draw(tier_windows)
    made = ladder(metric, str(window), rewards=rewards, bronze=0, silver=low, gold=2 * low, platinum=5 * low)
    return made | {"downgrade": draw(downgrades(window))}


def _repeat(draw: DrawFn, window: Window) -> str:
    calendar = window.unit not in ("lifetime", "rolling")
    return draw(st.sampled_from(["never", "always", *(["each_window"] if calendar else [])]))


@st.composite
def _challenges(draw: DrawFn) -> list[Part]:
    measures: list[Part] = [
        {"target": draw(targets)},
        {"measure": "sum", "of": "activity.quantity", "target": draw(targets) * 3},
        {"measure": "sum", "of": "activity.amount", "target": draw(targets) * 10},
        {"measure": "distinct", "of": "activity.weekday", "target": draw(targets)},
        {"on": ["points.earned"], "measure": "sum", "of": "effect.points", "target": draw(targets) * 20},
        {"on": ["tier.reached", "badge.won", "challenge.completed"], "target": draw(targets)},
        {"on": "badge.won", "when": 'effect.code == "gift"', "target": 1},
        steps("visit", "purchase", "review", purchase="activity.quantity > 0"),
    ]
    made = []
    for number, measure in enumerate(measures):
        window = draw(windows)
        reward: Part = {"points": draw(points), "qualifying": draw(st.booleans())}
        if draw(st.booleans()):
            reward["badge"] = "gift"
        requires: Part = draw(st.sampled_from([{}, {}, {"tier": "silver"}, {"badges": ["gift"]}]))
        more = {"window": str(window), "repeat": _repeat(draw, window), "reward": reward, "requires": requires}
        made.append(challenge(f"c{number}", **measure, **more))
    return made


@st.composite
def _badges(draw: DrawFn) -> list[Part]:
    each = draw(points)
    return [
        badge("gift", levels=[{"points": each}]),
        badge("buyer", earned={"measure": "member.purchases"}, levels=[{"at": n, "points": each} for n in (1, 2, 5)]),
        badge("rich", earned={"measure": "member.points"}, levels=[50, 200, 1000]),
        badge("spender", earned={"measure": "member.spend"}, levels=[{"at": 20, "points": each}, {"at": 100}]),
        badge("night", earned={"condition": "activity.hour < 6"}, levels=[{"points": each}]),
        badge("gilded", earned={"tier": "gold"}),
        badge("doer", earned={"challenge": "c0"}, levels=[{"points": each}]),
    ]


@st.composite
def _boards(draw: DrawFn) -> list[Part]:
    period = st.sampled_from(["day", "week", "month", "all_time"])
    operator = st.sampled_from(["sum", "best", "latest"])
    more = {"columns": [{"metric": "amount", "operator": draw(operator)}], "ties": "columns"}
    return [
        board("points", on=["purchase", *KINDS], period=draw(period), operator=draw(operator), **more),
        board("score", on="survey", metric="value", of='activity.attributes["score"] * 1.5', period=draw(period)),
        board("vip", metric="count", period=draw(period), by='activity.attributes["score"]'),
    ]


@st.composite
def definitions(draw: DrawFn) -> Part:
    """What a program is made of: parts of every sort, wired to set each other off."""
    currency: Part = draw(
        st.fixed_dictionaries({}, optional={"pending_days": st.integers(0, 40), "expire_days": st.integers(1, 400)})
    )
    return {
        "time_zone": draw(st.sampled_from(ZONES)),
        "points": currency,
        "rules": draw(_rules()),
        "tiers": draw(_tiers()),
        "challenges": draw(_challenges()),
        "badges": draw(_badges()),
        "boards": draw(_boards()),
    }


programs: SearchStrategy[Program] = definitions().map(lambda parts: program(**parts))


@st.composite
def _eventful(draw: DrawFn) -> Part:
    """A program with everything that time brings about, too: streaks, occasions, and terms of points of every sort."""
    made: Part = draw(definitions())
    made["points"], made["streaks"] = draw(terms()), draw(_streaks())
    for part in (made["rules"][0], made["rules"][2], made["tiers"]["levels"][2]):
        part.update(_own_terms(draw))
    made["rules"] += [
        rule("cake", on="birthday", earn={"points": draw(points)}),
        rule("jubilee", on="anniversary", earn={"formula": "activity.attributes.years * 3"}),
    ]
    return made


eventful_definitions = _eventful()
eventful_programs: SearchStrategy[Program] = eventful_definitions.map(lambda made: program(**made))


lines: SearchStrategy[tuple[LineItem, ...]] = st.lists(
    st.builds(
        LineItem,
        sku=st.sampled_from(["cd", "lp", "mug"]),
        quantity=st.integers(1, 4),
        amount_minor=st.integers(0, 5000),
        category=st.sampled_from([*CATEGORIES, None]),
    ),
    max_size=3,
).map(tuple)
attributes: SearchStrategy[dict[str, Scalar]] = st.fixed_dictionaries(
    {}, optional={"vip": st.booleans(), "score": st.sampled_from([-3, 0, 2.5, 7, "good"])}
)
gaps: SearchStrategy[timedelta] = st.one_of(
    st.sampled_from([timedelta(), timedelta(minutes=1), timedelta(minutes=-90), timedelta(days=-40)]),
    st.integers(0, 36).map(lambda hours: timedelta(hours=hours)),
    st.integers(0, 3 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 500).map(lambda days: timedelta(days=days)),
)
"""How much later than the newest the next activity happened; some are reported late."""


@dataclass(frozen=True)
class Happening:
    """Something that is to happen ``gap`` after the newest instant so far; ``make`` gives the activity at a time."""

    gap: timedelta
    make: Callable[[datetime], Activity]


def _purchase(items: tuple[LineItem, ...], amount: int, more: dict[str, Scalar]) -> Callable[[datetime], Activity]:
    return lambda when: purchase(when, amount, *items, attributes=more)


def _event(kind: str, more: dict[str, Scalar]) -> Callable[[datetime], Activity]:
    return lambda when: event(kind, when, more)


def _adjustment(given: int) -> Callable[[datetime], Activity]:
    return lambda when: adjustment(when, given)


purchases = st.builds(_purchase, lines, st.integers(0, 20000), attributes)
events = st.builds(_event, st.sampled_from(KINDS), attributes)
adjustments = st.builds(_adjustment, st.integers(-150, 150).filter(bool))
happenings = st.builds(Happening, gaps, st.one_of(purchases, purchases, events, adjustments))
histories = st.lists(happenings, max_size=14)


def timeline(start: datetime, history: list[Happening]) -> list[Activity]:
    """The history as activities, each placed after the newest before it."""
    newest, made = start, []
    for happening in history:
        made.append(happening.make(newest + happening.gap))
        newest = max(newest, newest + happening.gap)
    return made


def _pause(days: int, ahead: int) -> Callable[[datetime], Activity]:
    def planned(when: datetime) -> Activity:
        first = when.date() + timedelta(days=ahead)
        span = {"from": first.isoformat(), "until": (first + timedelta(days=days)).isoformat()}
        return event(STREAK_PAUSE, when, span)

    return planned


def _grant(tier: str, days: int) -> Callable[[datetime], Activity]:
    return lambda when: Activity(
        f"g {when:%Y%m%d %H%M%S}",
        TIER_GRANT,
        when,
        attributes={"tier": tier, "until": (when + timedelta(days=days)).isoformat()},
        reason="welcome over",
    )


def _extension(days: int) -> Callable[[datetime], Activity]:
    return lambda when: extension(f"x {when:%Y%m%d %H%M%S}", when, "sorry", days=days)


def _particulars(zone: str, birthday: str) -> Callable[[datetime], Activity]:
    said = {"time_zone": zone, "birthday": birthday}
    return lambda when: Activity(f"#particulars {when:%Y%m%d %H%M%S}", PARTICULARS, when, attributes=said)


pauses = st.builds(_pause, st.integers(0, 9), st.integers(-2, 5))
particulars = st.builds(
    _particulars, st.sampled_from(["", *ZONES]), st.sampled_from(["", "1980-02-29", "1990-11-05", "1975-12-31"])
)
by_staff = st.one_of(
    st.builds(_grant, st.sampled_from(["silver", "gold", ""]), st.integers(1, 90)),
    st.builds(_extension, st.integers(1, 60)),
)
days_gaps: SearchStrategy[timedelta] = st.one_of(
    gaps, st.integers(20, 28).map(lambda hours: timedelta(hours=hours)), st.just(timedelta(days=1))
)
"""Gaps that make streaks, too."""
lives = st.lists(
    st.builds(
        Happening, days_gaps, st.one_of(purchases, purchases, events, events, events, pauses, particulars, by_staff)
    ),
    min_size=1,
    max_size=12,
)
"""Histories in which nothing is spent, of members who travel, plan pauses, and meet generous staff."""


parts: SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        lambda line, pieces: {"returns": [{"line": line, "quantity": pieces}]}, st.integers(0, 2), st.integers(1, 3)
    ),
    st.builds(lambda line: {"returns": [{"line": line}]}, st.integers(0, 2)),
    st.builds(
        lambda line, minor: {"returns": [{"line": line, "amount_minor": minor}]}, st.integers(0, 2), st.integers(1, 900)
    ),
    st.builds(lambda minor: {"amount_minor": minor}, st.integers(1, 9000)),
)
"""What is asked to be taken back of a purchase; not all of it there is to take."""
