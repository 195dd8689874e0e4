"""Points over time: what waits, what is owed, what expires when, and the lots that it comes in."""

import pytest

from gamification.activity import Activity
from gamification.member import Member
from gamification.requests import Recorded, ReverseRequest
from tests.schema.api import NOW, Api, Json, purchase, themself
from tests.schema.time_shop import on

POINTS = """
query Q($within: Int! = 30, $first: Int, $after: String) {
  me {
    points {
      available pending owed earned spent expired
      expiring(within: $within) { expiresAt goneAt points }
      lots(first: $first, after: $after) {
        nodes { code points remaining pending earnedAt availableAt waitsFor expiresAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""
JUNE = {"expiresAt": "2026-06-01T00:00:00.000Z", "goneAt": "2026-06-03T00:00:00.000Z", "points": 100}


async def points(api: Api, member: Member, **variables: object) -> Json:
    found: Json = (await api.data(POINTS, themself(member), **variables))["me"]["points"]
    return found


def figures(found: Json) -> tuple[int, int, int, int, int, int]:
    return tuple(found[name] for name in ("available", "pending", "owed", "earned", "spent", "expired"))


async def test_points_wait_can_be_spent_and_expire(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW, 10000))
    fresh = await points(api, ada)
    assert (figures(fresh), fresh["expiring"]) == ((0, 100, 0, 100, 0, 0), [])
    assert fresh["lots"]["nodes"] == [
        {
            "code": "p1.0",
            "points": 100,
            "remaining": 100,
            "pending": True,
            "earnedAt": "2026-05-01T12:00:00.000Z",
            "availableAt": "2026-05-02T00:00:00.000Z",
            "waitsFor": None,
            "expiresAt": "2026-06-01T00:00:00.000Z",
        }
    ]
    assert (await points(api, ada, within=31))["expiring"] == [JUNE], "also what cannot be spent yet"

    api.clock.now = on(5, 2, 0)
    assert figures(await points(api, ada)) == (100, 0, 0, 100, 0, 0)
    api.clock.now = on(6, 2)
    in_grace = await points(api, ada, within=1)
    assert (figures(in_grace), in_grace["expiring"]) == ((100, 0, 0, 100, 0, 0), [JUNE])
    api.clock.now = on(6, 3, 0)
    gone = await points(api, ada, within=3660)
    assert (figures(gone), gone["expiring"], gone["lots"]["nodes"]) == ((0, 0, 0, 100, 0, 100), [], [])


async def test_what_expires_is_told_by_date_and_less_what_is_spent(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    bought = [purchase(f"p{day}", on(5, day), day * 1000) for day in (1, 2, 4)]
    api.clock.now = on(5, 6)
    await api.record(ada, *bought)
    found = await points(api, ada, within=60)
    assert [(each["expiresAt"][:10], each["points"]) for each in found["expiring"]] == [
        ("2026-06-01", 10),
        ("2026-06-02", 20),
        ("2026-06-04", 40),
    ]
    assert [(each["expiresAt"][:10], each["points"]) for each in (await points(api, ada, within=27))["expiring"]] == [
        ("2026-06-01", 10),
        ("2026-06-02", 20),
    ]
    first = await points(api, ada, first=2)
    assert [lot["code"] for lot in first["lots"]["nodes"]] == ["p1.0", "p2.0"]
    rest = await points(api, ada, first=2, after=first["lots"]["pageInfo"]["endCursor"])
    assert ([lot["code"] for lot in rest["lots"]["nodes"]], rest["lots"]["pageInfo"]["hasNextPage"]) == (
        ["p4.0"],
        False,
    )


async def test_points_that_were_spent_and_then_taken_back_are_owed(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW, 10000))
    api.clock.now = on(5, 3)
    give = "mutation M($input: AdjustPointsInput!) { adjustPoints(input: $input) { __typename } }"
    spent = {"key": "a1", "points": -80, "reason": "A mug", "loyaltyNumber": ada.loyalty_number}
    assert (await api.result(give, input=spent))["__typename"] == "RecordActivitySuccess"
    assert isinstance(await api.laurel.game.recorder.reverse(ReverseRequest(ada.member_id, "p1")), Recorded)
    assert figures(await points(api, ada)) == (-80, 0, 80, 0, 80, 0)
    await api.record(ada, purchase("p2", on(5, 3), 10000))
    assert figures(await points(api, ada)) == (-80, 100, 80, 100, 80, 0), "pending points pay nothing yet"
    api.clock.now = on(5, 4)
    paid = await points(api, ada, within=60)
    assert figures(paid) == (20, 0, 0, 100, 80, 0)
    assert [each["points"] for each in paid["expiring"]] == [20]


@pytest.mark.parametrize("within", [0, -1, 3661])
async def test_how_far_ahead_can_be_asked(shop_in_time: Api, within: int) -> None:
    ada = await shop_in_time.enrol("Ada")
    assert await shop_in_time.codes(POINTS, themself(ada), within=within) == ["BAD_USER_INPUT"]


async def test_points_that_wait_for_a_parcel(coffee: Api) -> None:
    ada = await coffee.enrol("Ada", joined_at=on(1, 1))
    await coffee.record(ada, Activity("o1", "web_shop.order", NOW, 25000))
    (lot,) = [lot for lot in (await points(coffee, ada))["lots"]["nodes"] if lot["pending"]]
    assert lot == {
        "code": "o1.0",
        "points": 25,
        "remaining": 25,
        "pending": True,
        "earnedAt": "2026-05-01T12:00:00.000Z",
        "availableAt": "2026-05-30T22:00:00.000Z",
        "waitsFor": "web_shop.delivered",
        "expiresAt": None,
    }
    await coffee.record(ada, Activity("o1-delivered", "web_shop.delivered", NOW, attributes={"activity": "o1"}))
    found = await points(coffee, ada)
    (released,) = [lot for lot in found["lots"]["nodes"] if lot["code"] == "o1.0"]
    assert (released["pending"], released["waitsFor"]) == (False, None)
