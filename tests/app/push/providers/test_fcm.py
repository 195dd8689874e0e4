"""FCM: what is sent, what each documented answer becomes, and how the access token is kept."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from app.push.http2.client import Host, Http2Client
from app.push.providers.fcm import FcmProvider
from app.push.providers.google_token import GoogleTokens
from app.push.providers.provider import (
    Accepted,
    CredentialsWrong,
    Gone,
    Later,
    Outcome,
    Refused,
    TooLarge,
)
from app.push.wording import GROUPS
from gamification.notices.notice import NoticeKind
from tests.app.push.providers.pushes import FCM_TOKEN, fcm_device, push
from tests.push_doubles.certificates import client_tls
from tests.push_doubles.fcm import FcmDouble, fcm_error, serving_fcm
from tests.push_doubles.http2 import HOST, Abort, Act, Leave, Reply, ResetStream, Silence
from tests.push_doubles.phones import Arrival


@pytest.fixture
async def fcm() -> AsyncIterator[FcmDouble]:
    async with serving_fcm() as double:
        yield double


@pytest.fixture
async def provider(fcm: FcmDouble) -> AsyncIterator[FcmProvider]:
    async with FcmProvider(fcm.account(), client_tls(), host=Host(HOST, fcm.http.port)) as provider:
        yield provider


class Clocks:
    """Both clocks of a machine, set by hand."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.skew = 0.0

    def wall(self) -> float:
        return time.time() + self.passed + self.skew

    def monotonic(self) -> float:
        return self.passed


async def test_a_push_arrives_with_all_that_makes_a_phone_show_it_once(fcm: FcmDouble, provider: FcmProvider) -> None:
    assert await provider.send(push(), fcm_device()) == Accepted("1")
    data = {"kind": "tier_reached", "notice_id": "m-1:7:0", "link": "https://shop.example/tier"}
    assert fcm.phones.arrivals == [
        Arrival(FCM_TOKEN, "tier_reached", "m-1:7:0", "Gold!", "You have reached Gold.", data)
    ]
    message = json.loads(fcm.http.requests[-1].body)["message"]
    assert message["android"]["priority"] == "HIGH"
    assert 3590 <= int(message["android"]["ttl"].removesuffix("s")) <= 3600
    assert message["webpush"]["fcm_options"] == {"link": "https://shop.example/tier"}
    assert int(message["apns"]["headers"]["apns-expiration"]) > time.time() + 3590
    assert fcm.problems == []


async def test_an_offline_phone_needs_no_more_collapse_keys_than_fcm_keeps_and_a_tag_for_each_notice(
    fcm: FcmDouble, provider: FcmProvider
) -> None:
    kinds = get_args(NoticeKind)
    for number, kind in enumerate(kinds):
        await provider.send(push(notice_id=f"m-1:{number}", collapse_id="", group=GROUPS[kind]), fcm_device())
    assert (len(kinds), len(fcm.phones.shown(FCM_TOKEN))) == (18, 18)
    assert fcm.collapse_keys == {FCM_TOKEN: {"points", "progress", "campaigns", "messages"}}
    assert fcm.problems == []


async def test_what_has_no_end_and_no_web_address_is_sent_without(fcm: FcmDouble, provider: FcmProvider) -> None:
    await provider.send(push(expires_at=None, link="shop://tier"), fcm_device())
    message = json.loads(fcm.http.requests[-1].body)["message"]
    assert message["android"]["ttl"] == "2419200s"
    assert "apns-expiration" not in message["apns"]["headers"]
    assert "fcm_options" not in message["webpush"]


async def test_what_has_ended_already_is_now_or_never(fcm: FcmDouble, provider: FcmProvider) -> None:
    await provider.send(push(expires_at=datetime.now(UTC) - timedelta(days=1)), fcm_device())
    assert json.loads(fcm.http.requests[-1].body)["message"]["android"]["ttl"] == "0s"


