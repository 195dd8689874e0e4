"""Webhooks over the API: what staff and services make, see and send once more, and what nobody is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.stores.webhook_counts import MongoWebhookCounts
from gamification.webhooks.endpoints import MAX_ENDPOINTS, Endpoint
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import STAFF, Api, Json
from tests.schema.test_inbox import message, notice_id, tell

ENDPOINT = "{ id name url kinds enabled disabledBecause disabledAt failingSince previousSecretUntil createdAt }"
ERROR = "... on Error { code message }"
CREATE = f"""mutation M($input: CreateWebhookEndpointInput!) {{ createWebhookEndpoint(input: $input) {{
  __typename ... on WebhookSecretSuccess {{ secret endpoint {ENDPOINT} }} {ERROR} }} }}"""
UPDATE = f"""mutation M($input: UpdateWebhookEndpointInput!) {{ updateWebhookEndpoint(input: $input) {{
  __typename ... on WebhookEndpointSuccess {{ endpoint {ENDPOINT} }} {ERROR} }} }}"""
ROTATE = f"""mutation M($input: RotateWebhookSecretInput!) {{ rotateWebhookSecret(input: $input) {{
  __typename ... on WebhookSecretSuccess {{ secret endpoint {ENDPOINT} }} {ERROR} }} }}"""
REMOVE = f"""mutation M($input: RemoveWebhookEndpointInput!) {{ removeWebhookEndpoint(input: $input) {{
  __typename ... on RemoveWebhookEndpointSuccess {{ id }} {ERROR} }} }}"""
REDELIVER = f"""mutation M($input: RedeliverWebhookInput!) {{ redeliverWebhook(input: $input) {{
  __typename ... on RedeliverWebhookSuccess {{ queuedCount }} {ERROR} }} }}"""
LIST = f"{{ webhookEndpoints {ENDPOINT} }}"
DELIVERIES = """query Q($endpoint: ID!, $state: WebhookDeliveryState, $first: Int, $after: String) {
  webhookDeliveries(endpoint: $endpoint, state: $state, first: $first, after: $after) {
    nodes { id noticeId kind state attempts status reason dueAt endedAt } pageInfo { hasNextPage endCursor } } }"""
COUNTS = """query Q($days: Int!) { webhookCounts(days: $days) {
  endpoint { name disabledBecause } queued queuedSince ended { state reason count } } }"""
URL = "https://shop.example/hooks"


async def create(api: Api, **more: Any) -> Json:
    made: Json = await api.result(CREATE, input={"name": "till", "url": URL, **more})
    return made


async def endpoints(api: Api) -> list[Json]:
    return list(await api.result(LIST))


async def made_of(api: Api, shown: Json) -> Endpoint:
    (found,) = [
        each
        for each in await api.laurel.game.webhooks.endpoints.all()
        if to_global_id("WebhookEndpoint", each.endpoint_id) == shown["id"]
    ]
    return found


async def test_an_endpoint_is_made_and_its_secret_told_once(coffee: Api) -> None:
    made = await create(coffee, kinds=["BADGE_WON", "TIER_REACHED", "BADGE_WON"])
    shown = made["endpoint"]
    assert shown == {
        **{"id": shown["id"], "name": "till", "url": URL, "kinds": ["BADGE_WON", "TIER_REACHED"], "enabled": True},
        **dict.fromkeys(("disabledBecause", "disabledAt", "failingSince", "previousSecretUntil")),
        "createdAt": shown["createdAt"],
    }
    assert (await made_of(coffee, shown)).secrets.current == made["secret"]
    assert made["secret"].startswith("whsec_")
    service = await coffee.service(Scope.WEBHOOKS_WRITE)
    assert (await coffee.data(LIST, service))["webhookEndpoints"] == [shown]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"url": "http://shop.example/"}, "WEBHOOK_URL_FORBIDDEN"),
        ({"url": "https://127.0.0.1/"}, "WEBHOOK_URL_FORBIDDEN"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "WEBHOOK_URL_FORBIDDEN"),
        ({"url": "nonsense"}, "WEBHOOK_URL_FORBIDDEN"),
        ({"name": " "}, "INVALID_INPUT"),
        ({"name": "x" * 101}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_changes(coffee: Api, given: Json, code: str) -> None:
    assert (await create(coffee, **given))["code"] == code
    assert await endpoints(coffee) == []
    shown = (await create(coffee))["endpoint"]
    refused = await coffee.result(UPDATE, input={"id": shown["id"], "enabled": False, **given})
    assert (refused["code"], await endpoints(coffee)) == (code, [shown])


async def test_there_are_only_so_many(coffee: Api) -> None:
    for _ in range(MAX_ENDPOINTS):
        assert (await create(coffee))["__typename"] == "WebhookSecretSuccess"
    assert (await create(coffee))["code"] == "TOO_MANY_WEBHOOK_ENDPOINTS"
    assert len(await endpoints(coffee)) == MAX_ENDPOINTS


async def test_an_endpoint_is_changed_in_what_is_named_and_removed(coffee: Api) -> None:
    shown = (await create(coffee))["endpoint"]
    changed = await coffee.result(UPDATE, input={"id": shown["id"], "kinds": ["MESSAGE"], "enabled": False})
    assert changed["endpoint"] == {
        **shown,
        **{"kinds": ["MESSAGE"], "enabled": False, "disabledBecause": "BY_STAFF"},
        "disabledAt": changed["endpoint"]["disabledAt"],
    }
    again = await coffee.result(UPDATE, input={"id": shown["id"], "kinds": [], "enabled": True})
    assert again["endpoint"] == shown
    assert await coffee.result(REMOVE, input={"id": shown["id"]}) == {
        "__typename": "RemoveWebhookEndpointSuccess",
        "id": shown["id"],
    }
    for mutation in (UPDATE, ROTATE, REMOVE):
        refused = await coffee.result(mutation, input={"id": shown["id"]})
        assert refused["code"] == "WEBHOOK_ENDPOINT_NOT_FOUND"
    assert await endpoints(coffee) == []


async def test_a_secret_is_replaced_and_the_old_one_counts_for_a_while(coffee: Api) -> None:
    made = await create(coffee)
    shown = made["endpoint"]
    for hours in (-1, 169):
        refused = await coffee.result(ROTATE, input={"id": shown["id"], "overlapHours": hours})
        assert (refused["code"], await endpoints(coffee)) == ("INVALID_INPUT", [shown])
    rotated = await coffee.result(ROTATE, input={"id": shown["id"], "overlapHours": 2})
    stored = (await made_of(coffee, shown)).secrets
    assert (stored.current, stored.previous) == (rotated["secret"], made["secret"])
    assert rotated["endpoint"]["previousSecretUntil"] is not None
    assert stored.previous_until is not None
    hour = timedelta(hours=1)
    assert stored.active(stored.previous_until - hour) == (rotated["secret"], made["secret"])
    assert stored.active(stored.previous_until) == (rotated["secret"],)


async def delivered(coffee: Api, shown: Json) -> list[str]:
    """Three deliveries of which the first two were given up."""
    ada = await coffee.enrol("Ada")
    endpoint = await made_of(coffee, shown)
    await tell(coffee, *(message(ada, str(number)) for number in range(3)))
    notices = coffee.laurel.game.stores.notices
    now = coffee.laurel.game.now()
    deliveries: Any = coffee.laurel.game.webhooks.deliveries
    assert await deliveries.take(endpoint, await notices.after(0, 3), 3, now)
    later = now + timedelta(seconds=1)
    for delivery in (await deliveries.due(endpoint.endpoint_id, later, 10))[:2]:
        await deliveries.settle(delivery, state="failed", status=500, reason="status_500", due_at=None, now=now)
    return [notice_id(ada, str(number)) for number in range(3)]


async def test_deliveries_are_listed_and_sent_once_more(coffee: Api) -> None:
    shown = (await create(coffee))["endpoint"]
    ids = await delivered(coffee, shown)
    first = await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"], first=2)
    page = first["webhookDeliveries"]
    assert [node["noticeId"] for node in page["nodes"]] == [ids[2], ids[1]]
    assert page["nodes"][1] == {
        **{"id": page["nodes"][1]["id"], "noticeId": ids[1], "kind": "MESSAGE", "state": "FAILED", "attempts": 1},
        **{"status": 500, "reason": "status_500", "dueAt": None, "endedAt": page["nodes"][1]["endedAt"]},
    }
    after = page["pageInfo"]["endCursor"]
    rest = (await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"], after=after))["webhookDeliveries"]
    assert ([node["noticeId"] for node in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([ids[0]], False)
    assert await coffee.codes(DELIVERIES, STAFF, endpoint=shown["id"], after=after, state="SENT") == ["INVALID_CURSOR"]

    one = {"deliveryId": page["nodes"][1]["id"]}
    assert (await coffee.result(REDELIVER, input=one))["queuedCount"] == 1
    assert (await coffee.result(REDELIVER, input=one))["queuedCount"] == 0
    failed = await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"], state="FAILED")
    assert [node["noticeId"] for node in failed["webhookDeliveries"]["nodes"]] == [ids[0]]
    late = {"endpointId": shown["id"], "failedSince": "2099-01-01T00:00:00Z"}
    assert (await coffee.result(REDELIVER, input=late))["queuedCount"] == 0
    all_failed = {**late, "failedSince": "2001-01-01T00:00:00Z"}
    assert (await coffee.result(REDELIVER, input=all_failed))["queuedCount"] == 1
    queued = await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"], state="QUEUED")
    assert len(queued["webhookDeliveries"]["nodes"]) == 3

    await coffee.result(REMOVE, input={"id": shown["id"]})
    refused = await coffee.nothing_written(REDELIVER, input=one)
    assert refused["code"] == "WEBHOOK_ENDPOINT_NOT_FOUND"


async def test_staff_see_how_deliveries_to_each_endpoint_stand(coffee: Api) -> None:
    shown = (await create(coffee))["endpoint"]
    await delivered(coffee, shown)
    other = (await create(coffee, name="other"))["endpoint"]
    await coffee.result(UPDATE, input={"id": other["id"], "enabled": False})
    endpoint, counts = await made_of(coffee, shown), MongoWebhookCounts(coffee.laurel.connection)
    now = coffee.laurel.game.now()
    await counts.count(endpoint.endpoint_id, {("sent", ""): 4, ("failed", "status_500"): 2}, now)
    await counts.count(endpoint.endpoint_id, {("sent", ""): 3}, now - timedelta(days=1))

    async def found(days: int) -> list[Json]:
        page = list((await coffee.data(COUNTS, STAFF, days=days))["webhookCounts"])
        return sorted(page, key=lambda each: each["endpoint"]["name"], reverse=True)

    ended = [{"state": "FAILED", "reason": "status_500", "count": 2}, {"state": "SENT", "reason": "", "count": 4}]
    first, second = await found(1)
    assert first["endpoint"] == {"name": "till", "disabledBecause": None}
    assert (first["queued"], first["ended"]) == (1, ended)
    assert datetime.fromisoformat(first["queuedSince"]) == now
    assert second == {
        **{"endpoint": {"name": "other", "disabledBecause": "BY_STAFF"}, "queued": 0, "queuedSince": None, "ended": []}
    }
    assert [each["count"] for each in (await found(2))[0]["ended"]] == [2, 7]
    for days in (0, 32):
        assert await coffee.codes(COUNTS, STAFF, days=days) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "INVALID_INPUT"),
        ({"endpointId": "none"}, "INVALID_INPUT"),
        ({"deliveryId": "none", "failedSince": "2001-01-01T00:00:00Z"}, "INVALID_INPUT"),
        ({"deliveryId": "none"}, "WEBHOOK_DELIVERY_NOT_FOUND"),
        ({"endpointId": "none", "failedSince": "2001-01-01T00:00:00Z"}, "WEBHOOK_ENDPOINT_NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_not_sent_once_more(coffee: Api, given: Json, code: str) -> None:
    shown = (await create(coffee))["endpoint"]
    await delivered(coffee, shown)
    before = await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"])
    assert (await coffee.result(REDELIVER, input=given))["code"] == code
    assert await coffee.data(DELIVERIES, STAFF, endpoint=shown["id"]) == before
