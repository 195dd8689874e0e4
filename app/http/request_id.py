"""The id under which a request is logged, and which the caller can quote."""

import re
from uuid import uuid4

from starlette.requests import HTTPConnection

REQUEST_ID_HEADER = "X-Request-Id"

# What proxies and tracing tools make, and nothing that could forge a log line.
_WELL_FORMED = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def request_id_of(connection: HTTPConnection) -> str:
    """The caller's own ``X-Request-Id`` when it is well-formed, else a new one; the same for one request's lifetime."""
    state = connection.state
    if not hasattr(state, "request_id"):
        given = connection.headers.get(REQUEST_ID_HEADER, "")
        state.request_id = given if _WELL_FORMED.fullmatch(given) else uuid4().hex
    return str(state.request_id)
