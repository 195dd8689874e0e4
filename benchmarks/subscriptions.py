"""`python -m benchmarks.subscriptions [SUBSCRIBERS]`: how soon phones hear that a campaign starts.

Starts Laurel in one process and in two, over embedded servers in a folder of its own, opens subscriptions over
WebSockets from a process of its own, and starts campaigns through the API. Measured is the time from sending the
mutation until the first, the middle and the last subscriber has the event; clients and servers share the machine.
"""

import asyncio
import base64
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from app.auth import Role, mint_token
from app.embedded import embedded_servers
from app.http.subscriptions.messages import SUBPROTOCOL
from benchmarks.processes import Serving, laurel, serving

SUBSCRIBERS = 5_000
ROUNDS = 5
PROCESSES = (1, 2)
WAIT_SECONDS = 60.0
OPENING = 200
"""How many connections are being opened at a time."""
SPARE_FILES = 500
SECRET = "a secret that only this benchmark knows, of 32 bytes or more"
NARROW = "subscription { campaignEvents { cursor kind campaign { code headline multiplier endsAt } } }"
WIDE = """subscription { campaignEvents { cursor kind at campaign {
  id code name headline description phase multiplier bonus pointsPerItem itemCategories startsAt endsAt opensAt closesAt
  budget { current target remaining ratio percent label } placesLeft runningLow endedBy } } }"""
CREATE = """mutation ($input: CreateCampaignInput!) {
  createCampaign(input: $input) { __typename ... on Error { message } }
}"""
BOARD = """subscription { leaderboardChanges(board: "all-time") {
  state total nodes { rank score name member { handle avatarUrl } } } }"""
ENROL = """mutation ($key: String!) { enrolMember(input: {key: $key, displayName: "Ann"}) {
  __typename ... on EnrolMemberSuccess { member { id } } } }"""
RECORD = """mutation ($key: String!, $member: ID!, $amount: Decimal!) {
  recordActivity(input: {key: $key, memberId: $member, amount: $amount}) { __typename } }"""
TOKEN_SECONDS = 600

CONSOLE = Console(stderr=True)


