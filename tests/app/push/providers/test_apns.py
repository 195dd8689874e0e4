"""APNs: what is sent, what each documented answer becomes, and how old the token may be."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.push.http2.client import Host
from app.push.providers.apns import ApnsProvider
from app.push.providers.apns_key import ApnsKey, ApnsTokens
from app.push.providers.provider import (
    Accepted,
    CredentialsWrong,
    Gone,
    Later,
    Outcome,
    Refused,
    TooLarge,
)
from tests.app.push.providers.pushes import APNS_TOKEN, REGISTERED_AT, apns_device, push
from tests.push_doubles.apns import KEY_ID, TEAM_ID, TOPIC, ApnsDouble, apns_error, apns_key, serving_apns
from tests.push_doubles.certificates import client_tls
from tests.push_doubles.http2 import HOST, Abort, Act, Leave, Reply, Request, ResetStream, Silence
from tests.push_doubles.phones import Arrival


class Clocks:
    """Both clocks of a machine, set by hand."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.awake = 0.0

    def wall(self) -> float:
        return time.time() + self.awake + self.slept

    def monotonic(self) -> float:
        return self.awake


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
async def apns() -> AsyncIterator[ApnsDouble]:
    async with serving_apns() as double:
        yield double


@pytest.fixture
async def provider(apns: ApnsDouble, clocks: Clocks) -> AsyncIterator[ApnsProvider]:
    apns.wall = clocks.wall
    async with provider_of(apns, ApnsKey(KEY_ID, TEAM_ID, apns_key()), clocks) as provider:
        yield provider


def provider_of(apns: ApnsDouble, key: ApnsKey, clocks: Clocks, topic: str = TOPIC) -> ApnsProvider:
    tokens = ApnsTokens(key, wall=clocks.wall, monotonic=clocks.monotonic)
    return ApnsProvider(tokens, topic, client_tls(), host=Host(HOST, apns.http.port))


async def test_a_push_arrives_with_all_that_makes_a_phone_show_it_once(
    apns: ApnsDouble, provider: ApnsProvider
) -> None:
    outcome = await provider.send(push(), apns_device(APNS_TOKEN.upper()))
    data = {"kind": "tier_reached", "notice_id": "m-1:7:0", "link": "https://shop.example/tier"}
    assert apns.phones.arrivals == [
        Arrival(APNS_TOKEN, "tier_reached", "m-1:7:0", "Gold!", "You have reached Gold.", data)
    ]
    (request,) = apns.http.requests
    assert outcome == Accepted(request.headers["apns-id"])
    assert 3590 < int(request.headers["apns-expiration"]) - time.time() <= 3600
    assert json.loads(request.body)["aps"]["sound"] == "default"


async def test_the_same_notice_to_the_same_device_has_the_same_id_and_no_other_has(
    apns: ApnsDouble, provider: ApnsProvider
) -> None:
    other = apns_device("ff" * 32)
    sent = [(push(), apns_device()), (push(), apns_device()), (push(), other), (push(notice_id="m-1:8:0"), other)]
    ids = [str(await provider.send(*one)) for one in sent]
    assert len(set(ids)) == 3
    assert ids[0] == ids[1]
    assert all(UUID(request.headers["apns-id"]).version == 5 for request in apns.http.requests)
    assert (apns.phones.repeats(), apns.phones.shown_twice()) == (1, [])


async def test_a_collapse_id_of_any_kind_fits(apns: ApnsDouble, provider: ApnsProvider) -> None:
    for collapse_id in ("", "badge_won:" + "x" * 500, "Abzeichen für März\r\n"):
        assert isinstance(await provider.send(push(collapse_id=collapse_id), apns_device()), Accepted)
    names = list(apns.phones.shown(APNS_TOKEN))
    assert [len(name) for name in names] == [32, 32, 32]


async def test_what_has_no_end_is_kept_for_weeks(apns: ApnsDouble, provider: ApnsProvider) -> None:
    await provider.send(push(expires_at=None), apns_device())
    left = int(apns.http.requests[0].headers["apns-expiration"]) - time.time()
    assert 27 * 86_400 < left <= 28 * 86_400


