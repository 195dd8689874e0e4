"""What a CDNOW log comes to under the example program, worked out by hand, as it were: without the fold."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
Bought = tuple[date, int, Decimal]

BADGE_LEVELS = {"collector": (5, 10, 25), "big-spender": (100, 500, 1000)}


def summary_of(lines: Iterable[str], shift_days: int = 0) -> Json:
    """The summary that a replay of these sound lines prints as JSON."""
    shift = timedelta(days=shift_days)
    by_customer: dict[str, list[Bought]] = defaultdict(list)
    for line in lines:
        customer, *_, day, discs, dollars = line.split()
        bought_on = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date() + shift
        by_customer[customer].append((bought_on, int(discs), Decimal(dollars)))
    purchases = [bought for all_bought in by_customer.values() for bought in all_bought]
    last_day = max(day for day, _, _ in purchases)
    levels: dict[str, Counter[str]] = {"first-purchase": Counter({"1": len(by_customer)})}
    for all_bought in by_customer.values():
        for code, level in badges_of(all_bought).items():
            if level:
                levels.setdefault(code, Counter())[str(level)] += 1
    return {
        "members": len(by_customer),
        "purchases": len(purchases),
        "points_issued": sum(points_of(all_bought) for all_bought in by_customer.values()),
        "members_by_tier": dict(Counter(tier_of(all_bought, last_day) for all_bought in by_customer.values())),
        "badges_by_code": {code: counter.total() for code, counter in levels.items()},
        "badge_levels": {code: dict(counter) for code, counter in levels.items()},
        "broken_lines": [],
    }


def points_of(all_bought: list[Bought]) -> int:
    """A point for each whole dollar of a purchase, and the rewards of the three challenges."""
    days = sorted(day for day, _, _ in all_bought)
    points = sum(int(dollars) for _, _, dollars in all_bought)
    if any(third - first < timedelta(days=60) for first, third in zip(days, days[2:], strict=False)):
        points += 25
    if sum(discs for _, discs, _ in all_bought) >= 10:
        points += 50
    if len({(day.year, day.month) for day in days}) >= 3:
        points += 50
    return points


def tier_of(all_bought: list[Bought], last_day: date) -> str:
    """By what was spent on the last day and the 364 days before it."""
    spent = sum(dollars for day, _, dollars in all_bought if last_day - day < timedelta(days=365))
    reached = [tier for tier, least in (("silver", 100), ("gold", 250), ("platinum", 500)) if spent >= least]
    return reached[-1] if reached else "bronze"


def badges_of(all_bought: list[Bought]) -> dict[str, int]:
    """The levels reached of the badges that count, 0 for none."""
    totals = {
        "collector": sum(discs for _, discs, _ in all_bought),
        "big-spender": sum(dollars for _, _, dollars in all_bought),
    }
    return {code: sum(total >= least for least in BADGE_LEVELS[code]) for code, total in totals.items()}
