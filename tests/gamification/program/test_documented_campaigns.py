"""What docs/campaigns.md says: its examples are programs, and its figures are what comes out."""

import re
from pathlib import Path

import pytest
import yaml

from gamification.activity import LineItem
from gamification.preview import MAX_PREVIEW_MEMBERS, MAX_PREVIEW_RECORDS
from gamification.program.campaigns import Campaign
from gamification.program.definition import MAX_PARTS
from gamification.program.source import read_program
from tests.gamification.market import Market, minute
from tests.gamification.program.marked import HEAD
from tests.gamification.programs import campaign, program, purchase, rule

PAGE = (Path(__file__).parents[3] / "docs" / "campaigns.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHOP = program(rules=[rule()])
RECEIPT = (LineItem("lp", 3, 1199, "music"), LineItem("mug", 1, 200))


def read(example: str) -> tuple[Campaign, ...]:
    return read_program(HEAD + example).campaigns


def test_the_page_shows_examples() -> None:
    assert [[each.code for each in read(example)] for example in EXAMPLES] == [
        ["weekend"],
        ["welcome", "students-north", "vinyl-hour"],
    ]


def test_the_fields_it_explains_are_there() -> None:
    assert {name for name in Campaign.model_fields if name not in PAGE} == {"description"}
    assert f"at most {MAX_PARTS} of them" in PAGE
    assert f"({MAX_PREVIEW_MEMBERS:,} members or {MAX_PREVIEW_RECORDS:,}" in " ".join(PAGE.split())


@pytest.mark.parametrize(("effect", "points"), re.findall(r"\| `(\{.*\})` \| (\d+) \|", PAGE))
def test_the_figures_in_its_table(effect: str, points: str) -> None:
    market = Market(SHOP, campaign(effect=yaml.safe_load(effect)))
    market.record(purchase(minute(0), 1399, *RECEIPT))
    assert market.given("double") == int(points)


def test_two_that_double_add_13_each() -> None:
    market = Market(SHOP, campaign("a"), campaign("b"))
    market.record(purchase(minute(0), 1399))
    assert (market.given("a"), market.given("b")) == (13, 13)


@pytest.mark.parametrize(("too_little", "given"), [("partial", [10, 10, 5]), ("none", [10, 10, 0])])
def test_what_three_bonuses_get_of_25_points(too_little: str, given: list[int]) -> None:
    assert f"{', '.join(map(str, given[:2]))} and {given[2]} with `{too_little}`" in " ".join(PAGE.split())
    market = Market(SHOP, campaign(budget={"points": 25, "too_little": too_little}))
    for number in range(3):
        market.record(purchase(minute(number), 1000), f"m{number}")
    assert [market.given("double", f"m{number}") for number in range(3)] == given
