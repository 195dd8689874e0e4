"""Web Push: only the browser can read it, each answer becomes an outcome, and no service can make us reach inside."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from h2.errors import ErrorCodes

from app.networks import networks
from app.outbound import PublicNetwork
from app.push.providers import web_push
from app.push.providers.identities import subscription_keys
from app.push.providers.provider import (
    Accepted,
    Device,
    Gone,
    Later,
    Outcome,
    Refused,
    TooLarge,
    WebPushKeys,
)
from app.push.providers.vapid import VapidKey
from app.push.providers.web_push import WebPushProvider, encrypted, outcome_of
from app.push.providers.web_services import MAX_SERVICES, WebServices
from tests.app.push.providers.pushes import REGISTERED_AT, push
from tests.push_doubles.certificates import client_tls, server_tls
from tests.push_doubles.http2 import (
    HOST,
    Abort,
    Act,
    EndlessAnswer,
    Garbage,
    HalfAnswer,
    Leave,
    Reply,
    ResetStream,
    Silence,
)
from tests.push_doubles.phones import Arrival
from tests.push_doubles.web_push import SUBJECT, WebPushDouble, serving_web_push

RFC_8291_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
LOOPBACK = networks("127.0.0.0/8, ::1")


@pytest.fixture
async def service() -> AsyncIterator[WebPushDouble]:
    async with serving_web_push() as double:
        yield double


@pytest.fixture
async def provider(service: WebPushDouble) -> AsyncIterator[WebPushProvider]:
    services = WebServices(client_tls(), client_tls(), LOOPBACK)
    async with WebPushProvider(VapidKey(service.vapid_key, SUBJECT), services) as provider:
        yield provider


async def test_a_push_arrives_readable_for_the_browser_alone(service: WebPushDouble, provider: WebPushProvider) -> None:
    device = service.subscribe("firefox", REGISTERED_AT)
    assert await provider.send(push(), device) == Accepted("")
    data = {"kind": "tier_reached", "link": "https://shop.example/tier", "tag": "tier_reached"}
    assert service.phones.arrivals == [
        Arrival("firefox", "tier_reached", "m-1:7:0", "Gold!", "You have reached Gold.", data)
    ]
    (request,) = service.http.requests
    assert b"Gold" not in request.body
    assert 3590 <= int(request.headers["ttl"]) <= 3600


def test_the_example_of_rfc_8291_comes_out_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = derive_private_key(
        int.from_bytes(urlsafe_b64decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw="), "big"), SECP256R1()
    )
    monkeypatch.setattr(web_push, "generate_private_key", lambda _: ours)
    monkeypatch.setattr(
        "app.push.providers.web_push.os.urandom", lambda _: urlsafe_b64decode("DGv6ra1nlYgDCS1FRnbzlw==")
    )
    keys = subscription_keys(WebPushKeys(RFC_8291_POINT, "BTBZMqHH6r4Tts7J_aSIgg"))
    assert keys is not None
    assert urlsafe_b64encode(encrypted(b"When I grow up, I want to be a watermelon", *keys)) == (
        b"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr"
        b"u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_every_push_has_a_salt_and_a_key_of_its_own() -> None:
    keys = subscription_keys(WebPushKeys(RFC_8291_POINT, "BTBZMqHH6r4Tts7J_aSIgg"))
    assert keys is not None
    one, other = encrypted(b"the same", *keys), encrypted(b"the same", *keys)
    assert one[:16] != other[:16]
    assert one[21:86] != other[21:86]


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (Reply(200), Accepted("")),
        (Reply(202), Accepted("")),
        (Reply(404), Gone(None)),
        (Reply(410), Gone(None)),
        (Reply(413), TooLarge()),
        (Reply(429, {"retry-after": "120"}), Later(120.0, "status_429")),
        (Reply(429), Later(None, "status_429")),
        (Reply(503, {"retry-after": "999999999"}), Later(86_400.0, "status_503")),
        (Reply(500), Later(None, "status_500")),
        (Reply(400), Refused("status_400")),
        (Reply(401), Refused("status_401")),
        (Reply(403), Refused("status_403")),
        (Reply(301, {"location": "https://127.0.0.1/"}), Refused("status_301")),
        (EndlessAnswer(201), Later(None, "answer_too_long")),
        (Abort(), Later(None, "connection_lost")),
        (Garbage(), Later(None, "protocol_error")),
        (ResetStream(ErrorCodes.CANCEL), Later(None, "stream_reset")),
    ],
)
async def test_each_answer_becomes_an_outcome(
    service: WebPushDouble, provider: WebPushProvider, act: Act, outcome: Outcome
) -> None:
    device = service.subscribe("chrome", REGISTERED_AT)
    service.acts.append(act)
    assert await provider.send(push(), device) == outcome
    assert (service.phones.arrivals, len(service.http.requests)) == ([], 1)
    assert await provider.send(push(), device) == Accepted("")


async def test_goaway_before_a_push_was_looked_at_loses_nothing(
    service: WebPushDouble, provider: WebPushProvider
) -> None:
    device = service.subscribe("chrome", REGISTERED_AT)
    assert await provider.send(push(), device) == Accepted("")
    service.acts.append(Leave(last=1))
    assert await provider.send(push(), device) == Accepted("")
    assert service.phones.count == 2


@pytest.mark.parametrize("act", [Silence(), HalfAnswer(201)])
async def test_a_service_that_does_not_answer_is_later(
    service: WebPushDouble, provider: WebPushProvider, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = service.subscribe("chrome", REGISTERED_AT)
    await provider.send(push(), device)
    monkeypatch.setattr("app.push.providers.web_push.TIMEOUT_SECONDS", 0.05)
    service.acts.append(act)
    assert await provider.send(push(), device) == Later(None, "timeout")
    monkeypatch.undo()
    assert await provider.send(push(), device) == Accepted("")


async def test_many_pushes_share_a_connection_and_a_signature(
    service: WebPushDouble, provider: WebPushProvider
) -> None:
    devices = [service.subscribe(f"browser-{number}", REGISTERED_AT) for number in range(30)]
    outcomes = await asyncio.gather(*(provider.send(push(), device) for device in devices))
    assert outcomes == [Accepted("")] * 30
    assert len({request.headers["authorization"] for request in service.http.requests}) == 1
    assert len(service.http.connections) == 1


async def test_a_service_without_http2_is_sent_to_by_http1(service: WebPushDouble, provider: WebPushProvider) -> None:
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        requests.append(head + await reader.readexactly(int(length.split(b":")[1])))
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    device = service.subscribe("old", REGISTERED_AT)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_tls((HOST,), ("http/1.1",)))
    elsewhere = replace(device, token=f"https://localhost:{server.sockets[0].getsockname()[1]}/push/old?x=y")
    assert [await provider.send(push(), elsewhere) for _ in range(3)] == [Accepted("")] * 3
    server.close()
    assert [request.split(b"\r\n")[0] for request in requests] == [b"POST /push/old?x=y HTTP/1.1"] * 3
    assert b"\r\nttl: 36" in requests[0].lower()


async def test_one_service_that_does_not_answer_holds_up_no_other(
    service: WebPushDouble, provider: WebPushProvider
) -> None:
    async with serving_web_push() as tarpit:
        stuck_device = tarpit.subscribe("tarpit", REGISTERED_AT)
        tarpit.acts.extend([Silence()] * 300)
        stuck = [asyncio.create_task(provider.send(push(), stuck_device)) for _ in range(300)]
        while len(tarpit.http.requests) < 128:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        assert await provider.send(push(), service.subscribe("chrome", REGISTERED_AT)) == Accepted("")
        for task in stuck:
            task.cancel()
        assert await asyncio.gather(*stuck, return_exceptions=True)


async def test_services_give_way_to_new_ones(service: WebPushDouble) -> None:
    async def found(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    services = WebServices(client_tls(), client_tls(), network=PublicNetwork(LOOPBACK, resolve=found))
    device = service.subscribe("chrome", REGISTERED_AT)
    async with WebPushProvider(VapidKey(service.vapid_key, SUBJECT), services) as provider:
        for number in range(MAX_SERVICES + 3):
            other = replace(device, token=f"https://service-{number}.example:{service.http.port}/push/chrome")
            assert await provider.send(push(), other) == Later(None, "connect_failed")  # another's certificate
        assert len(services._clients) == MAX_SERVICES


@pytest.mark.parametrize(
    ("endpoint", "outcome"),
    [
        ("https://localhost:{port}/push/chrome", Refused("endpoint_not_public")),
        ("https://127.0.0.1:{port}/push/chrome", Refused("bad_subscription")),
        ("https://[::1]:{port}/push/chrome", Refused("bad_subscription")),
        ("http://localhost:{port}/push/chrome", Refused("bad_subscription")),
        ("https://0x7f000001:{port}/push/chrome", None),
        ("file:///etc/passwd", Refused("bad_subscription")),
        ("not a url", Refused("bad_subscription")),
        ("https://user:pass@localhost:{port}/", Refused("bad_subscription")),
        ("https://" + "a" * 70 + ".example/", Later(None, "connect_failed")),
    ],
)
async def test_an_endpoint_inside_is_never_reached(
    service: WebPushDouble, endpoint: str, outcome: Outcome | None
) -> None:
    device = service.subscribe("chrome", REGISTERED_AT)
    services = WebServices(client_tls(), client_tls())
    async with WebPushProvider(VapidKey(service.vapid_key, SUBJECT), services) as provider:
        found = await provider.send(push(), replace(device, token=endpoint.format(port=service.http.port)))
    assert isinstance(found, Refused | Later)
    assert outcome in {None, found}
    assert service.http.connections == []


async def test_a_name_that_is_public_once_and_inside_then_is_not_reached(service: WebPushDouble) -> None:
    async def rebound(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    device = replace(service.subscribe("chrome", REGISTERED_AT), token="https://rebind.example/push/chrome")
    services = WebServices(client_tls(), client_tls(), network=PublicNetwork(resolve=rebound))
    async with WebPushProvider(VapidKey(service.vapid_key, SUBJECT), services) as provider:
        assert await provider.send(push(), device) == Refused("endpoint_not_public")
    assert service.http.connections == []


@pytest.mark.parametrize(
    "keys",
    [
        None,
        WebPushKeys("", ""),
        WebPushKeys("BA" * 40, "BTBZMqHH6r4Tts7J_aSIgg"),
        WebPushKeys(RFC_8291_POINT, "c2hvcnQ"),
        WebPushKeys("ü", "ü"),
    ],
)
async def test_keys_that_are_none_go_nowhere(
    service: WebPushDouble, provider: WebPushProvider, keys: WebPushKeys | None
) -> None:
    device = Device("web", f"{service.http.url}/push/chrome", REGISTERED_AT, keys)
    assert await provider.send(push(), device) == Refused("bad_subscription")
    assert service.http.requests == []


async def test_a_long_body_is_shortened_and_what_fits_in_no_way_is_refused(
    service: WebPushDouble, provider: WebPushProvider
) -> None:
    device = service.subscribe("safari", REGISTERED_AT)
    assert await provider.send(push(body="x" * 9000), device) == Accepted("")
    assert service.phones.arrivals[0].body.endswith("x…")
    assert len(service.http.requests[0].body) == 4096
    assert await provider.send(push(title="x" * 5000), device) == TooLarge()


def test_a_date_to_retry_after_counts_by_the_services_own_clock() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    headers = {
        "date": format_datetime(now, usegmt=True),
        "retry-after": format_datetime(now + timedelta(minutes=2), usegmt=True),
    }
    assert outcome_of(429, headers) == Later(120.0, "status_429")
    assert outcome_of(429, headers | {"retry-after": format_datetime(now - timedelta(1))}) == Later(0.0, "status_429")
    assert outcome_of(429, headers | {"retry-after": "soon"}) == Later(None, "status_429")
