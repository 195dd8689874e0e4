"""API keys of services: their text, the record that is kept of each, and the check with its short memory."""

import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

from app.auth.credentials import Credentials, InvalidCredentials
from app.operator_error import OperatorError
from schema.principals import Scope, ServicePrincipal

KEY_PREFIX = "lk_"
"""Tells a key from a JWT, and lets secret scanners find one that was committed by mistake."""
SECRET_BYTES = 32
MAX_NAME_CHARACTERS = 80
REVOCATION_SECONDS = 10.0
"""How long a revoked key may still work where nobody hints that it is: records are remembered this long."""
MAX_REMEMBERED_KEYS = 1_000

_KEY_TEXT = re.compile(r"lk_(?P<key_id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key. The secret itself is shown once, when the key is made, and never stored.

    ``secret_sha256`` is a plain hash: the secret is 256 random bits, so there is nothing to guess that a slow hash
    would protect, and a slow hash would cost every request.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    secret_sha256: bytes
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class ApiKeys(Protocol):
    """Where the records are kept."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The record of this key, revoked or not; None when there never was one."""
        ...


@dataclass(frozen=True, slots=True)
class _Remembered:
    key: ApiKey
    until: float


class ApiKeyVerifier:
    """Decides which service a key speaks for. ``clock`` counts seconds; ``utc_now`` tells the time of day."""

    def __init__(
        self,
        api_keys: ApiKeys,
        *,
        clock: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api_keys = api_keys
        self._clock = clock
        self._utc_now = utc_now
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._times_forgotten = 0

    def forget(self) -> None:
        """Read every record anew, for one of them may have changed."""
        self._remembered.clear()
        self._times_forgotten += 1

    async def verify(self, key_text: str) -> Credentials:
        """Which service the key speaks for, and until when it does.

        Raises:
            InvalidCredentials: The key is malformed, unknown, revoked or expired.
        """
        parts = _KEY_TEXT.fullmatch(key_text)
        if parts is None:
            raise InvalidCredentials("the API key is malformed; it looks like lk_<id>_<secret>")
        record = await self._find(parts["key_id"])
        # One answer for an unknown id and a wrong secret, and no word on a key's state to who does not hold it.
        if record is None or not hmac.compare_digest(_hash(parts["secret"]), record.secret_sha256):
            raise InvalidCredentials("the API key is not known")
        if record.revoked_at is not None:
            raise InvalidCredentials("the API key has been revoked")
        if record.expires_at is not None and record.expires_at <= self._utc_now():
            raise InvalidCredentials("the API key has expired")
        expires_at = record.expires_at.timestamp() if record.expires_at is not None else None
        return Credentials(ServicePrincipal(record.key_id, record.name, record.scopes), expires_at)

    async def _find(self, key_id: str) -> ApiKey | None:
        # Taken before the read, so that a slow read cannot stretch the time that a revoked key works.
        asked_at = self._clock()
        remembered = self._remembered.get(key_id)
        if remembered is not None and asked_at < remembered.until:
            self._remembered.move_to_end(key_id)
            return remembered.key
        forgotten = self._times_forgotten
        record = await self._api_keys.find(key_id)
        if forgotten != self._times_forgotten:
            return record  # It may have been read just before it changed.
        if record is None:
            # Not remembered: made-up ids would push the real ones out.
            self._remembered.pop(key_id, None)
            return None
        self._remembered[key_id] = _Remembered(record, asked_at + REVOCATION_SECONDS)
        self._remembered.move_to_end(key_id)
        if len(self._remembered) > MAX_REMEMBERED_KEYS:
            self._remembered.popitem(last=False)
        return record


def create_api_key(
    name: str, scopes: frozenset[Scope], *, now: datetime, expires_at: datetime | None = None
) -> tuple[str, ApiKey]:
    """A new key: the text to hand over, which cannot be had again, and the record to keep.

    Raises:
        OperatorError: The name is empty, too long or not printable, no scope is given, or the expiry is not ahead.
    """
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise OperatorError(f"An API key's name has 1 to {MAX_NAME_CHARACTERS} printable characters.")
    if not scopes:
        raise OperatorError(f"An API key needs a scope: {', '.join(scope.value for scope in Scope)}.")
    if expires_at is not None and expires_at <= now:
        raise OperatorError("An API key's expiry must lie ahead.")
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(SECRET_BYTES)
    record = ApiKey(
        key_id=key_id,
        name=name,
        scopes=scopes,
        secret_sha256=_hash(secret),
        created_at=_to_milliseconds(now),
        expires_at=_to_milliseconds(expires_at) if expires_at is not None else None,
    )
    return f"{KEY_PREFIX}{key_id}_{secret}", record


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("ascii")).digest()


def _to_milliseconds(moment: datetime) -> datetime:
    """What MongoDB keeps of a time, so that a record is equal to itself after a round trip."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
