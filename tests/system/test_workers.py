"""`laurel serve --workers 2`: what one worker does is right in the other, and nothing is lost where one dies."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from websockets.exceptions import ConnectionClosed

from app.auth import Role, mint_token
from app.ports import free_loopback_port
from schema.ids import local_id
from schema.types.member import MEMBER_ID
from tests.schema.api import Caller, bearer
from tests.schema.listening import Door, Subscribed
from tests.system.installation import (
    POLL_SECONDS,
    ROOT,
    SECRET,
    TOKEN_SECONDS,
    WAIT_SECONDS,
    Ended,
    Installation,
    Served,
    serving,
    staff_token,
)
from tests.system.shopping import MEMBERS, PURCHASES_EACH, Shopping, assert_nothing_was_lost, enrol_members

KILLED_AFTER = 30
SOON_SECONDS = 1.0
GRACE_SECONDS = 8.0
PROGRAM = ROOT / "programs" / "record-shop.yaml"
VERSION = "{ program { version } }"
RECORD = """mutation ($key: String!, $member: ID!) {
    recordActivity(input: {key: $key, memberId: $member, amount: "30"}) {
        ... on RecordActivitySuccess { record { seq points } member { points { available } } } } }"""
MEMBER = """query ($id: ID!) { node(id: $id) { ... on Member {
    points { available } totals: rank(board: "all-time") { rank score } } } }"""
CREATE = """mutation ($at: DateTime!) { createCampaign(input: {start: true, terms: {
    code: "flash", name: [{language: "en", text: "Flash"}, {language: "da", text: "Flash"}]
    headline: [{language: "en", text: "Now"}, {language: "da", text: "Nu"}]
    startsAt: $at, effect: {bonus: 5}, budget: {points: 12}
  }}) { __typename } }"""
LEFT = "{ campaigns(live: true) { code budget { remaining } } }"
MY_EVENTS = "subscription { myEvents { __typename ... on Recorded { record { seq } } } }"
CAMPAIGNS = "subscription { campaignEvents { kind campaign { code } } }"


@asynccontextmanager
async def worker(served: Served, number: int) -> AsyncIterator[Served]:
    """A client of one worker: on one connection, which stays with the worker that got it."""
    limits = httpx.Limits(max_connections=1)
    async with asyncio.timeout(WAIT_SECONDS), AsyncExitStack() as stack:
        while True:
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=served.client.base_url, limits=limits, timeout=WAIT_SECONDS)
            )
            if await number_of(client) == number:
                yield Served(served.command, client)
                return


async def number_of(client: httpx.AsyncClient) -> int:
    return int((await client.get("/health")).json()["worker"])


def workers_of(served: Served) -> dict[int, int]:
    """The process ids of the workers, by number."""
    parent = str(served.command.process.pid)
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines() if " --as-worker " in line]
    return {int(row[-2]): int(row[0]) for row in rows if row[1] == parent}


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until_closed(events: Subscribed) -> None:
    """Read what else there is, up to the close that tells that the process ends."""
    code = None
    while code is None:
        try:
            await events.next()
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 0
    assert code == 1012


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not await condition():  # noqa: ASYNC110 - other processes do not set events of ours
            await asyncio.sleep(POLL_SECONDS)


def as_member(global_id: str) -> Caller:
    member_id = local_id(MEMBER_ID, global_id)
    assert member_id is not None
    token = mint_token(SECRET, Role.MEMBER, member_id, TOKEN_SECONDS, issuer="laurel", audience="laurel")
    return bearer("member", token)


async def on_both(door: Door, query: str, caller: Caller, stack: AsyncExitStack) -> list[Subscribed]:
    """A subscription on each of two workers, which get connections in turn."""
    both = [await stack.enter_async_context(door.subscribed(query, caller)) for _ in range(2)]
    for events in both:
        await events.next()
    return both


async def test_what_one_worker_does_is_right_in_the_other(laurel: Installation, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(laurel, "serve", "--workers", "2", LAUREL_JWT_SECRET=SECRET))
        one, other = [await stack.enter_async_context(worker(served, number)) for number in (1, 2)]
        ann = (await enrol_members(one))[0]
        door = Door(str(served.client.base_url).rstrip("/"))
        own = await on_both(door, MY_EVENTS, as_member(ann), stack)
        live = await on_both(door, CAMPAIGNS, as_member(ann), stack)

        await told_within_a_second(one, ann, own, live)
        await read_through_the_other(one, other, ann)
        await dropped_by_signal(laurel, one, other, tmp_path)

        workers = workers_of(served)
        begun = time.monotonic()
        served.command.process.send_signal(signal.SIGTERM)
        for events in (*own, *live):
            await until_closed(events)
        ended = await served.command.ended()
        assert (ended.code, ended.stdout, time.monotonic() - begun < GRACE_SECONDS) == (0, "", True), ended.stderr
        assert ended.stderr.count("Serving GraphQL at") == 1
        assert "with 2 workers" in ended.stderr
        assert ended.stderr.count("Traceback") == 0
        assert (len(workers), any(runs(pid) for pid in workers.values())) == (2, False)


async def told_within_a_second(one: Served, ann: str, own: list[Subscribed], live: list[Subscribed]) -> None:
    begun = time.monotonic()
    await one.ask(RECORD, staff_token(), key="p1", member=ann)
    for events in own:
        assert (await events.next())["record"]["seq"] == 2
    assert time.monotonic() - begun < SOON_SECONDS
    begun = time.monotonic()
    await one.ask(CREATE, staff_token(), at="2026-01-01T00:00:00Z")
    for events in live:
        assert await events.next() == {"kind": "STARTED", "campaign": {"code": "flash"}}
    assert time.monotonic() - begun < SOON_SECONDS


async def read_through_the_other(one: Served, other: Served, ann: str) -> None:
    """A purchase through each: points, ranks and a budget that both draw on are one truth."""
    bonuses = []
    for number, till in enumerate((one, other, one, other)):
        recorded = (await till.ask(RECORD, staff_token(), key=f"both-{number}", member=ann))["recordActivity"]
        bonuses.append(recorded["record"]["points"])
        reader = other if till is one else one
        seen = (await reader.ask(MEMBER, staff_token(), id=ann))["node"]
        assert seen["points"] == recorded["member"]["points"]

        async def is_ranked(reader: Served = reader, score: int = seen["points"]["available"]) -> bool:
            seen = (await reader.ask(MEMBER, staff_token(), id=ann))["node"]
            return bool(seen["totals"] == {"rank": 1, "score": score})

        await soon(is_ranked)
    third_purchase = 25
    assert [points - bonuses[-1] for points in bonuses] == [5, 5 + third_purchase, 2, 0]

    async def is_used_up() -> bool:
        answers = [await each.ask(LEFT, staff_token()) for each in (one, other)]
        return not any(campaign["code"] == "flash" for answer in answers for campaign in answer["campaigns"])

    await soon(is_used_up)


async def dropped_by_signal(laurel: Installation, one: Served, other: Served, folder: Path) -> None:
    """A program is applied and a key revoked by a command beside them, and each worker hears of it."""
    key = (await laurel.beside("apikey", "create", "till", "--scope", "members:read")).stdout.strip()
    another = folder / "program.yaml"
    another.write_text(PROGRAM.read_text(encoding="utf-8").replace("name: ", "name: Another ", 1), encoding="utf-8")
    for till in (one, other):
        assert await till.ask(VERSION, key) == {"program": {"version": 1}}
    assert (await laurel.beside("program", "apply", str(another))).code == 0
    assert (await laurel.beside("apikey", "revoke", key.split("_")[1])).code == 0
    for till in (one, other):

        async def is_refused(till: Served = till) -> bool:
            return (await till.post(VERSION, key)).status_code == httpx.codes.UNAUTHORIZED

        await soon(is_refused)
        assert await till.ask(VERSION, staff_token()) == {"program": {"version": 2}}


async def test_nothing_is_lost_where_a_worker_is_killed_and_nothing_is_left_where_the_parent_is(
    laurel: Installation,
) -> None:
    shopping = Shopping(KILLED_AFTER)
    laurel.set_variables(LAUREL_JWT_SECRET=SECRET, LAUREL_STORE_TIMEOUT_SECONDS="2", LAUREL_WORKERS="2")
    async with serving(laurel) as served, worker(served, 1) as one:
        members = await enrol_members(one)
        victim = workers_of(served)[2]
        async with asyncio.timeout(WAIT_SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(shopping.of(served, members))
            await shopping.enough.wait()
            os.kill(victim, signal.SIGKILL)
            assert await number_of(one.client) == 1
        acknowledged = shopping.acknowledged
        assert KILLED_AFTER < len(acknowledged) <= MEMBERS * PURCHASES_EACH
        async with worker(served, 2) as again:
            await assert_nothing_was_lost(laurel, again, members, acknowledged)

        left = workers_of(served).values()
        assert len(left) == 2
        served.command.process.kill()
        await served.command.ended()
        await laurel.until_servers_are_gone()
        async with asyncio.timeout(WAIT_SECONDS):
            while any(runs(pid) for pid in left):  # noqa: ASYNC110 - they are no children of ours
                await asyncio.sleep(POLL_SECONDS)


async def test_a_start_that_fails_is_told_once(laurel: Installation, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = await laurel.run("serve", "--workers", "2", PORT=str(port))
    assert taken == Ended(1, "", f"laurel: port {port} is taken; set PORT to another\n")
    missing = tmp_path / "missing.yaml"
    ended = await laurel.run(
        "serve", "--workers", "2", PORT=str(free_loopback_port()), LAUREL_PROGRAM=str(missing), LAUREL_LOG_LEVEL="ERROR"
    )
    why = f"LAUREL_PROGRAM: {missing} cannot be read: No such file or directory"
    assert ended == Ended(1, "", f"laurel: {why}\n")
