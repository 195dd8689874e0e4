"""What holds of campaigns whatever the terms, the members and the order: limits, settlements and replay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gamification.activity import LineItem
from gamification.campaigns import Offer
from gamification.effects import BonusWithheld, Entry
from gamification.fold import Applied, advance, apply
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.state import State
from gamification.windows import local_day
from tests.gamification.market import Market
from tests.gamification.programs import JOINED_AT, Part, campaign, challenge, ladder, program, purchase, rule
from tests.gamification.strategies import definitions, lines

START = datetime(2026, 10, 24, 12, tzinfo=UTC)
"""The day before Europe's clocks go back."""
MEMBERS = ("ann", "ben", "eve")


@st.composite
def terms(draw: DrawFn, code: str) -> Part:
    """Terms of a campaign that runs for some of the next days, with limits that are soon reached."""
    effect: Part = draw(
        st.sampled_from(
            [
                {"multiplier": "2"},
                {"multiplier": "1.5", "rounding": "ceil"},
                {"bonus": 30},
                {"per_item": {"points": 7}},
                {"per_item": {"points": 7, "categories": ["food"], "items": "item.quantity > 1"}},
            ]
        )
    )
    limits: Part = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "budget": st.fixed_dictionaries(
                    {"points": st.integers(1, 150)}, optional={"too_little": st.sampled_from(["partial", "none"])}
                ),
                "caps": st.fixed_dictionaries(
                    {}, optional={"member": st.integers(0, 90), "member_day": st.integers(0, 60)}
                ),
                "first_members": st.integers(1, 3),
                "when": st.sampled_from(
                    ["member.purchases == 1", "activity.amount >= 20.0", "member.tier != 'bronze'"]
                ),
                "recurs": st.just({"rule": "FREQ=DAILY", "at": "10:00", "minutes": 600}),
                "late_minutes": st.integers(0, 300),
            },
        )
    )
    starts_at = START + timedelta(hours=draw(st.integers(-12, 6)))
    ends_at = starts_at + timedelta(hours=draw(st.integers(1, 72)))
    stacking = {"stacking": draw(st.sampled_from(["stack", "best", "exclusive"])), "priority": draw(st.integers(0, 2))}
    return campaign(code, effect=effect, starts_at=starts_at, ends_at=ends_at, **stacking, **limits)


catalogues = st.tuples(terms("one"), terms("two"), terms("three"))
buys = st.tuples(
    st.sampled_from(MEMBERS),
    lines,
    st.integers(0, 6000),
    st.integers(0, 300),
    st.one_of(st.just(0), st.integers(0, 400)),
)
"""Who buys what for how much, how many minutes after the one before, and how many minutes late it arrives."""
Batches = list[list[tuple[str, tuple[LineItem, ...], int, int, int]]]
batches = st.lists(st.lists(buys, min_size=1, max_size=5), max_size=8)


def played(shop: Program, catalogue: tuple[Part, ...], happenings: Batches) -> Market:
    """A market in which each list of purchases was recorded in one commit."""
    market = Market(shop, *catalogue)
    when, number = START, 0
    for batch in happenings:
        activities = []
        arrives_at = when
        for who, items, amount, gap, late in batch:
            when += timedelta(minutes=gap)
            number += 1
            activities.append((who, purchase(when, amount, *items, key=f"k{number}")))
            arrives_at = max(arrives_at, when + timedelta(minutes=late))
        market.together(activities, arrives_at)
    return market


def check_limits(market: Market) -> None:
    """Nobody has more than a cap, no budget gives more than it has, and no more members than places have anything."""
    for each in market.terms:
        members = [who for who in market.records if market.given(each.code, who)]
        if each.budget:
            assert market.given(each.code) <= each.budget.points
            assert market.room[each.code] == each.budget.points - market.given(each.code) >= 0
        if each.first_members is not None:
            assert len(members) <= each.first_members
            assert market.places[each.code] == each.first_members - len(members)
        for who in members:
            assert each.caps.member is None or market.given(each.code, who) <= each.caps.member
            assert each.caps.member_day is None or max(_by_day(market, each, who)) <= each.caps.member_day


