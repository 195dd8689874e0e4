"""node and nodes: every object with an id is found again by it, by those who may see it."""

import base64
from typing import Any

from gamification.member import Member
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import NOW, STAFF, Api, global_id, purchase, themself
from tests.schema.documents import RECORD_ACTIVITY, STATEMENT, UPDATE_PROFILE
from tests.schema.test_inbox import message, tell

NODE = "query Q($id: ID!) { node(id: $id) { __typename id ... on LedgerEntry { points } ... on Record { seq key } } }"
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
KINDS = ("Member", "PublicProfile", "Record", "LedgerEntry", "Campaign", "Notice")


async def shopper(api: Api) -> tuple[Member, dict[str, str]]:
    """A member, and the ids that the API itself gave out: one of each type."""
    ada = await api.enrol("Ada", handle="ada")
    given = {"key": "p1", "amount": "29.33", "memberId": global_id(ada)}
    recorded = await api.result(RECORD_ACTIVITY, input=given)
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": {"profile": True}})
    profile = await api.data('{ publicProfile(handle: "ada") { id } }')
    campaign = await api.data('{ campaign(code: "app-weekends") { id } }')
    entries = await api.data(STATEMENT, themself(ada))
    await tell(api, message(ada, "hello"))
    inbox = await api.data("{ me { inbox { nodes { id } } } }", themself(ada))
    return ada, {
        "Member": recorded["member"]["id"],
        "Record": recorded["record"]["id"],
        "LedgerEntry": entries["statement"]["nodes"][0]["id"],
        "PublicProfile": profile["publicProfile"]["id"],
        "Campaign": campaign["campaign"]["id"],
        "Notice": inbox["me"]["inbox"]["nodes"][0]["id"],
    }


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_every_type_is_found_again(api: Api) -> None:
    ada, given = await shopper(api)
    for caller in (themself(ada), STAFF, await api.service(Scope.MEMBERS_READ)):
        answer = await api.data(NODES, caller, ids=[given[kind] for kind in KINDS])
        assert answer["nodes"] == [{"__typename": kind, "id": given[kind]} for kind in KINDS]
    details = [(await api.data(NODE, STAFF, id=given[kind]))["node"] for kind in ("Record", "LedgerEntry")]
    assert details == [
        {"__typename": "Record", "id": given["Record"], "seq": 2, "key": "p1"},
        {"__typename": "LedgerEntry", "id": given["LedgerEntry"], "points": 29},
    ]


async def test_every_type_that_is_a_node_has_been_tried(api: Api) -> None:
    answer: Any = await api.data('{ __type(name: "Node") { possibleTypes { name } } }')
    assert {one["name"] for one in answer["__type"]["possibleTypes"]} == set(KINDS)


async def test_what_belongs_to_others_is_as_if_it_were_not_there(api: Api) -> None:
    ada, given = await shopper(api)
    bo = await api.enrol("Bo")
    foreign = [given[kind] for kind in ("Member", "Record", "LedgerEntry", "Notice")]
    answer = await api.data(NODES, themself(bo), ids=[*foreign, given["PublicProfile"], global_id(bo)])
    assert answer["nodes"] == [
        *[None] * 4,
        {"__typename": "PublicProfile", "id": given["PublicProfile"]},
        {"__typename": "Member", "id": global_id(bo)},
    ]
    await api.result(UPDATE_PROFILE, themself(ada), input={"visibility": {"profile": False}})
    assert await api.data(NODE, themself(bo), id=given["PublicProfile"]) == {"node": None}


async def test_ids_of_nothing_are_null(api: Api) -> None:
    ada, given = await shopper(api)
    me = ada.member_id
    nothing = [
        *("", "x", "===", "%", "é", "A" * 401, me, "$gt", '{"$ne":null}'),
        given["Record"][:-2],
        given["Record"][1:],
        given["Record"] + "A",
        to_global_id("Member", "nobody"),
        to_global_id("Member", ""),
        to_global_id("Member", "$gt"),
        to_global_id("Tier", "gold"),
        to_global_id("Record", me),
        to_global_id("Record", f"{me}:0"),
        to_global_id("Record", f"{me}:3"),
        to_global_id("Record", f"{me}:-1"),
        to_global_id("Record", f"{me}:02"),
        to_global_id("Record", f"{me}:٢"),
        to_global_id("Record", f"{me}:2:0"),
        to_global_id("Record", f"{me}:{2**63}"),
        to_global_id("Record", f"{me}:{'9' * 300}"),
        to_global_id("LedgerEntry", f"{me}:2"),
        to_global_id("LedgerEntry", f"{me}:2:1"),  # an effect that is no entry
        to_global_id("LedgerEntry", f"{me}:2:99"),
        to_global_id("LedgerEntry", f"{me}:2:00"),
        to_global_id("LedgerEntry", f"{me}:2:-5"),
        to_global_id("LedgerEntry", f"{me}:9:0"),
        to_global_id("LedgerEntry", f"{me}:{2**63}:0"),
        to_global_id("LedgerEntry", f"{me}:2:{'9' * 300}"),
        to_global_id("PublicProfile", "nobody"),
        to_global_id("Campaign", "nobody"),
        to_global_id("Notice", "nothing"),
        to_global_id("Notice", "$gt"),
        raw(f"2:Member:{me}"),
        raw(f"Member:{me}"),
        raw(f"1:member:{me}"),
        raw("1:Member"),
        base64.urlsafe_b64encode(b"1:Member:\xff").decode(),
    ]
    for caller in (STAFF, themself(ada)):
        answer = await api.data(NODES, caller, ids=nothing)
        assert [one for one, node in zip(nothing, answer["nodes"], strict=True) if node is not None] == []


async def test_a_hundred_and_no_more(api: Api) -> None:
    ada, given = await shopper(api)
    ids = [given["Record"]] * 101
    assert len((await api.data(NODES, themself(ada), ids=ids[:100]))["nodes"]) == 100
    (error,) = await api.errors(NODES, themself(ada), ids=ids)
    assert error["message"] == "101 ids are given; at most 100 are possible."
    assert (await api.data(NODES, themself(ada), ids=[]))["nodes"] == []


async def test_a_member_who_has_gone_on_is_found_as_of_now(api: Api) -> None:
    ada = await api.record(await api.enrol("Ada"), purchase("p1", NOW, 12_000))
    query = "query Q($id: ID!) { node(id: $id) { ... on Member { tier { current { code } } } } }"
    api.clock.now = NOW.replace(year=2027)
    node = (await api.data(query, STAFF, id=global_id(ada)))["node"]
    assert node == {"tier": {"current": {"code": "bronze"}}}
