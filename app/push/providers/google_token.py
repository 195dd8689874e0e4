"""Access tokens of a Google service account: asked for with a signed claim (RFC 7523), kept, and renewed early."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.operator_error import OperatorError
from app.push.http2.answers import Answer, NoAnswer
from app.push.http2.client import HTTPS_PORT, Host, Http2Client
from app.push.providers.replies import http_date, json_object

TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - where, not what
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
CLAIM_SECONDS: Final = 3600
"""The longest that Google takes."""
RENEW_EARLY_SECONDS: Final = 300.0
"""So long before its end a token is renewed in the background, while the old one still serves."""
UNUSABLE_SECONDS: Final = 30.0
"""So long before its end a token is not used any more; it could end on the way."""
PAUSE_SECONDS: Final = 5.0
"""From a token that was refused us to the next try; who sends meanwhile is told of the refusal."""
TOLERATED_SKEW_SECONDS: Final = 60.0
MAX_CREDENTIALS_BYTES: Final = 64 * 1024
_PROJECT: Final = re.compile(r"[a-z0-9.:-]{1,100}\Z")
_OK: Final = 200
_REFUSALS: Final = frozenset(
    {"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "access_denied"}
)

log = logging.getLogger(__name__)


class CredentialsRefused(Exception):
    """Google gives us no token until an operator acts. ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who asks for tokens, and where."""

    project_id: str
    client_email: str = field(repr=False)
    private_key_id: str = field(repr=False)
    private_key: RSAPrivateKey = field(repr=False)
    token_uri: str

    @property
    def token_host(self) -> Host:
        """Where tokens are given."""
        parts = urlsplit(self.token_uri)
        return Host(parts.hostname or "", parts.port or HTTPS_PORT)


def read_service_account(path: Path) -> ServiceAccount:
    """The service account in a file as Google gives it.

    Raises:
        OperatorError: it cannot be read, or is none; says what is missing, and none of its content.
    """
    try:
        with path.open("rb") as file:
            fields = json_object(file.read(MAX_CREDENTIALS_BYTES))
    except OSError as error:
        raise OperatorError(f"LAUREL_FCM_CREDENTIALS: {path} cannot be read: {error.strerror}") from None
    missing = [name for name in ("project_id", "client_email", "private_key") if not _text(fields, name)]
    if fields.get("type") != "service_account" or missing:
        lacks = f"; it lacks {', '.join(missing)}" if fields and missing else ""
        raise OperatorError(f"LAUREL_FCM_CREDENTIALS: {path} is no key file of a Google service account{lacks}.")
    account = ServiceAccount(
        project_id=_text(fields, "project_id"),
        client_email=_text(fields, "client_email"),
        private_key_id=_text(fields, "private_key_id"),
        private_key=_rsa_key(_text(fields, "private_key"), path),
        token_uri=_text(fields, "token_uri") or TOKEN_URI,
    )
    if not _PROJECT.match(account.project_id):
        raise OperatorError(f"LAUREL_FCM_CREDENTIALS: project_id in {path} is no name of a project.")
    if not account.token_uri.startswith("https://") or not account.token_host.name:
        raise OperatorError(f"LAUREL_FCM_CREDENTIALS: token_uri in {path} must begin with https://.")
    return account


class GoogleTokens:
    """The token to send with now. One is fetched at a time, for all who need it."""

    def __init__(
        self,
        account: ServiceAccount,
        client: Http2Client,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._client = client
        self._wall = wall
        self._monotonic = monotonic
        self._token = ""
        self._ends_at = 0.0
        self._skew_seconds = 0.0
        self._fetching: asyncio.Task[None] | None = None
        self._refusal: CredentialsRefused | None = None
        self._refused_at = 0.0

    async def current(self) -> str:
        """A token that lives for `UNUSABLE_SECONDS` at least.

        Raises:
            CredentialsRefused: Google knows us, and gives us none.
            NoAnswer: there is none now, and may be later.
        """
        left = self._ends_at - self._monotonic()
        if self._token and left > UNUSABLE_SECONDS:
            if left < RENEW_EARLY_SECONDS and not self._is_pausing():
                self._fetch()
            return self._token
        if self._refusal is not None and self._is_pausing():
            raise CredentialsRefused(self._refusal.reason)
        await asyncio.shield(self._fetch())
        return self._token

    def refuse(self, token: str) -> None:
        """The token does not serve any more; the next `current` is another one."""
        if token == self._token:
            self._token = ""

    async def aclose(self) -> None:
        """End a fetch that is under way."""
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _is_pausing(self) -> bool:
        return self._refusal is not None and self._monotonic() - self._refused_at < PAUSE_SECONDS

    def _fetch(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.get_running_loop().create_task(self._renew(), name="renew the token for FCM")
            self._fetching.add_done_callback(_told)
        return self._fetching

    async def _renew(self) -> None:
        asked_at = self._monotonic()
        answer = await self._ask()
        if answer.status != _OK and self._learn_skew(answer):
            answer = await self._ask()
        fields = json_object(answer.body)
        token, seconds = fields.get("access_token"), fields.get("expires_in")
        if answer.status != _OK or not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise self._why_not(answer, fields)
        self._token, self._ends_at, self._refusal = token, asked_at + seconds, None

    async def _ask(self) -> Answer:
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._claim()}
        path = urlsplit(self._account.token_uri).path or "/"
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        return await self._client.post(path.encode("ascii"), headers, urlencode(form).encode("ascii"))

    def _claim(self) -> str:
        now = int(self._wall() + self._skew_seconds)
        claims = {
            "iss": self._account.client_email,
            "scope": SCOPE,
            "aud": self._account.token_uri,
            "iat": now,
            "exp": now + CLAIM_SECONDS,
        }
        headers = {"kid": self._account.private_key_id} if self._account.private_key_id else None
        return jwt.encode(claims, self._account.private_key, "RS256", headers)

    def _learn_skew(self, answer: Answer) -> bool:
        """Whether our clock is off so far that a claim by Google's time may be taken where ours was not."""
        theirs = http_date(answer.headers.get("date", ""))
        if theirs is None or abs(theirs - self._wall() - self._skew_seconds) < TOLERATED_SKEW_SECONDS:
            return False
        self._skew_seconds = theirs - self._wall()
        log.warning("this machine's clock is %d s off Google's; set it right", -self._skew_seconds)
        return True

    def _why_not(self, answer: Answer, fields: Mapping[str, Any]) -> NoAnswer | CredentialsRefused:
        reason = fields.get("error")
        if reason not in _REFUSALS:
            return NoAnswer(f"token_status_{answer.status}")
        self._refusal, self._refused_at = CredentialsRefused(str(reason)), self._monotonic()
        return self._refusal


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # Whoever waited has been told; a renewal in the background is tried again.


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _rsa_key(pem: str, path: Path) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise OperatorError(f"LAUREL_FCM_CREDENTIALS: private_key in {path} is no RSA key in PEM.")
    return key