QUOTA = {"retry_after": "30"}


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (fcm_error(404, "UNREGISTERED", "Requested entity was not found."), Gone(None)),
        (fcm_error(404, "NOT_FOUND"), Refused("status_404")),
        (fcm_error(400, "INVALID_ARGUMENT", "Invalid value", "message.token"), Gone(None)),
        (
            fcm_error(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"),
            Gone(None),
        ),
        (fcm_error(400, "INVALID_ARGUMENT", "Invalid value", "message.data[0].value"), Refused("INVALID_ARGUMENT")),
        (
            fcm_error(400, "INVALID_ARGUMENT", "registration token here", "message.data[0].value"),
            Refused("INVALID_ARGUMENT"),
        ),
        (fcm_error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), Refused("INVALID_ARGUMENT")),
        (fcm_error(400, "INVALID_ARGUMENT", "Message is too big", "message"), TooLarge()),
        (fcm_error(403, "SENDER_ID_MISMATCH"), Refused("SENDER_ID_MISMATCH")),
        (fcm_error(401, "THIRD_PARTY_AUTH_ERROR"), Refused("THIRD_PARTY_AUTH_ERROR")),
        (fcm_error(403, "PERMISSION_DENIED"), CredentialsWrong("PERMISSION_DENIED")),
        (Reply(403), CredentialsWrong("PERMISSION_DENIED")),
        (fcm_error(429, "QUOTA_EXCEEDED", **QUOTA), Later(30.0, "QUOTA_EXCEEDED", of_provider=True)),
        (fcm_error(429, "QUOTA_EXCEEDED"), Later(60.0, "QUOTA_EXCEEDED", of_provider=True)),
        (fcm_error(429, "RESOURCE_EXHAUSTED", **QUOTA), Later(30.0, "RESOURCE_EXHAUSTED", of_provider=True)),
        (Reply(429, {"retry-after": "7"}), Later(7.0, "QUOTA_EXCEEDED", of_provider=True)),
        (fcm_error(503, "UNAVAILABLE", **QUOTA), Later(30.0, "UNAVAILABLE", of_provider=True)),
        (fcm_error(503, "UNAVAILABLE"), Later(None, "UNAVAILABLE", of_provider=True)),
        (fcm_error(500, "INTERNAL"), Later(None, "INTERNAL")),
        (Reply(502, {}, b"<html>Bad gateway</html>"), Later(None, "status_502")),
        (Reply(503, {"retry-after": "5"}, b"[]"), Later(5.0, "status_503", of_provider=True)),
        (Reply(408), Later(None, "status_408")),
        (Reply(400, {}, b'{"error": []}'), Refused("status_400")),
        (Reply(302, {"location": "https://elsewhere.example/"}), Refused("status_302")),
        (Abort(), Later(None, "connection_lost")),
    ],
)
async def test_each_answer_becomes_an_outcome(
    fcm: FcmDouble, provider: FcmProvider, act: Act, outcome: Outcome
) -> None:
    fcm.acts.append(act)
    assert await provider.send(push(), fcm_device()) == outcome
    assert fcm.phones.arrivals == []
    assert await provider.send(push(), fcm_device()) == Accepted("1")


async def test_what_was_certainly_not_looked_at_is_sent_again_at_once(fcm: FcmDouble, provider: FcmProvider) -> None:
    fcm.acts.extend([ResetStream(), Leave(last=0)])
    assert await provider.send(push(), fcm_device()) == Accepted("1")
    assert fcm.phones.count == 1


