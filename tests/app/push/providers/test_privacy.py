"""No token, address, key or text of a push is in any log, outcome or exception, whatever goes wrong."""

import asyncio
import io
import logging
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.commands.running import start_log
from app.networks import networks
from app.push.http2.client import Host
from app.push.providers.apns import ApnsProvider
from app.push.providers.apns_key import ApnsKey, ApnsTokens
from app.push.providers.fcm import FcmProvider
from app.push.providers.logged import LogProvider
from app.push.providers.provider import Device, Outcome, Provider
from app.push.providers.vapid import VapidKey
from app.push.providers.web_push import WebPushProvider
from app.push.providers.web_services import WebServices
from app.settings import Settings
from tests.app.push.providers.pushes import REGISTERED_AT, apns_device, fcm_device, push
from tests.push_doubles.apns import KEY_ID, TEAM_ID, TOPIC, ApnsDouble, apns_error, apns_key, serving_apns
from tests.push_doubles.certificates import client_tls
from tests.push_doubles.fcm import FcmDouble, fcm_error, serving_fcm
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
from tests.push_doubles.web_push import SUBJECT, WebPushDouble, serving_web_push

CANARY = "cafe0000cafe"
"""Hexadecimal, so that it can stand in a token of APNs."""
SECRET = push(
    title=f"title {CANARY}",
    body=f"body {CANARY}",
    link=f"https://shop.example/{CANARY}",
    data={"key": CANARY},
    collapse_id="tier_reached",
)
LOOPBACK = networks("127.0.0.0/8")
ACTS: list[Act] = [
    Reply(400, {"location": f"https://shop.example/{CANARY}"}, f'{{"reason":"{CANARY}","error":"{CANARY}"}}'.encode()),
    Reply(500, {"retry-after": CANARY}, CANARY.encode()),
    fcm_error(400, CANARY, CANARY, CANARY),
    fcm_error(404, "UNREGISTERED", CANARY),
    apns_error(410, "Unregistered", 1),
    Abort(),
    Garbage(),
    EndlessAnswer(),
    HalfAnswer(),
    ResetStream(),
    Silence(),
    Leave(last=0, debug=CANARY.encode()),
]
Double = FcmDouble | ApnsDouble | WebPushDouble


@pytest.fixture
async def log() -> AsyncIterator[io.StringIO]:
    """All that is logged, at the most talkative that an operator can set."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    start_log(Settings(log_level="DEBUG"))
    root.addHandler(logging.StreamHandler(written))
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        yield written
    finally:
        loop.set_debug(False)
        root.handlers[:] = handlers
        root.setLevel(level)


async def test_nothing_of_it_is_told(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fcm.SEND_TIMEOUT_SECONDS", "apns.SEND_TIMEOUT_SECONDS", "web_push.TIMEOUT_SECONDS"):
        monkeypatch.setattr(f"app.push.providers.{name}", 0.1)
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        for double, provider, device in await _all(stack):
            for act in ACTS:
                double.acts.append(act)
                outcomes.append(await provider.send(SECRET, device))
                double.acts.clear()
            outcomes.append(await provider.send(SECRET, device))
            outcomes.append(await provider.send(replace(SECRET, title=CANARY * 500), device))
        outcomes.append(await LogProvider("fcm").send(SECRET, fcm_device(CANARY)))
    assert len(outcomes) == 3 * (len(ACTS) + 2) + 1
    told = log.getvalue() + "".join(map(repr, [*outcomes, SECRET, fcm_device(CANARY)]))
    assert "is logged, not sent" in told
    assert CANARY not in told
    assert urlsafe_b64encode(CANARY.encode()).decode() not in told


async def _all(stack: AsyncExitStack) -> list[tuple[Double, Provider, Device]]:
    fcm = await stack.enter_async_context(serving_fcm())
    apns = await stack.enter_async_context(serving_apns())
    web = await stack.enter_async_context(serving_web_push())
    services = WebServices(client_tls(), client_tls(), LOOPBACK)
    tokens = ApnsTokens(ApnsKey(KEY_ID, TEAM_ID, apns_key()))
    providers: list[tuple[Double, Provider, Device]] = [
        (fcm, FcmProvider(fcm.account(), client_tls(), host=Host(HOST, fcm.http.port)), fcm_device(CANARY * 3)),
        (
            apns,
            ApnsProvider(tokens, TOPIC, client_tls(), host=Host(HOST, apns.http.port)),
            apns_device(CANARY + "0" * 52),
        ),
        (
            web,
            WebPushProvider(VapidKey(web.vapid_key, SUBJECT), services),
            web.subscribe(CANARY, REGISTERED_AT),
        ),
    ]
    for _, provider, _ in providers:
        await stack.enter_async_context(provider)
    return providers
