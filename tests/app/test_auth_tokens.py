"""Tokens signed with the shared secret: what is accepted, what is refused and why, what is remembered."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.auth import ApiKeyVerifier, Authenticator, InvalidCredentials, Role, build_authenticator, mint_token
from app.auth.api_keys import ApiKey
from app.auth.keys import SharedSecret, VerificationKey
from app.auth.tokens import MAX_LIFETIME_SECONDS, MAX_SUBJECT_CHARACTERS, MAX_TOKEN_BYTES, TokenVerifier
from app.operator_error import OperatorError
from app.settings import Settings
from schema.principals import Anonymous, MemberPrincipal, StaffPrincipal

SECRET = "a secret of the tests, 32 bytes or more"
OTHER_SECRET = "another secret of the tests, 32 bytes or more"
LEEWAY_SECONDS = 10


class NoApiKeys:
    async def find(self, key_id: str) -> ApiKey | None:
        raise AssertionError(f"nobody asked for the key {key_id}")


NO_API_KEYS = ApiKeyVerifier(NoApiKeys())


@pytest.fixture
def authenticator() -> Authenticator:
    settings = Settings(jwt_secret=SECRET, jwt_leeway_seconds=LEEWAY_SECONDS)
    return build_authenticator(settings, NO_API_KEYS)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    all_claims = {"iss": "laurel", "aud": "laurel", "sub": "m-1", "role": "member", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**all_claims, **changes}.items() if value is not ...}


def signed(
    secret: str = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any
) -> str:
    return jwt.encode(claims(**changes), secret, algorithm=algorithm, headers=headers)


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def reason_of(authenticator: Authenticator, header: str) -> str:
    with pytest.raises(InvalidCredentials) as refused:
        await authenticator.identify(header)
    return refused.value.reason


async def test_no_header_is_anonymous(authenticator: Authenticator) -> None:
    assert (await authenticator.identify(None)).principal == Anonymous()


@pytest.mark.parametrize(
    ("role", "principal"), [(Role.MEMBER, MemberPrincipal("x-1")), (Role.STAFF, StaffPrincipal("x-1"))]
)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_minted_token_is_its_subject(
    authenticator: Authenticator, role: Role, principal: object, scheme: str
) -> None:
    token = mint_token(SECRET, role, "x-1", 60, issuer="laurel", audience="laurel")
    assert (await authenticator.identify(f"{scheme} {token}")).principal == principal


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token abc", "abc"])
async def test_a_header_of_another_form_is_refused(authenticator: Authenticator, header: str) -> None:
    assert await reason_of(authenticator, header) == "the header must read Authorization: Bearer <token or API key>"


MALFORMED = "the token is malformed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": int(time.time()) - 3600}, "the token has expired; get a new one"),
        ({"nbf": int(time.time()) + 3600}, "the token is not valid yet; check the clock that made it"),
        ({"iat": int(time.time()) + 3600}, "the token is not valid yet; check the clock that made it"),
        ({"iss": "elsewhere"}, "the token is from another issuer"),
        ({"aud": "elsewhere"}, "the token is for another audience"),
        ({"aud": ["elsewhere", "else"]}, "the token is for another audience"),
        ({"aud": []}, "the token lacks the claim aud"),
        ({"exp": ...}, "the token lacks the claim exp"),
        ({"iss": ...}, "the token lacks the claim iss"),
        ({"aud": ...}, "the token lacks the claim aud"),
        ({"sub": ...}, "the token lacks the claim sub"),
        ({"sub": ""}, "the token's claim sub is empty, too long or not printable"),
        ({"sub": "a\x00b"}, "the token's claim sub is empty, too long or not printable"),
        ({"sub": "x" * (MAX_SUBJECT_CHARACTERS + 1)}, "the token's claim sub is empty, too long or not printable"),
        ({"exp": str(int(time.time()) + 600)}, "the token's claim exp is not a number"),
        ({"exp": int(time.time()) + MAX_LIFETIME_SECONDS + 600}, "the token runs for more than 30 days"),
        ({"exp": 1e300}, "the token runs for more than 30 days"),
        ({"role": ...}, 'the token\'s claim role must be "member" or "staff"'),
        ({"role": "admin"}, 'the token\'s claim role must be "member" or "staff"'),
        ({"role": ["staff"]}, 'the token\'s claim role must be "member" or "staff"'),
        ({"role": {"staff": True}}, 'the token\'s claim role must be "member" or "staff"'),
    ],
)
async def test_a_signed_token_with_a_wrong_claim_is_refused(
    authenticator: Authenticator, changes: dict[str, Any], reason: str
) -> None:
    assert await reason_of(authenticator, f"Bearer {signed(**changes)}") == reason


async def test_a_subject_that_is_no_text_is_refused(authenticator: Authenticator) -> None:
    header, body = segment({"alg": "HS256"}), segment(claims(sub={"$ne": None}))
    signature = SharedSecretSigner.sign(f"{header}.{body}")
    assert await reason_of(authenticator, f"Bearer {header}.{body}.{signature}") == MALFORMED


class SharedSecretSigner:
    @staticmethod
    def sign(signing_input: str) -> str:
        digest = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), SECRET.encode())
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def test_one_audience_of_several_is_enough(authenticator: Authenticator) -> None:
    assert (await authenticator.identify(f"Bearer {signed(aud=['shop', 'laurel'])}")).principal == MemberPrincipal(
        "m-1"
    )


async def test_clocks_may_differ_by_the_leeway(authenticator: Authenticator) -> None:
    now = int(time.time())
    late, early = now - LEEWAY_SECONDS + 5, now + LEEWAY_SECONDS - 5
    assert (await authenticator.identify(f"Bearer {signed(exp=late)}")).principal == MemberPrincipal("m-1")
    assert (await authenticator.identify(f"Bearer {signed(nbf=early)}")).principal == MemberPrincipal("m-1")
    past = f"Bearer {signed(exp=now - LEEWAY_SECONDS - 5)}"
    assert await reason_of(authenticator, past) == "the token has expired; get a new one"


async def test_alg_none_is_refused(authenticator: Authenticator) -> None:
    for name in ("none", "None", "NONE", "nOnE", "", None, ["HS256"], 7):
        unsigned = f"{segment({'alg': name, 'typ': 'JWT'})}.{segment(claims())}."
        assert await reason_of(authenticator, f"Bearer {unsigned}") == "the token's algorithm is not accepted here"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_another_algorithm_with_the_right_secret_is_refused(authenticator: Authenticator, algorithm: str) -> None:
    long_secret = SECRET * 2
    verifier = build_authenticator(Settings(jwt_secret=long_secret), NO_API_KEYS)
    token = signed(long_secret, algorithm)
    assert await reason_of(verifier, f"Bearer {token}") == "the token's algorithm is not accepted here"


async def test_another_secret_is_refused(authenticator: Authenticator) -> None:
    token = signed(OTHER_SECRET)
    assert await reason_of(authenticator, f"Bearer {token}") == "the token's signature does not match"


async def test_a_tampered_token_is_refused_also_after_the_real_one_was_seen(authenticator: Authenticator) -> None:
    header, _, signature = (token := signed()).split(".")
    assert (await authenticator.identify(f"Bearer {token}")).principal == MemberPrincipal("m-1")
    promoted = f"{header}.{segment(claims(role='staff'))}.{signature}"
    assert await reason_of(authenticator, f"Bearer {promoted}") == "the token's signature does not match"
    cut = f"{header}.{token.split('.')[1]}."
    assert await reason_of(authenticator, f"Bearer {cut}") == "the token's signature does not match"


async def test_a_huge_token_is_refused_although_it_is_signed(authenticator: Authenticator) -> None:
    fits = signed(padding="x" * 5_000)
    assert len(fits) < MAX_TOKEN_BYTES
    assert (await authenticator.identify(f"Bearer {fits}")).principal == MemberPrincipal("m-1")
    huge = signed(padding="x" * 7_000)
    assert len(huge) > MAX_TOKEN_BYTES
    expected = "the token is too long or holds characters that no token has"
    assert await reason_of(authenticator, f"Bearer {huge}") == expected


@pytest.mark.parametrize(
    "garbage",
    [
        "x",
        "a.b",
        "a.b.c",
        "...",
        "a.b.c.d.e",
        "!!!.!!!.!!!",
        f"{segment([])}.{segment({})}.AA",
        f"{segment('x')}.{segment({})}.AA",
        f"{segment({'alg': 'HS256', 'kid': 7})}.{segment({})}.AA",
        f"{segment({'alg': 'HS256', 'crit': ['exp'], 'exp': 1})}.{segment({})}.AA",
        f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.AA.AA",
        f"{base64.urlsafe_b64encode(b'1' * 5000).decode().rstrip('=')}.AA.AA",
        f"{base64.urlsafe_b64encode(bytes([255, 254])).decode().rstrip('=')}.AA.AA",
    ],
)
async def test_garbage_is_malformed(authenticator: Authenticator, garbage: str) -> None:
    assert await reason_of(authenticator, f"Bearer {garbage}") == MALFORMED


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'"x"', b"{", b"[" * 3000, b'{"exp":' + b"9" * 4400 + b"}"])
async def test_a_signed_body_that_is_no_object_is_malformed(authenticator: Authenticator, body: bytes) -> None:
    signing_input = f"{segment({'alg': 'HS256'})}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}"
    token = f"{signing_input}.{SharedSecretSigner.sign(signing_input)}"
    assert await reason_of(authenticator, f"Bearer {token}") == MALFORMED


async def test_characters_outside_ascii_are_refused(authenticator: Authenticator) -> None:
    expected = "the token is too long or holds characters that no token has"
    assert await reason_of(authenticator, "Bearer é\udc80.a.b") == expected


@given(st.text(max_size=200), st.text(alphabet="Aa0._-=", max_size=60), st.integers(0, 400))
async def test_no_header_does_worse_than_be_refused(text: str, edit: str, place: int) -> None:
    verifier = build_authenticator(Settings(jwt_secret=SECRET), NO_API_KEYS)
    token = signed()
    edited = token[:place] + edit + token[place + len(edit) :]
    for header in (text, f"Bearer {text}", f"Bearer {edited}"):
        # A dropped or doubled "=" at the end of the signature is the one edit that changes nothing.
        if header.rstrip("=") == f"Bearer {token}":
            continue
        with pytest.raises(InvalidCredentials):
            await verifier.identify(header)


async def test_a_refusal_quotes_nothing_of_the_token(authenticator: Authenticator) -> None:
    for header in (f"Bearer {signed(iss='my-private-host')}", "Bearer my-private-host.b.c"):
        assert "my-private-host" not in await reason_of(authenticator, header)


class CountingKeys(SharedSecret):
    """The shared secret, counting how often it was needed and changing generation when told."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.finds = 0
        self.generation = 0

    def keep_fresh(self) -> int:
        return self.generation

    async def find(self, key_id: str | None) -> VerificationKey:
        self.finds += 1
        return await super().find(key_id)


