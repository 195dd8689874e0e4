"""Names that a push has towards a provider: stable, so that the same push again is known to be the same."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from app.push.providers.provider import Device, Push

COLLAPSE_CHARACTERS: Final = 32
"""What the strictest provider takes: the topic of RFC 8030, section 5.4, in the alphabet of base64url."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_OUR_PUSHES: Final = UUID("5d0f7c0e-6f0b-5b0e-9c56-3f9f0b7a4a51")


def collapse_name(push: Push) -> str:
    """What pushes that replace each other have in common: ``collapse_id`` if it is plain, else a digest of it.

    Without one it is a digest of ``notice_id``, which may hold a member's number that is nobody's business.
    """
    if _PLAIN.match(push.collapse_id):
        return push.collapse_id
    digest = sha256((push.collapse_id or f"notice\0{push.notice_id}").encode()).digest()
    return urlsafe_b64encode(digest).decode("ascii")[:COLLAPSE_CHARACTERS]


def delivery_uuid(push: Push, device: Device) -> str:
    """The same for the same notice and device, always."""
    return str(uuid5(_OUR_PUSHES, f"{push.notice_id}\0{device.token}"))
