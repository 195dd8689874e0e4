"""The home query, which every phone sends: its answer to the letter, and its languages."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.web import HOME_QUERY
from gamification.member import Member
from schema.ids import to_global_id
from schema.types.campaign import CAMPAIGN_ID
from tests.schema.api import ANONYMOUS, Api, Caller, global_id, purchase, themself

IN_DANISH = HOME_QUERY.replace("  me {", '  me(language: "da-DK") {')


async def shopper(api: Api, language: str | None = None) -> Member:
    """A member who bought in March and twice in April: 125.22 dollars and 6 CDs."""
    return await api.record(
        await api.enrol("Ada", language=language),
        purchase("p1", datetime(2026, 3, 2, 12, tzinfo=UTC), 2933, cds=2),
        purchase("p2", datetime(2026, 4, 7, 12, tzinfo=UTC), 4599, cds=3),
        purchase("p3", datetime(2026, 4, 28, 12, tzinfo=UTC), 4990, cds=1),
    )


CHALLENGES: list[Any] = [
    {
        "code": "ten-cds",
        "title": "Ten on the shelf",
        "rewardPoints": 50,
        "endsAt": None,
        "progress": {"current": 6.0, "target": 10.0, "percent": 60, "state": "ACTIVE"},
    },
    {
        "code": "three-months",
        "title": "A regular",
        "rewardPoints": 50,
        "endsAt": None,
        "progress": {"current": 2.0, "target": 3.0, "percent": 66, "state": "ACTIVE"},
    },
    {
        "code": "third-purchase",
        "title": "Third time lucky",
        "rewardPoints": 25,
        "endsAt": None,
        "progress": {"current": 3.0, "target": 3.0, "percent": 100, "state": "COMPLETED"},
    },
]
BADGES: list[Any] = [
    {
        "code": "big-spender",
        "name": "Big spender",
        "iconUrl": "/icons/big-spender.svg",
        "rarity": "RARE",
        "level": 1,
        "earnedAt": "2026-04-28T12:00:00.000Z",
    },
    {
        "code": "collector",
        "name": "Collector",
        "iconUrl": "/icons/collector.svg",
        "rarity": "UNCOMMON",
        "level": 1,
        "earnedAt": "2026-04-07T12:00:00.000Z",
    },
    {
        "code": "first-purchase",
        "name": "First purchase",
        "iconUrl": "/icons/first-purchase.svg",
        "rarity": "COMMON",
        "level": 1,
        "earnedAt": "2026-03-02T12:00:00.000Z",
    },
]


def home_of(member: Member) -> dict[str, Any]:
    """What the shopper's phone shows where no boards are live.

    The points are 29 + 45 + 49 for dollars, and 25 for three purchases within 60 days.
    """
    return {
        "me": {
            "id": global_id(member),
            "displayName": "Ada",
            "loyaltyNumber": member.loyalty_number,
            "points": {"available": 148, "pending": 0},
            "tier": {
                "current": {"code": "silver", "name": "Silver", "benefits": ["Free shipping on every order"]},
                "next": {"code": "gold", "name": "Gold"},
                "progress": {
                    "current": 125.22,
                    "target": 250.0,
                    "remaining": 124.78,
                    "percent": 50,
                    "label": "125.22 / 250 USD",
                },
            },
            "challenges": {"nodes": CHALLENGES},
            "badges": {"nodes": BADGES},
            "rank": {"rank": None, "score": None, "total": None},
        },
        "leaderboard": {"nodes": []},
        "campaigns": [
            {
                "id": to_global_id(CAMPAIGN_ID, "app-weekends"),
                "name": "Weekends in the app",
                "multiplier": 2.0,
                "endsAt": None,
                "budget": {"current": 0.0, "target": 100000.0, "remaining": 100000.0},
            }
        ],
    }


def texts_of(home: dict[str, Any]) -> list[str]:
    me = home["me"]
    tier = me["tier"]
    return [
        tier["current"]["name"],
        *tier["current"]["benefits"],
        tier["next"]["name"],
        *(challenge["title"] for challenge in me["challenges"]["nodes"]),
        *(badge["name"] for badge in me["badges"]["nodes"]),
    ]


ENGLISH = [
    *("Silver", "Free shipping on every order", "Gold"),
    *("Ten on the shelf", "A regular", "Third time lucky"),
    *("Big spender", "Collector", "First purchase"),
]
DANISH = [
    *("Sølv", "Fri fragt på alle ordrer", "Guld"),
    *("Ti på hylden", "Stamkunde", "Tredje gang er lykkens gang"),
    *("Storkunde", "Samler", "Første køb"),
]


async def test_the_home_screen_to_the_letter(api: Api) -> None:
    member = await shopper(api)
    response = await api.post(HOME_QUERY, themself(member))
    assert response.status_code == 200
    assert response.json() == {"data": home_of(member)}


async def test_someone_who_has_just_joined_sees_where_to_begin(api: Api) -> None:
    home = await api.data(HOME_QUERY, themself(await api.enrol("Bo")))
    assert home["me"]["points"] == {"available": 0, "pending": 0}
    assert home["me"]["tier"]["current"]["code"] == "bronze"
    assert home["me"]["tier"]["progress"] == {
        "current": 0.0,
        "target": 100.0,
        "remaining": 100.0,
        "percent": 0,
        "label": "0 / 100 USD",
    }
    states = {one["code"]: one["progress"]["state"] for one in home["me"]["challenges"]["nodes"]}
    assert states == dict.fromkeys(("third-purchase", "ten-cds", "three-months"), "ACTIVE")
    assert home["me"]["badges"] == {"nodes": []}


async def test_a_tier_falls_when_its_purchases_have_left_the_window(api: Api) -> None:
    member = await shopper(api)
    # Without the 29.33 of 2 March 2026 there are 95.89 left, less than silver needs.
    api.clock.now = datetime(2027, 3, 2, 4, 59, 59, tzinfo=UTC)
    assert (await api.data(HOME_QUERY, themself(member)))["me"]["tier"]["current"]["code"] == "silver"
    api.clock.now = datetime(2027, 3, 2, 5, tzinfo=UTC)  # midnight in New York
    tier = (await api.data(HOME_QUERY, themself(member)))["me"]["tier"]
    assert (tier["current"]["code"], tier["progress"]["label"]) == ("bronze", "95.89 / 100 USD")
    assert (await api.stored(member)).state.standing.tier == "silver", "reading writes nothing"


async def test_a_member_who_is_gone(api: Api) -> None:
    gone = await api.enrol("Cy")
    await api.database["members"].delete_one({"_id": gone.member_id})
    assert (await api.data(HOME_QUERY, themself(gone)))["me"] is None


@pytest.mark.parametrize(
    ("query", "profile", "accepted", "texts"),
    [
        (HOME_QUERY, None, None, ENGLISH),
        (HOME_QUERY, None, "da-DK, en;q=0.5", DANISH),
        (HOME_QUERY, None, "en;q=0.5, da", DANISH),
        (HOME_QUERY, None, "da;q=0, fr", ENGLISH),
        (HOME_QUERY, None, "fr, de;q=0.9", ENGLISH),
        (HOME_QUERY, "da", None, DANISH),
        (HOME_QUERY, "da", "en", DANISH),
        (HOME_QUERY, "en", "da", ENGLISH),
        (IN_DANISH, "en", "en", DANISH),
        (IN_DANISH.replace("da-DK", "fr"), "da", "en", DANISH),
    ],
    ids=[
        *("default", "accepted", "most-accepted", "not-acceptable", "not-spoken"),
        *("profile", "profile-before-accepted", "profile-english", "argument", "argument-not-spoken"),
    ],
)
async def test_the_language(api: Api, query: str, profile: str | None, accepted: str | None, texts: list[str]) -> None:
    member = await shopper(api, language=profile)
    caller = themself(member) if accepted is None else themself(member).speaking(accepted)
    assert texts_of(await api.data(query, caller)) == texts


@pytest.mark.parametrize(
    ("language", "caller", "name"),
    [
        (None, ANONYMOUS, "Third time lucky"),
        (None, ANONYMOUS.speaking("da"), "Tredje gang er lykkens gang"),
        ("en", ANONYMOUS.speaking("da"), "Third time lucky"),
    ],
    ids=["default", "accepted", "argument"],
)
async def test_the_program_in_the_language_of_who_asks(
    api: Api, language: str | None, caller: Caller, name: str
) -> None:
    query = "query P($l: String) { program(language: $l) { challenges { title } } }"
    assert (await api.data(query, caller, l=language))["program"]["challenges"][0] == {"title": name}