def _by_day(market: Market, each: Campaign, who: str) -> list[int]:
    days: dict[object, int] = {}
    for record in market.records[who]:
        for effect in record.outcome.effects:
            if isinstance(effect, Entry) and (effect.why.source, effect.why.code) == ("campaign", each.code):
                day = local_day(record.outcome.at, market.program.time_zone)
                days[day] = days.get(day, 0) + effect.points
    return list(days.values())


def check_settlements(market: Market) -> None:
    """What was settled is what the ledger shows of the campaigns that have a budget, and a place for each member."""
    for each in market.terms:
        settled = [settlement for settlement in market.settlements if settlement.campaign == each.code]
        assert sum(settlement.points for settlement in settled) == (market.given(each.code) if each.budget else 0)
        having = sum(1 for who in market.records if market.given(each.code, who))
        assert sum(settlement.places for settlement in settled) == (having if each.first_members else 0)


def check_records(market: Market) -> None:
    """Every record keeps the campaigns that it tells of and no others, and what it withheld is the rest."""
    for record in (record for records in market.records.values() for record in records):
        given = {e.why.code: e.points for e in record.outcome.effects if isinstance(e, Entry) and _by_campaign(e)}
        withheld = {e.campaign: e for e in record.outcome.effects if isinstance(e, BonusWithheld)}
        assert {grant.campaign for grant in record.grants} >= {*given, *withheld}
        assert all(points > 0 for points in given.values())
        for code, noted in withheld.items():
            assert noted.granted == given.get(code, 0) < noted.wanted
        for grant in record.grants:
            assert grant.room is None or given.get(grant.campaign, 0) <= grant.room
        exclusive = {each.code for each in market.terms if each.stacking == "exclusive"}
        if given.keys() & exclusive:
            assert len(given) == 1
        assert sum(1 for each in market.terms if each.stacking == "best" and each.code in given) <= 1


def _by_campaign(effect: Entry) -> bool:
    return effect.why.source == "campaign"


@given(definitions(), catalogues, batches)
def test_limits_hold_settlements_add_up_and_the_journal_comes_to_the_state(
    definition: Part,
    catalogue: tuple[Part, ...],
    happenings: Batches,
) -> None:
    market = played(program(**definition | {"time_zone": "Europe/Copenhagen"}), catalogue, happenings)
    check_limits(market)
    check_settlements(market)
    check_records(market)
    for who in market.records:
        assert market.replayed(who) == market.member(who).state


arrivals = st.lists(
    st.tuples(st.sampled_from(MEMBERS), st.integers(0, 6000), st.integers(0, 300), st.integers(0, 2000)), max_size=12
)
"""Who buys for how much, how many minutes after the one before, and how many minutes late it arrives."""


TIERED = program(
    time_zone="Europe/Copenhagen",
    rules=[rule()],
    tiers=ladder("points", "lifetime", bronze=0, silver=100),
    challenges=[challenge("c", target=3, repeat="always", reward={"points": 40, "qualifying": True})],
)


@given(catalogues, arrivals, st.data())
def test_settlements_add_up_whatever_arrives_late_or_is_taken_back(
    catalogue: tuple[Part, ...], history: list[tuple[str, int, int, int]], data: st.DataObject
) -> None:
    market = Market(TIERED, *catalogue)
    when, coming = START, []
    for number, (who, amount, gap, late) in enumerate(history):
        when += timedelta(minutes=gap)
        coming.append((when + timedelta(minutes=late), number, who, purchase(when, amount, key=f"k{number}")))
    for arrives_at, _, who, activity in sorted(coming, key=lambda each: each[:2]):
        market.record(activity, who, arrives_at)
    undone = data.draw(st.lists(st.sampled_from(coming), unique_by=lambda each: each[1]) if coming else st.just([]))
    for _, _, who, activity in undone:
        market.reverse(activity.key, who, when + timedelta(days=3))
    check_settlements(market)
    for each in market.terms:
        assert all(market.given(each.code, who) >= 0 for who in market.records)
        if each.budget:
            assert market.room[each.code] == each.budget.points - market.given(each.code) >= 0
        if each.first_members is not None:
            having = sum(1 for who in market.records if market.given(each.code, who))
            assert market.places[each.code] == each.first_members - having >= 0
        if each.caps.member is not None:
            assert all(market.given(each.code, who) <= each.caps.member for who in market.records)
    for who in market.records:
        assert market.replayed(who) == market.member(who).state
        bought = sum(1 for each in coming if each[2] == who)
        if bought == sum(1 for each in undone if each[2] == who):
            assert all(market.given(each.code, who) == 0 for each in market.terms)