class WallClock:
    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_seconds


def verifier_of(keys: CountingKeys, clock: WallClock, max_remembered: int = 100) -> TokenVerifier:
    return TokenVerifier(
        keys, issuer="laurel", audience="laurel", leeway_seconds=0, wall_clock=clock, max_remembered=max_remembered
    )


async def test_a_verified_token_is_remembered_until_it_expires() -> None:
    keys, clock = CountingKeys(), WallClock()
    verifier = verifier_of(keys, clock)
    token = signed(exp=int(time.time()) + 600)
    for _ in range(3):
        assert (await verifier.verify(token)).principal == MemberPrincipal("m-1")
    assert keys.finds == 1
    clock.offset_seconds = 590
    await verifier.verify(token)
    assert keys.finds == 1
    clock.offset_seconds = 601
    await verifier.verify(token)  # asks the library again, whose clock has not moved
    assert keys.finds == 2


async def test_a_refused_token_is_not_remembered() -> None:
    keys = CountingKeys()
    verifier = verifier_of(keys, WallClock())
    for _ in range(2):
        with pytest.raises(InvalidCredentials):
            await verifier.verify(signed(role="admin"))
    assert keys.finds == 2


async def test_remembered_tokens_are_dropped_when_the_keys_change() -> None:
    keys = CountingKeys()
    verifier = verifier_of(keys, WallClock())
    token = signed()
    await verifier.verify(token)
    keys.generation = 1
    await verifier.verify(token)
    await verifier.verify(token)
    assert keys.finds == 2


