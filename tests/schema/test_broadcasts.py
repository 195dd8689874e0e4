"""Messages to many: sent by staff, to whom they say, with how far they are."""

from typing import Any

import pytest

from gamification.notices.broadcasts import Broadcast
from schema.connections import encode_cursor
from schema.principals import Scope
from tests.schema.api import NOW, RECORD_SHOP, STAFF, Api, Json, served
from tests.schema.documents import ERRORS

_SHOWN = """
fragment Shown on Broadcast {
  code kind campaign status audience told by createdAt expiresAt doneAt progress { current target percent state }
}
"""
_RESULT = "{ __typename ...Errors ... on BroadcastSuccess { broadcast { ...Shown } } }" + "}" + _SHOWN + ERRORS
SEND = "mutation M($input: SendMessageInput!) { sendMessage(input: $input) " + _RESULT
PAUSE = "mutation M($input: BroadcastInput!) { pauseBroadcast(input: $input) " + _RESULT
RESUME = "mutation M($input: BroadcastInput!) { resumeBroadcast(input: $input) " + _RESULT
LIST = (
    "query Q($first: Int, $after: String) { broadcasts(first: $first, after: $after) "
    "{ nodes { ...Shown } pageInfo { hasNextPage endCursor } } }" + _SHOWN
)
NEWS: Json = {
    "key": "news",
    "title": [{"text": "News"}],
    "body": [{"text": "We have news"}, {"text": "Vi har nyt", "language": "da"}],
    "link": [{"text": "shop://news"}],
}
SILENT = RECORD_SHOP.partition("\nnotices:")[0]
"""The program without any notices."""
PROGRAM = SILENT + "\nnotices:\n  message: {fresh_hours: 24}\n"


@pytest.fixture
async def api(database: Any, servers: Any) -> Any:
    async with served(database, servers, PROGRAM) as api:
        yield api


async def tell(api: Api) -> None:
    while await api.laurel.broadcasts.teller.round():
        pass


async def test_a_message_is_sent_and_told(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    sent = await api.result(SEND, input=NEWS)
    assert sent == {
        "__typename": "BroadcastSuccess",
        "broadcast": {
            "code": "message:news",
            "kind": "message",
            "campaign": None,
            "status": "RUNNING",
            "audience": None,
            "told": 0,
            "by": "staff-1",
            "createdAt": "2026-05-01T12:00:00.000Z",
            "expiresAt": "2026-05-02T12:00:00.000Z",
            "doneAt": None,
            "progress": {"current": 0.0, "target": 2.0, "percent": 0, "state": "ACTIVE"},
        },
    }
    await tell(api)
    (shown,) = (await api.data(LIST, STAFF))["broadcasts"]["nodes"]
    assert (shown["status"], shown["told"], shown["progress"]) == (
        "DONE",
        2,
        {"current": 2.0, "target": 2.0, "percent": 100, "state": "COMPLETED"},
    )
    told = {each["_id"]: each["values"] async for each in api.database["notices"].find()}
    values = {"title:*": "News", "body:*": "We have news", "body:da": "Vi har nyt", "link:*": "shop://news"}
    assert told == {f"{each.member_id}:message:news": values for each in (ada, bo)}


async def test_the_same_again_is_a_retry_and_another_is_refused(api: Api) -> None:
    first = await api.result(SEND, input=NEWS)
    turned = {**NEWS, "body": NEWS["body"][::-1]}
    assert await api.nothing_written(SEND, input=turned) == first
    refused = await api.nothing_written(SEND, input={**NEWS, "audience": "true"})
    assert (refused["__typename"], refused["code"]) == ("IdempotencyConflict", "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize(
    ("changed", "paths"),
    [
        ({"key": ""}, ["key"]),
        ({"title": []}, ["title"]),
        ({"title": [{"text": " "}]}, ["title.0.text"]),
        ({"title": [{"text": "x" * 201}]}, ["title.0.text"]),
        ({"title": [{"text": "Nyt", "language": "da"}]}, ["title"]),
        ({"body": [{"text": "Neues"}, {"text": "Neues", "language": "de"}]}, ["body.1.language"]),
        ({"body": [{"text": "one"}, {"text": "two"}]}, ["body"]),
        ({"link": [{"text": "x" * 501}]}, ["link.0.text"]),
        ({"audience": "member.tierr == 'gold'"}, ["audience"]),
        ({"audience": "member.points"}, ["audience"]),
        ({"audience": "activity.amount > 5.0"}, ["audience"]),
        ({"expiresAt": "2026-05-02T12:00:00"}, ["expiresAt"]),
        ({"expiresAt": NOW.isoformat()}, ["expiresAt"]),
    ],
)
async def test_what_is_wrong_is_told_at_its_place(api: Api, changed: Json, paths: list[str]) -> None:
    refused = await api.nothing_written(SEND, input={**NEWS, **changed})
    assert refused["__typename"] == "InvalidInput"
    assert [each["path"] for each in refused["problems"]] == paths, refused


async def test_a_program_that_declares_no_messages_sends_none(database: Any, servers: Any) -> None:
    async with served(database, servers, SILENT) as api:
        refused = await api.nothing_written(SEND, input=NEWS)
        assert [each["path"] for each in refused["problems"]] == ["key"]


async def test_it_is_paused_and_resumed(api: Api) -> None:
    await api.enrol("Ada")
    await api.result(SEND, input=NEWS)
    which = {"code": "message:news"}
    for _ in range(2):
        assert (await api.result(PAUSE, input=which))["broadcast"]["status"] == "PAUSED"
    await tell(api)
    assert await api.database["notices"].count_documents({}) == 0
    assert (await api.result(RESUME, input=which))["broadcast"]["status"] == "RUNNING"
    await tell(api)
    assert await api.database["notices"].count_documents({}) == 1
    for document in (PAUSE, RESUME):
        assert (await api.nothing_written(document, input=which))["code"] == "BROADCAST_DONE"
        for nowhere in ("message:more", "x" * 5000):
            assert (await api.nothing_written(document, input={"code": nowhere}))["code"] == "BROADCAST_NOT_FOUND"


async def test_a_service_sends_in_its_own_name(api: Api) -> None:
    service = await api.service(Scope.MESSAGES_SEND)
    sent = await api.result(SEND, service, input=NEWS)
    assert sent["broadcast"]["by"] == "till"


async def test_pages_are_newest_first(api: Api) -> None:
    for number in range(3):
        await api.result(SEND, input={**NEWS, "key": f"n{number}"})
    told = Broadcast("campaign_started:double", "campaign_started", "double", NOW, 1, {}, None)
    await api.laurel.broadcasts.store.create(told, NOW)
    first = (await api.data(LIST, STAFF, first=3))["broadcasts"]
    assert [each["code"] for each in first["nodes"]] == ["message:n2", "message:n1", "message:n0"]
    assert first["pageInfo"]["hasNextPage"]
    second = (await api.data(LIST, STAFF, first=3, after=first["pageInfo"]["endCursor"]))["broadcasts"]
    assert [(each["code"], each["campaign"]) for each in second["nodes"]] == [("campaign_started:double", "double")]
    assert not second["pageInfo"]["hasNextPage"]
    for bad in ("nonsense", encode_cursor("broadcasts", "yesterday|news"), encode_cursor("broadcasts", "2026-05-01|n")):
        assert await api.codes(LIST, STAFF, first=3, after=bad) == ["INVALID_CURSOR"]