def always(part: Part) -> Part:
    """The terms of a campaign that runs all the time."""
    kept = {name: value for name, value in part.items() if name not in ("ends_at", "late_minutes", "recurs")}
    return kept | {"starts_at": START - timedelta(days=9)}


@given(
    st.tuples(terms("one").map(always), terms("two").map(always), terms("three").map(always)),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 1500), st.integers(0, 3000)), min_size=1, max_size=8),
    st.sets(st.integers(0, 7), max_size=3),
)
def test_what_a_member_alone_has_of_campaigns_is_that_of_the_order_of_time(
    catalogue: tuple[Part, ...], history: list[tuple[int, int, int]], undone: set[int]
) -> None:
    """With nobody else to take of them: as if what came late had come in time, and what was taken back never had."""
    market, other = Market(TIERED, *catalogue), Market(TIERED, *catalogue)
    when, coming = START, []
    for number, (amount, gap, late) in enumerate(history):
        when += timedelta(minutes=gap)
        coming.append((when + timedelta(minutes=late), number, purchase(when, amount, key=f"k{number}")))
    end = when + timedelta(days=4)
    for arrives_at, _, activity in sorted(coming, key=lambda each: each[:2]):
        market.record(activity, now=arrives_at)
    for _, number, activity in coming:
        if number in undone:
            market.reverse(activity.key, now=end)
        else:
            other.record(activity)
    assert (market.room, market.places) == (other.room, other.places)
    states = [advance(each.member("m").state, end, TIERED)[0] for each in (market, other)]
    one, same = (replace(state, seq=0, as_of=end, newest=None) for state in states)
    assert one == same


@given(catalogues, lines, st.integers(0, 6000), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_the_order_in_which_offers_come_changes_nothing(
    catalogue: tuple[Part, ...],
    items: tuple[LineItem, ...],
    amount: int,
    room: list[int],
) -> None:
    shop = program(rules=[{"code": "r", "name": "r", "on": "purchase", "earn": {"points": 1, "per_amount": "1"}}])
    offers = [
        Offer(
            Campaign.model_validate(each),
            1,
            left if "budget" in each else None,
            left % 2 if "first_members" in each else None,
        )
        for each, left in zip(catalogue, room, strict=True)
    ]
    activity = purchase(START, amount, *items)
    outcomes = set()
    for ordered in permutations(offers):
        result = apply(State.new(JOINED_AT), activity, shop, offers=ordered)
        assert isinstance(result, Applied)
        effects = [e for e in result.outcome.effects if isinstance(e, Entry | BonusWithheld)]
        given = frozenset((e.why.code, e.points) for e in effects if isinstance(e, Entry))
        withheld = frozenset(
            (e.campaign, e.wanted, e.granted, e.limit) for e in effects if isinstance(e, BonusWithheld)
        )
        outcomes.add((given, withheld))
    assert len(outcomes) == 1


@given(catalogues, batches, st.data())
def test_a_record_that_is_tampered_with_shows(
    catalogue: tuple[Part, ...],
    happenings: Batches,
    data: st.DataObject,
) -> None:
    """Mutation: without its grants, no record that a campaign added points to is replayed to the same state."""
    market = played(
        program(rules=[{"code": "r", "name": "r", "on": "purchase", "earn": {"points": 5}}]), catalogue, happenings
    )
    places = [
        (who, number)
        for who, records in market.records.items()
        for number, record in enumerate(records)
        if any(isinstance(effect, Entry) and _by_campaign(effect) for effect in record.outcome.effects)
    ]
    if not places:
        return
    who, number = data.draw(st.sampled_from(places))
    market.records[who][number] = replace(market.records[who][number], grants=())
    assert market.replayed(who) != market.member(who).state
