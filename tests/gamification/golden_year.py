"""Two years worked out by hand: what a member does, day by day, and what they have at the end of each day.

A day that no line names is like the one before it. All happens at noon, by the shop's clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from gamification.activity import STREAK_PAUSE, TIER_GRANT, LineItem
from gamification.extensions import extension
from tests.gamification.clerk import Clerk
from tests.gamification.programs import Part, adjustment, badge, board, campaign, event, ladder, purchase, rule, streak

Deed = Callable[[Clerk, datetime], Any]


@dataclass(frozen=True)
class Row:
    """What a member has at the end of a day."""

    day: date
    available: int
    pending: int
    owed: int
    tier: str
    daily: str
    weekly: int
    badges: str


def rows(table: str) -> list[Row]:
    """The lines of a table: day, available, pending, owed, tier, daily streak and freezes, weekly streak, badges."""
    found = []
    for line in table.strip().splitlines():
        day, _, available, pending, owed, tier, daily, weekly, badges = (each.strip() for each in line.split("|"))
        numbers = int(available), int(pending), int(owed)
        found.append(Row(date.fromisoformat(day), *numbers, tier, daily, int(weekly), badges))
    return found


def noon(day: date, zone: ZoneInfo) -> datetime:
    """The middle of a day."""
    return datetime.combine(day, time(12), tzinfo=zone)


def buys(key: str, amount_minor: int, *items: LineItem, on: str | None = None, **attributes: str) -> Deed:
    """A purchase; ``on`` another day if it comes in late."""

    def bought(clerk: Clerk, now: datetime) -> Any:
        when = now if on is None else datetime.combine(date.fromisoformat(on), now.time(), tzinfo=now.tzinfo)
        return clerk.do(purchase(when, amount_minor, *items, key=key, attributes=attributes), now)

    return bought


def does(kind: str, key: str | None = None, amount_minor: int = 0, **attributes: Any) -> Deed:
    """Something else that happens."""

    def done(clerk: Clerk, now: datetime) -> Any:
        activity = replace(event(kind, now, attributes), amount_minor=amount_minor)
        return clerk.do(replace(activity, key=key or activity.key))

    return done


def spends(points: int) -> Deed:
    """Points that are redeemed."""
    return lambda clerk, now: clerk.do(adjustment(now, -points))


def gives_back(key: str, own: str | None = None, **part: Any) -> Deed:
    """A purchase that goes back, or a part of it."""
    return lambda clerk, now: clerk.reverse(key, now, own, **part)


def extends(days: int) -> Deed:
    """Staff put off the end of all points."""
    return lambda clerk, now: clerk.do(extension("extension", now, "sorry", days=days))


RECORD_SHOP_DEEDS: dict[str, Deed] = {
    "2026-01-10": buys("p1", 2999, LineItem("cd", 2, 2999)),
    "2026-01-17": buys("p2", 1550, LineItem("cd", 1, 1550), channel="app"),
    "2026-02-20": buys("p3", 3000, LineItem("cd", 2, 3000)),
    "2026-03-02": buys("p4", 7000, LineItem("cd", 5, 7000)),
    "2026-03-12": gives_back("p4"),
    "2026-04-01": buys("p5", 12025, LineItem("cd", 6, 12025)),
    "2026-04-15": buys("p6", 1000, LineItem("cd", 1, 1000), on="2026-03-20"),
    "2026-05-05": spends(300),
    "2026-05-10": gives_back("p5", "half of p5", amount_minor=6025),
    "2026-06-06": buys("p7", 2050, LineItem("cd", 1, 2050), channel="app"),
    "2026-08-01": buys("p8", 10000),
}
# A point a dollar; 25 for the third purchase in 60 days, 50 for ten CDs, 50 for the third month. Tiers want 100, 250
# and 500 dollars in 365 days. Badges: f(irst purchase), c(ollector: 5, 10, 25 CDs), b(ig spender: 100, 500 dollars).
# The campaign doubles what is bought in the app on weekends.
RECORD_SHOP_YEAR = """
2026-01-05 | joins                                           |    0 | 0 |  0 | bronze | 0/0 | 0 | -
2026-01-10 | $29.99 at the till, on a Saturday: 29           |   29 | 0 |  0 | bronze | 0/0 | 0 | f1
2026-01-17 | $15.50 in the app, on a Saturday: 15 + 15       |   59 | 0 |  0 | bronze | 0/0 | 0 | f1
2026-02-20 | $30.00: 30, and 25 for three in 60 days; 5 CDs  |  114 | 0 |  0 | bronze | 0/0 | 0 | c1 f1
2026-03-02 | $70.00: 70, 50 for ten CDs, 50 for three months |  284 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2026-03-12 | gives all of that back                          |  114 | 0 |  0 | bronze | 0/0 | 0 | c1 f1
2026-04-01 | $120.25: 120, ten CDs 50, three months 50       |  334 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2026-04-15 | $10.00 of March 20 comes in late: 10            |  344 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2026-05-05 | spends 300                                      |   44 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2026-05-10 | $60.25 back: 60 for $60.00 instead of 120       |  -16 | 0 | 16 | silver | 0/0 | 0 | b1 c2 f1
2026-06-06 | $20.50 in the app, on a Saturday: 20 + 20 - 16  |   24 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2026-08-01 | $100.00: 100; $265.99 in 365 days               |  124 | 0 |  0 | gold   | 0/0 | 0 | b1 c2 f1
2027-01-10 | the first purchase is 365 days old: $236.00     |  124 | 0 |  0 | silver | 0/0 | 0 | b1 c2 f1
2027-08-01 | and so is the last: $0.00                       |  124 | 0 |  0 | bronze | 0/0 | 0 | b1 c2 f1
2027-08-05 | the end                                         |  124 | 0 |  0 | bronze | 0/0 | 0 | b1 c2 f1
"""

EVERYTHING: Part = {
    "time_zone": "Europe/Copenhagen",
    # Pending for 2 days, then 90 days, then 5 days of grace: gone 97 days after they were earned.
    "points": {"pending_days": 2, "expire_days": 90, "grace_days": 5},
    "late": {"within_days": 10, "beyond": "refuse"},
    "reversals": {"policy": "allow_debt"},
    "rules": [
        rule("base"),
        rule(
            "order",
            on="order",
            points={
                "pending_event": {"on": "delivered", "at_most_days": 20, "then": "cancel"},
                "expire_idle_days": 60,
                "grace_days": 0,
            },
        ),
        rule(
            "advent",
            on="advent",
            earn={"points": 5},
            points={"pending_until": "2026-12-24", "expire_on": "01-31", "years_after": 1, "grace_days": 0},
        ),
        rule("visit", on="visit", earn={"points": 1}, points={"pending_days": 0, "never_expire": True}),
        rule(
            "gala",
            on="gala",
            earn={"points": 40},
            points={"pending_days": 0, "expire_on": "06-30", "years_after": 0, "grace_days": 0},
        ),
        rule("cake", on="birthday", earn={"points": 29}),
        rule("jubilee", on="anniversary", earn={"points": 10}),
    ],
    "streaks": [
        streak(
            "daily",
            freezes={"start": 1, "every": 5, "limit": 2},
            member_pauses={"max_days": 5, "per_year": 1},
            milestones=[{"length": 3, "reward": {"points": 6}}],
        ),
        streak("weekly", on="purchase", period="week", milestones=[{"length": 2, "reward": {"points": 4}}]),
    ],
    "badges": [badge("buyer", earned={"measure": "member.purchases"}, levels=[1, 3])],
    "boards": [board("monthly", period="month")],
}
LADDER = ladder("spend", "calendar year", guest=0, regular=100, star=300)
# What is earned on the highest tier expires after 200 days: gone 2 + 200 + 5 = 207 days after it was earned.
LADDER["levels"][2]["points"] = {"expire_days": 200}
EVERYTHING["tiers"] = LADDER | {"downgrade": {"to": "one_level", "grace_days": 30}}
MAY = campaign("may", starts_at="2026-05-10T00:00:00+02:00", ends_at="2026-05-20T00:00:00+02:00", budget={"points": 30})
BORN_ON = "1992-02-29"

PAUSED: dict[str, Any] = {"from": "2026-03-09", "until": "2026-03-11"}
DEEDS: dict[str, Deed] = {
    "2026-01-10": buys("p1", 12000),
    "2026-01-14": buys("p2", 5000),
    "2026-02-02": does("order", "o1", 8000),
    "2026-02-10": does("delivered"),
    "2026-03-03": does("visit"),
    "2026-03-04": does("visit"),
    "2026-03-05": does("visit"),
    "2026-03-07": does("visit"),
    "2026-03-08": does("visit"),
    "2026-03-09": does(STREAK_PAUSE, **PAUSED),
    "2026-03-12": does("visit"),
    "2026-04-01": buys("p3", 20000, LineItem("lp", 4, 12000), LineItem("mug", 1, 8000)),
    "2026-04-20": spends(300),
    "2026-05-04": gives_back("p3", "two lps", returns=[{"sku": "lp", "quantity": 2}]),
    "2026-05-05": gives_back("p3", "some of p3", amount_minor=5000),
    "2026-05-12": buys("p4", 4000),
    "2026-06-01": does("gala", "g1"),
    "2026-06-10": buys("p5", 6000),
    "2026-06-15": gives_back("g1"),
    "2026-06-20": does("gala", "g2"),
    "2026-07-10": buys("p6", 1000, on="2026-07-02"),
    "2026-07-20": buys("p7", 1000, on="2026-07-05"),
    "2026-10-24": does("visit"),
    "2026-10-25": does("visit"),
    "2026-10-26": does("visit"),
    "2026-12-01": does("advent"),
    "2026-12-28": extends(10),
    "2027-03-10": does("order", "o2", 700),
    "2027-03-12": does("delivered", activity="o2"),
    "2027-03-15": does("order", "o3", 800),
    "2027-04-20": does("visit"),
    "2028-02-10": does(TIER_GRANT, tier="star", until="2028-03-01T12:00:00+01:00"),
}
YEAR = """
2026-01-01 | joins                                              |    0 |   0 |  0 | guest   | 0/0 | 0 | -
2026-01-10 | p1: 120                                            |    0 | 120 |  0 | regular | 0/0 | 1 | b1
2026-01-12 | which can be spent                                 |  120 |   0 |  0 | regular | 0/0 | 1 | b1
2026-01-14 | p2: 50, and 4 for two weeks                        |  120 |  54 |  0 | regular | 0/0 | 2 | b1
2026-01-16 | which can be spent                                 |  174 |   0 |  0 | regular | 0/0 | 2 | b1
2026-01-26 | a week without a purchase is over                  |  174 |   0 |  0 | regular | 0/0 | 0 | b1
2026-02-02 | an order: 80 that wait for it                      |  174 |  80 |  0 | regular | 0/0 | 0 | b1
2026-02-10 | is delivered                                       |  254 |   0 |  0 | regular | 0/0 | 0 | b1
2026-02-28 | the birthday of the 29th: 29                       |  254 |  29 |  0 | regular | 0/0 | 0 | b1
2026-03-02 | which can be spent                                 |  283 |   0 |  0 | regular | 0/0 | 0 | b1
2026-03-03 | a visit: 1; a freeze to begin with                 |  284 |   0 |  0 | regular | 1/1 | 0 | b1
2026-03-04 | a visit                                            |  285 |   0 |  0 | regular | 2/1 | 0 | b1
2026-03-05 | a visit, and 6 for three days                      |  286 |   6 |  0 | regular | 3/1 | 0 | b1
2026-03-07 | the 6th was missed: a freeze; a visit; 6 unlock    |  293 |   0 |  0 | regular | 4/0 | 0 | b1
2026-03-08 | a visit: the fifth day, and a new freeze           |  294 |   0 |  0 | regular | 5/1 | 0 | b1
2026-03-12 | after a pause of three days, a visit               |  295 |   0 |  0 | regular | 6/1 | 0 | b1
2026-03-14 | the 13th was missed: the freeze                    |  295 |   0 |  0 | regular | 6/0 | 0 | b1
2026-03-15 | the 14th was missed                                |  295 |   0 |  0 | regular | 0/0 | 0 | b1
2026-04-01 | p3: 200; $370 this year                            |  295 | 200 |  0 | star    | 0/0 | 1 | b2
2026-04-03 | which can be spent                                 |  495 |   0 |  0 | star    | 0/0 | 1 | b2
2026-04-13 | a week without a purchase is over                  |  495 |   0 |  0 | star    | 0/0 | 0 | b2
2026-04-17 | 97 days after p1                                   |  375 |   0 |  0 | star    | 0/0 | 0 | b2
2026-04-20 | spends 300: p2 54, o1 80, 29, 6, and 131 of p3     |   75 |   0 |  0 | star    | 0/0 | 0 | b2
2026-05-04 | 2 of 4 records go back: 60 of the 200; $310        |   15 |   0 |  0 | star    | 0/0 | 0 | b2
2026-05-05 | $50 go back: 90 are left; $260; visits went, too   |  -35 |   0 | 35 | regular | 0/0 | 0 | b2
2026-05-12 | p4: 40, and the 30 of the campaign; $300           |  -35 |  70 | 35 | star    | 0/0 | 1 | b2
2026-05-14 | which pay what is owed                             |   35 |   0 |  0 | star    | 0/0 | 1 | b2
2026-05-25 | a week without a purchase is over                  |   35 |   0 |  0 | star    | 0/0 | 0 | b2
2026-06-01 | a gala: 40 at once                                 |   75 |   0 |  0 | star    | 0/0 | 0 | b2
2026-06-10 | p5: 60, of a star                                  |   75 |  60 |  0 | star    | 0/0 | 1 | b2
2026-06-12 | which can be spent                                 |  135 |   0 |  0 | star    | 0/0 | 1 | b2
2026-06-15 | the gala is given back                             |   95 |   0 |  0 | star    | 0/0 | 1 | b2
2026-06-20 | another gala                                       |  135 |   0 |  0 | star    | 0/0 | 1 | b2
2026-06-22 | a week without a purchase is over                  |  135 |   0 |  0 | star    | 0/0 | 0 | b2
2026-07-01 | what galas give is gone after June 30              |   95 |   0 |  0 | star    | 0/0 | 0 | b2
2026-07-10 | p6 of July 2 comes in: 10 since the 4th            |  105 |   0 |  0 | star    | 0/0 | 1 | b2
2026-07-13 | a week without a purchase; p7 is refused later     |  105 |   0 |  0 | star    | 0/0 | 0 | b2
2026-08-17 | 97 days after p4: the 35 that were left            |   70 |   0 |  0 | star    | 0/0 | 0 | b2
2026-10-24 | a visit; freezes are not given twice               |   71 |   0 |  0 | star    | 1/0 | 0 | b2
2026-10-25 | a visit on the day of 25 hours                     |   72 |   0 |  0 | star    | 2/0 | 0 | b2
2026-10-26 | a visit, and 6 for three days                      |   73 |   6 |  0 | star    | 3/0 | 0 | b2
2026-10-28 | which can be spent; the 27th was missed            |   79 |   0 |  0 | star    | 0/0 | 0 | b2
2026-12-01 | advent: 5 for Christmas                            |   79 |   5 |  0 | star    | 0/0 | 0 | b2
2026-12-24 | which can be spent                                 |   84 |   0 |  0 | star    | 0/0 | 0 | b2
2027-01-01 | a year a member: 10; $370 last year: a star still  |   84 |  10 |  0 | star    | 0/0 | 0 | b2
2027-01-03 | which can be spent; p5 ends later, by staff        |   94 |   0 |  0 | star    | 0/0 | 0 | b2
2027-01-13 | 207 days after p5, and 10                          |   34 |   0 |  0 | star    | 0/0 | 0 | b2
2027-02-04 | 207 days after p6, and 10                          |   24 |   0 |  0 | star    | 0/0 | 0 | b2
2027-02-11 | what Advent gave: after January 31, and 10         |   19 |   0 |  0 | star    | 0/0 | 0 | b2
2027-02-28 | the birthday: 29                                   |   19 |  29 |  0 | star    | 0/0 | 0 | b2
2027-03-02 | which can be spent                                 |   48 |   0 |  0 | star    | 0/0 | 0 | b2
2027-03-10 | an order: 7                                        |   48 |   7 |  0 | star    | 0/0 | 0 | b2
2027-03-12 | is delivered                                       |   55 |   0 |  0 | star    | 0/0 | 0 | b2
2027-03-15 | an order: 8                                        |   55 |   8 |  0 | star    | 0/0 | 0 | b2
2027-04-04 | is not delivered within 20 days                    |   55 |   0 |  0 | star    | 0/0 | 0 | b2
2027-04-20 | a visit: 1                                         |   56 |   0 |  0 | star    | 1/0 | 0 | b2
2027-04-22 | the 21st was missed                                |   56 |   0 |  0 | star    | 0/0 | 0 | b2
2027-05-31 | 207 days after the streak of October, and 10       |   50 |   0 |  0 | star    | 0/0 | 0 | b2
2027-06-19 | 60 days idle: the order of March                   |   43 |   0 |  0 | star    | 0/0 | 0 | b2
2027-07-27 | 207 days after the anniversary                     |   33 |   0 |  0 | star    | 0/0 | 0 | b2
2027-09-23 | 207 days after the birthday                        |    4 |   0 |  0 | star    | 0/0 | 0 | b2
2028-01-01 | two years: 10; $0 last year: 30 days of grace      |    4 |  10 |  0 | star    | 0/0 | 0 | b2
2028-01-03 | which can be spent                                 |   14 |   0 |  0 | star    | 0/0 | 0 | b2
2028-01-31 | the grace is over: one level down                  |   14 |   0 |  0 | regular | 0/0 | 0 | b2
2028-02-10 | staff make them a star until March 1               |   14 |   0 |  0 | star    | 0/0 | 0 | b2
2028-02-29 | the birthday: 29                                   |   14 |  29 |  0 | star    | 0/0 | 0 | b2
2028-03-01 | the grant ended at noon                            |   14 |  29 |  0 | regular | 0/0 | 0 | b2
2028-03-02 | the birthday's can be spent                        |   43 |   0 |  0 | regular | 0/0 | 0 | b2
2028-03-05 | the end                                            |   43 |   0 |  0 | regular | 0/0 | 0 | b2
"""
