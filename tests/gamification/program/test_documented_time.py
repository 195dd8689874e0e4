"""What docs/time.md and programs/README.md say: their examples are programs, and their figures are what comes out."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gamification.activity import LineItem, Reversal
from gamification.explain import explain
from gamification.lot_times import LotCalendar
from gamification.merging import MAX_ABSORBED
from gamification.program import Program
from gamification.program.base import Definition
from gamification.program.definition import MAX_LATE_DAYS, Late, Reversals
from gamification.program.points import Terms
from gamification.program.source import read_program
from gamification.program.streaks import (
    Freezes,
    MemberPauses,
    Pause,
    Streak,
    StreakCondition,
    StreakMilestone,
)
from gamification.program.tiers import Downgrade, Tiers
from gamification.prospects import MAX_PROSPECTS
from gamification.record import Entry
from gamification.recording import MAX_FORESEEN
from gamification.requests import Recorded
from gamification.reversal import Return, judged
from gamification.streak_pauses import MAX_DAYS_AHEAD
from gamification.streak_periods import MIN_DAY_SECONDS
from gamification.streaks import MAX_PERIODS
from gamification.tiers import MAX_TIER_STEPS
from gamification.windows import local_day
from tests.gamification.clerk import Clerk
from tests.gamification.program.marked import HEAD
from tests.gamification.programs import Player, adjustment, at, event, program, purchase, rule, streak

ROOT = Path(__file__).parents[3]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/time.md", "programs/README.md")}
EXAMPLES = [
    pytest.param(example, id=f"{name}-{number}")
    for name, page in PAGES.items()
    for number, example in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
]
TIME = PAGES["docs/time.md"]
TOLD = " ".join(TIME.split())
NOON = at("2026-05-01 12:00")


def read(example: str) -> Program:
    """The program of which this is a part; it has the usual head, as far as it does not say otherwise."""
    given = {f"{name}:" for name in yaml.safe_load(example)}
    head = [line for line in HEAD.splitlines() if line.split(" ")[0] not in given]
    return read_program("\n".join((*head, example)))


def on_page(field: str) -> Program:
    """The program of the first example of docs/time.md that has a field."""
    examples = re.findall(r"```yaml\n(.*?)```", TIME, re.DOTALL)
    return read(next(each for each in examples if field in each))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_program(example: str) -> None:
    assert read(example).model_fields_set & set(yaml.safe_load(example)) == set(yaml.safe_load(example))


def test_there_are_examples_of_everything() -> None:
    for name, least in (("docs/time.md", 7), ("programs/README.md", 3)):
        assert len(re.findall("```yaml", PAGES[name])) >= least


@pytest.mark.parametrize(
    "part",
    [Terms, Late, Reversals, Tiers, Downgrade, Streak, StreakCondition, Freezes, Pause, MemberPauses, StreakMilestone],
)
def test_the_fields_are_explained(part: type[Definition]) -> None:
    prose = re.sub(r"```.*?```", "", PAGES["programs/README.md"], flags=re.DOTALL)
    named = {name for span in re.findall(r"`([^`]+)`", prose) for name in re.findall(r"[a-z_]+", span)}
    assert set(part.model_fields) - named == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_to_headings(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", PAGES[page])
    assert [(to, name) for to, name in links if name not in _headings(page, to)] == []


def _headings(page: str, to: str) -> set[str]:
    """The names by which links can lead to the headings of a page."""
    path = (ROOT / page).parent / to if to else ROOT / page
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_its_bounds() -> None:
    assert f"({Late().within_days} unless you say otherwise, from 0 to {MAX_LATE_DAYS})" in TOLD
    assert f"at most {MAX_DAYS_AHEAD} days ahead" in TOLD
    assert f"the latest {MAX_PERIODS} periods" in TOLD
    assert f"less than {MIN_DAY_SECONDS // 3600} hours" in TOLD
    assert f"the latest {MAX_TIER_STEPS} moves" in TOLD
    assert f"up to {MAX_FORESEEN.days:,} days ahead" in TOLD
    assert (MAX_ABSORBED, MAX_PROSPECTS) == (20, 10)
    assert "At most 20 can be merged" in TOLD
    assert "the ten who gain and lose most" in TOLD


def test_what_comes_back_of_a_capped_day() -> None:
    clerk = Clerk(on_page("caps:"), at("2026-01-01"))
    clerk.record(purchase(NOON, 4000, key="receipt-1"))
    clerk.record(purchase(NOON + timedelta(hours=3), 3000, key="receipt-2"))
    assert clerk.state.balance.available == 40 + 10
    result = clerk.reverse("receipt-1")
    assert isinstance(result, Recorded)
    (entry,) = [effect for effect in result.record.outcome.effects if isinstance(effect, Entry)]
    assert (entry.points, clerk.state.balance.available) == (-20, 30)
    assert f"`{explain(entry.why, on_page('caps:'), 'en')}`" in TOLD


def test_the_shares_of_three_pieces() -> None:
    bought, taken = purchase(NOON, 1000, LineItem("cup", 3, 1000)), list[Reversal]()
    for _ in range(3):
        part = judged(bought, taken, [Return(sku="cup", quantity=1)], None, program().money)
        assert isinstance(part, Reversal)
        taken.append(part)
    shares = [line.amount_minor for part in taken for line in part.lines]
    assert shares == [333, 333, 334]
    assert "are 3.33, 3.33 and 3.34" in TOLD


@pytest.mark.parametrize(("policy", "balance"), re.findall(r"\| `(\w+)` \| (-?\d+) \|", TIME))
def test_what_becomes_of_points_that_were_spent(policy: str, balance: str) -> None:
    clerk = Clerk(program(rules=[rule()], reversals={"policy": policy}), at("2026-01-01"))
    clerk.record(purchase(NOON, 10000, key="receipt-1"))
    clerk.record(adjustment(NOON + timedelta(hours=1), -80))
    clerk.reverse("receipt-1", NOON + timedelta(days=1))
    assert clerk.state.balance.available == int(balance)


def test_a_day_of_a_streak_that_is_reported_late() -> None:
    clerk = Clerk(program(streaks=[streak()]), at("2026-01-01"))
    for day in (1, 2, 4):
        clerk.record(event("visit", at(f"2026-05-0{day} 12:00")))
    assert clerk.state.streaks["daily"].length == 1
    clerk.record(event("visit", at("2026-05-03 12:00")), at("2026-05-04 20:00"))
    assert clerk.state.streaks["daily"].length == 4


TERMS = re.findall(r"\| `(\{.*\})` \| (\d{4}-\d\d-\d\d) \| (\d{4}-\d\d-\d\d|never expire) \|", TIME)


@pytest.mark.parametrize(("terms", "first_day", "last_day"), TERMS)
def test_the_times_of_points(terms: str, first_day: str, last_day: str) -> None:
    shop = Player(program(points=yaml.load(terms, yaml.BaseLoader) | _numbers(terms), rules=[rule()]))
    shop.do(purchase(NOON, 1000))
    shop.wait(at(first_day) if at(first_day) > NOON else NOON)
    (lot,) = shop.state.lots
    assert not lot.pending
    assert local_day(lot.available_at, shop.program.time_zone).isoformat() == first_day
    end = LotCalendar(shop.program.time_zone, shop.state.active_on).end(lot)
    assert end == (None if last_day == "never expire" else at(last_day) + timedelta(days=1))


def _numbers(terms: str) -> dict[str, Any]:
    return {name: value for name, value in yaml.safe_load(terms).items() if isinstance(value, int)}


def test_the_table_of_terms_is_found() -> None:
    assert len(TERMS) == 9


DOWNGRADES = re.findall(r"\| `(\{to: .*\})` \| ([^|]*) \| ([^|]*) \|", TIME)


def test_the_table_of_downgrades_is_found() -> None:
    assert [yaml.safe_load(given)["to"] for given, *_ in DOWNGRADES] == ["earned", "one_level", "one_level", "never"]


@pytest.mark.parametrize(("given", "gold_until", "then"), DOWNGRADES)
def test_how_a_tier_is_lost(given: str, gold_until: str, then: str) -> None:
    shown = on_page("downgrade:")
    assert shown.tiers is not None
    tiers = shown.tiers.model_copy(update={"downgrade": Downgrade(**yaml.safe_load(given))})
    shopper = Player(shown.model_copy(update={"tiers": tiers}))
    shopper.do(purchase(NOON, 30000))
    shopper.wait(at("2035-01-01"))
    falls = [(step.at.date().isoformat(), step.tier) for step in shopper.state.standing.history if step.at > NOON]
    days = re.findall(r"\d{4}-\d\d-\d\d", f"{gold_until} {then}")
    assert falls == list(zip(days, re.findall("silver|bronze", then), strict=True))


def test_the_streak_that_it_shows() -> None:
    shown = on_page("streaks:").streaks[0]
    assert shown.period == "day"
    lengths = [at_ for at_ in range(1, 61) if shown.milestone_at(at_)]
    assert lengths == [7, 30, 60]


def test_the_reason_of_a_freeze() -> None:
    """As the page has it: the ninth day of a streak is followed by a missed one, and there are two freezes."""
    guest = Player(on_page("streaks:"), at("2026-01-01"))
    for day in range(9):
        guest.do(event("visit", at("2026-04-24 12:00") + timedelta(days=day)))
    guest.wait(at("2026-05-04"))
    assert guest.records[-1].outcome.at == at("2026-05-04")
    assert f"`{guest.records[-1].outcome.effects[0].why.arithmetic}`" in TOLD


def test_birthdays_and_anniversaries() -> None:
    shop = on_page("on: birthday")
    clerk = Clerk(shop, at("2024-05-01 12:00"))
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, birthday="1990-03-01"))
    clerk.record(purchase(at("2024-05-01 12:00")))
    clerk.record(purchase(at("2024-05-02 12:00")))
    clerk.wait(at("2026-05-02"))
    given = [
        (local_day(record.outcome.at, shop.time_zone), effect.why.code, effect.points)
        for record in clerk.records
        for effect in record.outcome.effects
        if isinstance(effect, Entry)
    ]
    assert given == [
        (date(2025, 3, 1), "birthday", 100),
        (date(2026, 3, 1), "birthday", 100),
        (date(2026, 5, 1), "faithful", 100),
    ]