async def test_a_provider_that_does_not_answer_is_later(
    fcm: FcmDouble, provider: FcmProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provider.send(push(), fcm_device())
    monkeypatch.setattr("app.push.providers.fcm.SEND_TIMEOUT_SECONDS", 0.02)
    fcm.acts.append(Silence())
    assert await provider.send(push(), fcm_device()) == Later(None, "timeout")
    monkeypatch.undo()
    assert await provider.send(push(), fcm_device()) == Accepted("2")


async def test_one_token_serves_all_and_is_asked_for_once(fcm: FcmDouble, provider: FcmProvider) -> None:
    outcomes = await asyncio.gather(*(provider.send(push(notice_id=f"n-{n}"), fcm_device()) for n in range(50)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert (len(fcm.tokens), fcm.phones.count) == (1, 50)


async def test_a_withdrawn_token_is_renewed_once(fcm: FcmDouble, provider: FcmProvider) -> None:
    await provider.send(push(), fcm_device())
    fcm.tokens.append("ya29.token-of-somebody-else")  # what was given before does not serve any more
    outcomes = await asyncio.gather(*(provider.send(push(notice_id=f"n-{n}"), fcm_device()) for n in range(20)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(fcm.tokens) == 3


async def test_a_token_that_is_never_taken_is_told_as_wrong_credentials(fcm: FcmDouble, provider: FcmProvider) -> None:
    fcm.acts.extend([fcm_error(401, "UNAUTHENTICATED")] * 2)
    assert await provider.send(push(), fcm_device()) == CredentialsWrong("UNAUTHENTICATED")
    assert len(fcm.tokens) == 2


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (Reply(400, {}, b'{"error":"invalid_grant"}'), CredentialsWrong("invalid_grant")),
        (Reply(401, {}, b'{"error":"invalid_client"}'), CredentialsWrong("invalid_client")),
        (Reply(503), Later(None, "token_status_503")),
        (Reply(429), Later(None, "token_status_429")),
        (Reply(200, {}, b"{}"), Later(None, "token_status_200")),
        (Reply(200, {}, b"not json"), Later(None, "token_status_200")),
        (Abort(), Later(None, "connection_lost")),
    ],
)
async def test_no_token_is_told_as_what_it_is(
    fcm: FcmDouble, provider: FcmProvider, act: Act, outcome: Outcome
) -> None:
    fcm.token_acts.append(act)
    assert await provider.send(push(), fcm_device()) == outcome
    assert fcm.phones.arrivals == []


async def test_a_refused_account_is_not_tried_again_at_once_but_later(fcm: FcmDouble) -> None:
    clocks = Clocks()
    async with _with_clocks(fcm, clocks) as provider:
        fcm.token_acts.append(Reply(400, {}, b'{"error":"invalid_grant"}'))
        for _ in range(5):
            assert await provider.send(push(), fcm_device()) == CredentialsWrong("invalid_grant")
        assert len(fcm.http.requests) == 1
        clocks.passed += 6
        assert await provider.send(push(), fcm_device()) == Accepted("1")


async def test_a_token_is_renewed_before_its_end_and_nobody_waits(fcm: FcmDouble) -> None:
    clocks = Clocks()
    async with _with_clocks(fcm, clocks) as provider:
        await provider.send(push(), fcm_device())
        clocks.passed = 3200
        await provider.send(push(), fcm_device())
        assert len(fcm.tokens) == 1
        fcm.token_acts.append(Reply(503))  # the renewal in the background fails, which nobody notices
        clocks.passed = 3400
        assert await provider.send(push(), fcm_device()) == Accepted("3")
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "renew the token for FCM"])
        assert not fcm.token_acts
        clocks.passed = 3590
        assert await provider.send(push(), fcm_device()) == Accepted("4")
        assert fcm.tokens == ["ya29.token-0", "ya29.token-1"]


@pytest.mark.parametrize("skew", [-7200, 7200, 86_400])
async def test_a_clock_that_is_off_is_made_up_for(fcm: FcmDouble, skew: float) -> None:
    clocks = Clocks()
    clocks.skew = skew
    async with _with_clocks(fcm, clocks) as provider:
        assert await provider.send(push(), fcm_device()) == Accepted("1")
        fcm.tokens.append("another")
        assert await provider.send(push(), fcm_device()) == Accepted("2")
    assert len([request for request in fcm.http.requests if request.path == "/token"]) == 3


async def test_a_long_body_is_shortened_and_what_fits_in_no_way_is_refused(
    fcm: FcmDouble, provider: FcmProvider
) -> None:
    assert await provider.send(push(body="ä" * 5000), fcm_device()) == Accepted("1")
    (arrival,) = fcm.phones.arrivals
    assert set(arrival.body) == {"ä", "…"}
    assert len(arrival.body) > 1500
    assert await provider.send(push(title="x" * 5000), fcm_device()) == TooLarge()
    assert fcm.phones.count == 1


async def test_a_token_cannot_break_out_of_its_place(fcm: FcmDouble, provider: FcmProvider) -> None:
    await provider.send(push(), fcm_device('x","android":{},"y":"'))
    assert fcm.phones.arrivals[0].device == 'x","android":{},"y":"'


def _with_clocks(fcm: FcmDouble, clocks: Clocks) -> FcmProvider:
    account = fcm.account()
    client = Http2Client(account.token_host, client_tls())
    tokens = GoogleTokens(account, client, wall=clocks.wall, monotonic=clocks.monotonic)
    return FcmProvider(account, client_tls(), host=Host(HOST, fcm.http.port), tokens=tokens)
