"""Who may call what: the table of schema/README.md, its data, and the extension on each root field."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import strawberry
import strawberry.relay

from schema import permissions
from schema.faults import CallerError
from schema.permissions import MATRIX, Access, Reach, authorize, check_schema, check_subject, permission_for
from schema.principals import Anonymous, MemberPrincipal, Principal, Scope, ServicePrincipal, StaffPrincipal
from tests.schema.permission_matrix import MEMBER_ID, Case, Row, cases, read_rows

CASES = cases()
OTHER_MEMBER_ID = "another-member"


def row_of(root_field: str, access: Access) -> Row:
    words = {True: "yes", False: "no"}
    service = access.service.value if isinstance(access.service, Scope) else words[access.service]
    return Row(root_field, words[access.anonymous], access.member.value, words[access.staff], service)


def test_the_table_and_the_data_are_equal() -> None:
    rows = read_rows()
    assert [row.root_field for row in rows] == sorted({row.root_field for row in rows}, key=[*MATRIX].index)
    assert rows == [row_of(root_field, access) for root_field, access in MATRIX.items()]


def test_the_rules_that_everything_rests_on() -> None:
    """Spelled out once more, so that the table and the data cannot both drift."""
    members = {name for name, access in MATRIX.items() if access.member is Reach.OWN}
    personal = {
        "me", "myEvents", "setBadgeShowcase", "requestFriend", "acceptFriend", "removeFriend", "blockMember",
        "unblockMember", "markRead", "markAllRead", "registerDevice", "removeDevice", "setNotificationPreferences",
        "markOpened",
    }  # fmt: skip
    own = {"node", "nodes", "statement", "simulateActivity", "simulateActivities", "updateProfile", "pauseStreak"}
    assert members == {*own, *personal}
    public = {name for name, access in MATRIX.items() if access.anonymous}
    assert public == {
        "program", "publicProfile", "leaderboard", "boards", "leaderboardChanges", "campaigns", "campaign",
        "campaignEvents",
    }  # fmt: skip
    assert {name for name, access in MATRIX.items() if access.member is Reach.ANY} == public
    assert {name for name, access in MATRIX.items() if access.service is True} == public
    assert {name for name, access in MATRIX.items() if access.service is False} == {
        *personal, "previewProgram", "noticeDeliveries", "deadDeliveries", "deliveryCounts", "requeueDeliveries",
    }  # fmt: skip
    assert {name for name, access in MATRIX.items() if not access.staff} == {*personal, "noticeFeed"}
    assert {access.service for access in MATRIX.values()} == {True, False, *Scope}


def test_cases_cover_every_row_and_kind_of_caller() -> None:
    assert len(CASES) == sum(6 if isinstance(access.service, Scope) else 5 for access in MATRIX.values())
    assert {case.code for case in CASES} == {None, "UNAUTHENTICATED", "FORBIDDEN"}
    assert {case.root_field for case in CASES if case.own_only} == {
        name for name, access in MATRIX.items() if access.member is Reach.OWN
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_authorize_follows_the_table(case: Case) -> None:
    if case.code is None:
        authorize(case.root_field, case.principal)
        return
    with pytest.raises(CallerError) as refused:
        authorize(case.root_field, case.principal)
    assert refused.value.extensions == {"code": case.code}


@pytest.mark.parametrize("case", [case for case in CASES if case.code is None], ids=str)
def test_own_means_own(case: Case) -> None:
    check_subject(case.root_field, case.principal, MEMBER_ID)
    if not case.own_only:
        check_subject(case.root_field, case.principal, OTHER_MEMBER_ID)
        return
    with pytest.raises(CallerError, match="only for themselves") as refused:
        check_subject(case.root_field, case.principal, OTHER_MEMBER_ID)
    assert refused.value.extensions == {"code": "FORBIDDEN"}


def test_check_subject_refuses_whom_authorize_refuses() -> None:
    with pytest.raises(CallerError) as refused:
        check_subject("statement", Anonymous(), MEMBER_ID)
    assert refused.value.extensions == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    ("root_field", "principal", "message"),
    [
        ("me", Anonymous(), "me needs a caller who is signed in: send the header Authorization: Bearer <token>."),
        ("adjustPoints", MemberPrincipal("m"), "adjustPoints is not open to members."),
        ("me", StaffPrincipal("s"), "me is not open to staff."),
        ("me", ServicePrincipal("k", "till", frozenset(Scope)), "me is not open to API keys."),
        (
            "recordActivity",
            ServicePrincipal("k", "till", frozenset({Scope.MEMBERS_READ})),
            "recordActivity needs an API key with the scope activities:write.",
        ),
    ],
)
def test_a_refusal_says_what_is_missing(root_field: str, principal: Principal, message: str) -> None:
    with pytest.raises(CallerError) as refused:
        authorize(root_field, principal)
    assert refused.value.message == message


@dataclass
class Context:
    principal: Principal


resolved: list[str] = []


async def resolve_async() -> str:
    resolved.append("async")
    return "async"


def resolve_sync() -> str:
    resolved.append("sync")
    return "sync"


@strawberry.type
class Query:
    me: str = strawberry.field(resolver=resolve_async, extensions=[permission_for("me")])
    member: str = strawberry.field(resolver=resolve_sync, extensions=[permission_for("member")])
    program: str = strawberry.field(resolver=resolve_async, extensions=[permission_for("program")])


@strawberry.type
class Mutation:
    adjust_points: str = strawberry.mutation(resolver=resolve_async, extensions=[permission_for("adjustPoints")])


@strawberry.type
class Subscription:
    @strawberry.subscription(extensions=[permission_for("leaderboard")])  # type: ignore[untyped-decorator]
    async def leaderboard(self) -> AsyncIterator[str]:
        resolved.append("stream")
        yield "stream"


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation)
QUERIES = {
    "me": "{ me }",
    "member": "{ member }",
    "program": "{ program }",
    "adjustPoints": "mutation { adjustPoints }",
}


@pytest.mark.parametrize("case", [case for case in CASES if case.root_field in QUERIES], ids=str)
async def test_a_field_with_the_extension_resolves_only_for_whom_it_is_open(case: Case) -> None:
    resolved.clear()
    result = await SCHEMA.execute(QUERIES[case.root_field], context_value=Context(case.principal))
    kind = "sync" if case.root_field == "member" else "async"
    if case.code is None:
        assert result.errors is None
        assert result.data == {case.root_field: kind}
        assert resolved == [kind]
    else:
        assert result.errors is not None
        assert [error.extensions for error in result.errors] == [{"code": case.code}]
        assert resolved == []


async def test_a_subscription_can_carry_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    staff_only = replace(MATRIX["leaderboard"], anonymous=False)
    monkeypatch.setattr(permissions, "MATRIX", {**MATRIX, "leaderboard": staff_only})

    @strawberry.type
    class GuardedSubscription:
        @strawberry.subscription(extensions=[permission_for("leaderboard")])  # type: ignore[untyped-decorator]
        async def leaderboard(self) -> AsyncIterator[str]:
            resolved.append("stream")
            yield "stream"

    schema = strawberry.Schema(query=Query, subscription=GuardedSubscription)
    allowed: Any = await schema.subscribe("subscription { leaderboard }", context_value=Context(StaffPrincipal("s")))
    assert [event.data async for event in allowed] == [{"leaderboard": "stream"}]
    resolved.clear()
    refused: Any = await schema.subscribe("subscription { leaderboard }", context_value=Context(Anonymous()))
    errors = [event.errors async for event in refused]
    assert [error.extensions for error in errors[0]] == [{"code": "UNAUTHENTICATED"}]
    assert resolved == []


def test_check_schema_sees_both_fields_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "MATRIX", {"leaderboard": MATRIX["leaderboard"]})

    @strawberry.type
    class Unguarded:
        leaderboard: str = strawberry.field(resolver=resolve_async)

    with pytest.raises(ValueError, match=r"leaderboard needs .* and has none"):
        check_schema(strawberry.Schema(query=Unguarded, subscription=Subscription))


@strawberry.type
class Shelf(strawberry.relay.Node):
    code: strawberry.relay.NodeID[str]

    @classmethod
    async def resolve_nodes(cls, *, info: strawberry.Info, node_ids: Iterable[str], required: bool = False) -> Any:
        resolved.extend(node_ids)
        return [cls(code=node_id) for node_id in node_ids]


@strawberry.type
class RelayQuery:
    node: strawberry.relay.Node | None = strawberry.relay.node(extensions=[permission_for("node")])
    nodes: list[strawberry.relay.Node] = strawberry.relay.node(extensions=[permission_for("nodes")])


RELAY_SCHEMA = strawberry.Schema(query=RelayQuery, types=[Shelf])


@pytest.mark.parametrize("case", [case for case in CASES if case.root_field in {"node", "nodes"}], ids=str)
async def test_relay_s_own_fields_can_carry_it(case: Case) -> None:
    resolved.clear()
    key = strawberry.relay.to_base64("Shelf", "s-1")
    argument = f'id: "{key}"' if case.root_field == "node" else f'ids: ["{key}"]'
    query = f"{{ {case.root_field}({argument}) {{ id }} }}"
    result = await RELAY_SCHEMA.execute(query, context_value=Context(case.principal))
    if case.code is None:
        found = {"id": key}
        assert result.data == {case.root_field: found if case.root_field == "node" else [found]}
        assert resolved == ["s-1"]
    else:
        assert result.errors is not None
        assert [error.extensions for error in result.errors] == [{"code": case.code}]
        assert resolved == []


def test_a_permission_needs_a_row() -> None:
    with pytest.raises(ValueError, match="secrets has no row"):
        permission_for("secrets")


def test_check_schema_names_every_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("me", "member", "program", "adjustPoints", "leaderboard")
    monkeypatch.setattr(permissions, "MATRIX", {name: MATRIX[name] for name in names})
    check_schema(strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription))

    @strawberry.type
    class Leaky:
        me: str = strawberry.field(resolver=resolve_async)
        member: str = strawberry.field(resolver=resolve_sync, extensions=[permission_for("program")])
        program: str = strawberry.field(resolver=resolve_async, extensions=[permission_for("program")])
        secrets: str = strawberry.field(resolver=resolve_async)

    with pytest.raises(ValueError, match="differ") as refused:
        check_schema(strawberry.Schema(query=Leaky, subscription=Subscription))
    assert str(refused.value).splitlines()[1:] == [
        "adjustPoints is in the matrix but not in the schema",
        "me needs extensions=[permission_for('me')], and has none",
        "member needs extensions=[permission_for('member')], and has ['program']",
        "secrets has no row in schema.permissions.MATRIX",
    ]
