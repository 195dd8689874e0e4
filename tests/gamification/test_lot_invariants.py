"""What holds of points over time whatever the terms: the ledger, the order of time, and what is foretold."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import ADJUSTMENT, Activity
from gamification.effects import Entry
from gamification.expiring import expiring
from gamification.extensions import extension
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.lot_times import LotCalendar
from gamification.lots import balance_of, coalesced, first_due_at
from gamification.program import Program
from gamification.record import Outcome
from gamification.state import Balance, State
from tests.gamification.programs import Part, adjustment, event, ladder, program, purchase, rule
from tests.gamification.strategies import STARTS, ZONES

LONG = timedelta(days=1500)

pendings: st.SearchStrategy[Part] = st.one_of(
    st.just({}),
    st.integers(0, 20).map(lambda days: {"pending_days": days}),
    st.dates(date(2009, 1, 1), date(2026, 1, 1)).map(lambda day: {"pending_until": day.isoformat()}),
    st.builds(
        lambda kind, days, then: {"pending_event": {"on": kind, "at_most_days": days, "then": then}},
        st.sampled_from(["delivered", "purchase"]),
        st.integers(1, 40),
        st.sampled_from(["release", "cancel"]),
    ),
)
expiries: st.SearchStrategy[Part] = st.one_of(
    st.just({}),
    st.just({"never_expire": True}),
    st.integers(1, 60).map(lambda days: {"expire_days": days}),
    st.integers(1, 30).map(lambda days: {"expire_idle_days": days}),
    st.builds(
        lambda day, years: {"expire_on": day, "years_after": years},
        st.sampled_from(["02-29", "03-31", "12-31", "01-01", "10-27"]),
        st.integers(0, 2),
    ),
)


@st.composite
def terms(draw: st.DrawFn) -> Part:
    """Terms of some kind, which may say nothing of some things."""
    expiry = draw(expiries)
    grace = {} if "never_expire" in expiry else draw(st.sampled_from([{}, {"grace_days": 0}, {"grace_days": 9}]))
    return {**draw(pendings), **expiry, **grace}


@st.composite
def shops(draw: st.DrawFn) -> Program:
    """A program with terms of its own for everything that may have them, and nothing that time itself gives."""
    tiers = ladder("spend", "rolling 30 days", bronze=0, silver=40)
    tiers["levels"][1]["points"] = draw(terms())
    rules = [
        rule(points=draw(terms())),
        rule("plain", earn={"points": 7}),
        rule("visit", on="visit", earn={"points": 5}, points=draw(terms())),
    ]
    return program(time_zone=draw(st.sampled_from(ZONES)), points=draw(terms()), rules=rules, tiers=tiers)


gaps = st.integers(0, 12 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
doings = st.tuples(
    gaps,
    st.sampled_from(["purchase", "purchase", "visit", "delivered", "spend", "give", "extend", "until", "owe"]),
    st.integers(1, 40),
)
lives = st.tuples(shops(), st.sampled_from(STARTS), st.lists(doings, max_size=16))
Life = tuple[Program, datetime, list[tuple[timedelta, str, int]]]


def _activity(kind: str, amount: int, when: datetime, state: State, key: str) -> Activity:
    match kind:
        case "purchase":
            return purchase(when, amount * 100, key=key)
        case "give" | "spend" | "owe":
            return replace(adjustment(when, amount if kind == "give" else -amount), key=key)
        case "extend":
            return extension(
                key, when, "x", days=amount, lot=state.lots[0].lot_id if amount % 2 and state.lots else None
            )
        case "until":
            return extension(key, when, "x", until=when.date() + timedelta(days=amount))
    named = {"activity": f"k{amount % 6}"} if amount % 3 else {}
    return replace(event(kind, when, named), key=key)


class Ledger:
    """A member whose every step is checked."""

    def __init__(self, shop: Program, start: datetime) -> None:
        self.shop, self.state = shop, State.new(start)
        self.entries: list[Entry] = []

    def do(self, activity: Activity, *, stands: bool) -> None:
        """Let time pass and an activity take effect."""
        self.wait(activity.occurred_at)
        before = self.state
        applied = apply(before, activity, self.shop, stands=stands)
        if isinstance(applied, Applied):
            self.take(before, applied.outcome)
            self.state = applied.state
            self.check()

    def wait(self, now: datetime) -> None:
        """Let time pass, instant by instant."""
        while (due := next_due_at(self.state, self.shop)) is not None and due <= now:
            state, outcomes = advance(self.state, due, self.shop)
            assert [outcome.at for outcome in outcomes] == [due]
            self.take(self.state, outcomes[0])
            self.state = state
            self.check()

    def take(self, before: State, outcome: Outcome) -> None:
        """The entries of a step. None takes from a lot that had expired."""
        calendar = LotCalendar(self.shop.time_zone, before.active_on)
        ends = {lot.lot_id: calendar.end(lot) for lot in before.lots}
        for effect in outcome.effects:
            if isinstance(effect, Entry):
                self.entries.append(effect)
                for lot_id in effect.why.lots if effect.why.code == ADJUSTMENT and effect.points < 0 else ():
                    end = ends[lot_id]
                    assert end is None or end > outcome.at
                if effect.why.code == "expiry":
                    assert {ends.get(lot_id, outcome.at) for lot_id in effect.why.lots} == {outcome.at}

    def check(self) -> None:
        """The entries add up to the balance, and that is what the lots hold less what is owed."""
        sums = Counter[str]()
        for entry in self.entries:
            sums[entry.account] += entry.points
        state, held = self.state, balance_of(self.state.lots)
        assert state.balance == Balance(sums["available"], sums["pending"])
        assert state.balance == Balance(held.available - state.debt, held.pending)
        assert state.debt == 0 or held.available == 0
        assert state.debt >= 0
        assert all(0 < lot.remaining <= lot.points for lot in state.lots)
        assert len({lot.lot_id for lot in state.lots}) == len(state.lots)
        assert all(lot.pending or lot.waiting is None for lot in state.lots)
        calendar = LotCalendar(self.shop.time_zone, state.active_on)
        due = first_due_at(state.lots, calendar)
        assert due is None or due >= state.as_of


def _lived(life: Life) -> tuple[Ledger, datetime]:
    shop, start, history = life
    ledger, now = Ledger(shop, start), start
    for number, (gap, kind, amount) in enumerate(history):
        now += gap
        ledger.do(_activity(kind, amount, now, ledger.state, f"k{number}"), stands=kind == "owe")
    return ledger, now


@given(lives)
def test_entries_lots_and_debt_agree_after_every_step(life: Life) -> None:
    ledger, now = _lived(life)
    ledger.wait(now + LONG)
    assert all(lot.expires_at is None or lot.pending or lot.expires_at > now for lot in ledger.state.lots)


@given(lives, st.lists(st.integers(0, 1500 * 24), max_size=5))
def test_when_the_clock_runs_does_not_matter(life: Life, hours: list[int]) -> None:
    ledger, now = _lived(life)
    shop, state = ledger.shop, ledger.state
    final, outcomes = advance(state, now + LONG, shop)
    told: list[Outcome] = []
    for each in sorted(hours):
        state, some = advance(state, now + timedelta(hours=each), shop)
        told.extend(some)
    state, some = advance(state, now + LONG, shop)
    assert (state, [*told, *some]) == (final, list(outcomes))


@given(lives, st.integers(0, 1500))
def test_what_is_told_to_expire_is_what_expires(life: Life, days: int) -> None:
    ledger, now = _lived(life)
    shop, state = ledger.shop, advance(ledger.state, now, ledger.shop)[0]
    every = expiring(state, shop, LONG, now)
    _, outcomes = advance(state, now + LONG, shop)
    happens = Counter[datetime]()
    for outcome in outcomes:
        for effect in outcome.effects:
            if isinstance(effect, Entry) and effect.why.code == "expiry":
                happens[outcome.at] -= effect.points
    told = Counter[datetime]()
    for each in every:
        assert each.expires_at <= each.gone_at
        told[each.gone_at] += each.points
    within_grace = {at: points for at, points in told.items() if at <= now + LONG}
    assert within_grace == dict(happens)
    # A shorter look ahead is the beginning of a longer one, and may be taken from the state that is not yet advanced.
    until = now + timedelta(days=days)
    assert expiring(state, shop, until - now, now) == tuple(each for each in every if each.expires_at <= until)
    assert expiring(ledger.state, shop, LONG, now) == every


@given(lives)
def test_joining_lots_changes_nothing_that_a_member_could_notice(life: Life) -> None:
    ledger, now = _lived(life)
    state, shop = ledger.state, ledger.shop
    fewer = replace(state, lots=coalesced(state.lots, 0, LotCalendar(shop.time_zone, state.active_on)))
    assert balance_of(fewer.lots) == balance_of(state.lots)
    assert expiring(fewer, shop, LONG, now) == expiring(state, shop, LONG, now)
    ends = []
    for each in (state, fewer):
        later = advance(each, now + timedelta(days=3), shop)[0]
        for activity in (purchase(now + timedelta(days=3), 100, key="z"), event("delivered", now + timedelta(days=3))):
            applied = apply(later, activity, shop)
            assert isinstance(applied, Applied)
            later = applied.state
        outcomes = advance(later, now + LONG, shop)[1]
        ends.append([(outcome.at, outcome.balance) for outcome in outcomes])
    assert ends[0] == ends[1]
