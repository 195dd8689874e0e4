"""Lives of members: what they buy and review over the months up to now, each one another by chance."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gamification.activity import ADJUSTMENT, PURCHASE, Activity, LineItem
from gamification.member import Profile

DAYS_BACK = 330
"""How long ago the first of them joined."""
FEWEST_PURCHASES, MOST_PURCHASES = 6, 30
MOST_REVIEWS = 12
REDEMPTIONS = 3
LEAST_REDEEMED = 20
REDEEMED_PART = 0.75
"""Of what the purchases since the last one gave."""
_CATEGORIES = ("novels", "crime", "travel", "cooking", "history")
_FIRST = ("Ada", "Bo", "Cleo", "Dag", "Elin", "Finn", "Gry", "Hans", "Ida", "Jens", "Kaya", "Liv", "Mads", "Nora")
_LAST = ("Ahlmann", "Birk", "Dahl", "Eskildsen", "Falk", "Holm", "Krogh", "Lund", "Nygaard", "Storm", "Winther")
_LANGUAGES = (None, None, "en", "da", "da")


def profile(number: int) -> Profile:
    """What the member of this number says of themself: most have a handle and a picture, some a language."""
    return Profile(
        display_name=f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]}",
        handle=f"reader_{number}" if number % 12 else None,
        avatar_url=f"https://images.example/avatars/{number}.jpg" if number % 3 else None,
        language=_LANGUAGES[number % len(_LANGUAGES)],
    )


def joined_at(now: datetime, chance: random.Random) -> datetime:
    """When somebody joined, long enough ago for a life."""
    return now - timedelta(days=chance.randrange(DAYS_BACK // 2, DAYS_BACK), minutes=chance.randrange(1440))


def life(joined: datetime, week_start: datetime, now: datetime, chance: random.Random) -> Sequence[Activity]:
    """All that a member did, oldest first: enough for 12 badges, and something in the week that runs."""
    early = joined.replace(hour=6, minute=0) + timedelta(days=1)
    saturday = early + timedelta(days=(5 - early.weekday()) % 7, hours=5)
    done = [
        _purchase(early, chance, "poetry"),
        _purchase(early + timedelta(days=2), chance, quantity=5, channel="app"),
        _purchase(saturday, chance),
        _review(saturday + timedelta(hours=1)),
    ]
    begin, end = saturday + timedelta(days=1), week_start - timedelta(minutes=1)
    for _ in range(chance.randint(FEWEST_PURCHASES, MOST_PURCHASES)):
        done.append(_purchase(_between(begin, end, chance), chance))
    done += [_review(_between(begin, end, chance)) for _ in range(chance.randrange(MOST_REVIEWS))]
    done += [_purchase(_between(week_start, now, chance), chance) for _ in range(chance.randint(1, 3))]
    done.sort(key=lambda activity: activity.occurred_at)
    done = _with_redemptions(done)
    return [replace(each, key=f"life-{number}") for number, each in enumerate(done)]


def _with_redemptions(done: Sequence[Activity]) -> list[Activity]:
    """The same with most of the points spent now and then, so that a member holds a handful of lots and not all."""
    every = len(done) // (REDEMPTIONS + 1)
    lived: list[Activity] = []
    earned_minor = 0
    for number, activity in enumerate(done, start=1):
        lived.append(activity)
        earned_minor += activity.amount_minor
        points = int(earned_minor // 100 * REDEEMED_PART)
        if number % every == 0 and points >= LEAST_REDEEMED:
            at = activity.occurred_at + timedelta(seconds=1)
            lived.append(Activity("", ADJUSTMENT, at, points=-points, reason="A voucher"))
            earned_minor = 0
    return lived


def _between(begin: datetime, end: datetime, chance: random.Random) -> datetime:
    return begin + timedelta(milliseconds=chance.randrange(max(1, (end - begin) // timedelta(milliseconds=1))))


def _purchase(
    at: datetime, chance: random.Random, category: str | None = None, quantity: int | None = None, channel: str = "shop"
) -> Activity:
    pieces = quantity or chance.choice((1, 1, 1, 2, 2, 3))
    amount = pieces * chance.randrange(499, 2999)
    line = LineItem("BOOK", pieces, amount, category or chance.choice(_CATEGORIES))
    return Activity("", PURCHASE, at, amount, (line,), {"channel": channel})


def _review(at: datetime) -> Activity:
    return Activity("", "review", at)