async def test_the_least_recently_used_token_is_forgotten_first() -> None:
    keys = CountingKeys()
    verifier = verifier_of(keys, WallClock(), max_remembered=2)
    one, two, three = signed(sub="1"), signed(sub="2"), signed(sub="3")
    for token in (one, two, one, three):
        await verifier.verify(token)
    assert keys.finds == 3
    await verifier.verify(one)
    assert keys.finds == 3
    await verifier.verify(two)
    assert keys.finds == 4


@pytest.mark.parametrize("ttl_seconds", [0, -1, MAX_LIFETIME_SECONDS + 1])
def test_minting_refuses_a_lifetime_out_of_bounds(ttl_seconds: int) -> None:
    with pytest.raises(OperatorError, match="lifetime"):
        mint_token(SECRET, Role.STAFF, "s-1", ttl_seconds, issuer="laurel", audience="laurel")


@pytest.mark.parametrize("subject", ["", "x" * (MAX_SUBJECT_CHARACTERS + 1), "a\nb"])
def test_minting_refuses_a_subject_that_would_not_verify(subject: str) -> None:
    with pytest.raises(OperatorError, match="subject"):
        mint_token(SECRET, Role.STAFF, subject, 60, issuer="laurel", audience="laurel")


def test_minting_refuses_a_short_secret() -> None:
    with pytest.raises(OperatorError, match="31 bytes; give it at least 32"):
        mint_token("x" * 31, Role.STAFF, "s-1", 60, issuer="laurel", audience="laurel")


