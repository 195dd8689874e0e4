"""mergeMembers and unmergeMembers: what named either account leads to the one, until they are two again."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from app.embedded import StoreServers
from gamification.member import Member
from schema.build import build_schema
from schema.context import Context
from schema.ids import to_global_id
from schema.principals import MemberPrincipal
from schema.types.friends import profile_id
from tests.schema.api import ANONYMOUS, NOW, STAFF, Api, Database, Json, global_id, purchase, themself
from tests.schema.arena import MONDAY, opened
from tests.schema.documents import ERRORS, RECORD_ACTIVITY, STATEMENT
from tests.schema.time_shop import TIME_SHOP, on

BOUND_SECONDS = 10.0
ONE = (
    "fragment One on Member { id loyaltyNumber mergedAccounts points { available pending } tier { current { code } } }"
)
MERGE = (
    """
mutation M($input: MergeMembersInput!) {
  mergeMembers(input: $input) {
    __typename ...Errors
    ... on MergeMembersSuccess {
      replayed member { ...One }
      record { kind isRevision points effects { __typename ... on LedgerEntry { points why { text } } } }
    }
  }
}
"""
    + ONE
    + ERRORS
)
UNMERGE = (
    """
mutation M($input: UnmergeMembersInput!) {
  unmergeMembers(input: $input) {
    __typename ...Errors
    ... on UnmergeMembersSuccess { replayed member { ...One } other { ...One } record { kind points } }
  }
}
"""
    + ONE
    + ERRORS
)
ME = "{ me { ...One } }" + ONE
BY_NUMBER = "query Q($number: String!) { member(loyaltyNumber: $number) { ...One } }" + ONE
NODE = "query Q($id: ID!) { node(id: $id) { id __typename } }"

LOTS = """
{
  me {
    points { lots { nodes { code expiresAt } } }
  }
  statement { nodes { activityKey why { text activityKey lots inputs { name value } } } }
}
"""
KEYED = "key reverses effects { ... on LedgerEntry { why { text activityKey lots inputs { name value } } } }"
NODE_KEY = "query Q($id: ID!) { node(id: $id) { ... on Record { " + KEYED + " } } }"
REVERSE = (
    """
