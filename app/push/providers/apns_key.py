"""The token that a provider shows to APNs: signed with the team's key, and as old as APNs wants it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.operator_error import OperatorError

RENEW_SECONDS: Final = 50 * 60.0
"""APNs takes a token for an hour."""
MIN_AGE_SECONDS: Final = 20 * 60.0
"""APNs takes no new token more often than that."""
MAX_KEY_BYTES: Final = 16 * 1024
_TEN_CHARACTERS: Final = re.compile(r"[A-Z0-9]{10}\Z")


@dataclass(frozen=True, slots=True)
class ApnsKey:
    """A key of a developer account, for tokens."""

    key_id: str
    team_id: str
    private_key: EllipticCurvePrivateKey = field(repr=False)


def read_apns_key(path: Path, key_id: str, team_id: str) -> ApnsKey:
    """The key in a .p8 file, as Apple gives it once.

    Raises:
        OperatorError: it cannot be read or is none, or one of the identifiers is none.
    """
    for name, text in (("LAUREL_APNS_KEY_ID", key_id), ("LAUREL_APNS_TEAM_ID", team_id)):
        if not _TEN_CHARACTERS.match(text):
            raise OperatorError(f"{name}: must be the 10 capital letters and digits that Apple shows.")
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise OperatorError(f"LAUREL_APNS_KEY: {path} cannot be read: {error.strerror}") from None
    return ApnsKey(key_id, team_id, _p256_key(pem, path))


class ApnsTokens:
    """The token to send with now; one serves all connections."""

    def __init__(
        self,
        key: ApnsKey,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._wall = wall
        self._monotonic = monotonic
        self._token = ""
        self._issued_at = (0.0, 0.0)

    def current(self) -> str:
        """A token younger than `RENEW_SECONDS`."""
        if not self._token or self._age_seconds() >= RENEW_SECONDS:
            self._issue()
        return self._token

    def renewed(self, refused: str) -> str | None:
        """A token instead of one that has expired for APNs; None if there can be none yet."""
        if refused == self._token:
            if self._age_seconds() < MIN_AGE_SECONDS:
                return None  # As young as it is, it is our clock that is wrong, and a new one would be no better.
            self._issue()
        return self._token

    def _issue(self) -> None:
        self._issued_at = (self._wall(), self._monotonic())
        claims = {"iss": self._key.team_id, "iat": int(self._issued_at[0])}
        self._token = jwt.encode(claims, self._key.private_key, "ES256", {"kid": self._key.key_id})

    def _age_seconds(self) -> float:
        """By the clock that has moved further: one may be set back, the other stands still while a machine sleeps."""
        wall, monotonic = self._issued_at
        return max(self._wall() - wall, self._monotonic() - monotonic)


def _p256_key(pem: bytes, path: Path) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise OperatorError(f"LAUREL_APNS_KEY: {path} is no .p8 key for APNs.")
    return key
