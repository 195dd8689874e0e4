"""Who we are to services of Web Push: a key of our own, which browsers were given when they subscribed (RFC 8292)."""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.operator_error import OperatorError

CLAIM_SECONDS: Final = 12 * 3600
"""How long a claim is good; RFC 8292, section 2, allows 24 hours, and clocks may be off."""
RENEW_SECONDS: Final = 3600.0
MAX_CLAIMS: Final = 256
"""How many services' claims are kept; a client may name any host as one."""
MAX_KEY_BYTES: Final = 16 * 1024
_RAW_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=?\Z")
_SUBJECT: Final = re.compile(r"(?:mailto:[^\s@]+@[^\s@]+|https://[^\s/]+\S*)\Z")


@dataclass(frozen=True, slots=True)
class VapidKey:
    """Our key, and whom a service may write to about what we send."""

    private_key: EllipticCurvePrivateKey = field(repr=False)
    subject: str

    @property
    def public_text(self) -> str:
        """What a page gives to ``pushManager.subscribe`` as ``applicationServerKey``."""
        point = self.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return urlsafe_b64encode(point).decode("ascii").rstrip("=")


def read_vapid_key(key: str, subject: str) -> VapidKey:
    """The key that ``key`` is, as 43 characters of base64url, or the one in the PEM file that it names.

    Raises:
        OperatorError: it is none, cannot be read, or the subject is neither a mailto: nor an https: address.
    """
    if not _SUBJECT.match(subject) or not subject.isascii():
        raise OperatorError("LAUREL_VAPID_SUBJECT: must be mailto: with an address, or an https: URL.")
    return VapidKey(_raw_key(key) if _RAW_KEY.match(key) else _pem_key(Path(key)), subject)


class VapidClaims:
    """What goes into ``Authorization``, for one service after the other; each is signed for an hour."""

    def __init__(self, key: VapidKey, *, wall: Callable[[], float] = time.time) -> None:
        self._key = key
        self._public_text = key.public_text
        self._wall = wall
        self._claims: dict[str, tuple[float, bytes]] = {}

    def authorization(self, origin: str) -> bytes:
        """The header for a service with this origin."""
        issued_at, header = self._claims.get(origin, (0.0, b""))
        now = self._wall()
        if not 0 <= now - issued_at < RENEW_SECONDS:
            header = self._signed(origin, now)
            self._claims.pop(origin, None)
            while len(self._claims) >= MAX_CLAIMS:
                del self._claims[next(iter(self._claims))]
            self._claims[origin] = (now, header)
        return header

    def _signed(self, origin: str, now: float) -> bytes:
        claims = {"aud": origin, "exp": int(now) + CLAIM_SECONDS, "sub": self._key.subject}
        token = jwt.encode(claims, self._key.private_key, "ES256")
        return f"vapid t={token}, k={self._public_text}".encode("ascii")


def _raw_key(text: str) -> EllipticCurvePrivateKey:
    try:
        return derive_private_key(int.from_bytes(urlsafe_b64decode(text.rstrip("=") + "="), "big"), SECP256R1())
    except ValueError:
        raise OperatorError("LAUREL_VAPID_KEY: is no private key of P-256.") from None


def _pem_key(path: Path) -> EllipticCurvePrivateKey:
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_KEY_BYTES)
        key = load_pem_private_key(pem, None)
    except OSError as error:
        # The path is not repeated: it may be a key with a character too many.
        raise OperatorError(
            f"LAUREL_VAPID_KEY: is neither 43 characters of base64url nor a file that can be read: {error.strerror}"
        ) from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise OperatorError("LAUREL_VAPID_KEY: the file holds no private key of P-256 in PEM.")
    return key
