"""recordActivity: what it changes and why, retries, and a chain of consequences worked out by hand."""

from typing import Any

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import Api, Json, global_id
from tests.schema.documents import RECORD_ACTIVITY, in_short


def receipt(member: Member, **changes: Any) -> Json:
    """A purchase of two CDs for 29.33 dollars."""
    given = {
        "key": "till-7/1",
        "memberId": global_id(member),
        "occurredAt": "2026-05-01T13:30:00+02:00",
        "amount": "29.33",
        "items": [{"sku": "CD-1", "category": "jazz", "quantity": 2, "amount": "29.33"}],
        "attributes": {"till": 7, "club": True, "note": "$5 off"},
    }
    return {name: value for name, value in (given | changes).items() if value is not ...}


async def test_a_purchase_and_everything_it_changed(api: Api) -> None:
    ada = await api.enrol("Ada")
    till = await api.service(Scope.ACTIVITIES_WRITE)
    record_id = to_global_id("Record", f"{ada.member_id}:2")
    result = await api.result(RECORD_ACTIVITY, till, input=receipt(ada))
    effects = result["record"].pop("effects")
    assert result == {
        "__typename": "RecordActivitySuccess",
        "replayed": False,
        "record": {
            "id": record_id,
            "seq": 2,
            "key": "till-7/1",
            "kind": "purchase",
            "occurredAt": "2026-05-01T11:30:00.000Z",
            "effectiveAt": "2026-05-01T11:30:00.000Z",
            "recordedAt": "2026-05-01T12:00:00.000Z",
            "programVersion": 1,
            "points": 29,
        },
        "member": {"id": global_id(ada), "points": {"available": 29}},
    }
    assert effects[0] == {
        "__typename": "LedgerEntry",
        "id": to_global_id("LedgerEntry", f"{ada.member_id}:2:0"),
        "at": "2026-05-01T11:30:00.000Z",
        "account": "AVAILABLE",
        "points": 29,
        "activityKey": "till-7/1",
        "activityKind": "purchase",
        "why": {
            "text": "A point for every dollar: floor(29.33 / 1) x 1 = 29",
            "source": "RULE",
            "rule": "dollars",
            "campaign": None,
            "code": "dollars",
            "arithmetic": "floor(29.33 / 1) x 1 = 29",
            "inputs": [
                {"name": "amount", "value": "29.33"},
                {"name": "per", "value": "1"},
                {"name": "points", "value": "1"},
            ],
            "lots": ["till-7/1.0"],
            "because": None,
        },
    }
    assert effects[1]["why"] == {
        "text": "Third time lucky: 0 + 1 of 3",
        "source": "CHALLENGE",
        "rule": None,
        "campaign": None,
        "code": "third-purchase",
        "arithmetic": "0 + 1 of 3",
        "inputs": [],
        "lots": [],
        "because": None,
    }
    assert [in_short(effect) for effect in effects] == [
        ("AVAILABLE", 29, "RULE", "dollars", None),
        ("ChallengeProgressed", "third-purchase", 0.0, 1.0, 3.0, None),
        ("ChallengeProgressed", "ten-cds", 0.0, 2.0, 10.0, None),
        ("ChallengeProgressed", "three-months", 0.0, 1.0, 3.0, None),
        ("BadgeWon", "first-purchase", 1, None),
        ("BoardScored", "weekly", "2026-W18", None, None, 29.0, None),
        ("BoardScored", "all-time", "all", None, None, 29.0, None),
        ("BoardScored", "collectors", "2026-05", None, None, 2.0, None),
    ]


