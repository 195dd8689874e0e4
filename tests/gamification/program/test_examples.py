"""The example programs: they are sound, and show what there is to show."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gamification.program import Program
from gamification.program.base import Definition
from gamification.program.source import read_program
from tests.gamification.market import Market
from tests.gamification.program.marked import EXAMPLES
from tests.gamification.programs import purchase

ZONE = ZoneInfo("America/New_York")


def example(name: str) -> Program:
    return read_program((EXAMPLES / f"{name}.yaml").read_bytes())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Any) -> None:
    program = read_program(path.read_bytes())
    assert program.code == path.stem
    assert program.languages == ("en", "da")


def test_the_record_shop() -> None:
    shop = example("record-shop")
    assert (shop.money.currency, shop.money.decimals, shop.time_zone.key) == ("USD", 2, "America/New_York")
    (rule,) = shop.rules
    assert (rule.on, rule.earn.points, rule.earn.per_amount, rule.earn.rounding) == (
        ("purchase",),
        1,
        Decimal(1),
        "floor",
    )
    assert shop.tiers is not None
    assert (shop.tiers.metric, str(shop.tiers.window)) == ("spend", "rolling 365 days")
    assert [tier.code for tier in shop.tiers.levels] == ["bronze", "silver", "gold", "platinum"]
    assert shop.tier_thresholds == (0, 10_000, 25_000, 50_000)
    assert all(tier.benefits for tier in shop.tiers.levels)
    goals = [(c.code, c.measure, c.target, str(c.window), c.repeat, c.reward.points) for c in shop.challenges]
    assert goals == [
        ("third-purchase", "count", 3, "rolling 60 days", "never", 25),
        ("ten-cds", "sum", 10, "lifetime", "never", 50),
        ("three-months", "distinct", 3, "lifetime", "never", 50),
    ]
    levels = {badge.code: [level.at for level in badge.levels] for badge in shop.badges}
    boards = [(board.code, board.metric, board.period, board.ties, len(board.prizes)) for board in shop.boards]
    assert boards == [
        ("weekly", "points", "week", "first_to_reach", 3),
        ("all-time", "points", "all_time", "first_to_reach", 0),
        ("collectors", "value", "month", "columns", 0),
    ]
    assert levels == {"first-purchase": [1], "collector": [5, 10, 25], "big-spender": [100, 500, 1000]}


def test_the_record_shop_s_campaign_leaves_the_purchase_log_alone() -> None:
    (weekends,) = example("record-shop").campaigns
    assert weekends.starts_at > datetime(1999, 1, 1, tzinfo=UTC)
    assert not weekends.accepts(datetime(1997, 1, 4, 12, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC), ZONE)
    market = Market(example("record-shop"), weekends)
    saturday = datetime(2026, 5, 2, 12, tzinfo=UTC)
    market.record(purchase(saturday, 2933))
    assert market.given("app-weekends") == 0
    market.record(purchase(saturday, 2933, key="app", attributes={"channel": "app"}))
    assert market.given("app-weekends") == 29
    market.record(purchase(saturday.replace(day=4), 2933, attributes={"channel": "app"}))
    assert market.given("app-weekends") == 29


def test_the_coffee_bar_uses_every_field_there_is() -> None:
    used: dict[type[Definition], set[str]] = {}
    _collect(example("coffee-bar"), used)
    unused = {
        f"{part.__name__}.{name}"
        for part, names in used.items()
        for name in part.model_fields
        if name in part.__annotations__ and name not in names
    }
    assert unused == set()
    assert {part.__name__ for part in used} == {part.__name__ for part in _definitions(Definition)}


def test_the_coffee_bar_uses_every_choice_there_is() -> None:
    bar = example("coffee-bar")
    assert {challenge.measure for challenge in bar.challenges} == {"count", "sum", "distinct", "steps"}
    assert {challenge.repeat for challenge in bar.challenges} == {"never", "each_window", "always"}
    assert {badge.rarity for badge in bar.badges} == {"common", "uncommon", "rare", "epic", "legendary"}
    assert {rule.earn.rounding for rule in bar.rules} == {"floor", "ceil", "half_up"}
    effects = [campaign.effect for campaign in bar.campaigns]
    assert {next(iter(effect.model_fields_set - {"rounding"})) for effect in effects} == {
        "multiplier",
        "bonus",
        "per_item",
    }
    assert {measure.metric for board in bar.boards for measure in board.measures} == {
        "points",
        "amount",
        "count",
        "value",
    }
    assert {board.operator for board in bar.boards} == {"sum", "best", "latest"}
    assert {board.period for board in bar.boards} == {"day", "week", "month", "season", "all_time"}
    assert {board.ties for board in bar.boards} == {"first_to_reach", "shared", "columns"}
    kinds = {kind for challenge in bar.challenges for kind in (challenge.on or ())}
    assert kinds >= {"points.earned", "tier.reached", "badge.won", "challenge.completed"}


def _collect(part: Any, used: dict[type[Definition], set[str]]) -> None:
    """Which fields of which parts are written out somewhere."""
    if isinstance(part, tuple | dict):
        for inner in part.values() if isinstance(part, dict) else part:
            _collect(inner, used)
    elif isinstance(part, Definition):
        for kind in type(part).__mro__:
            if issubclass(kind, Definition) and kind is not Definition:
                used.setdefault(kind, set()).update(part.model_fields_set)
        for name in type(part).model_fields:
            _collect(getattr(part, name), used)


def _definitions(part: type[Definition]) -> set[type[Definition]]:
    return {inner for child in part.__subclasses__() for inner in (child, *_definitions(child))}