mutation M($input: ReverseActivityInput!) {
  reverseActivity(input: $input) {
    __typename ...Errors
    ... on AlreadyReversed { reversals { key reverses } }
    ... on ReverseActivitySuccess { record { ...Keyed } }
  }
}
fragment Keyed on Record { """
    + KEYED
    + " }"
    + ERRORS
)


def accounts(other: Member, member: Member) -> Json:
    return {"from": {"loyaltyNumber": other.loyalty_number}, "into": {"memberId": global_id(member)}}


async def two(api: Api) -> tuple[Member, Member]:
    """Ada with 60 points from 1 May, and Bo, who is the same person, with 50 from 2 May; both on 4 May."""
    ada, bo = await api.enrol("Ada", handle="ada"), await api.enrol("Bo", handle="bo_1")
    api.clock.now = on(5, 4)
    return (
        await api.record(ada, purchase("p1", NOW, 6000)),
        await api.record(bo, purchase("p1", on(5, 2), 5000)),
    )


async def merged(api: Api) -> tuple[Member, Member]:
    ada, bo = await two(api)
    assert (await api.result(MERGE, input=accounts(bo, ada)))["__typename"] == "MergeMembersSuccess"
    return ada, bo


def one(ada: Member, *others: Member, points: tuple[int, int] = (110, 0), tier: str = "silver") -> Json:
    return {
        "id": global_id(ada),
        "loyaltyNumber": ada.loyalty_number,
        "mergedAccounts": [other.loyalty_number for other in others],
        "points": {"available": points[0], "pending": points[1]},
        "tier": {"current": {"code": tier}},
    }


async def test_two_accounts_become_one(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    result = await api.result(MERGE, input=accounts(bo, ada))
    record = result.pop("record")
    assert result == {"__typename": "MergeMembersSuccess", "replayed": False, "member": one(ada, bo)}
    assert (record["kind"], record["isRevision"], record["points"]) == ("merge", True, 50)
    entries = [effect for effect in record["effects"] if effect["__typename"] == "LedgerEntry"]
    assert sum(entry["points"] for entry in entries) == 50
    assert all(entry["why"]["text"].startswith("Accounts joined") for entry in entries)
    assert "TierMoved" in [effect["__typename"] for effect in record["effects"]]

    again = await api.nothing_written(MERGE, input=accounts(bo, ada))
    assert again == result | {"replayed": True, "record": record}


async def test_what_named_either_leads_to_the_one(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    for caller in (themself(ada), themself(bo)):
        assert await api.data(ME, caller) == {"me": one(ada, bo)}
        for named in (ada, bo):
            assert await api.data(NODE, caller, id=global_id(named)) == {
                "node": {"id": global_id(ada), "__typename": "Member"}
            }
    for named in (ada, bo):
        assert await api.data(BY_NUMBER, STAFF, number=named.loyalty_number) == {"member": one(ada, bo)}
        assert (await api.data(NODE, STAFF, id=global_id(named)))["node"]["id"] == global_id(ada)


async def test_the_card_of_the_other_account_still_works(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    given = {"key": "p2", "amount": "25", "loyaltyNumber": bo.loyalty_number}
    recorded = await api.result(RECORD_ACTIVITY, input=given)
    assert recorded["member"]["id"] == global_id(ada)
    assert (await api.data(ME, themself(ada)))["me"]["points"] == {"available": 110, "pending": 25}
    retry = await api.nothing_written(RECORD_ACTIVITY, input={**given, "loyaltyNumber": ada.loyalty_number})
    assert (retry["__typename"], retry["replayed"]) == ("RecordActivitySuccess", True)
    used = {"key": "p1", "amount": "1", "occurredAt": "2026-05-02T12:00:00Z", "loyaltyNumber": bo.loyalty_number}
    assert (await api.nothing_written(RECORD_ACTIVITY, input=used))["__typename"] == "IdempotencyConflict"


async def test_the_statement_is_that_of_the_one(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    whole = await api.data(STATEMENT, STAFF, id=global_id(ada))
    assert sum(entry["points"] for entry in whole["statement"]["nodes"]) == 110
    for caller in (themself(ada), themself(bo)):
        for named in (None, global_id(ada), global_id(bo)):
            assert await api.data(STATEMENT, caller, id=named) == whole
    assert await api.data(STATEMENT, STAFF, id=global_id(bo)) == whole


async def test_old_records_are_found_by_whoever_goes_on(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    cleo = await api.enrol("Cleo")
    record = to_global_id("Record", f"{bo.member_id}:2")
    for caller in (themself(ada), themself(bo), STAFF):
        assert await api.data(NODE, caller, id=record) == {"node": {"id": record, "__typename": "Record"}}
    assert await api.data(NODE, themself(cleo), id=record) == {"node": None}


async def test_a_token_of_the_other_account_acts_for_the_one(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    update = (
        "mutation M($input: UpdateProfileInput!) { updateProfile(input: $input) {"
        " __typename ... on ProfileSuccess { member { id displayName friends { nodes { handle } } } } } }"
    )
    for named in ({}, {"memberId": global_id(ada)}, {"memberId": global_id(bo)}):
        changed = await api.result(update, themself(bo), input={"displayName": "Ada B.", **named})
        assert changed["member"] == {"id": global_id(ada), "displayName": "Ada B.", "friends": {"nodes": []}}
    assert (await api.stored(bo)).profile.display_name == "Bo"
    simulate = (
        "query Q($input: SimulateActivityInput!) { simulateActivity(input: $input) {"
        " ... on SimulateActivitySuccess { after { points { pending } } } } }"
    )
    for named in ({}, {"memberId": global_id(bo)}, {"loyaltyNumber": ada.loyalty_number}):
        foretold = await api.data(simulate, themself(bo), input={"amount": "5", **named})
        assert foretold["simulateActivity"] == {"after": {"points": {"pending": 5}}}
    pause = (
        "mutation M($input: PauseStreakInput!) { pauseStreak(input: $input) {"
        " __typename ... on RecordActivitySuccess { member { id } } } }"
    )
    planned = {"key": "s1", "from": "2026-05-05", "until": "2026-05-06", "memberId": global_id(bo)}
    assert (await api.result(pause, themself(bo), input=planned))["member"] == {"id": global_id(ada)}


async def test_others_are_not_told_that_two_were_one(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    cleo = await api.enrol("Cleo", handle="cleo")
    for member in (ada, bo, cleo):
        show = "mutation { updateProfile(input: {visibility: {profile: true}}) { __typename } }"
        assert await api.result(show, themself(member)) == {"__typename": "ProfileSuccess"}
    profile = "query Q($handle: String!) { publicProfile(handle: $handle) { handle } }"
    assert (await api.data(profile, handle="bo_1"))["publicProfile"] == {"handle": "bo_1"}
    await api.result(MERGE, input=accounts(bo, ada))
    for caller in (ANONYMOUS, STAFF, themself(cleo)):
        assert await api.data(profile, caller, handle="bo_1") == {"publicProfile": None}
    assert await api.data(NODE, themself(cleo), id=profile_id(bo.member_id)) == {"node": None}
    assert (await api.data(profile, themself(cleo), handle="ada"))["publicProfile"] == {"handle": "ada"}
    ask = 'mutation { requestFriend(input: {handle: "bo_1"}) { __typename } }'
    assert await api.nothing_written(ask, themself(cleo)) == {"__typename": "MemberNotFound"}
    assert await api.data(NODE, themself(cleo), id=global_id(bo)) == {"node": None}


async def test_keys_are_shown_as_they_were_made(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    account = (await api.data(LOTS, themself(ada)))["me"]
    assert bo.member_id not in str(account)
    assert [lot["code"].partition("|")[0] for lot in account["points"]["lots"]["nodes"]] == ["p1.0", "p1.0"]
    newest = to_global_id("Record", f"{ada.member_id}:{(await api.stored(ada)).state.seq}")
    node = (await api.data(NODE_KEY, STAFF, id=newest))["node"]
    assert node["key"] == "#merge"
    assert {effect["why"]["activityKey"] for effect in node["effects"] if effect} == {"#merge"}

    taken = await api.result(REVERSE, input={"key": "p1", "loyaltyNumber": bo.loyalty_number})
    assert (taken["__typename"], taken["record"]["reverses"]) == ("ReverseActivitySuccess", "p1")
    assert taken["record"]["key"].startswith("#reversal:p1")
    whys = [effect["why"] for effect in taken["record"]["effects"] if effect]
    assert whys
    assert all(why["text"].startswith("Taken back (p1): ") for why in whys)
    assert {each["value"] for why in whys for each in why["inputs"] if each["name"] == "reversed"} == {"p1"}
    assert bo.member_id not in str(taken)
    again = {"key": "p1", "reversalKey": "r2", "loyaltyNumber": bo.loyalty_number}
    twice = await api.nothing_written(REVERSE, input=again)
    assert (twice["__typename"], twice["key"]) == ("AlreadyReversed", "p1")
    assert twice["message"] == "Nothing is left of p1 to take back."
    assert twice["reversals"] == [{"key": taken["record"]["key"], "reverses": "p1"}]


@pytest.mark.parametrize("card", [0, 1])
async def test_what_was_taken_back_while_merged_is_told_once_when_they_are_merged_again(
    shop_in_time: Api, card: int
) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    await api.record(bo, purchase("p9", on(5, 3), 2000))
    await api.result(MERGE, input=accounts(bo, ada))
    given = {"key": "p9", "reversalKey": "r9", "loyaltyNumber": (ada, bo)[card].loyalty_number}
    assert (await api.result(REVERSE, input=given))["__typename"] == "ReverseActivitySuccess"
    await api.result(UNMERGE, input=accounts(bo, ada))
    await api.result(MERGE, input=accounts(bo, ada))
    again = {"key": "p9", "reversalKey": "r10", "loyaltyNumber": ada.loyalty_number}
    twice = await api.nothing_written(REVERSE, input=again)
    assert twice["reversals"] == [{"key": "r9", "reverses": "p9"}]


async def test_a_key_that_was_used_with_a_third_card_meanwhile_is_taken(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    cleo = await api.enrol("Cleo")
    await api.result(MERGE, input=accounts(bo, ada))
    given = {"key": "u1", "amount": "25", "loyaltyNumber": bo.loyalty_number}
    assert (await api.result(RECORD_ACTIVITY, input=given))["__typename"] == "RecordActivitySuccess"
    refused = await api.nothing_written(MERGE, input=accounts(cleo, ada) | {"key": "u1"})
    assert (refused["__typename"], refused["key"]) == ("IdempotencyConflict", "u1")


async def test_what_was_taken_back_before_the_merge_is_told_by_either_card(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    await api.record(bo, purchase("p9", on(5, 3), 2000))
    given = {"key": "p9", "loyaltyNumber": bo.loyalty_number}
    assert (await api.result(REVERSE, input=given))["__typename"] == "ReverseActivitySuccess"
    await api.result(MERGE, input=accounts(bo, ada))
    for card in (ada, bo):
        again = {"key": "p9", "reversalKey": f"again {card.loyalty_number}", "loyaltyNumber": card.loyalty_number}
        twice = await api.nothing_written(REVERSE, input=again)
        assert (twice["__typename"], twice["key"]) == ("AlreadyReversed", "p9")
        assert [each["reverses"] for each in twice["reversals"]] == ["p9"]


async def test_a_lot_of_the_other_account_is_extended_by_the_code_that_is_shown(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    await api.record(bo, purchase("p9", on(5, 3), 2000))
    api.clock.now = on(5, 6)
    await api.result(MERGE, input=accounts(bo, ada))
    extend = "mutation M($input: ExtendPointsInput!) { extendPoints(input: $input) { __typename } }"
    given = {"key": "e1", "reason": "r", "until": "2026-12-31", "lot": "p9.0", "loyaltyNumber": ada.loyalty_number}
    assert await api.result(extend, input=given) == {"__typename": "RecordActivitySuccess"}
    lots = (await api.data(LOTS, themself(ada)))["me"]["points"]["lots"]["nodes"]
    assert [lot["code"] for lot in lots if lot["expiresAt"].startswith("2027-01-01")] == ["p9.0"]


async def test_what_was_extended_before_the_merge_stays_extended(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    extend = "mutation M($input: ExtendPointsInput!) { extendPoints(input: $input) { __typename } }"
    given = {"key": "e1", "reason": "r", "until": "2026-12-31", "lot": "p1.0", "loyaltyNumber": bo.loyalty_number}
    assert await api.result(extend, input=given) == {"__typename": "RecordActivitySuccess"}
    await api.result(MERGE, input=accounts(bo, ada))
    lots = (await api.data(LOTS, themself(ada)))["me"]["points"]["lots"]["nodes"]
    theirs = lots[1]["code"]
    assert theirs.startswith("p1.0|")
    assert bo.member_id not in theirs
    assert [(lot["code"], lot["expiresAt"][:10]) for lot in lots] == [("p1.0", "2026-06-01"), (theirs, "2027-01-01")]


async def test_lots_of_one_name_have_two_codes_and_each_is_extended_alone(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, _ = await merged(api)
    extend = "mutation M($input: ExtendPointsInput!) { extendPoints(input: $input) { __typename } }"
    lots = (await api.data(LOTS, themself(ada)))["me"]["points"]["lots"]["nodes"]
    (theirs,) = (lot["code"] for lot in lots if lot["code"].startswith("p1.0|"))
    for key, lot, until in (("e1", theirs, "2026-11-30"), ("e2", "p1.0", "2026-12-31")):
        given = {"key": key, "reason": "r", "until": until, "lot": lot, "loyaltyNumber": ada.loyalty_number}
        assert await api.result(extend, input=given) == {"__typename": "RecordActivitySuccess"}
    lots = (await api.data(LOTS, themself(ada)))["me"]["points"]["lots"]["nodes"]
    ends = {lot["code"]: lot["expiresAt"][:10] for lot in lots}
    assert (ends[theirs], ends["p1.0"]) == ("2026-12-01", "2027-01-01")


async def test_they_are_two_again(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    given = {"key": "p2", "amount": "25", "loyaltyNumber": bo.loyalty_number}
    assert (await api.result(RECORD_ACTIVITY, input=given))["__typename"] == "RecordActivitySuccess"
    parted = await api.result(UNMERGE, input=accounts(bo, ada))
    assert parted == {
        "__typename": "UnmergeMembersSuccess",
        "replayed": False,
        "member": one(ada, points=(60, 0), tier="bronze"),
        "other": one(bo, points=(50, 25), tier="bronze"),
        "record": {"kind": "unmerge", "points": -75},
    }
    assert await api.data(ME, themself(bo)) == {"me": parted["other"]}
    assert await api.data(BY_NUMBER, STAFF, number=bo.loyalty_number) == {"member": parted["other"]}
    assert await api.data(NODE, themself(ada), id=global_id(bo)) == {"node": None}
    assert await api.data(NODE, themself(bo), id=global_id(ada)) == {"node": None}
    assert await api.nothing_written(UNMERGE, input=accounts(bo, ada)) == parted | {"replayed": True}
    refused = await api.nothing_written(UNMERGE, input=accounts(ada, bo))
    assert (refused["code"], refused["message"]) == ("CANNOT_MERGE", "The one account is not merged into the other.")
    by_ids = {"from": {"memberId": global_id(bo)}, "into": {"loyaltyNumber": ada.loyalty_number}}
    assert (await api.result(MERGE, input=by_ids))["member"] == one(ada, bo, points=(110, 25))


async def test_a_key_decides_what_a_retry_means(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    merge, undo = accounts(bo, ada) | {"key": "m1", "reason": "Two cards"}, accounts(bo, ada) | {"key": "u1"}
    first = await api.result(MERGE, input=merge)
    other_key = await api.nothing_written(MERGE, input=merge | {"key": "m2"})
    assert (other_key["__typename"], other_key["message"]) == (
        "CannotMerge",
        "The first account is merged into the second one already, under another key or none.",
    )
    assert (await api.nothing_written(MERGE, input=accounts(bo, ada)))["record"] == first["record"]
    parted = await api.result(UNMERGE, input=undo)
    for mutation, given, was in ((MERGE, merge, first), (UNMERGE, undo, parted)):
        again = await api.nothing_written(mutation, input=given)
        assert (again["__typename"], again["replayed"], again["record"]) == (was["__typename"], True, was["record"])
    for mutation, given in (
        (MERGE, merge | {"reason": "Another"}),
        (MERGE, accounts(ada, bo) | {"key": "m1", "reason": "Two cards"}),
        (UNMERGE, merge),
        (MERGE, accounts(bo, ada) | {"key": "p1"}),
    ):
        refused = await api.nothing_written(mutation, input=given)
        assert (refused["__typename"], refused["key"]) == ("IdempotencyConflict", given["key"])
    bought = {"key": "m1", "amount": "1", "loyaltyNumber": bo.loyalty_number}
    assert (await api.nothing_written(RECORD_ACTIVITY, input=bought))["__typename"] == "IdempotencyConflict"
    assert (await api.result(MERGE, input=accounts(bo, ada) | {"key": "m3"}))["replayed"] is False


async def test_without_a_key_only_the_last_that_came_between_them_is_a_retry(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    never = await api.nothing_written(UNMERGE, input=accounts(bo, ada))
    assert never["message"] == "The one account is not merged into the other."
    for other, member in ((bo, ada), (ada, bo)):
        assert (await api.result(MERGE, input=accounts(other, member)))["replayed"] is False
        assert (await api.result(UNMERGE, input=accounts(other, member)))["replayed"] is False
    earlier = await api.nothing_written(UNMERGE, input=accounts(bo, ada))
    assert earlier["message"] == "The one account is not merged into the other."
    assert (await api.nothing_written(UNMERGE, input=accounts(ada, bo)))["replayed"] is True


async def test_a_key_of_a_purchase_with_the_other_card_is_taken(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    bought = {"key": "u1", "amount": "25", "loyaltyNumber": bo.loyalty_number}
    assert (await api.result(RECORD_ACTIVITY, input=bought))["__typename"] == "RecordActivitySuccess"
    refused = await api.nothing_written(UNMERGE, input=accounts(bo, ada) | {"key": "u1"})
    assert (refused["__typename"], refused["key"]) == ("IdempotencyConflict", "u1")


async def test_the_record_says_why_and_staff_are_told_who(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    await api.result(MERGE, input=accounts(bo, ada) | {"reason": "Two cards"})
    newest = to_global_id("Record", f"{ada.member_id}:{(await api.stored(ada)).state.seq}")
    query = "query Q($id: ID!) { node(id: $id) { ... on Record { kind reason by } } }"
    for caller, by in ((STAFF, "staff-1"), (themself(ada), None)):
        told = (await api.data(query, caller, id=newest))["node"]
        assert told == {"kind": "merge", "reason": "Two cards", "by": by}


async def test_a_retry_after_the_undoing_is_a_retry(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await merged(api)
    bought = {"key": "p2", "amount": "25", "loyaltyNumber": bo.loyalty_number}
    first = await api.result(RECORD_ACTIVITY, input=bought)
    await api.result(UNMERGE, input=accounts(bo, ada))
    again = await api.nothing_written(RECORD_ACTIVITY, input=bought)
    assert (again["__typename"], again["replayed"], again["record"]) == (first["__typename"], True, first["record"])
    assert again["member"]["id"] == global_id(bo)
    other = await api.nothing_written(RECORD_ACTIVITY, input=bought | {"amount": "26"})
    assert other["__typename"] == "IdempotencyConflict"
    assert (await api.data(ME, themself(bo)))["me"] == one(bo, points=(50, 25), tier="bronze")

    own = await api.result(RECORD_ACTIVITY, input=bought | {"loyaltyNumber": ada.loyalty_number, "amount": "7"})
    assert (own["__typename"], own["replayed"]) == ("RecordActivitySuccess", False)
    assert (await api.data(ME, themself(ada)))["me"] == one(ada, points=(60, 7), tier="bronze")

    taken = await api.result(REVERSE, input={"key": "p2", "loyaltyNumber": bo.loyalty_number})
    assert (taken["__typename"], taken["record"]["reverses"]) == ("ReverseActivitySuccess", "p2")
    assert (await api.data(ME, themself(bo)))["me"] == one(bo, points=(50, 0), tier="bronze")
    assert (await api.data(ME, themself(ada)))["me"] == one(ada, points=(60, 7), tier="bronze")


async def test_what_stands_in_the_way(shop_in_time: Api) -> None:
    api = shop_in_time
    ada, bo = await two(api)
    cleo = await api.enrol("Cleo")
    itself = await api.nothing_written(MERGE, input=accounts(ada, ada))
    assert itself == {
        "__typename": "CannotMerge",
        "code": "CANNOT_MERGE",
        "message": "An account cannot be merged into itself.",
    }
    await api.result(MERGE, input=accounts(bo, ada))
    for other, member, message in (
        (bo, cleo, "The first account is merged into another one; undo that first."),
        (cleo, bo, "The second account is merged into another one; merge into that one instead."),
        (
            ada,
            cleo,
            "Other accounts are merged into the first one; merge the second one into it instead, or undo them first.",
        ),
    ):
        refused = await api.nothing_written(MERGE, input=accounts(other, member))
        assert (refused["__typename"], refused["message"]) == ("CannotMerge", message)


@pytest.mark.parametrize("mutation", [MERGE, UNMERGE], ids=["merge", "unmerge"])
async def test_accounts_that_are_not_named_well(shop_in_time: Api, mutation: str) -> None:
    ada = await shop_in_time.enrol("Ada")
    wrong = {"from": {}, "into": {"loyaltyNumber": "860341460408"}}
    refused = await shop_in_time.nothing_written(mutation, input=wrong)
    assert refused["problems"] == [
        {"path": "from.memberId", "message": "or loyaltyNumber is needed, one of the two"},
        {"path": "into.loyaltyNumber", "message": "is not a loyalty number: its length or check digit is wrong"},
    ]
    nobody: tuple[Any, ...] = ({"memberId": "nobody"}, {"memberId": to_global_id("Member", "nobody")})
    for named in (*nobody, {"loyaltyNumber": "860341460407"}):
        for given in (
            {"from": named, "into": {"memberId": global_id(ada)}},
            {"from": {"memberId": global_id(ada)}, "into": named},
        ):
            refused = await shop_in_time.nothing_written(mutation, input=given)
            assert refused["__typename"] == "MemberNotFound"
    assert await shop_in_time.codes(mutation, themself(ada), input=accounts(ada, ada)) == ["FORBIDDEN"]
    ill = accounts(ada, ada) | {"key": " ", "reason": "x" * 257}
    refused = await shop_in_time.nothing_written(mutation, input=ill)
    assert [problem["path"] for problem in refused["problems"]] == ["key", "reason"]


async def test_boards_show_the_one(database: Database, servers: StoreServers) -> None:
    async with opened(database, servers, TIME_SHOP) as arena:
        await arena.enrol("ann", "bob", "cid")
        for name, dollars in {"ann": 10, "bob": 20, "cid": 25}.items():
            await arena.buy(name, dollars)
        await arena.settled()
        assert await arena.names("spenders") == [(1, "handle_cid"), (2, "handle_bob"), (3, "handle_ann")]
        ann, bob = arena.members["ann"], arena.members["bob"]
        await arena.api.result(MERGE, input=accounts(bob, ann))
        await arena.settled()
        assert await arena.names("spenders") == [(1, "handle_ann"), (2, "handle_cid")]
        for caller in ("ann", "bob"):
            rank = await arena.rank("spenders", caller)
            assert (rank["rank"], rank["score"], rank["total"]) == (1, 30, 2)
        await arena.api.result(UNMERGE, input=accounts(bob, ann))
        await arena.settled()
        assert await arena.names("spenders") == [(1, "handle_cid"), (2, "handle_bob"), (3, "handle_ann")]
        assert arena.api.clock.now > MONDAY


async def test_events_follow_the_merge_and_end_with_it(database: Database, servers: StoreServers) -> None:
    subscription = "subscription { myEvents { ... on Recorded { record { kind } } cursor } }"
    async with opened(database, servers, TIME_SHOP) as arena, asyncio.timeout(BOUND_SECONDS):
        await arena.enrol("ann", "bob")
        ann, bob = arena.members["ann"], arena.members["bob"]

        async def events(member: Member) -> Any:
            context = Context(arena.api.laurel.game, MemberPrincipal(member.member_id))
            return await build_schema().subscribe(subscription, context_value=context)

        async with aclosing(await events(bob)) as own:
            assert (await anext(own)).errors is None
            await arena.api.result(MERGE, input=accounts(bob, ann))
            assert (await anext(own)).data["myEvents"]["record"] == {"kind": "merged"}
            assert [each async for each in own] == [], "the phone comes back, and is led to the other account"

        async with aclosing(await events(bob)) as led:
            assert (await anext(led)).errors is None
            await arena.buy("ann", 5)
            assert (await anext(led)).data["myEvents"]["record"] == {"kind": "purchase"}
            await arena.api.result(UNMERGE, input=accounts(bob, ann))
            assert [each async for each in led] == [], "what is another's from now on is not told"
