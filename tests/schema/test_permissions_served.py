"""The table "Who may call what" of schema/README.md, held against the application that runs."""

from collections.abc import Callable
from typing import Any

import pytest

from gamification.member import Member
from schema.permissions import MATRIX
from schema.principals import ServicePrincipal
from tests.schema.api import ANONYMOUS, STAFF, Api, Caller, global_id, themself
from tests.schema.permission_matrix import Case, cases

Variables = Callable[[Member], dict[str, Any]]

CALLS: dict[str, tuple[str, Variables]] = {
    "program": ("{ program { code } }", lambda _: {}),
    "publicProfile": ('{ publicProfile(handle: "ada") { handle } }', lambda _: {}),
    "leaderboard": ('{ leaderboard(board: "weekly") { nodes { rank } } }', lambda _: {}),
    "campaigns": ("{ campaigns { id } }", lambda _: {}),
    "me": ("{ me { id } }", lambda _: {}),
    "node": ("query Q($id: ID!) { node(id: $id) { id } }", lambda ada: {"id": global_id(ada)}),
    "nodes": ("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", lambda ada: {"ids": [global_id(ada)]}),
    "member": (
        "query Q($number: String!) { member(loyaltyNumber: $number) { id } }",
        lambda ada: {"number": ada.loyalty_number},
    ),
    "statement": (
        "query Q($id: ID) { statement(memberId: $id) { nodes { id } } }",
        lambda ada: {"id": global_id(ada)},
    ),
    "simulateActivity": (
        "query Q($input: SimulateActivityInput!) { simulateActivity(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "amount": "10", "memberId": global_id(ada)}},
    ),
    "enrolMember": (
        "mutation M($input: EnrolMemberInput!) { enrolMember(input: $input) { __typename } }",
        lambda _: {"input": {"key": "k1", "displayName": "Bo"}},
    ),
    "recordActivity": (
        "mutation M($input: ActivityInput!) { recordActivity(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "amount": "10", "memberId": global_id(ada)}},
    ),
    "recordActivities": (
        "mutation M($input: RecordActivitiesInput!) { recordActivities(input: $input) { __typename } }",
        lambda ada: {"input": {"activities": [{"key": "k1", "amount": "10", "memberId": global_id(ada)}]}},
    ),
    "adjustPoints": (
        "mutation M($input: AdjustPointsInput!) { adjustPoints(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "points": 5, "reason": "Sorry", "memberId": global_id(ada)}},
    ),
    "updateProfile": (
        "mutation M($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }",
        lambda ada: {"input": {"memberId": global_id(ada), "handle": "ada"}},
    ),
    "setBadgeShowcase": (
        "mutation M($input: SetBadgeShowcaseInput!) { setBadgeShowcase(input: $input) { __typename } }",
        lambda _: {"input": {"badges": []}},
    ),
}
"""For each root field, a call about a member that goes through for whoever may make it."""

ABOUT_SOMEBODY = ("statement", "simulateActivity", "updateProfile")
HIDDEN = {"publicProfile"}
"""Fields that answer null here, because the member shows nothing."""


def test_every_root_field_is_called() -> None:
    assert CALLS.keys() == MATRIX.keys()


async def caller_of(api: Api, case: Case, member: Member) -> Caller:
    if isinstance(case.principal, ServicePrincipal):
        return await api.service(*case.principal.scopes)
    return {"anonymous": ANONYMOUS, "member": themself(member), "staff": STAFF}[case.caller]


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_who_may_call_what(api: Api, case: Case) -> None:
    ada = await api.enrol("Ada", handle="ada")
    caller = await caller_of(api, case, ada)
    query, variables = CALLS[case.root_field]
    if case.code is None:
        answer = (await api.data(query, caller, **variables(ada)))[case.root_field]
        assert (answer is None) == (case.root_field in HIDDEN)
        assert not isinstance(answer, dict) or answer.get("__typename", "Success").endswith("Success"), answer
    else:
        (error,) = await api.errors(query, caller, **variables(ada))
        assert (error["path"], error["extensions"]) == ([case.root_field], {"code": case.code})


@pytest.mark.parametrize("root_field", ABOUT_SOMEBODY)
async def test_members_get_nowhere_with_the_ids_of_others(api: Api, root_field: str) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    query, variables = CALLS[root_field]
    others = await api.errors(query, themself(bo), **variables(ada))
    assert others == [
        {
            "message": f"Members may use {root_field} only for themselves.",
            "locations": others[0]["locations"],
            "path": [root_field],
            "extensions": {"code": "FORBIDDEN"},
        }
    ]
    await api.database["members"].delete_one({"_id": ada.member_id})
    assert await api.errors(query, themself(bo), **variables(ada)) == others, "nor do they learn who exists"


async def test_members_get_nowhere_with_the_loyalty_numbers_of_others(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    query, _ = CALLS["simulateActivity"]
    activity = {"key": "k1", "amount": "10", "loyaltyNumber": ada.loyalty_number}
    others = await api.errors(query, themself(bo), input=activity)
    assert [error["extensions"] for error in others] == [{"code": "FORBIDDEN"}]
    await api.database["claims"].delete_one({"_id": f"loyalty_number:{ada.loyalty_number}"})
    assert await api.errors(query, themself(bo), input=activity) == others, "nor do they learn whose they are"
    own = await api.data(query, themself(bo), input={**activity, "loyaltyNumber": bo.loyalty_number})
    assert own == {"simulateActivity": {"__typename": "SimulateActivitySuccess"}}


async def test_members_see_nobody_else_behind_an_id(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    node, nodes = CALLS["node"][0], CALLS["nodes"][0]
    assert await api.data(node, themself(bo), id=global_id(ada)) == {"node": None}
    ids = [global_id(ada), global_id(bo)]
    assert await api.data(nodes, themself(bo), ids=ids) == {"nodes": [None, {"id": global_id(bo)}]}
    assert await api.data(nodes, STAFF, ids=ids) == {"nodes": [{"id": one} for one in ids]}


async def test_bad_credentials_are_refused_as_a_whole(api: Api) -> None:
    mallory = Caller("mallory", {"Authorization": "Bearer nonsense"})
    response = await api.post("{ program { code } }", mallory)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert list(response.json()) == ["errors"]
    assert await api.codes("{ program { code } }", mallory) == ["UNAUTHENTICATED"]