def test_a_public_key_is_refused_as_shared_secret() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(OperatorError, match="looks like a public key"):
        build_authenticator(Settings(jwt_secret=pem), NO_API_KEYS)


def test_settings_must_name_one_way_to_verify() -> None:
    with pytest.raises(OperatorError, match="not both"):
        build_authenticator(Settings(jwt_secret=SECRET, jwt_jwks_url="https://id.example/keys"), NO_API_KEYS)
    with pytest.raises(OperatorError, match="Set LAUREL_JWT_SECRET or LAUREL_JWT_JWKS_URL, so"):
        build_authenticator(Settings(), NO_API_KEYS)
    with pytest.raises(ValidationError, match="jwt_secret"):
        Settings(jwt_secret="short")


async def test_the_generated_secret_counts_only_without_a_configured_one() -> None:
    generated = build_authenticator(Settings(), NO_API_KEYS, generated_secret=OTHER_SECRET)
    assert (await generated.identify(f"Bearer {signed(OTHER_SECRET)}")).principal == MemberPrincipal("m-1")
    configured = build_authenticator(Settings(jwt_secret=SECRET), NO_API_KEYS, generated_secret=OTHER_SECRET)
    assert await reason_of(configured, f"Bearer {signed(OTHER_SECRET)}") == "the token's signature does not match"


async def test_credentials_end_when_the_token_is_no_longer_taken(authenticator: Authenticator) -> None:
    expires_at = int(time.time()) + 600
    header = f"Bearer {signed(exp=expires_at)}"
    for _ in range(2):  # verified, and remembered
        assert (await authenticator.identify(header)).expires_at == expires_at + LEEWAY_SECONDS
    assert (await authenticator.identify(None)).expires_at is None