async def test_a_chain_of_consequences_and_what_led_to_what(coffee: Api) -> None:
    """One purchase: points, a tier, its badge, two badges in a day, three challenges, the badge for those."""
    ada = await coffee.enrol("Ada")
    beans = {"sku": "BEANS-1", "category": "beans", "quantity": 16, "amount": "2400"}
    given = receipt(ada, amount=..., items=[beans], attributes={"bar": "Nyhavn"})
    result = await coffee.result(RECORD_ACTIVITY, input=given)
    assert [in_short(effect) for effect in result["record"]["effects"]] == [
        ("PENDING", 100, "RULE", "kroner", None),  # 0
        ("PENDING", 240, "RULE", "take-home", None),
        ("ChallengeProgressed", "five-a-week", 0.0, 1.0, 5.0, None),
        ("ChallengeProgressed", "five-hundred", 0.0, 2400.0, 500.0, None),
        ("ChallengeCompleted", "five-hundred", 4, None),  # 4
        ("ChallengeProgressed", "explorer", 0.0, 1.0, 4.0, None),
        ("StreakMoved", "daily-cup", 0, 1, 0, None),
        ("StreakMoved", "monthly-beans", 0, 1, 0, None),
        ("TierMoved", "guest", "regular", True, None),  # 8
        ("BadgeWon", "first-cup", 1, None),  # 9
        ("ChallengeProgressed", "busy-month", 0.0, 100.0, 100.0, 0),
        ("ChallengeCompleted", "busy-month", 1, 0),  # 11
        ("PENDING", 160, "CHALLENGE", "five-hundred", 4),
        ("ChallengeProgressed", "all-rounder", 0.0, 1.0, 3.0, 4),
        ("PENDING", 25, "TIER", "regular", 8),
        ("BadgeWon", "regular", 1, 8),  # 15
        ("ChallengeProgressed", "trophy-day", 0.0, 1.0, 2.0, 9),
        ("PENDING", 10, "CHALLENGE", "busy-month", 11),
        ("ChallengeProgressed", "all-rounder", 1.0, 2.0, 3.0, 11),
        ("ChallengeProgressed", "trophy-day", 1.0, 2.0, 2.0, 15),
        ("ChallengeCompleted", "trophy-day", 1, 15),  # 20
        ("PENDING", 5, "CHALLENGE", "trophy-day", 20),
        ("ChallengeProgressed", "all-rounder", 2.0, 3.0, 3.0, 20),
        ("ChallengeCompleted", "all-rounder", 1, 20),  # 23
        ("BadgeWon", "versatile", 1, 23),
        ("BoardScored", "weekly", "2026-W18", None, None, 540.0, None),
        ("BoardScored", "all-time", "all", None, None, 540.0, None),
        ("BoardScored", "big-order", "2026-05-01", "Nyhavn", None, 2400.0, None),
    ]
    assert result["record"]["points"] == 100 + 240 + 160 + 25 + 10 + 5
    assert result["member"]["points"] == {"available": 20}, "the welcome points, which were unlocked on the way"
    assert result["record"]["seq"] == 3, "the unlocking is a record of its own"
    texts = [effect["why"]["text"] for effect in result["record"]["effects"]]
    assert texts[0] == "A bean for every 10 kroner: half_up(2400.00 / 10.00) x 1 = 240, capped per activity: 100"
    assert texts[8] == "Regular: 340 of 250 in membership year"
    assert texts[9] == "Cups: member.purchases reached 1"
    assert texts[12] == "Every 500 kroner: 4 x 40 = 160"


async def test_the_why_comes_in_the_member_s_language(api: Api) -> None:
    ada = await api.enrol("Ada", language="da")
    result = await api.result(RECORD_ACTIVITY, input=receipt(ada))
    assert result["record"]["effects"][0]["why"]["text"] == "Et point for hver dollar: floor(29.33 / 1) x 1 = 29"


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        (
            "en",
            {
                ("ChallengeProgressed", "third-purchase", "Third time lucky"),
                ("ChallengeProgressed", "ten-cds", "Ten on the shelf"),
                ("ChallengeProgressed", "three-months", "A regular"),
                ("ChallengeCompleted", "ten-cds", "Ten on the shelf"),
                ("BadgeWon", "first-purchase", "First purchase"),
                ("BadgeWon", "collector", "Collector"),
                ("BadgeWon", "big-spender", "Big spender"),
                ("TierMoved", "silver", "Silver"),
                ("BoardScored", "weekly", "This week"),
                ("BoardScored", "all-time", "All time"),
                ("BoardScored", "collectors", "Collectors of the month"),
            },
        ),
        (
            "da",
            {
                ("ChallengeProgressed", "third-purchase", "Tredje gang er lykkens gang"),
                ("ChallengeProgressed", "ten-cds", "Ti på hylden"),
                ("ChallengeProgressed", "three-months", "Stamkunde"),
                ("ChallengeCompleted", "ten-cds", "Ti på hylden"),
                ("BadgeWon", "first-purchase", "Første køb"),
                ("BadgeWon", "collector", "Samler"),
                ("BadgeWon", "big-spender", "Storkunde"),
                ("TierMoved", "silver", "Sølv"),
                ("BoardScored", "weekly", "Ugens liste"),
                ("BoardScored", "all-time", "Alle tiders liste"),
                ("BoardScored", "collectors", "Månedens samlere"),
            },
        ),
    ],
)
async def test_what_effects_are_about_is_named_in_the_member_s_language(
    api: Api, language: str, titles: set[tuple[str, str, str]]
) -> None:
    ada = await api.enrol("Ada", language=language)
    cds = [{"sku": "CD-1", "quantity": 10, "amount": "120"}]
    result = await api.result(RECORD_ACTIVITY, input=receipt(ada, amount="120", items=cds))
    effects = [one for one in result["record"]["effects"] if one["__typename"] != "LedgerEntry"]
    codes = [one.get("code") or one.get("toTier") or one["board"] for one in effects]
    names = [one.get("title") or one["name"] for one in effects]
    named = {(one["__typename"], code, name) for one, code, name in zip(effects, codes, names, strict=True)}
    assert named == titles


