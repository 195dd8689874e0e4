"""Bearer tokens of members and staff: JWTs (RFC 7519), verified, remembered while they hold, and minted."""

import time
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Any

import jwt
from jwt import exceptions as jwt_errors

from app.auth.credentials import Credentials, InvalidCredentials
from app.auth.keys import SharedSecret, VerificationKeys
from app.operator_error import OperatorError
from schema.principals import MemberPrincipal, StaffPrincipal

MAX_TOKEN_BYTES = 8 * 1024
MAX_SUBJECT_CHARACTERS = 128
MAX_LIFETIME_SECONDS = 30 * 24 * 3600
"""A token that runs longer is refused: there is no list of revoked tokens, so a stolen one has to die by itself."""
MAX_REMEMBERED_TOKENS = 20_000
"""Some 8 MB at most."""
FORGOTTEN_PART = 20
"""One in so many is forgotten where they are too many: to come to its first key, a dict passes by the gaps of all that
stood before it, and to forget them one by one took 8 microseconds each."""
MAX_REMEMBERED_HEADERS = 64
"""Half a megabyte at most."""


class Role(StrEnum):
    """The claim ``role``: which kind of person a token is for."""

    MEMBER = "member"
    STAFF = "staff"


class TokenVerifier:
    """Decides whom a token speaks for. ``wall_clock`` is seconds since 1970, for how long a result is remembered."""

    def __init__(
        self,
        keys: VerificationKeys,
        *,
        issuer: str,
        audience: str,
        leeway_seconds: int,
        wall_clock: Callable[[], float] = time.time,
        max_remembered: int = MAX_REMEMBERED_TOKENS,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._wall_clock = wall_clock
        self._max_remembered = max_remembered
        self._verified: dict[bytes, Credentials] = {}
        self._key_ids: dict[str, str | None] = {}
        """By the first part of tokens, which is the same for all that an issuer signs with a key."""
        self._generation = 0

    async def verify(self, token: str) -> Credentials:
        """Whom the token speaks for, and until when it does.

        Raises:
            InvalidCredentials: The token is refused.
            SigningKeysUnavailable: Its key cannot be fetched.
        """
        if len(token) > MAX_TOKEN_BYTES or not token.isascii():
            raise InvalidCredentials("the token is too long or holds characters that no token has")
        # By digest, so that a dump of this process's memory holds no table of live tokens.
        digest = sha256(token.encode()).digest()
        self._forget_if_keys_changed()
        known = self._verified.pop(digest, None)
        if known is not None and self._wall_clock() < (known.expires_at or 0.0):
            self._verified[digest] = known  # The latest comes last.
            return known
        claims = await self._verified_claims(token)
        verified = Credentials(_principal(claims), self._expiry(claims))
        self._remember(digest, verified)
        return verified

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        try:
            key = await self._keys.find(self._key_id(token))
            return jwt.decode(
                token,
                key=key.key,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt_errors.PyJWTError as error:
            raise InvalidCredentials(_reason(error)) from error

    def _key_id(self, token: str) -> str | None:
        header = token.partition(".")[0]
        if header not in self._key_ids:
            key_id = jwt.get_unverified_header(token).get("kid")
            if len(self._key_ids) >= MAX_REMEMBERED_HEADERS:
                self._key_ids.clear()
            self._key_ids[header] = key_id
        return self._key_ids[header]

    def _expiry(self, claims: dict[str, Any]) -> float:
        expires_at = claims["exp"]
        if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
            raise InvalidCredentials("the token's claim exp is not a number")
        if expires_at > self._wall_clock() + MAX_LIFETIME_SECONDS + self._leeway_seconds:
            raise InvalidCredentials(f"the token runs for more than {MAX_LIFETIME_SECONDS // 86_400} days")
        return int(expires_at) + self._leeway_seconds

    def _forget_if_keys_changed(self) -> None:
        generation = self._keys.keep_fresh()
        if generation != self._generation:
            self._verified.clear()
            self._generation = generation

    def _remember(self, digest: bytes, verified: Credentials) -> None:
        # The keys may have changed while the key was fetched, and this result was made with the new ones.
        self._forget_if_keys_changed()
        self._verified.pop(digest, None)
        self._verified[digest] = verified
        if len(self._verified) > self._max_remembered:
            for oldest in list(islice(self._verified, 1 + self._max_remembered // FORGOTTEN_PART)):
                del self._verified[oldest]


def mint_token(secret: str, role: Role, subject: str, ttl_seconds: int, *, issuer: str, audience: str) -> str:
    """A token for development and operation, signed with the shared secret (HS256).

    Raises:
        OperatorError: The secret is too short, the subject is not one, or the lifetime is out of bounds.
    """
    SharedSecret(secret)
    if not _is_subject(subject):
        raise OperatorError(f"The subject must be 1 to {MAX_SUBJECT_CHARACTERS} printable characters.")
    if not 0 < ttl_seconds <= MAX_LIFETIME_SECONDS:
        raise OperatorError(f"The lifetime must be 1 to {MAX_LIFETIME_SECONDS} seconds, not {ttl_seconds}.")
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "role": role.value,
        "iat": now,
        "exp": now + ttl_seconds,
    }
    return jwt.encode(claims, secret.encode(), algorithm="HS256")


def _principal(claims: dict[str, Any]) -> MemberPrincipal | StaffPrincipal:
    subject = claims["sub"]
    if not _is_subject(subject):
        raise InvalidCredentials("the token's claim sub is empty, too long or not printable")
    match claims.get("role"):
        case Role.MEMBER:
            return MemberPrincipal(subject)
        case Role.STAFF:
            return StaffPrincipal(subject)
        case _:
            raise InvalidCredentials('the token\'s claim role must be "member" or "staff"')


def _is_subject(subject: str) -> bool:
    return 0 < len(subject) <= MAX_SUBJECT_CHARACTERS and subject.isprintable()


def _reason(error: jwt_errors.PyJWTError) -> str:
    """What the caller is told. The library's own texts may quote the token, so they stay inside."""
    match error:
        case jwt_errors.ExpiredSignatureError():
            return "the token has expired; get a new one"
        case jwt_errors.ImmatureSignatureError():
            return "the token is not valid yet; check the clock that made it"
        case jwt_errors.InvalidIssuerError():
            return "the token is from another issuer"
        case jwt_errors.InvalidAudienceError():
            return "the token is for another audience"
        case jwt_errors.MissingRequiredClaimError(claim=claim):
            return f"the token lacks the claim {claim}"
        case jwt_errors.InvalidAlgorithmError():
            return "the token's algorithm is not accepted here"
        case jwt_errors.InvalidSignatureError():
            return "the token's signature does not match"
        case _:
            return "the token is malformed"
