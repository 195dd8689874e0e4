"""HTTP/2 to a host that misbehaves in every way a host can."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from h2.errors import ErrorCodes

from app.push.http2 import connection as connections
from app.push.http2.answers import Answer, NoAnswer, NotTaken, Unreachable
from app.push.http2.client import Host, Http2Client
from tests.push_doubles.certificates import client_tls, server_tls
from tests.push_doubles.http2 import (
    HOST,
    Abort,
    Act,
    EndlessAnswer,
    Garbage,
    HalfAnswer,
    Http2Double,
    Leave,
    Reply,
    Request,
    ResetStream,
    Silence,
    serving,
)

OK = Reply(200, {"x-id": "7"}, b"{}")

Start = Callable[..., Any]


class Talk:
    """A double, and a client of it."""

    def __init__(self, double: Http2Double, client: Http2Client) -> None:
        self.double = double
        self.client = client

    async def post(self, body: bytes = b"hello", path: str = "/") -> Answer | NoAnswer:
        """The answer, or why there is none."""
        try:
            async with asyncio.timeout(10):
                return await self.client.post(path.encode(), [(b"x-a", b"b")], body)
        except NoAnswer as failure:
            return failure

    async def posts(self, count: int) -> list[Answer | NoAnswer]:
        """So many at once; each has its number as path."""
        return await asyncio.gather(*(self.post(path=f"/{number}") for number in range(count)))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for the double to have come so far."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - a few turns of the loop
                await asyncio.sleep(0)


@pytest.fixture
async def talk() -> AsyncIterator[Start]:
    """Starts a double that answers by a function, or does one thing after the other, and the last for ever."""
    async with AsyncExitStack() as stack:

        async def start(*acts: Act, max_connections: int = 4, **settings: Any) -> Talk:
            answer = settings.pop("answer", None) or in_turn(acts)
            double = await stack.enter_async_context(serving(Http2Double(answer, **settings)))
            client = Http2Client(Host(HOST, double.port), client_tls(), max_connections=max_connections)
            stack.push_async_callback(client.aclose)
            return Talk(double, client)

        yield start


def in_turn(acts: Iterable[Act]) -> Callable[[Request], Act]:
    remaining: Iterator[Act] = iter(acts)
    last: list[Act] = []

    def answer(_: Request) -> Act:
        act = next(remaining, None)
        last[:] = [act or last[0]]
        return last[0]

    return answer


async def test_an_answer_comes_whole(talk: Start) -> None:
    it = await talk(OK)
    assert await it.post() == Answer(200, {"x-id": "7"}, b"{}")
    (request,) = it.double.requests
    assert (request.method, request.path, request.headers["x-a"], request.body) == ("POST", "/", "b", b"hello")
    assert request.headers[":authority"] == f"localhost:{it.double.port}"


async def test_a_body_beyond_the_windows_goes_in_parts_as_they_open(talk: Start) -> None:
    it = await talk(OK)
    bodies = [bytes([number]) * 300_000 for number in range(3)]
    assert await asyncio.gather(*map(it.post, bodies)) == [Answer(200, {"x-id": "7"}, b"{}")] * 3
    assert [request.body for request in it.double.requests] == bodies


async def test_no_more_requests_at_once_than_the_host_takes(talk: Start) -> None:
    it = await talk(OK, max_streams=7, max_connections=2)
    answers = await it.posts(100)
    assert {type(answer) for answer in answers} == {Answer}
    assert it.double.most_at_once <= 7
    assert len(it.double.connections) <= 2
    assert sorted(int(request.path[1:]) for request in it.double.requests) == list(range(100))


async def test_a_host_that_takes_one_request_first_is_given_more_when_it_takes_more(talk: Start) -> None:
    go = asyncio.Event()
    it = await talk(Reply(200, until=go), max_streams=1, max_connections=1)
    sending = asyncio.create_task(it.posts(5))
    await it.until(lambda: len(it.double.requests) == 1)
    it.double.allow_streams(5)
    await it.until(lambda: len(it.double.requests) == 5)
    go.set()
    assert {answer.status for answer in await sending} == {200}
    assert len(it.double.connections) == 1


async def test_what_came_before_goaway_is_answered_and_what_came_after_goes_over_a_new_connection(talk: Start) -> None:
    go = asyncio.Event()

    def answer(request: Request) -> Act:
        if request.connection == 1:
            return (
                Leave(last=request.stream, reply=Reply(201, until=go)) if request.path == "/4" else Reply(200, until=go)
            )
        go.set()
        return Reply(202)

    it = await talk(answer=answer, max_connections=1)
    answers = await it.posts(10)
    assert [answer.status for answer in answers] == [200] * 4 + [201] + [202] * 5
    assert [request.path for request in it.double.requests] == [f"/{number}" for number in range(10)]
    await it.until(lambda: it.double.open_connections == 1)


async def test_a_goaway_that_looked_at_nothing_loses_nothing(talk: Start) -> None:
    it = await talk(Leave(last=0), OK)
    assert await it.post() == Answer(200, {"x-id": "7"}, b"{}")
    assert [request.connection for request in it.double.requests] == [1, 2]


async def test_a_connection_that_goes_away_while_idle_is_replaced(talk: Start) -> None:
    it = await talk(Leave(), OK)
    assert [answer.status for answer in [await it.post(), await it.post()]] == [200, 200]
    assert [request.connection for request in it.double.requests] == [1, 2]


async def test_a_refused_stream_is_sent_again_but_not_for_ever(talk: Start) -> None:
    it = await talk(ResetStream(), ResetStream(), OK)
    assert await it.post() == Answer(200, {"x-id": "7"}, b"{}")
    stubborn = await talk(ResetStream())
    failure = await stubborn.post()
    assert (type(failure), failure.reason, len(stubborn.double.requests)) == (NotTaken, "refused_stream", 3)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (ResetStream(ErrorCodes.INTERNAL_ERROR), "stream_reset"),
        (Abort(), "connection_lost"),
        (Garbage(), "protocol_error"),
        (EndlessAnswer(), "answer_too_long"),
    ],
)
async def test_a_request_that_may_have_been_taken_is_not_sent_again(talk: Start, act: Act, reason: str) -> None:
    it = await talk(act, OK)
    failure = await it.post()
    assert (type(failure), failure.reason, len(it.double.requests)) == (NoAnswer, reason, 1)
    assert await it.post() == Answer(200, {"x-id": "7"}, b"{}")


async def test_a_reset_connection_fails_all_its_requests_at_once(talk: Start) -> None:
    it = await talk(Silence())
    sending = asyncio.create_task(it.posts(20))
    await it.until(lambda: len(it.double.requests) == 20)
    it.double.abort_all()
    assert {(type(failure), failure.reason) for failure in await sending} == {(NoAnswer, "connection_lost")}


@pytest.mark.parametrize("act", [Silence(), HalfAnswer()])
async def test_a_request_given_up_makes_room_for_the_next(talk: Start, act: Act) -> None:
    it = await talk(act, act, OK, max_streams=2, max_connections=1)
    slow = [asyncio.create_task(it.post()) for _ in range(2)]
    await it.until(lambda: len(it.double.requests) == 2)
    waiting = asyncio.create_task(it.post())
    cancelled = asyncio.create_task(it.post())
    await asyncio.sleep(0)
    cancelled.cancel()
    slow[0].cancel()
    assert await waiting == Answer(200, {"x-id": "7"}, b"{}")
    assert (len(it.double.requests), len(it.double.connections)) == (3, 1)
    slow[1].cancel()


async def test_one_who_gives_up_when_its_turn_has_come_passes_the_turn_on(talk: Start) -> None:
    go = asyncio.Event()
    it = await talk(Reply(200, until=go), OK, max_streams=1, max_connections=1)
    tasks: list[asyncio.Task[Any]] = []

    async def first() -> None:
        await it.post()
        tasks[0].cancel()  # the next one has just been told that there is room, and does not know it yet

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await it.until(lambda: len(it.double.requests) == 1)
        tasks += [group.create_task(it.post()) for _ in range(2)]
        await asyncio.sleep(0)
        go.set()
    assert tasks[0].cancelled()
    assert tasks[1].result().status == 200
    assert len(it.double.requests) == 2


async def test_a_dead_network_is_noticed_by_a_sign_of_life_that_does_not_come(
    talk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(connections, "PROBE_SECONDS", 0.05)
    it = await talk(OK)
    assert [answer.status for answer in [await it.post(), await it.post()]] == [200, 200]
    it.double.is_deaf = True
    failure = await it.post()
    assert failure.reason == "silent"
    it.double.is_deaf = False
    assert (await it.post()).status == 200
    assert len(it.double.connections) == 2


async def test_a_host_that_is_down_is_said_to_be_and_used_when_it_is_back(talk: Start) -> None:
    it = await talk(OK)
    nobody = Http2Client(Host(HOST, 1), client_tls())
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"^connect_failed$"):
            await nobody.post(b"/", [], b"")
    await nobody.aclose()
    assert (await it.post()).status == 200


async def test_a_host_that_hangs_up_at_once_is_not_called_again_and_again(talk: Start) -> None:
    it = await talk(Abort())
    for _ in range(10):
        assert (await it.post()).reason == "connection_lost"
    assert len(it.double.connections) == 10


async def test_a_certificate_of_somebody_else_is_not_trusted(talk: Start) -> None:
    it = await talk(OK)
    client = Http2Client(Host("127.0.0.2", it.double.port), client_tls())
    with pytest.raises(Unreachable, match=r"^connect_failed$"):
        await client.post(b"/", [], b"")
    await client.aclose()
    assert it.double.requests == []


async def test_a_host_that_speaks_no_http2_is_said_to() -> None:
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server_tls((HOST,), ("http/1.1",))
    )
    client = Http2Client(Host("127.0.0.1", server.sockets[0].getsockname()[1]), client_tls())
    with pytest.raises(Unreachable, match=r"^(no_http2|connect_failed)$"):
        await client.post(b"/", [], b"")
    await client.aclose()
    server.close()


async def test_closing_ends_those_who_wait_and_those_under_way(talk: Start) -> None:
    it = await talk(Silence(), max_streams=1, max_connections=1)
    sending = asyncio.create_task(it.posts(3))
    await it.until(lambda: len(it.double.requests) == 1)
    await it.client.aclose()
    assert {failure.reason for failure in await sending} == {"closed"}
    assert (await it.post()).reason == "closed"
    await it.until(lambda: it.double.open_connections == 0)