async def test_a_retry_gets_the_first_result(api: Api) -> None:
    ada = await api.enrol("Ada")
    first = await api.result(RECORD_ACTIVITY, input=receipt(ada))
    before = await api.contents()
    api.clock.now = api.clock.now.replace(hour=20)
    again = await api.result(RECORD_ACTIVITY, input=receipt(ada))
    assert again == first | {"replayed": True}
    assert await api.contents() == before


async def test_a_retry_may_leave_the_time_to_us(api: Api) -> None:
    ada = await api.enrol("Ada")
    first = await api.result(RECORD_ACTIVITY, input=receipt(ada, occurredAt=...))
    assert first["record"]["occurredAt"] == "2026-05-01T12:00:00.000Z"
    api.clock.now = api.clock.now.replace(hour=20)
    again = await api.result(RECORD_ACTIVITY, input=receipt(ada, occurredAt=None))
    assert again == first | {"replayed": True}


async def test_a_retry_may_write_the_same_in_other_words(api: Api) -> None:
    ada = await api.enrol("Ada")
    first = await api.result(RECORD_ACTIVITY, input=receipt(ada))
    for same in (
        {"occurredAt": "2026-05-01T11:30:00.000Z"},
        {"amount": 29.33},
        {"amount": "29.330"},
        {"amount": None},
        {"memberId": None, "loyaltyNumber": ada.loyalty_number},
        {"attributes": {"note": "$5 off", "club": True, "till": 7}},
    ):
        assert await api.result(RECORD_ACTIVITY, input=receipt(ada, **same)) == first | {"replayed": True}, same


async def test_a_key_used_for_something_else_is_a_conflict(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.result(RECORD_ACTIVITY, input=receipt(ada))
    others: list[Json] = [
        {"amount": "29.34"},
        {"occurredAt": "2026-05-01T11:30:00.001Z"},
        {"occurredAt": None},
        {"kind": "visit"},
        {"items": [{"sku": "CD-1", "category": "jazz", "quantity": 3, "amount": "29.33"}]},
        {"items": [{"sku": "CD-1", "quantity": 2, "amount": "29.33"}]},
        {"attributes": {"till": 8, "club": True, "note": "$5 off"}},
        {"attributes": {}},
    ]
    for other in others:
        assert await api.nothing_written(RECORD_ACTIVITY, input=receipt(ada, **other)) == {
            "__typename": "IdempotencyConflict",
            "code": "IDEMPOTENCY_CONFLICT",
            "message": "The key till-7/1 was used before with other input; something new needs a new key.",
            "key": "till-7/1",
        }, other


async def test_a_key_is_one_member_s_own(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    for member in (ada, bo):
        result = await api.result(RECORD_ACTIVITY, input=receipt(member))
        assert (result["replayed"], result["member"]["id"]) == (False, global_id(member))


async def test_a_late_activity_takes_effect_on_arrival(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.result(RECORD_ACTIVITY, input=receipt(ada))
    late = await api.result(RECORD_ACTIVITY, input=receipt(ada, key="late", occurredAt="2026-04-01T12:00:00Z"))
    assert late["record"]["occurredAt"] == "2026-04-01T12:00:00.000Z"
    assert late["record"]["effectiveAt"] == "2026-05-01T12:00:00.000Z"
    assert late["record"]["effects"][0]["why"]["text"] == "Came in late (late): A point for every dollar: 29 + 29 = 58"


async def test_what_no_rule_knows_is_recorded_all_the_same(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = {"key": "k", "memberId": global_id(ada), "kind": "course.attended"}
    result = await api.result(RECORD_ACTIVITY, input=given)
    assert (result["record"]["kind"], result["record"]["points"], result["record"]["effects"]) == (
        "course.attended", 0, [],
    )  # fmt: skip


LINES = [{"sku": "a", "amount": "10.50"}, {"sku": "b", "amount": 4.5, "quantity": 3}]


@pytest.mark.parametrize(
    ("amount", "earned"),
    [
        (..., 15),
        (None, 15),
        ("12", 12),
        ("0", 0),
    ],
    ids=["left-out", "null", "told", "paid-by-voucher"],
)
async def test_the_amount_is_the_sum_of_the_lines_unless_it_is_told(api: Api, amount: object, earned: int) -> None:
    ada = await api.enrol("Ada")
    result = await api.result(RECORD_ACTIVITY, input=receipt(ada, amount=amount, items=LINES))
    assert result["record"]["points"] == earned
    entries = [one["points"] for one in result["record"]["effects"] if one["__typename"] == "LedgerEntry"]
    assert entries == ([earned] if earned else [])