UNREGISTERED_AT = datetime(2026, 11, 20, 12, 30, 0, 250_000, UTC)


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (apns_error(400, "BadDeviceToken"), Refused("BadDeviceToken")),
        (apns_error(400, "DeviceTokenNotForTopic"), Refused("DeviceTokenNotForTopic")),
        (apns_error(410, "Unregistered", int(UNREGISTERED_AT.timestamp() * 1000)), Gone(UNREGISTERED_AT)),
        (apns_error(410, "ExpiredToken", int(UNREGISTERED_AT.timestamp() * 1000)), Gone(UNREGISTERED_AT)),
        (apns_error(410, "Unregistered", 10**30), Gone(None)),
        (apns_error(410, "SomethingNew"), Gone(None)),
        (apns_error(413, "PayloadTooLarge"), TooLarge()),
        (apns_error(429, "TooManyRequests"), Later(None, "TooManyRequests")),
        (apns_error(429, "TooManyRequests", retry_after="20"), Later(20.0, "TooManyRequests")),
        (
            apns_error(429, "TooManyProviderTokenUpdates"),
            Later(1200.0, "TooManyProviderTokenUpdates", of_provider=True),
        ),
        (apns_error(500, "InternalServerError"), Later(None, "InternalServerError")),
        (apns_error(503, "ServiceUnavailable"), Later(None, "ServiceUnavailable", of_provider=True)),
        (apns_error(503, "Shutdown"), Later(None, "Shutdown", of_provider=True)),
        (apns_error(400, "IdleTimeout"), Later(None, "IdleTimeout")),
        (apns_error(503, "SomethingNew"), Later(None, "status_503", of_provider=True)),
        (apns_error(400, "SomethingNew"), Refused("status_400")),
        (apns_error(403, "SomethingNew"), CredentialsWrong("status_403")),
        (Reply(400, {}, b"\xff"), Refused("status_400")),
        (Abort(), Later(None, "connection_lost")),
        *((apns_error(403, reason), CredentialsWrong(reason)) for reason in (
            "BadCertificate", "BadCertificateEnvironment", "Forbidden", "InvalidProviderToken", "MissingProviderToken",
            "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken",
        )),
        *((apns_error(400, reason), CredentialsWrong(reason)) for reason in (
            "BadTopic", "MissingTopic", "TopicDisallowed",
        )),
        *((apns_error(400, reason), Refused(reason)) for reason in (
            "BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "DuplicateHeaders", "InvalidPushType",
            "MissingDeviceToken", "PayloadEmpty",
        )),
        (apns_error(404, "BadPath"), Refused("BadPath")),
        (apns_error(405, "MethodNotAllowed"), Refused("MethodNotAllowed")),
    ],
)  # fmt: skip
async def test_each_answer_becomes_an_outcome(
    apns: ApnsDouble, provider: ApnsProvider, act: Act, outcome: Outcome
) -> None:
    apns.acts.append(act)
    assert await provider.send(push(), apns_device()) == outcome
    assert apns.phones.arrivals == []
    assert isinstance(await provider.send(push(), apns_device()), Accepted)


def test_a_token_registered_again_since_is_not_buried() -> None:
    gone = Gone(UNREGISTERED_AT)
    assert (gone.buries(REGISTERED_AT), gone.buries(UNREGISTERED_AT)) == (True, True)
    assert gone.buries(datetime(2026, 11, 21, tzinfo=UTC)) is False
    assert Gone(None).buries(datetime(2026, 11, 21, tzinfo=UTC)) is True


async def test_no_death_is_told_from_the_future(apns: ApnsDouble, provider: ApnsProvider) -> None:
    apns.acts.append(apns_error(410, "Unregistered", int((time.time() + 86_400) * 1000)))
    outcome = await provider.send(push(), apns_device())
    assert isinstance(outcome, Gone)
    assert outcome.since is not None
    assert outcome.since <= datetime.now(UTC)


async def test_a_token_that_is_none_goes_nowhere(apns: ApnsDouble, provider: ApnsProvider) -> None:
    for token in ("", "zz" * 32, "../../other", APNS_TOKEN + "\n", "ab" * 500):
        assert await provider.send(push(), apns_device(token)) == Gone(None)
    assert apns.http.requests == []


