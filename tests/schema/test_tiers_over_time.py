"""Tiers over time: what it takes to keep one, by when, what became of it, and by which policy."""

from gamification.member import Member
from tests.schema.api import NOW, Api, Json, purchase, themself
from tests.schema.time_shop import on

TIER = """
query Q($language: String, $first: Int, $after: String) {
  me(language: $language) {
    tier {
      current { code name } next { code } since graceUntil grantedTier { code } grantedUntil
      keepProgress { current target remaining percent label state endsAt }
      history(first: $first, after: $after) {
        nodes { code name at reason }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


async def tier(api: Api, member: Member, **variables: object) -> Json:
    found: Json = (await api.data(TIER, themself(member), **variables))["me"]["tier"]
    return found


def steps(found: Json) -> list[tuple[str, str, str]]:
    return [(step["code"], step["at"][:10], step["reason"]) for step in found["history"]["nodes"]]


async def test_a_tier_is_kept_reviewed_and_lost(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    assert (await tier(api, ada))["keepProgress"] is None, "nothing can be lost of the lowest"
    await api.record(ada, purchase("p1", NOW, 30000))
    earned = await tier(api, ada)
    assert (earned["current"]["code"], earned["next"], earned["graceUntil"]) == ("gold", None, None)
    assert earned["keepProgress"] == {
        "current": 300.0,
        "target": 250.0,
        "remaining": 0.0,
        "percent": 100,
        "label": "300 / 250 USD",
        "state": "COMPLETED",
        "endsAt": "2027-01-01T00:00:00.000Z",
    }

    api.clock.now = on(1, 1, 0, year=2027)
    await api.record(ada, purchase("p2", on(1, 1, 0, year=2027), 12000))
    kept = await tier(api, ada)
    assert kept["current"]["code"] == "gold"
    assert kept["keepProgress"] == {
        "current": 120.0,
        "target": 250.0,
        "remaining": 130.0,
        "percent": 48,
        "label": "120 / 250 USD",
        "state": "ACTIVE",
        "endsAt": "2028-01-01T00:00:00.000Z",
    }

    api.clock.now = on(1, 1, 0, year=2028)
    graceful = await tier(api, ada)
    assert (graceful["current"]["code"], graceful["graceUntil"]) == ("gold", "2028-01-31T00:00:00.000Z")
    assert (graceful["keepProgress"]["current"], graceful["keepProgress"]["endsAt"]) == (
        120.0,
        "2028-01-31T00:00:00.000Z",
    )

    api.clock.now = on(1, 31, 0, year=2028)
    lost = await tier(api, ada)
    assert (lost["current"]["code"], lost["graceUntil"], lost["since"]) == ("silver", None, "2028-01-31T00:00:00.000Z")
    began = "2026-05-01"
    assert steps(lost) == [
        ("silver", "2028-01-31", "REVIEW"),
        ("gold", began, "EARNED"),
        ("silver", began, "EARNED"),
        ("bronze", "2026-01-15", "EARNED"),
    ]


async def test_the_history_in_pages_and_in_danish(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW, 30000))
    first = await tier(api, ada, language="da", first=1)
    assert first["history"]["nodes"] == [
        {"code": "gold", "name": "Guld", "at": "2026-05-01T12:00:00.000Z", "reason": "EARNED"}
    ]
    page = first["history"]["pageInfo"]
    assert page["hasNextPage"] is True
    rest = await tier(api, ada, after=page["endCursor"])
    assert [step["name"] for step in rest["history"]["nodes"]] == ["Silver", "Bronze"]


async def test_the_policy_of_the_program(shop_in_time: Api) -> None:
    policy = "{ program { tierPolicy { metric window downgrade graceDays } tiers { code } } }"
    assert await shop_in_time.data(policy) == {
        "program": {
            "tierPolicy": {"metric": "SPEND", "window": "calendar year", "downgrade": "ONE_LEVEL", "graceDays": 30},
            "tiers": [{"code": "bronze"}, {"code": "silver"}, {"code": "gold"}],
        }
    }
