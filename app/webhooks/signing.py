"""Signatures by the Standard Webhooks specification: HMAC-SHA256 over id, time and body, by each secret that counts."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"


def signed_headers(message_id: str, body: bytes, secrets: Sequence[str], at: datetime) -> list[tuple[bytes, bytes]]:
    """What tells a receiver that a message is ours and when it was sent. The id holds no full stop."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)
    return [
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", timestamp.encode()),
        (b"webhook-signature", signatures.encode()),
    ]


def _signature(secret: str, signed: bytes) -> str:
    return b64encode(hmac.digest(b64decode(secret.removeprefix(_PREFIX)), signed, "sha256")).decode()
