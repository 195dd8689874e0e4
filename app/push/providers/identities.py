"""What providers name devices by, as far as it shows in the name itself."""

import re
from base64 import urlsafe_b64decode
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from app.push.providers.provider import WebPushKeys

DEVICE_TOKEN: Final = re.compile(r"(?:[0-9a-fA-F]{2}){8,100}\Z")
"""Apple says that its length may change; it has been 32 bytes for all iPhones."""
AUTH_BYTES: Final = 16


def subscription_keys(keys: WebPushKeys) -> tuple[EllipticCurvePublicKey, bytes] | None:
    """A browser's public key and its secret; None if they are none."""
    try:
        point, auth = _bytes_of(keys.p256dh), _bytes_of(keys.auth)
        public_key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        return None
    return (public_key, auth) if len(auth) == AUTH_BYTES else None


def _bytes_of(text: str) -> bytes:
    """What base64url stands for, with or without its padding.

    Raises:
        ValueError: it stands for nothing.
    """
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
