"""setMemberAttributes: what the shop knows of a member, in their journal, seen by them and by nobody beside."""

import asyncio
from typing import Any

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import STAFF, Api, Json, global_id, themself
from tests.schema.documents import ERRORS

SET = (
    """
mutation M($input: SetMemberAttributesInput!) {
  setMemberAttributes(input: $input) {
    __typename ...Errors
    ... on RecordActivitySuccess { replayed record { seq key kind points } member { attributes { name value } } }
  }
}
"""
    + ERRORS
)
RECORD = "mutation M($input: ActivityInput!) { recordActivity(input: $input) { ...Errors } }" + ERRORS
OWN = "{ me { attributes { name value } } }"


def given(member: Member, key: str, **attributes: str) -> Json:
    listed = [{"name": name, "value": value} for name, value in attributes.items()]
    return {"key": key, "memberId": global_id(member), "attributes": listed}


async def held(api: Api, member: Member) -> dict[str, str]:
    me: Any = (await api.data(OWN, themself(member)))["me"]
    return {one["name"]: one["value"] for one in me["attributes"]}


async def test_what_is_given_is_recorded_and_the_rest_stays(api: Api) -> None:
    ada = await api.enrol("Ada")
    assert await held(api, ada) == {}
    assert await api.result(SET, STAFF, input=given(ada, "k1", city="Rome", segment="vip")) == {
        "__typename": "RecordActivitySuccess",
        "replayed": False,
        "record": {"seq": 2, "key": "k1", "kind": "attributes", "points": 0},
        "member": {"attributes": [{"name": "city", "value": "Rome"}, {"name": "segment", "value": "vip"}]},
    }
    service = await api.service(Scope.MEMBERS_WRITE)
    by_number = {**given(ada, "k2", segment="", home_store="rome-2"), "loyaltyNumber": ada.loyalty_number}
    del by_number["memberId"]
    await api.result(SET, service, input=by_number)
    assert await held(api, ada) == {"city": "Rome", "home_store": "rome-2"}
    assert (await api.stored(ada)).state.attributes == {"city": "Rome", "home_store": "rome-2"}


async def test_a_retry_is_answered_with_the_first_result(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.result(SET, STAFF, input=given(ada, "k1", city="Rome"))
    again = await api.nothing_written(SET, STAFF, input=given(ada, "k1", city="Rome"))
    assert (again["replayed"], again["record"]["seq"]) == (True, 2)
    other = await api.nothing_written(SET, STAFF, input=given(ada, "k1", city="Oslo"))
    assert (other["__typename"], other["key"]) == ("IdempotencyConflict", "k1")


async def test_calls_at_once_all_count(api: Api) -> None:
    ada = await api.enrol("Ada")
    calls = [given(ada, f"k{number}", **{f"n{number}": str(number)}) for number in range(6)]
    await asyncio.gather(*(api.result(SET, STAFF, input=one) for one in calls))
    assert await held(api, ada) == {f"n{number}": str(number) for number in range(6)}


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ([], [("attributes", "must name one at least")]),
        ([("a", "1"), ("a", "2")], [("attributes", "names one of them twice")]),
        ([("a.b", "1")], [("attributes.a.b", "is not a name: letters, digits, _ and -, at most 64")]),
        ([("", "1")], [("attributes.", "is not a name: letters, digits, _ and -, at most 64")]),
        ([("a", "x" * 257)], [("attributes.a", "is 257 characters long; at most 256 are allowed")]),
        ([("a", "$where")], [("attributes.a", "must not hold a database operator such as $gt")]),
        (
            [(f"n{number}", "1") for number in range(51)],
            [("attributes", "would be 51 of the member's; at most 50 are kept")],
        ),
    ],
)
async def test_attributes_that_break_a_rule(
    api: Api, attributes: list[tuple[str, str]], problems: list[tuple[str, str]]
) -> None:
    ada = await api.enrol("Ada")
    listed = [{"name": name, "value": value} for name, value in attributes]
    refused = await api.nothing_written(SET, input={"key": "k1", "memberId": global_id(ada), "attributes": listed})
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_a_member_has_fifty_and_not_one_more(api: Api) -> None:
    ada = await api.enrol("Ada")
    full = {f"n{number}": "1" for number in range(50)}
    await api.result(SET, STAFF, input=given(ada, "k1", **full))
    refused = await api.nothing_written(SET, STAFF, input=given(ada, "k2", more="1"))
    assert refused["problems"][0]["message"] == "would be 51 of the member's; at most 50 are kept"
    await api.result(SET, STAFF, input=given(ada, "k3", n0="", more="1"))
    await api.result(SET, STAFF, input=given(ada, "k4", n1="2"))
    now = await held(api, ada)
    assert (len(now), now["n1"], now["more"], "n0" in now) == (50, "2", "1", False)
    again = await api.nothing_written(SET, STAFF, input=given(ada, "k1", **full))
    assert again["replayed"] is True


async def test_nobody_and_unnamed(api: Api) -> None:
    listed = [{"name": "a", "value": "1"}]
    nobody = {"key": "k1", "memberId": to_global_id("Member", "nobody"), "attributes": listed}
    assert (await api.nothing_written(SET, input=nobody))["__typename"] == "MemberNotFound"
    unnamed = await api.nothing_written(SET, input={"key": "k1", "attributes": listed})
    assert unnamed["problems"] == [{"path": "memberId", "message": "or loyaltyNumber is needed, one of the two"}]


async def test_record_activity_is_not_the_way(api: Api) -> None:
    ada = await api.enrol("Ada")
    activity = {"key": "k1", "memberId": global_id(ada), "kind": "attributes", "attributes": {"city": "Rome"}}
    refused = await api.nothing_written(RECORD, input=activity)
    assert [(one["path"], one["message"]) for one in refused["problems"]] == [
        ("kind", "attributes is recorded by setMemberAttributes")
    ]


async def test_a_retry_with_a_merged_card_is_a_retry_however_full_the_account_is(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    merge = "mutation M($input: MergeMembersInput!) { mergeMembers(input: $input) { __typename } }"
    both = {"from": {"memberId": global_id(bo)}, "into": {"memberId": global_id(ada)}}
    assert (await api.result(merge, input=both))["__typename"] == "MergeMembersSuccess"
    first = {"key": "b1", "loyaltyNumber": bo.loyalty_number, "attributes": [{"name": "n0", "value": "0"}]}
    assert (await api.result(SET, input=first))["__typename"] == "RecordActivitySuccess"
    full = {f"n{number}": "1" for number in range(1, 50)}
    assert (await api.result(SET, input=given(ada, "a1", **full)))["__typename"] == "RecordActivitySuccess"
    cleared = given(ada, "a2", n0="") | {"attributes": [{"name": "n0", "value": ""}, {"name": "n50", "value": "1"}]}
    assert (await api.result(SET, input=cleared))["__typename"] == "RecordActivitySuccess"
    again = await api.nothing_written(SET, input=first)
    assert (again["__typename"], again["replayed"]) == ("RecordActivitySuccess", True)
