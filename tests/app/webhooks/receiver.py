"""A system that gets webhooks: a server over the loopback that answers as it is told and keeps what it got."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_HEAD_BYTES = 16_384


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.body)
        return content

    @property
    def subject(self) -> str:
        subject: str = self.json["data"]["subject"]
        return subject


Answer = tuple[int, Sequence[str]] | None
"""A status and headers; None hangs up."""


def take(_received: Received) -> Answer:
    return 204, ()


@dataclass
class Receiver:
    """``gate`` is what every answer waits for, and ``pause_seconds`` how long it takes after that."""

    answer: Callable[[Received], Answer] = take
    received: list[Received] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    pause_seconds: float = 0.0
    port: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?token=canary-in-the-address"

    @property
    def subjects(self) -> list[str]:
        return [each.subject for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        received = Received(first.split(" ")[1], headers, body)
        self.received.append(received)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
            await asyncio.sleep(self.pause_seconds)
            answer = self.answer(received)
        finally:
            self.at_once -= 1
        if answer is None:
            return False
        status, extra = answer
        writer.write("\r\n".join((f"HTTP/1.1 {status} x", "content-length: 0", *extra, "", "")).encode())
        await writer.drain()
        return True


@asynccontextmanager
async def receiving(answer: Callable[[Received], Answer] = take) -> AsyncIterator[Receiver]:
    """A receiver that listens within the block and answers at once."""
    receiver = Receiver(answer)
    receiver.gate.set()
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
