"""Global object ids: opaque to clients, a type and a local id to us."""

import base64
import binascii
import re

import strawberry

MAX_ID_CHARS = 400
_VERSION = "1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


def to_global_id(kind: str, local_id: str) -> strawberry.ID:
    """The opaque id of an object of a type."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{_VERSION}:{kind}:{local_id}".encode()).decode().rstrip("="))


def from_global_id(text: str) -> tuple[str, str] | None:
    """The type and local id behind an opaque id; None when it is none of ours."""
    if len(text) > MAX_ID_CHARS:
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    version, _, rest = decoded.partition(":")
    kind, separator, local_id = rest.partition(":")
    return (kind, local_id) if version == _VERSION and separator and local_id else None


def local_id(kind: str, text: str) -> str | None:
    """The local id behind an opaque id of this type; None when it is of another or none of ours."""
    decoded = from_global_id(text)
    return decoded[1] if decoded and decoded[0] == kind else None


def number_in(text: str) -> int | None:
    """A number that is part of an id or a cursor, as we write it and as every store can hold it; else None."""
    return int(text) if _NUMBER.fullmatch(text) else None