async def test_goaway_in_mid_stream_loses_and_repeats_nothing(apns: ApnsDouble, provider: ApnsProvider) -> None:
    await provider.send(push(), apns_device())
    answer = apns.answer

    def leave_at_the_tenth(request: Request) -> Act:
        reply = answer(request)
        assert isinstance(reply, Reply)
        shutdown = b'{"reason":"Shutdown"}'
        return Leave(reply=reply, debug=shutdown) if len(apns.http.requests) in {10, 40} else reply

    apns.http.answer = leave_at_the_tenth
    pushes = [push(notice_id=f"n-{number}", collapse_id="") for number in range(60)]
    outcomes = await asyncio.gather(*(provider.send(one, apns_device()) for one in pushes))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert sorted(apns.phones.notices_of(APNS_TOKEN)[1:]) == sorted(one.notice_id for one in pushes)
    assert apns.phones.repeats() == 0
    assert len(apns.http.connections) == 3


async def test_what_was_certainly_not_looked_at_is_sent_again_at_once(apns: ApnsDouble, provider: ApnsProvider) -> None:
    apns.acts.extend([ResetStream(), Leave(last=0)])
    assert isinstance(await provider.send(push(), apns_device()), Accepted)
    assert apns.phones.count == 1


async def test_a_provider_that_does_not_answer_is_later(
    apns: ApnsDouble, provider: ApnsProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provider.send(push(), apns_device())
    monkeypatch.setattr("app.push.providers.apns.SEND_TIMEOUT_SECONDS", 0.02)
    apns.acts.append(Silence())
    assert await provider.send(push(), apns_device()) == Later(None, "timeout")


async def test_a_token_is_kept_for_fifty_minutes_awake_or_asleep(
    apns: ApnsDouble, provider: ApnsProvider, clocks: Clocks
) -> None:
    for awake, slept, tokens in ((0, 0, 1), (2990, 0, 1), (3010, 0, 2), (3010, 2990, 2), (3010, 3010, 3)):
        clocks.awake, clocks.slept = awake, slept
        assert isinstance(await provider.send(push(), apns_device()), Accepted)
        assert len(apns.checked_tokens) == tokens


async def test_an_expired_token_is_renewed_once_for_all_who_were_refused(
    apns: ApnsDouble, provider: ApnsProvider, clocks: Clocks
) -> None:
    await provider.send(push(), apns_device())
    clocks.awake = 1300
    apns.acts.extend([apns_error(403, "ExpiredProviderToken")] * 5)
    outcomes = await asyncio.gather(*(provider.send(push(), apns_device()) for _ in range(5)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(apns.checked_tokens) == 2


@pytest.mark.parametrize("skew", [-7200, 7200])
async def test_a_clock_that_is_off_is_told_as_wrong_credentials_and_asks_for_no_token_after_token(
    apns: ApnsDouble, provider: ApnsProvider, skew: float
) -> None:
    apns.wall = lambda: time.time() + skew
    for _ in range(3):
        assert await provider.send(push(), apns_device()) == CredentialsWrong("ExpiredProviderToken")
    assert (len(apns.checked_tokens), apns.phones.arrivals) == (1, [])


async def test_a_key_or_topic_of_somebody_else_is_told_as_wrong_credentials(apns: ApnsDouble, clocks: Clocks) -> None:
    async with provider_of(apns, ApnsKey("XXXXXXXXXX", TEAM_ID, apns_key()), clocks) as provider:
        assert await provider.send(push(), apns_device()) == CredentialsWrong("InvalidProviderToken")
    key = ApnsKey(KEY_ID, TEAM_ID, apns_key())
    async with provider_of(apns, key, clocks, topic="com.example.other") as provider:
        assert await provider.send(push(), apns_device()) == CredentialsWrong("BadTopic")
    assert apns.phones.arrivals == []


async def test_a_long_body_is_shortened_and_what_fits_in_no_way_is_refused(
    apns: ApnsDouble, provider: ApnsProvider
) -> None:
    assert isinstance(await provider.send(push(body="👩‍👩‍👧" * 1000), apns_device()), Accepted)
    (request,) = apns.http.requests
    assert 4060 < len(request.body) <= 4096
    assert set(apns.phones.arrivals[0].body.removesuffix("…").split("👩‍👩‍👧")) == {""}
    assert await provider.send(push(title="x" * 5000), apns_device()) == TooLarge()
    assert apns.phones.count == 1


async def test_a_bad_token_is_dead_once_apns_has_taken_a_push(apns: ApnsDouble, provider: ApnsProvider) -> None:
    assert isinstance(await provider.send(push(), apns_device()), Accepted)
    apns.acts.append(apns_error(400, "BadDeviceToken"))
    assert await provider.send(push(), apns_device()) == Gone(None)
