"""Requests to addresses that clients name: nothing that is not public is ever connected to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from app.networks import networks
from app.outbound import NotPublic, PublicNetwork, public_pool
from app.public_addresses import is_public, url_problem
from tests.push_doubles.certificates import client_tls, server_tls

LOOPBACK = networks("127.0.0.0/8")
PUBLIC = "93.184.215.14"
TIMEOUT = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


class Wire(httpcore.AsyncNetworkBackend):
    """Notes what is connected to and connects to nothing."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        if host == "203.0.113.1":
            raise httpcore.ConnectError
        return httpcore.AsyncMockStream([])


class Names:
    """A name server whose answers come in turn, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff0e::1", "2001:db8::1", "3fff::1",
        "2001:0:1::", "5f00::1", "64:ff9b:1::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2002:a00:1::1",
    ],
)  # fmt: skip
async def test_an_address_that_is_not_public_is_never_connected_to(address: str) -> None:
    wire = Wire()
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        with pytest.raises(NotPublic) as refusal:
            await PublicNetwork(resolve=Names(answer), network=wire).connect_tcp("shop.example", 443)
        assert str(refusal.value) == "the host is not on the public internet"
    assert (is_public(ip_address(address)), wire.connected) == (False, [])


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
async def test_a_public_address_is_connected_to_as_it_was_checked(address: str) -> None:
    wire, names = Wire(), Names([address])
    await PublicNetwork(resolve=names, network=wire).connect_tcp("shop.example", 443)
    assert (wire.connected, names.asked) == ([address], 1)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "::1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "0"]
)
async def test_no_spelling_of_this_machine_gets_through_the_real_resolver(host: str) -> None:
    wire = Wire()
    with pytest.raises(httpcore.ConnectError):
        await PublicNetwork(network=wire).connect_tcp(host, 443)
    assert wire.connected == []


async def test_a_name_that_changes_its_address_is_checked_each_time_and_connected_to_as_checked() -> None:
    wire, names = Wire(), Names([PUBLIC], ["127.0.0.1"])
    network = PublicNetwork(resolve=names, network=wire)
    await network.connect_tcp("rebind.example", 443)
    with pytest.raises(NotPublic):
        await network.connect_tcp("rebind.example", 443)
    assert (wire.connected, names.asked) == ([PUBLIC], 2)


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    wire = Wire()
    network = PublicNetwork(networks("203.0.113.0/24"), resolve=Names(["203.0.113.1", PUBLIC]), network=wire)
    await network.connect_tcp("shop.example", 443)
    assert wire.connected == ["203.0.113.1", PUBLIC]


@pytest.mark.parametrize("answer", [[], [f"8.8.8.{last}" for last in range(17)]])
async def test_a_name_without_an_address_or_with_too_many_is_refused(answer: list[str]) -> None:
    wire = Wire()
    with pytest.raises(httpcore.ConnectError):
        await PublicNetwork(resolve=Names(answer), network=wire).connect_tcp("shop.example", 443)
    assert wire.connected == []


async def test_a_name_server_that_never_answers_ends_in_time() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(httpcore.ConnectTimeout):
        await PublicNetwork(resolve=never).connect_tcp("slow.example", 443, timeout=0.01)


async def test_a_socket_of_this_machine_is_refused() -> None:
    with pytest.raises(NotPublic):
        await PublicNetwork().connect_unix_socket("/run/some.sock")


@asynccontextmanager
async def answering(status: str, headers: Iterable[str] = ()) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A TLS server for shop.example on loopback: its port, and the requests it got."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write("\r\n".join([f"HTTP/1.1 {status}", *headers, "content-length: 0", "", ""]).encode())
        await writer.drain()
        writer.close()

    tls = server_tls(("shop.example",), ("http/1.1",))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls, family=socket.AF_INET)
    try:
        yield server.sockets[0].getsockname()[1], requests
    finally:
        server.close()


async def test_tls_asks_for_the_name_and_a_redirect_is_not_followed() -> None:
    network = PublicNetwork(LOOPBACK, resolve=Names(["127.0.0.1"]))
    async with (
        answering("302 Found", ["location: https://127.0.0.1/secret"]) as (port, requests),
        public_pool(max_connections=1, ssl_context=client_tls(), network=network) as pool,
    ):
        url = f"https://shop.example:{port}/hook"
        answer = await pool.request("POST", url, content=b"{}", extensions={"timeout": TIMEOUT})
        with pytest.raises(httpcore.ConnectError):  # the same server, by a name that its certificate does not have
            await pool.request("POST", f"https://other.example:{port}/", extensions={"timeout": TIMEOUT})
    assert (answer.status, len(requests)) == (302, 1)
    assert requests[0].startswith(b"POST /hook HTTP/1.1\r\nHost: shop.example:")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://shop.example/hook?a=b", None),
        ("https://shop.example:8443/", None),
        ("https://8.8.8.8/", None),
        ("http://127.0.0.1:8000/hook", None),
        ("https://127.0.0.1:8000/hook", None),
        ("http://shop.example/", "must begin with https://"),
        ("http://8.8.8.8/", "must begin with https://"),
        ("ftp://shop.example/", "must begin with https://"),
        ("https:///path", "must name a host"),
        ("https://shop.example:0/", "must name a host"),
        ("shop.example/hook", "must name a host"),
        ("https://shop.example:99999/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://user@shop.example/", "must have no user, password or fragment"),
        ("https://user:secret@shop.example/", "must have no user, password or fragment"),
        ("https://shop.example/#part", "must have no user, password or fragment"),
        ("https://[::1]/", "must be on the public internet"),
        ("https://10.0.0.1/", "must be on the public internet"),
        ("https://169.254.169.254/latest", "must be on the public internet"),
        ("https://shop.example/a b", "must be plain ASCII without spaces"),
        ("https://shop.example/\n", "must be plain ASCII without spaces"),
        ("https://bücher.example/", "must be plain ASCII without spaces"),
        ("https://shop.example/" + "x" * 2048, "must have at most 2048 characters"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, problem: str | None) -> None:
    assert url_problem(url, LOOPBACK) == problem
