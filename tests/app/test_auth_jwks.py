"""Tokens signed with published keys: which keys count, key confusion, rotation, outages, bounds on fetching."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import RSAAlgorithm

from app.auth import Credentials, InvalidCredentials, SigningKeysUnavailable, jwks
from app.auth.jwks import FRESH_SECONDS, KEPT_SECONDS, MAX_JWKS_BYTES, MAX_JWKS_KEYS, REFETCH_INTERVAL_SECONDS, JwksKeys
from app.auth.tokens import TokenVerifier
from app.operator_error import OperatorError
from schema.principals import MemberPrincipal
from tests.app.jwks_server import JwksServer, public_jwk, serve_jwks

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
WAIT_SECONDS = 5.0
MEMBER = MemberPrincipal("m-1")
UNKNOWN_KEY = "the token is signed with a key that is not known here"
BAD_ALGORITHM = "the token's algorithm is not accepted here"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class SetUp:
    server: JwksServer
    clock: Clock
    keys: JwksKeys
    verifier: TokenVerifier

    async def refusal(self, token: str) -> str:
        with pytest.raises(InvalidCredentials) as refused:
            await self.verifier.verify(token)
        return refused.value.reason


@pytest.fixture
async def setup() -> AsyncIterator[SetUp]:
    async with serve_jwks() as server:
        clock = Clock()
        keys = JwksKeys(server.url, clock=clock)
        verifier = TokenVerifier(keys, issuer="laurel", audience="laurel", leeway_seconds=0)
        yield SetUp(server, clock, keys, verifier)
        await keys.aclose()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": "laurel", "aud": "laurel", "sub": "m-1", "role": "member", "iat": now, "exp": now + 600, **changes}


def signed(key: Any, algorithm: str, key_id: str | None = "k1", **changes: Any) -> str:
    headers = {"kid": key_id} if key_id is not None else None
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is inside what is tested
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
@pytest.mark.parametrize("extra", [{}, {"use": "sig"}, {"key_ops": ["verify"]}])
async def test_each_kind_of_key_verifies(setup: SetUp, key: Any, algorithm: str, extra: dict[str, Any]) -> None:
    setup.server.keys = [public_jwk(key, "k1", alg=algorithm, **extra)]
    assert (await setup.verifier.verify(signed(key, algorithm))).principal == MEMBER


async def test_a_stranger_s_signature_is_refused(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    assert await setup.refusal(signed(OTHER_EC_KEY, "ES256")) == "the token's signature does not match"


async def test_claims_are_checked_as_with_a_shared_secret(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    expired = signed(EC_KEY, "ES256", exp=int(time.time()) - 1)
    assert await setup.refusal(expired) == "the token has expired; get a new one"
    assert await setup.refusal(signed(EC_KEY, "ES256", iss="x")) == "the token is from another issuer"
    assert await setup.refusal(signed(EC_KEY, "ES256", aud="x")) == "the token is for another audience"


def public_texts() -> list[bytes]:
    """The forms in which a verifier could mistake the public key for a shared secret."""
    public = RSA_KEY.public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    jwk = public_jwk(RSA_KEY, "k1")
    return [
        public.public_bytes(pem, spki),
        public.public_bytes(pem, spki).strip(),
        public.public_bytes(pem, pkcs1),
        public.public_bytes(der, spki),
        json.dumps(jwk).encode(),
        jwk["n"].encode(),
    ]


@pytest.mark.parametrize("secret", public_texts())
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_never_a_shared_secret(setup: SetUp, secret: bytes, algorithm: str) -> None:
    setup.server.keys = [public_jwk(RSA_KEY, "k1")]
    signing_input = f"{segment({'alg': algorithm, 'kid': 'k1'})}.{segment(claims())}"
    digest = hmac.new(secret, signing_input.encode(), getattr(hashlib, f"sha{algorithm[2:]}")).digest()
    assert await setup.refusal(f"{signing_input}.{segment(digest)}") == BAD_ALGORITHM


async def test_alg_none_and_keys_in_the_header_are_refused(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    unsigned = f"{segment({'alg': 'none', 'kid': 'k1'})}.{segment(claims())}."
    assert await setup.refusal(unsigned) == BAD_ALGORITHM
    brought_along = {"kid": "k1", "jwk": public_jwk(OTHER_EC_KEY, "k1"), "jku": "http://127.0.0.1:9/keys"}
    token = jwt.encode(claims(), OTHER_EC_KEY, algorithm="ES256", headers=brought_along)
    assert await setup.refusal(token) == "the token's signature does not match"


async def test_the_key_decides_the_algorithm(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(RSA_KEY, "k1"), public_jwk(EC_KEY, "k2")]
    assert (await setup.verifier.verify(signed(RSA_KEY, "RS256"))).principal == MEMBER
    for algorithm in ("RS384", "RS512", "PS256"):
        assert await setup.refusal(signed(RSA_KEY, algorithm)) == BAD_ALGORITHM
    assert await setup.refusal(signed(RSA_KEY, "RS256", key_id="k2")) == BAD_ALGORITHM


async def test_a_token_must_name_its_key(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    assert await setup.refusal(signed(EC_KEY, "ES256", key_id=None)) == "the token's header names no key (kid)"
    assert setup.server.requests == 0


def unusable_keys() -> list[Any]:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    private: dict[str, Any] = RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True)
    nameless = public_jwk(RSA_KEY, "k1")
    del nameless["kid"]
    return [
        public_jwk(RSA_KEY, "k1", use="enc"),
        public_jwk(RSA_KEY, "k1", key_ops=["encrypt"]),
        public_jwk(RSA_KEY, "k1", key_ops="verify"),
        public_jwk(RSA_KEY, "k1", alg="RS512"),
        public_jwk(RSA_KEY, "k1", alg="HS256"),
        public_jwk(RSA_KEY, "k1", alg=["RS256"]),
        public_jwk(RSA_KEY, "k1", n="!"),
        public_jwk(RSA_KEY, "k1", n=7),
        public_jwk(RSA_KEY, "k1", kty=["RSA"]),
        public_jwk(small, "k1"),
        public_jwk(ec.generate_private_key(ec.SECP384R1()), "k1"),
        {**private, "kid": "k1", "key_ops": ["verify"]},
        {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "k1"},
        nameless,
        {**nameless, "kid": 1},
        "key",
        None,
    ]


@pytest.mark.parametrize("entry", unusable_keys())
async def test_a_key_that_is_not_for_this_is_left_out_and_the_others_count(setup: SetUp, entry: Any) -> None:
    setup.server.keys = [entry, public_jwk(EC_KEY, "k2")]
    assert (await setup.verifier.verify(signed(EC_KEY, "ES256", key_id="k2"))).principal == MEMBER
    assert await setup.refusal(signed(RSA_KEY, "RS256")) == UNKNOWN_KEY


async def test_a_new_key_is_fetched_when_a_token_names_it_and_the_old_one_ends(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    old = signed(EC_KEY, "ES256")
    assert (await setup.verifier.verify(old)).principal == MEMBER
    setup.server.keys = [public_jwk(OTHER_EC_KEY, "k2")]
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    assert (await setup.verifier.verify(signed(OTHER_EC_KEY, "ES256", key_id="k2"))).principal == MEMBER
    assert setup.server.requests == 2
    # The old token was remembered as good; its key is gone, so it no longer is.
    assert await setup.refusal(old) == UNKNOWN_KEY


async def test_a_key_replaced_under_the_same_id_ends_its_remembered_tokens(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    old = signed(EC_KEY, "ES256")
    await setup.verifier.verify(old)
    setup.server.keys = [public_jwk(OTHER_EC_KEY, "k1")]
    setup.clock.now += FRESH_SECONDS
    generation = setup.keys.keep_fresh()
    await eventually(lambda: setup.keys.keep_fresh() != generation)
    assert await setup.refusal(old) == "the token's signature does not match"


async def test_a_remembered_token_still_leads_to_a_refresh_in_the_background(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    token = signed(EC_KEY, "ES256")
    await setup.verifier.verify(token)
    setup.clock.now += FRESH_SECONDS
    setup.server.may_answer.clear()
    assert (await setup.verifier.verify(token)).principal == MEMBER  # does not wait for the server
    await eventually(lambda: setup.server.requests == 2)
    setup.server.keys = []
    setup.server.may_answer.set()
    generation = setup.keys.keep_fresh()
    await eventually(lambda: setup.keys.keep_fresh() != generation)
    assert await setup.refusal(token) == UNKNOWN_KEY


async def test_unknown_keys_lead_to_one_fetch_in_an_interval(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    for number in range(20):
        assert await setup.refusal(signed(OTHER_EC_KEY, "ES256", key_id=f"made-up-{number}")) == UNKNOWN_KEY
    assert setup.server.requests == 1
    setup.clock.now += REFETCH_INTERVAL_SECONDS - 0.1
    await setup.refusal(signed(OTHER_EC_KEY, "ES256", key_id="made-up"))
    assert setup.server.requests == 1
    setup.clock.now += 0.1
    await setup.refusal(signed(OTHER_EC_KEY, "ES256", key_id="made-up"))
    assert setup.server.requests == 2


async def test_requests_that_come_together_share_one_fetch(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    setup.server.may_answer.clear()
    tokens = [signed(EC_KEY, "ES256", sub=f"m-{number}") for number in range(20)]
    waiting = [asyncio.create_task(setup.verifier.verify(token)) for token in tokens]
    await eventually(lambda: setup.server.requests == 1)
    waiting[0].cancel()  # the one that began the fetch goes away; the others still get their answer
    setup.server.may_answer.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    told = [answer.principal for answer in answers if isinstance(answer, Credentials)]
    assert told == [MemberPrincipal(f"m-{number}") for number in range(1, 20)]
    assert setup.server.requests == 1


async def test_keys_outlive_an_outage_for_a_bounded_time(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    seen = signed(EC_KEY, "ES256")
    await setup.verifier.verify(seen)
    setup.server.status = "503 Service Unavailable"
    setup.clock.now += KEPT_SECONDS - 1
    assert (await setup.verifier.verify(seen)).principal == MEMBER
    assert (await setup.verifier.verify(signed(EC_KEY, "ES256", sub="m-2"))).principal == MemberPrincipal("m-2")
    await eventually(lambda: setup.server.requests == 2)
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    with pytest.raises(SigningKeysUnavailable):
        await setup.verifier.verify(seen)
    setup.server.status = "200 OK"
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    assert (await setup.verifier.verify(seen)).principal == MEMBER


async def test_an_outage_at_the_start_is_no_fault_of_the_caller(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    setup.server.status = "500 Internal Server Error"
    token = signed(EC_KEY, "ES256")
    for _ in range(5):
        with pytest.raises(SigningKeysUnavailable):
            await setup.verifier.verify(token)
    assert setup.server.requests == 1
    setup.server.status = "200 OK"
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    assert (await setup.verifier.verify(token)).principal == MEMBER


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    async with serve_jwks() as server:
        url = server.url
    keys = JwksKeys(url)
    with pytest.raises(SigningKeysUnavailable):
        await keys.find("k1")
    await keys.aclose()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"keys":{}}',
        b"[" * 20_000,
        b"\xff\xfe",
        json.dumps({"keys": [], "padding": "x" * MAX_JWKS_BYTES}).encode(),
        json.dumps({"keys": [{}] * (MAX_JWKS_KEYS + 1)}).encode(),
    ],
    ids=["empty", "html", "list", "null", "no-keys", "keys-no-list", "deep", "bytes", "huge", "many"],
)
async def test_a_bad_answer_leaves_the_keys_as_they_are(setup: SetUp, body: bytes) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1")]
    await setup.verifier.verify(signed(EC_KEY, "ES256"))
    generation = setup.keys.keep_fresh()
    setup.server.body = body
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    with pytest.raises(SigningKeysUnavailable):
        await setup.verifier.verify(signed(EC_KEY, "ES256", key_id="k2"))
    assert setup.server.requests == 2
    assert setup.keys.keep_fresh() == generation
    assert (await setup.verifier.verify(signed(EC_KEY, "ES256", sub="m-2"))).principal == MemberPrincipal("m-2")


async def test_a_redirect_is_not_followed(setup: SetUp) -> None:
    async with serve_jwks() as elsewhere:
        elsewhere.keys = [public_jwk(EC_KEY, "k1")]
        setup.server.status = "302 Found"
        setup.server.extra_headers = [f"location: {elsewhere.url}"]
        with pytest.raises(SigningKeysUnavailable):
            await setup.verifier.verify(signed(EC_KEY, "ES256"))
        assert (setup.server.requests, elsewhere.requests) == (1, 0)


@pytest.mark.parametrize("drips", [False, True])
async def test_a_server_that_does_not_finish_is_given_up(
    setup: SetUp, monkeypatch: pytest.MonkeyPatch, drips: bool
) -> None:
    monkeypatch.setattr(jwks, "FETCH_TIMEOUT_SECONDS", 0.05)
    setup.server.drips = drips  # each byte is in time for the read time-out, the whole never is
    if not drips:
        setup.server.may_answer.clear()
    async with asyncio.timeout(WAIT_SECONDS / 2):
        with pytest.raises(SigningKeysUnavailable):
            await setup.verifier.verify(signed(EC_KEY, "ES256"))


async def test_an_unchanged_set_keeps_remembered_tokens(setup: SetUp) -> None:
    setup.server.keys = [public_jwk(EC_KEY, "k1"), public_jwk(RSA_KEY, "k2")]
    await setup.verifier.verify(signed(EC_KEY, "ES256"))
    generation = setup.keys.keep_fresh()
    setup.server.keys.reverse()
    setup.clock.now += REFETCH_INTERVAL_SECONDS
    await setup.refusal(signed(EC_KEY, "ES256", key_id="k3"))
    assert setup.server.requests == 2
    assert setup.keys.keep_fresh() == generation


async def test_closing_stops_a_fetch_under_way(setup: SetUp) -> None:
    setup.server.may_answer.clear()
    waiting = asyncio.create_task(setup.verifier.verify(signed(EC_KEY, "ES256")))
    await eventually(lambda: setup.server.requests == 1)
    await setup.keys.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/keys",
        "ftp://127.0.0.1/keys",
        "file:///keys",
        "https://",
        "https://user:word@id.example/keys",
        "http://127.0.0.1.example/keys",
        "http://[",
        "keys",
    ],
)
def test_a_url_that_others_could_answer_for_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="JWKS URL"):
        JwksKeys(url)


@pytest.mark.parametrize("url", ["https://id.example/keys", "http://localhost:1/keys", "http://[::1]:1/keys"])
async def test_https_and_loopback_are_accepted(url: str) -> None:
    await JwksKeys(url).aclose()
