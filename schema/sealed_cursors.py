"""Cursors that nobody else can read or make.

The place of a row on a board holds the id of its member, who may appear there under an alias or without a name. If it
could be read, it would tell who that is: the same id is in the id of their public profile. The place of a campaign's
event is a number that counts everything staff does.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from schema.connections import MAX_CURSOR_CHARS, stale_cursor


class SealedCursors:
    """Seals places with a key that all processes share: 32, 48 or 64 bytes, asked for when it is first needed.

    The same place has the same cursor each time (RFC 5297), so that clients can tell rows by their cursors.
    """

    def __init__(self, key: Callable[[], Awaitable[bytes]]) -> None:
        self._key = key
        self._cipher: AESSIV | None = None

    async def sealer(self, listed: str) -> Callable[[str], str]:
        """What makes the cursor of a place in a list. ``listed`` names the list, so that the cursors serve no other.

        Raises:
            StoreUnavailable: the key could not be read in time.
        """
        cipher = self._cipher or await self._ready()
        return lambda place: _sealed(cipher, listed, place)

    async def open(self, listed: str, cursor: str) -> str:
        """The place behind a cursor, exactly as it was sealed.

        Raises:
            CallerError: INVALID_CURSOR; it is none of ours, or of another list.
            StoreUnavailable: the key could not be read in time.
        """
        if len(cursor) > MAX_CURSOR_CHARS:
            raise stale_cursor()
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return (await self._ready()).decrypt(sealed, [listed.encode()]).decode()
        except (binascii.Error, ValueError, InvalidTag):
            raise stale_cursor() from None

    async def _ready(self) -> AESSIV:
        if self._cipher is None:
            self._cipher = AESSIV(await self._key())
        return self._cipher


def _sealed(cipher: AESSIV, listed: str, place: str) -> str:
    return base64.urlsafe_b64encode(cipher.encrypt(place.encode(), [listed.encode()])).decode().rstrip("=")
