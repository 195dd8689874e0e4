"""The table "Who may call what" of schema/README.md, held against the application that runs."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from strawberry.types import ExecutionResult

from app.live.background import running
from gamification.friends import ask
from gamification.member import Member
from schema.build import build_schema
from schema.context import Context
from schema.ids import to_global_id
from schema.permissions import MATRIX
from schema.principals import MemberPrincipal, Principal, ServicePrincipal
from tests.schema.api import ANONYMOUS, NOW, RECORD_SHOP, STAFF, Api, Caller, global_id, themself
from tests.schema.permission_matrix import Case, cases

FIRST_RESULT_SECONDS = 10.0
Variables = Callable[[Member], dict[str, Any]]

TERMS = {
    "code": "double",
    "name": [{"text": "Double"}],
    "headline": [{"text": "Double points"}],
    "startsAt": "2026-05-01T12:00:00Z",
    "effect": {"multiplier": "2"},
}
CAMPAIGN_CHANGES = {
    "startCampaign": "CampaignInput",
    "pauseCampaign": "CampaignInput",
    "resumeCampaign": "CampaignInput",
    "endCampaign": "CampaignInput",
    "extendCampaign": "ExtendCampaignInput",
}

CALLS: dict[str, tuple[str, Variables]] = {
    "program": ("{ program { code } }", lambda _: {}),
    "publicProfile": ('{ publicProfile(handle: "ada") { handle } }', lambda _: {}),
    "leaderboard": ('{ leaderboard(board: "weekly") { nodes { rank } } }', lambda _: {}),
    "boards": ("{ boards { code } }", lambda _: {}),
    "leaderboardChanges": ('subscription { leaderboardChanges(board: "weekly") { state } }', lambda _: {}),
    "campaignEvents": ("subscription { campaignEvents { __typename } }", lambda _: {}),
    "myEvents": ("subscription { myEvents { cursor } }", lambda _: {}),
    "campaigns": ("{ campaigns { id } }", lambda _: {}),
    "campaign": ('{ campaign(code: "app-weekends") { id } }', lambda _: {}),
    "campaignAudit": ('{ campaignAudit(code: "app-weekends") { nodes { at } } }', lambda _: {}),
    "previewCampaign": (
        "query Q($input: PreviewCampaignInput!) { previewCampaign(input: $input) { __typename } }",
        lambda _: {"input": {"terms": TERMS}},
    ),
    "previewProgram": (
        "query Q($source: String!) { previewProgram(source: $source) { __typename } }",
        lambda _: {"source": RECORD_SHOP},
    ),
    "createCampaign": (
        "mutation M($input: CreateCampaignInput!) { createCampaign(input: $input) { __typename } }",
        lambda _: {"input": {"terms": TERMS}},
    ),
    **{
        name: (
            f"mutation M($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}",
            lambda _: {"input": {"code": "nowhere"}},
        )
        for name, kind in CAMPAIGN_CHANGES.items()
    },
    "noticeFeed": ("{ noticeFeed { nodes { id } } }", lambda _: {}),
    "broadcasts": ("{ broadcasts { nodes { code } } }", lambda _: {}),
    "sendMessage": (
        "mutation M($input: SendMessageInput!) { sendMessage(input: $input) { __typename } }",
        lambda _: {"input": {"key": "k1", "title": [{"text": "News"}], "body": [{"text": "We have news"}]}},
    ),
    **{
        name: (
            f"mutation M($input: BroadcastInput!) {{ {name}(input: $input) {{ __typename }} }}",
            lambda _: {"input": {"code": "message:nowhere"}},
        )
        for name in ("pauseBroadcast", "resumeBroadcast")
    },
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
    "simulateActivities": (
        "query Q($input: SimulateActivitiesInput!) { simulateActivities(input: $input) { __typename } }",
        lambda ada: {"input": {"memberId": global_id(ada), "steps": [{"activity": {"amount": "10"}}]}},
    ),
    "reverseActivity": (
        "mutation M($input: ReverseActivityInput!) { reverseActivity(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "nothing", "memberId": global_id(ada)}},
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
    "extendPoints": (
        "mutation M($input: ExtendPointsInput!) { extendPoints(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "days": 5, "reason": "Sorry", "memberId": global_id(ada)}},
    ),
    "grantTier": (
        "mutation M($input: GrantTierInput!) { grantTier(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "tier": "gold", "reason": "Sorry", "memberId": global_id(ada)}},
    ),
    "pauseStreak": (
        "mutation M($input: PauseStreakInput!) { pauseStreak(input: $input) { __typename } }",
        lambda ada: {"input": {"key": "k1", "from": "2026-06-01", "until": "2026-06-02", "memberId": global_id(ada)}},
    ),
    "mergeMembers": (
        "mutation M($input: MergeMembersInput!) { mergeMembers(input: $input) { __typename } }",
        lambda ada: {"input": {"from": {"memberId": global_id(ada)}, "into": {"memberId": global_id(ada)}}},
    ),
    "unmergeMembers": (
        "mutation M($input: UnmergeMembersInput!) { unmergeMembers(input: $input) { __typename } }",
        lambda ada: {"input": {"from": {"memberId": global_id(ada)}, "into": {"memberId": global_id(ada)}}},
    ),
    "setMemberAttributes": (
        "mutation M($input: SetMemberAttributesInput!) { setMemberAttributes(input: $input) { __typename } }",
        lambda ada: {
            "input": {"key": "k1", "memberId": global_id(ada), "attributes": [{"name": "city", "value": "Rome"}]}
        },
    ),
    "markRead": (
        "mutation M($input: MarkReadInput!) { markRead(input: $input) { __typename } }",
        lambda ada: {"input": {"ids": [global_id(ada)]}},
    ),
    "markAllRead": (
        "mutation M($input: MarkAllReadInput!) { markAllRead(input: $input) { __typename } }",
        lambda _: {"input": {}},
    ),
    "requestFriend": (
        "mutation M($input: RequestFriendInput!) { requestFriend(input: $input) { __typename } }",
        lambda _: {"input": {"handle": "bo_1"}},
    ),
    "acceptFriend": (
        "mutation M($input: OtherMemberInput!) { acceptFriend(input: $input) { __typename } }",
        lambda _: {"input": {"handle": "bo_1"}},
    ),
    "removeFriend": (
        "mutation M($input: OtherMemberInput!) { removeFriend(input: $input) { __typename } }",
        lambda _: {"input": {"handle": "bo_1"}},
    ),
    "blockMember": (
        "mutation M($input: OtherMemberInput!) { blockMember(input: $input) { __typename } }",
        lambda _: {"input": {"handle": "bo_1"}},
    ),
    "unblockMember": (
        "mutation M($input: OtherMemberInput!) { unblockMember(input: $input) { __typename } }",
        lambda _: {"input": {"handle": "bo_1"}},
    ),
    "setBadgeShowcase": (
        "mutation M($input: SetBadgeShowcaseInput!) { setBadgeShowcase(input: $input) { __typename } }",
        lambda _: {"input": {"badges": []}},
    ),
    "registerDevice": (
        "mutation M($input: RegisterDeviceInput!) { registerDevice(input: $input) { __typename } }",
        lambda _: {"input": {"platform": "FCM", "token": "t" * 40}},
    ),
    "removeDevice": (
        "mutation M($input: RemoveDeviceInput!) { removeDevice(input: $input) { __typename } }",
        lambda _: {"input": {"id": to_global_id("Device", "none")}},
    ),
    "setNotificationPreferences": (
        "mutation M($input: SetNotificationPreferencesInput!) "
        "{ setNotificationPreferences(input: $input) { __typename } }",
        lambda _: {"input": {"bestTime": "18:30"}},
    ),
    "markOpened": (
        "mutation M($input: MarkOpenedInput!) { markOpened(input: $input) { __typename } }",
        lambda _: {"input": {"ids": [to_global_id("Notice", "none")]}},
    ),
    "requeueDeliveries": (
        "mutation M($input: RequeueDeliveriesInput!) { requeueDeliveries(input: $input) { __typename } }",
        lambda _: {"input": {"ids": [to_global_id("Delivery", "none")]}},
    ),
    "noticeDeliveries": (
        "query Q($id: ID!) { noticeDeliveries(noticeId: $id) { nodes { id } } }",
        lambda _: {"id": to_global_id("Notice", "none")},
    ),
    "deadDeliveries": ("{ deadDeliveries { nodes { id } } }", lambda _: {}),
    "deliveryCounts": ("{ deliveryCounts { dead } }", lambda _: {}),
    "webhookEndpoints": ("{ webhookEndpoints { id } }", lambda _: {}),
    "webhookCounts": ("{ webhookCounts { queued } }", lambda _: {}),
    "webhookDeliveries": ('{ webhookDeliveries(endpoint: "none") { nodes { id } } }', lambda _: {}),
    "createWebhookEndpoint": (
        "mutation M($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { __typename } }",
        lambda _: {"input": {"name": "till", "url": "https://shop.example/hooks"}},
    ),
    "updateWebhookEndpoint": (
        "mutation M($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) { __typename } }",
        lambda _: {"input": {"id": "none", "enabled": False}},
    ),
    "rotateWebhookSecret": (
        "mutation M($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { __typename } }",
        lambda _: {"input": {"id": "none"}},
    ),
    "removeWebhookEndpoint": (
        "mutation M($input: RemoveWebhookEndpointInput!) { removeWebhookEndpoint(input: $input) { __typename } }",
        lambda _: {"input": {"id": "none"}},
    ),
    "redeliverWebhook": (
        "mutation M($input: RedeliverWebhookInput!) { redeliverWebhook(input: $input) { __typename } }",
        lambda _: {"input": {"deliveryId": "none"}},
    ),
}
"""For each root field, a call about a member that goes through for whoever may make it."""

ABOUT_SOMEBODY = ("statement", "simulateActivity", "simulateActivities", "updateProfile", "pauseStreak")
ANSWERS = dict.fromkeys(CAMPAIGN_CHANGES, "CampaignNotFound") | {
    "previewCampaign": "CampaignPreview",
    "pauseBroadcast": "BroadcastNotFound",
    "resumeBroadcast": "BroadcastNotFound",
    "reverseActivity": "UnknownActivity",
    "previewProgram": "ProgramPreview",
    "pauseStreak": "InvalidInput",
    "markRead": "InvalidInput",
    "updateWebhookEndpoint": "WebhookEndpointNotFound",
    "rotateWebhookSecret": "WebhookEndpointNotFound",
    "removeWebhookEndpoint": "WebhookEndpointNotFound",
    "redeliverWebhook": "WebhookDeliveryNotFound",
    "mergeMembers": "CannotMerge",
    "unmergeMembers": "CannotMerge",
}
"""What comes of a call that goes through, where it is no success: there is nothing to change in this way."""
SUBSCRIPTIONS = {"leaderboardChanges", "campaignEvents", "myEvents"}
HIDDEN = {"publicProfile"}
"""Fields that answer null here, because the member shows nothing."""


def test_every_root_field_is_called() -> None:
    assert CALLS.keys() == MATRIX.keys()


async def caller_of(api: Api, case: Case, member: Member) -> Caller:
    if isinstance(case.principal, ServicePrincipal):
        return await api.service(*case.principal.scopes)
    return {"anonymous": ANONYMOUS, "member": themself(member), "staff": STAFF}[case.caller]


async def first_result(api: Api, subscription: str, principal: Principal) -> ExecutionResult:
    """The first that a subscription tells, or its refusal. How it gets to clients is tested with the sockets."""
    context = Context(api.laurel.game, principal)
    async with (
        running({"campaign feed": api.laurel.game.campaign_feed.run}),
        asyncio.timeout(FIRST_RESULT_SECONDS),
        aclosing(await build_schema().subscribe(subscription, context_value=context)) as results,
    ):
        result: ExecutionResult = await anext(results)
        return result


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_who_may_call_what(api: Api, case: Case) -> None:
    ada, bo = await api.enrol("Ada", handle="ada"), await api.enrol("Bo", handle="bo_1")
    await api.laurel.game.stores.friends.change(
        ada.member_id, bo.member_id, lambda pair: ask(pair, bo.member_id, "ada", NOW)
    )
    caller = await caller_of(api, case, ada)
    query, variables = CALLS[case.root_field]
    if case.root_field in SUBSCRIPTIONS:
        principal = MemberPrincipal(ada.member_id) if case.caller == "member" else case.principal
        first = await first_result(api, query, principal)
        told = [(error.path, error.extensions) for error in first.errors or ()]
        assert told == ([] if case.code is None else [([case.root_field], {"code": case.code})])
    elif case.code is None:
        answer = (await api.data(query, caller, **variables(ada)))[case.root_field]
        assert (answer is None) == (case.root_field in HIDDEN)
        done = ANSWERS.get(case.root_field, "Success")
        assert not isinstance(answer, dict) or answer.get("__typename", done).endswith(done), answer
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
