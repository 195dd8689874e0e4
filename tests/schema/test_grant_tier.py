"""grantTier: a tier from staff, until it ends or is withdrawn."""

from typing import Any

import pytest

from gamification.member import Member
from tests.schema.api import NOW, RECORD_SHOP, Api, Json, global_id, purchase, themself
from tests.schema.documents import ERRORS
from tests.schema.time_shop import on

GRANT_TIER = (
    """
mutation M($input: GrantTierInput!) {
  grantTier(input: $input) {
    __typename ...Errors
    ... on RecordActivitySuccess {
      replayed
      record { key kind reason effects { ... on TierGranted { grantedTier grantedUntil why { text } }
        ... on TierMoved { fromTier toTier reason why { text source } } } }
      member { tier { ...Held } }
    }
  }
}
fragment Held on TierStanding {
  current { code } grantedTier { code } grantedUntil keepProgress { current target endsAt }
  history { nodes { code reason } } why { text }
}
"""
    + ERRORS
)
TIER = "{ me { tier { current { code } grantedTier { code } grantedUntil history { nodes { code reason } } } } }"
UNTIL = "2026-08-01T15:30:00+02:00"


def grant(member: Member, **changes: Any) -> Json:
    given = {"key": "g1", "tier": "gold", "until": UNTIL, "reason": "Goodwill", "memberId": global_id(member)}
    return given | changes


async def tier(api: Api, member: Member) -> Json:
    found: Json = (await api.data(TIER, themself(member)))["me"]["tier"]
    return found


async def test_a_tier_until_its_end(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    result = await api.result(GRANT_TIER, input=grant(ada))
    assert (result["__typename"], result["replayed"]) == ("RecordActivitySuccess", False)
    assert result["record"] == {
        "key": "g1",
        "kind": "tier.grant",
        "reason": "Goodwill",
        "effects": [
            {"grantedTier": "gold", "grantedUntil": "2026-08-01T13:30:00.000Z", "why": {"text": "Goodwill"}},
            *(
                {
                    "fromTier": before,
                    "toTier": after,
                    "reason": "GRANTED",
                    "why": {"text": "Goodwill", "source": "STAFF"},
                }
                for before, after in (("bronze", "silver"), ("silver", "gold"))
            ),
        ],
    }
    assert result["member"]["tier"] == {
        "current": {"code": "gold"},
        "grantedTier": {"code": "gold"},
        "grantedUntil": "2026-08-01T13:30:00.000Z",
        "keepProgress": {"current": 0.0, "target": 250.0, "endsAt": "2026-08-01T13:30:00.000Z"},
        "history": {
            "nodes": [
                {"code": "gold", "reason": "GRANTED"},
                {"code": "silver", "reason": "GRANTED"},
                {"code": "bronze", "reason": "EARNED"},
            ]
        },
        "why": {"text": "Goodwill"},
    }
    api.clock.now = on(8, 1, 13)
    assert (await tier(api, ada))["current"]["code"] == "gold"
    api.clock.now = on(8, 1, 14)
    ended = await tier(api, ada)
    assert (ended["current"]["code"], ended["grantedTier"], ended["grantedUntil"]) == ("bronze", None, None)
    assert ended["history"]["nodes"][0] == {"code": "bronze", "reason": "GRANT_ENDED"}


async def test_a_tier_is_withdrawn_by_null_and_what_was_earned_stays(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", NOW, 10000))
    await api.result(GRANT_TIER, input=grant(ada, until=None))
    held = await tier(api, ada)
    assert (held["current"]["code"], held["grantedTier"], held["grantedUntil"]) == ("gold", {"code": "gold"}, None)
    withdrawn = await api.result(GRANT_TIER, input=grant(ada, key="g2", tier=None, until=None))
    granted, moved = withdrawn["record"]["effects"]
    assert (granted["grantedTier"], granted["grantedUntil"], moved["toTier"]) == (None, None, "silver")
    now = await tier(api, ada)
    assert (now["current"]["code"], now["grantedTier"]) == ("silver", None)


async def test_a_retry_is_answered_as_the_first_call_also_after_the_end(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    first = await api.result(GRANT_TIER, input=grant(ada))
    api.clock.now = on(9, 1)
    for same in (UNTIL, "2026-08-01T13:30:00Z"):
        again = await api.nothing_written(GRANT_TIER, input=grant(ada, until=same))
        assert (again["replayed"], again["record"]) == (True, first["record"])
    for other in ({"tier": "silver"}, {"until": None}, {"reason": "Another"}, {"tier": None, "until": None}):
        refused = await api.nothing_written(GRANT_TIER, input=grant(ada, **other))
        assert refused["__typename"] == "IdempotencyConflict", other


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"tier": "", "until": None}, [("tier", "must be given; null withdraws what was granted")]),
        ({"tier": "diamond"}, [("tier", "must be one of bronze, silver, gold")]),
        ({"until": "2026-05-01T12:00:00Z"}, [("until", "lies in the past; it must lie ahead")]),
        ({"until": "2026-08-01T00:00:00"}, [("until", "needs a time zone, such as 2026-05-01T12:00:00Z")]),
        ({"until": "9999-12-31T23:59:59-14:00"}, [("until", "lies more than 36600 days ahead")]),
        ({"until": "0001-01-01T00:00:00+14:00"}, [("until", "lies in the past; it must lie ahead")]),
        ({"tier": None}, [("until", "goes with a tier; leave it out to withdraw one")]),
        ({"reason": ""}, [("reason", "must say why the tier is granted or withdrawn")]),
        ({"reason": "$gt"}, [("reason", "must not hold a database operator such as $gt")]),
        ({"key": " "}, [("key", "must not be empty")]),
    ],
)
async def test_a_grant_that_breaks_a_rule(shop_in_time: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    ada = await shop_in_time.enrol("Ada")
    refused = await shop_in_time.nothing_written(GRANT_TIER, input=grant(ada, **changes))
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_a_tier_that_is_left_out_withdraws_nothing(shop_in_time: Api) -> None:
    ada = await shop_in_time.enrol("Ada")
    given = {name: value for name, value in grant(ada).items() if name != "tier"}
    refused = await shop_in_time.nothing_written(GRANT_TIER, input=given)
    assert refused["problems"] == [{"path": "tier", "message": "must be given; null withdraws what was granted"}]


async def test_who_is_not_there_and_who_may_not(shop_in_time: Api) -> None:
    ada = await shop_in_time.enrol("Ada")
    refused = await shop_in_time.nothing_written(GRANT_TIER, input=grant(ada, memberId="nobody"))
    assert refused["__typename"] == "MemberNotFound"
    assert await shop_in_time.codes(GRANT_TIER, themself(ada), input=grant(ada)) == ["FORBIDDEN"]


async def test_a_program_without_tiers(shop_in_time: Api) -> None:
    start, end = RECORD_SHOP.index("tiers:"), RECORD_SHOP.index("challenges:")
    api = shop_in_time
    await api.laurel.programs.apply(RECORD_SHOP[:start] + RECORD_SHOP[end:], "tests", NOW)
    ada = await api.enrol("Ada")
    refused = await api.nothing_written(GRANT_TIER, input=grant(ada))
    assert refused["problems"] == [{"path": "tier", "message": "cannot be granted: the program has no tiers"}]
