"""Public signing keys from a JWKS URL (RFC 7517): fetched within bounds, kept fresh, kept through an outage."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app.auth.credentials import InvalidCredentials, SigningKeysUnavailable
from app.auth.keys import VerificationKey
from app.operator_error import OperatorError

FRESH_SECONDS = 300.0
"""Age at which the keys are fetched again, and so how long a withdrawn key may still be honoured."""
KEPT_SECONDS = 3600.0
"""Age at which keys that could not be fetched again are no longer trusted."""
REFETCH_INTERVAL_SECONDS = 10.0
"""Two fetches begin at least this far apart, however many tokens name unknown keys."""
FETCH_TIMEOUT_SECONDS = 5.0
"""For the whole fetch, so that a server that drips bytes cannot hold requests back."""
MAX_JWKS_BYTES = 256 * 1024
MAX_JWKS_KEYS = 100
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_log = logging.getLogger(__name__)


class _FetchFailed(Exception):
    """The answer of the JWKS server is not one that we can use."""


class JwksKeys:
    """The keys behind a URL, by key id. Requests wait only for a key that is not known yet."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = _checked_url(url)
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=FETCH_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=self._url.host not in LOOPBACK_HOSTS,
            # A compressed answer could unfold to any size before it is counted.
            headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
        )
        self._keys: dict[str, VerificationKey] = {}
        self._published: dict[str, str] = {}
        self._generation = 0
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._failed = False
        self._fetch: asyncio.Task[None] | None = None

    def keep_fresh(self) -> int:
        """See `VerificationKeys`. Keys past `KEPT_SECONDS` are dropped here."""
        if self._keys and self._fetched_at is not None:
            age_seconds = self._clock() - self._fetched_at
            if age_seconds >= KEPT_SECONDS:
                _log.error("signing keys dropped: not fetched for %d s from %s", age_seconds, self._url.host)
                self._replace({}, {})
            elif age_seconds >= FRESH_SECONDS:
                self._start_fetch()
        return self._generation

    async def find(self, key_id: str | None) -> VerificationKey:
        """See `VerificationKeys`."""
        if key_id is None:
            raise InvalidCredentials("the token's header names no key (kid)")
        self.keep_fresh()
        key = self._keys.get(key_id)
        if key is None:
            fetch = self._start_fetch()
            if fetch is not None:
                # Shielded: others wait for the same fetch when this request is cancelled.
                await asyncio.shield(fetch)
            key = self._keys.get(key_id)
        if key is not None:
            return key
        if self._failed:
            raise SigningKeysUnavailable("The signing keys cannot be fetched.")
        raise InvalidCredentials("the token is signed with a key that is not known here")

    async def aclose(self) -> None:
        """Stop a fetch that is under way and close the connection."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])
        await self._client.aclose()

    def _start_fetch(self) -> asyncio.Task[None] | None:
        if self._fetch is not None and not self._fetch.done():
            return self._fetch
        now = self._clock()
        if self._attempted_at is not None and now - self._attempted_at < REFETCH_INTERVAL_SECONDS:
            return None
        self._attempted_at = now
        self._fetch = asyncio.create_task(self._refresh(), name="fetch signing keys")
        return self._fetch

    async def _refresh(self) -> None:
        self._failed = True
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                body = await self._download()
            keys, published = _parse(body)
        except (httpx.HTTPError, TimeoutError, _FetchFailed) as error:
            _log.warning("signing keys not fetched from %s: %s", self._url.host, str(error) or type(error).__name__)
            return
        if not keys:
            _log.warning("%s publishes no key that Laurel can use", self._url.host)
        self._failed = False
        self._fetched_at = self._clock()
        if published != self._published:
            self._replace(keys, published)

    async def _download(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != httpx.codes.OK:
                raise _FetchFailed(f"status {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise _FetchFailed(f"more than {MAX_JWKS_BYTES} bytes")
        return bytes(body)

    def _replace(self, keys: dict[str, VerificationKey], published: dict[str, str]) -> None:
        self._keys, self._published = keys, published
        self._generation += 1


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise OperatorError(f"The JWKS URL is not a URL: {error}") from error
    if not url.host or url.userinfo:
        raise OperatorError("The JWKS URL needs a host and no user name or password.")
    if url.scheme != "https" and not (url.scheme == "http" and url.host in LOOPBACK_HOSTS):
        raise OperatorError(f"The JWKS URL must be https (http only on loopback), not {url.scheme}://{url.host}.")
    return url


def _parse(body: bytes) -> tuple[dict[str, VerificationKey], dict[str, str]]:
    """The usable keys by id, and the text of each, which tells whether a set is another than the last."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _FetchFailed("not JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise _FetchFailed("no list of keys")
    if len(entries) > MAX_JWKS_KEYS:
        raise _FetchFailed(f"more than {MAX_JWKS_KEYS} keys")
    keys: dict[str, VerificationKey] = {}
    published: dict[str, str] = {}
    for entry in entries:
        key_id = entry.get("kid") if isinstance(entry, dict) else None
        if not isinstance(key_id, str) or key_id in keys:
            continue
        key = _usable_key(entry)
        if key is not None:
            keys[key_id] = key
            published[key_id] = json.dumps(entry, sort_keys=True)
    return keys, published


def _usable_key(entry: dict[str, Any]) -> VerificationKey | None:
    algorithm = _algorithm_of(entry)
    # "d" is the private half: whoever can read the URL can sign with it.
    if algorithm is None or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    operations = entry.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    try:
        key = PyJWK(entry, algorithm)
    except (PyJWTError, ValueError, TypeError) as error:
        _log.warning("signing key %r left out: %s", entry.get("kid"), type(error).__name__)
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        _log.warning("signing key %r left out: %d bits", entry.get("kid"), key.key.key_size)
        return None
    return VerificationKey(key, algorithm)


def _algorithm_of(entry: dict[str, Any]) -> str | None:
    """The one algorithm for a key of this type; None when the type, curve or stated algorithm is not ours."""
    match entry.get("kty"), entry.get("crv"):
        case "RSA", _:
            algorithm = "RS256"
        case "EC", "P-256":
            algorithm = "ES256"
        case "OKP", "Ed25519":
            algorithm = "EdDSA"
        case _:
            return None
    return algorithm if entry.get("alg", algorithm) == algorithm else None
