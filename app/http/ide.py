"""The page for developers at GET /graphql: a query editor and schema explorer that works without the internet."""

import json
import secrets
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse

_PAGE = Path(__file__).with_name("ide.html")


def ide_response(query: str) -> HTMLResponse:
    """The page with ``query`` in its editor. Its policy lets it talk to this server only and run only its own code."""
    nonce = secrets.token_urlsafe(16)
    # Inside a script element, "<" could end it: JSON has an escape for that.
    query_json = json.dumps(query).replace("<", "\\u003c")
    page = _template().replace("{{nonce}}", nonce).replace("{{query}}", query_json)
    return HTMLResponse(page, headers={"Content-Security-Policy": _policy(nonce), "Cache-Control": "no-store"})


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _template() -> str:
    return _PAGE.read_text(encoding="utf-8")
