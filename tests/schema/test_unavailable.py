"""A store that does not answer: a masked error with a request id, in time, and nothing of the inside."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.auth import Role
from app.embedded import StoreServers
from app.ports import free_loopback_port
from app.stores.connection import connect
from schema.ids import to_global_id
from tests.schema.api import ANONYMOUS, STAFF, Api, Caller, Json, bearer, served, signed
from tests.schema.documents import (
    ADJUST_POINTS,
    ENROL_MEMBER,
    PUBLIC_PROFILE,
    RECORD_ACTIVITIES,
    RECORD_ACTIVITY,
    SET_BADGE_SHOWCASE,
    SIMULATE,
    STATEMENT,
    UPDATE_PROFILE,
)

IMPATIENT_SECONDS = 0.3
BOUND_SECONDS = 3.0
SOMEBODY = to_global_id("Member", "somebody")
ACTIVITY: Json = {"key": "k1", "amount": "10", "memberId": SOMEBODY}
MEMBER = signed(Role.MEMBER, "somebody")

Call = tuple[str, Caller, Json, Any]
CALLS: dict[str, Call] = {
    "me": ("{ me { id } }", MEMBER, {}, {"me": None}),
    "node": ("query Q($id: ID!) { node(id: $id) { id } }", STAFF, {"id": SOMEBODY}, {"node": None}),
    "nodes": ("query Q($id: ID!) { nodes(ids: [$id]) { id } }", STAFF, {"id": SOMEBODY}, None),
    "member": ('{ member(loyaltyNumber: "860341460407") { id } }', STAFF, {}, {"member": None}),
    "program": ("{ program { code } }", ANONYMOUS, {}, None),
    "leaderboard": ('{ leaderboard(board: "weekly") { state } }', ANONYMOUS, {}, {"leaderboard": None}),
    "boards": ("{ boards { code } }", ANONYMOUS, {}, None),
    "campaigns": ("{ campaigns { id } }", ANONYMOUS, {}, None),
    "publicProfile": (PUBLIC_PROFILE, ANONYMOUS, {"handle": "ada"}, {"publicProfile": None}),
    "statement": (STATEMENT, MEMBER, {}, {"statement": None}),
    "simulateActivity": (SIMULATE, STAFF, {"input": ACTIVITY}, None),
    "enrolMember": (ENROL_MEMBER, STAFF, {"input": {"key": "k1", "displayName": "Ada"}}, None),
    "recordActivity": (RECORD_ACTIVITY, STAFF, {"input": ACTIVITY}, None),
    "recordActivities": (RECORD_ACTIVITIES, STAFF, {"input": {"activities": [ACTIVITY] * 3}}, None),
    "adjustPoints": (
        ADJUST_POINTS,
        STAFF,
        {"input": {"key": "k1", "points": 5, "reason": "Sorry", "memberId": SOMEBODY}},
        None,
    ),
    "updateProfile": (UPDATE_PROFILE, MEMBER, {"input": {"displayName": "Ada"}}, None),
    "setBadgeShowcase": (SET_BADGE_SHOWCASE, MEMBER, {"input": {"badges": []}}, None),
    "setMemberAttributes": (
        "mutation M($input: SetMemberAttributesInput!) { setMemberAttributes(input: $input) { __typename } }",
        STAFF,
        {"input": {"key": "k1", "memberId": SOMEBODY, "attributes": [{"name": "city", "value": "Rome"}]}},
        None,
    ),
    "requestFriend": (
        "mutation M($input: RequestFriendInput!) { requestFriend(input: $input) { __typename } }",
        MEMBER,
        {"input": {"handle": "ada"}},
        None,
    ),
    "removeFriend": (
        "mutation M($input: OtherMemberInput!) { removeFriend(input: $input) { __typename } }",
        MEMBER,
        {"input": {"profileId": to_global_id("PublicProfile", "another")}},
        None,
    ),
}


@pytest.fixture
async def cut_off(servers: StoreServers) -> AsyncIterator[Api]:
    """An application whose MongoDB is not there."""
    client = connect(f"mongodb://127.0.0.1:{free_loopback_port()}", IMPATIENT_SECONDS)
    async with served(client["nowhere"], servers, program=None, timeout_seconds=IMPATIENT_SECONDS) as running:
        yield running
    client.close()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_every_call_ends_in_time_and_says_so(cut_off: Api, caplog: pytest.LogCaptureFixture, call: Call) -> None:
    query, caller, variables, data = call
    async with asyncio.timeout(BOUND_SECONDS):
        response = await cut_off.post(query, caller, **variables)
    answer = response.json()
    (error,) = answer["errors"]
    request_id = error["extensions"]["requestId"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": request_id}
    assert error["message"] == (
        "A part of the service is unavailable; try again shortly, mutations with the same key. "
        f"Request id {request_id}."
    )
    assert response.headers["X-Request-Id"] == request_id
    assert (response.status_code, answer["data"]) == (200, data)
    assert "mongo" not in response.text.lower()
    assert "127.0.0.1" not in response.text
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [request_id in record.getMessage() for record in logged] == [True]


async def test_a_service_whose_key_cannot_be_looked_up(cut_off: Api) -> None:
    till = bearer("till", f"lk_{'0' * 16}_{'A' * 43}")
    async with asyncio.timeout(BOUND_SECONDS):
        response = await cut_off.post("{ program { code } }", till)
    assert response.status_code == 503
    assert list(response.json()) == ["errors"]
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"


async def test_what_needs_no_store_is_answered(cut_off: Api) -> None:
    assert await cut_off.data("{ __typename __schema { queryType { name } } }") == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
    }


async def test_who_may_not_call_is_told_so_all_the_same(cut_off: Api) -> None:
    response = await cut_off.post(RECORD_ACTIVITY, MEMBER, input=ACTIVITY)
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["FORBIDDEN"]
    response = await cut_off.post(RECORD_ACTIVITY, STAFF, input=ACTIVITY | {"memberId": None, "loyaltyNumber": "1"})
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE", "money is not known without a program"
