"""The id under which a request is logged, and which the caller can quote."""

import re
from random import getrandbits

from starlette.requests import HTTPConnection

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = "laurel.request_id"
"""Where it stands in the scope of a connection."""
_RANDOM_BITS = 128

# What proxies and tracing tools make, and nothing that could forge a log line.
_WELL_FORMED = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def request_id_of(connection: HTTPConnection) -> str:
    """The caller's own ``X-Request-Id`` when it is well-formed, else a new one; the same for one request's lifetime."""
    known: str | None = connection.scope.get(_REQUEST_ID)
    if known is None:
        given = connection.headers.get(REQUEST_ID_HEADER, "")
        known = connection.scope[_REQUEST_ID] = given if _WELL_FORMED.fullmatch(given) else _new_id()
    return known


def _new_id() -> str:
    # It opens nothing, so it has to differ from others but not to be beyond guessing; the system's own source of
    # randomness takes as long as a hundredth of a home query.
    return f"{getrandbits(_RANDOM_BITS):032x}"