@dataclass(slots=True)
class Ears:
    """What all phones listen for, and when each of them heard it."""

    wanted: bytes = b""
    heard: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Phone(asyncio.Protocol):
    """A WebSocket client that only notes when a text comes: as light as can be, for thousands share a process."""

    query: str
    opened: "asyncio.Future[None]"
    ears: Ears
    _transport: asyncio.Transport | None = None
    _upgraded: bool = False
    _buffer: bytearray = field(default_factory=bytearray)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ("GET /graphql HTTP/1.1", "Host: laurel", "Upgrade: websocket", "Connection: Upgrade")
        more = (f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Protocol: {SUBPROTOCOL}")
        self._transport.write("\r\n".join((*lines, *more, "", "")).encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, separator, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not separator:
                return
            assert b" 101 " in head, head
            self._upgraded, self._buffer = True, bytearray(rest)
            self._say({"type": "connection_init"})
            self._say({"type": "subscribe", "id": "1", "payload": {"query": self.query}})
        while (message := self._message()) is not None:
            self._take(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed by the server"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, message: tuple[int, bytes]) -> None:
        kind, text = message
        if kind == 9:  # a ping
            self._frame(0x8A, text)
        elif self.opened.done():
            if self.ears.wanted in text:
                self.ears.heard.append(time.perf_counter())
        elif b'"data"' in text:
            self.opened.set_result(None)
        elif b'"connection_ack"' not in text:
            self.opened.set_exception(RuntimeError(text.decode(errors="replace")))

    def _message(self) -> tuple[int, bytes] | None:
        """The next frame of the server, which masks nothing and splits nothing."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, begin = buffer[1], 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, begin = int.from_bytes(buffer[2:4]), 4
        if len(buffer) < begin + size:
            return None
        kind, text = buffer[0] & 0x0F, bytes(buffer[begin : begin + size])
        del buffer[: begin + size]
        return kind, text

    def _say(self, message: object) -> None:
        self._frame(0x81, json.dumps(message).encode())

    def _frame(self, first: int, text: bytes) -> None:
        assert self._transport is not None
        length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2)
        self._transport.write(bytes([first]) + length + bytes(4) + text)  # masked with zeros


async def opened(ports: Sequence[int], query: str, count: int) -> tuple[list[Phone], Ears]:
    """So many subscriptions, spread over the processes, each after its first event."""
    loop = asyncio.get_running_loop()
    ears = Ears()
    room = asyncio.Semaphore(OPENING)

    async def one(number: int) -> Phone:
        async with room:
            phone = Phone(query, loop.create_future(), ears)
            await loop.create_connection(lambda: phone, "127.0.0.1", ports[number % len(ports)])
            await asyncio.wait_for(phone.opened, WAIT_SECONDS)
            return phone

    return list(await asyncio.gather(*(one(number) for number in range(count)))), ears


@dataclass(slots=True)
class Fleet:
    """The processes that serve."""

    servers: list[Serving]

    @property
    def ports(self) -> list[int]:
        """Where each of them serves."""
        return [server.port for server in self.servers]

    def megabytes(self) -> float:
        """Resident memory of all of them."""
        return sum(sum(server.megabytes()) for server in self.servers)


@asynccontextmanager
async def fleet(mongo_url: str, redis_url: str, count: int, database: str) -> AsyncIterator[Fleet]:
    """So many processes of `laurel serve`, which answer."""
    stores = {"LAUREL_MONGO_URL": mongo_url, "LAUREL_REDIS_URL": redis_url, "LAUREL_JWT_SECRET": SECRET}
    own = {"LAUREL_DATABASE": database, "LAUREL_REDIS_PREFIX": database}
    async with AsyncExitStack() as stack:
        started = [serving(laurel(), {**stores, **own}, "/health") for _ in range(count)]
        yield Fleet([await stack.enter_async_context(each) for each in started])


async def ask(port: int, query: str, variables: object) -> tuple[float, Any]:
    """What a mutation's only field holds, and when it was sent."""
    token = mint_token(SECRET, Role.STAFF, "bench", TOKEN_SECONDS, issuer="laurel", audience="laurel")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_SECONDS) as client:
        await client.get("/health")
        headers = {"Authorization": f"Bearer {token}"}
        begun = time.perf_counter()
        answer = (await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)).json()
    (result,) = answer["data"].values()
    assert result["__typename"].endswith("Success"), answer
    return begun, result


async def start_campaign(port: int, number: int, ears: Ears) -> float:
    """Start one by the mutation; returns when it was sent."""
    code = f"flash-{number}"
    ears.wanted = f'"code":"{code}"'.encode()
    terms = {
        "code": code,
        "name": [{"language": "en", "text": code}, {"language": "da", "text": code}],
        "headline": [{"language": "en", "text": "Double points"}, {"language": "da", "text": "Dobbelt point"}],
        "startsAt": "2026-01-01T00:00:00Z",
        "effect": {"multiplier": 2},
        "budget": {"points": 100_000},
    }
    begun, _ = await ask(port, CREATE, {"input": {"terms": terms, "start": True}})
    return begun


async def move_board(port: int, number: int, ears: Ears) -> float:
    """Let a new member lead the board; returns when the purchase was sent."""
    points = 1_000 + number
    ears.wanted = f'"score":{points}.0'.encode()
    _, enrolled = await ask(port, ENROL, {"key": f"m-{number}"})
    member = enrolled["member"]["id"]
    begun, _ = await ask(port, RECORD, {"key": "p-1", "member": member, "amount": str(points)})
    return begun


async def rounds(
    fleet_of: Fleet, query: str, count: int, name: str, act: Callable[[int, int, Ears], Awaitable[float]]
) -> list[tuple[float, float, float]]:
    """Milliseconds until the first, the middle and the last heard, of each round."""
    phones, ears = await opened(fleet_of.ports, query, count)
    heard = ears.heard
    figures: list[tuple[float, float, float]] = []
    try:
        for number in range(ROUNDS):
            heard.clear()
            begun = await act(fleet_of.ports[0], number, ears)
            async with asyncio.timeout(WAIT_SECONDS):
                while len(heard) < count:  # noqa: ASYNC110 - other processes set no events
                    await asyncio.sleep(0.01)
            times = sorted((at - begun) * 1000 for at in heard)
            figures.append((times[0], statistics.median(times), times[-1]))
            CONSOLE.print(f"{name}: " + ", ".join(f"{each:.0f} ms" for each in figures[-1]))
    finally:
        CONSOLE.print(f"{name}: {fleet_of.megabytes():.0f} MB")
        for phone in phones:
            phone.close()
    return figures


KINDS = (
    ("narrow", NARROW, start_campaign, 1),
    ("wide", WIDE, start_campaign, 1),
    ("board", BOARD, move_board, 5),
)
"""What is measured: a name, what is subscribed to, what sets it off, and which part of the subscribers there are."""


def allow_files(count: int) -> None:
    """Raise the limit on open files as far as may be, and say where that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + SPARE_FILES
    if soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise SystemExit(f"{count} connections need {needed} open files; `ulimit -Hn` allows {hard}.")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def main(count: int) -> None:
    """Measure and print."""
    times, sizes = ("First ms", "Middle ms", "Last ms", "Worst last ms"), ("MB before", "MB with all")
    table = Table("Processes", "What", "Subscribers", *times, *sizes, title=f"{ROUNDS} rounds, medians")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = await stack.enter_async_context(embedded_servers(folder))
        for processes in PROCESSES:
            for selection, query, act, share in KINDS:
                name, subscribers = f"{selection}_{processes}", count // share
                database = f"bench_{name}"
                async with fleet(servers.mongo_url, servers.redis_url, processes, database) as serving:
                    before = serving.megabytes()
                    figures = await rounds(serving, query, subscribers, name, act)
                    with_all = serving.megabytes()
                first, middle, last = (statistics.median(each) for each in zip(*figures, strict=True))
                worst = max(each[-1] for each in figures)
                shown = (first, middle, last, worst, before, with_all)
                table.add_row(str(processes), selection, f"{subscribers:,}", *(f"{each:,.0f}" for each in shown))
    Console().print(table)


if __name__ == "__main__":
    subscribers = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIBERS
    allow_files(subscribers)
    uvloop.run(main(subscribers))
