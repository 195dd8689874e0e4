"""Subscriptions of processes of their own: between two of them, after kill -9 of one, and when they are told to end."""

import asyncio
import random
import signal
import time
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.auth import Role, mint_token
from app.embedded import StoreServers
from schema.ids import local_id
from schema.types.member import MEMBER_ID
from tests.schema.api import Caller, bearer
from tests.schema.listening import Door
from tests.system.installation import SECRET, TOKEN_SECONDS, Database, Installation, Served, serving, staff_token

ENROL = """mutation { enrolMember(input: {key: "ann", displayName: "Ann"}) {
    ... on EnrolMemberSuccess { member { id } } } }"""
RECORD = """mutation ($key: String!, $member: ID!) {
    recordActivity(input: {key: $key, memberId: $member, amount: "9.5"}) { __typename } }"""
CREATE = """mutation ($code: String!, $at: DateTime!) { createCampaign(input: {start: true, terms: {
    code: $code, name: [{language: "en", text: "Flash"}, {language: "da", text: "Flash"}]
    headline: [{language: "en", text: "Now"}, {language: "da", text: "Nu"}] startsAt: $at, effect: {bonus: 5}
  }}) { __typename } }"""
MY_EVENTS = """subscription ($after: String) {
    myEvents(after: $after) { __typename cursor ... on Recorded { record { seq } } } }"""
CAMPAIGNS = "subscription { campaignEvents { kind campaign { code } } }"
SOON_SECONDS = 1.0
END_SECONDS = 8.0
PURCHASES = 40
KILLS = 3


def member_token(global_id: str) -> Caller:
    member_id = local_id(MEMBER_ID, global_id)
    assert member_id is not None
    token = mint_token(SECRET, Role.MEMBER, member_id, TOKEN_SECONDS, issuer="laurel", audience="laurel")
    return bearer("member", token)


def door_of(served: Served) -> Door:
    return Door(str(served.client.base_url).rstrip("/"))


@pytest.fixture
def shop(laurel: Installation, servers: StoreServers, database: Database) -> Installation:
    """Where processes serve over the same stores, which outlive them."""
    name = database.name
    laurel.set_variables(
        LAUREL_MONGO_URL=servers.mongo_url,
        LAUREL_REDIS_URL=servers.redis_url,
        LAUREL_DATABASE=name,
        LAUREL_REDIS_PREFIX=name,
        LAUREL_JWT_SECRET=SECRET,
    )
    return laurel


async def test_what_one_process_does_is_heard_in_another_within_a_second_until_it_is_told_to_end(
    shop: Installation,
) -> None:
    async with serving(shop) as writer, serving(shop) as teller, AsyncExitStack() as stack:
        ann = (await writer.ask(ENROL, staff_token()))["enrolMember"]["member"]["id"]
        door = door_of(teller)
        own = await stack.enter_async_context(door.subscribed(MY_EVENTS, member_token(ann)))
        live = await stack.enter_async_context(door.subscribed(CAMPAIGNS))
        stream = await stack.enter_async_context(door.streamed(CAMPAIGNS))
        for events in (own, live, stream):
            await events.next()

        begun = time.monotonic()
        await writer.ask(RECORD, staff_token(), key="p1", member=ann)
        assert (await own.next())["record"]["seq"] == 2
        assert time.monotonic() - begun < SOON_SECONDS
        begun = time.monotonic()
        answer = await writer.ask(CREATE, staff_token(), code="flash", at="2026-01-01T00:00:00Z")
        assert answer["createCampaign"]["__typename"] == "CampaignSuccess"
        for events in (live, stream):
            assert await events.next() == {"kind": "STARTED", "campaign": {"code": "flash"}}
        assert time.monotonic() - begun < SOON_SECONDS

        begun = time.monotonic()
        teller.command.process.send_signal(signal.SIGTERM)
        for events in (own, live):
            assert (await events.socket.closed())[0] == 1012
        with pytest.raises(AssertionError, match="the stream has ended"):
            await stream.next()
        ended = await teller.command.ended()
        assert (ended.code, time.monotonic() - begun < END_SECONDS) == (0, True), ended.stderr


@pytest.mark.soak
async def test_every_record_is_told_once_though_the_serving_process_is_killed(shop: Installation) -> None:
    rng = random.Random(3)
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(serving(shop))
        ann = (await writer.ask(ENROL, staff_token()))["enrolMember"]["member"]["id"]
        seqs: list[int] = []
        last = 1 + PURCHASES
        buying = asyncio.create_task(_buy(writer, ann, rng))
        cursor: str | None = None
        kills = 0
        while not seqs or seqs[-1] < last:
            teller = await stack.enter_async_context(serving(shop))
            killed_after = rng.uniform(0.2, 1.0) if kills < KILLS else None
            cursor = await _listen(teller, ann, seqs=seqs, cursor=cursor, last=last, killed_after=killed_after)
            kills += 1
        await buying
        assert kills > KILLS
        assert seqs == list(range(seqs[0], last + 1))
        assert seqs[0] <= 1 + PURCHASES // 2, "nothing was told before the first kill"


async def _buy(served: Served, ann: str, rng: random.Random) -> None:
    for number in range(PURCHASES):
        await served.ask(RECORD, staff_token(), key=f"p{number}", member=ann)
        await asyncio.sleep(rng.uniform(0, 0.3))


async def _listen(
    served: Served, ann: str, *, seqs: list[int], cursor: str | None, last: int, killed_after: float | None
) -> str | None:
    """Listen to a process until it is killed, or until the last record; the last cursor."""
    try:
        async with door_of(served).subscribed(MY_EVENTS, member_token(ann), after=cursor) as events:
            if killed_after is not None:
                asyncio.get_running_loop().call_later(killed_after, served.command.process.kill)
            while not seqs or seqs[-1] < last:
                event = await events.next()
                cursor = event["cursor"]
                if event["__typename"] == "Recorded":
                    seqs.append(event["record"]["seq"])
    except (ConnectionClosed, WebSocketException, OSError):
        assert killed_after is not None
        await served.command.ended()
    return cursor
