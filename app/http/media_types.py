"""Which representation a client wants, from its ``Accept`` header (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping
from functools import lru_cache

from app.http.refusal import Refusal

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
CACHED_HEADERS = 256
"""How many different values of a header are remembered with what they mean."""


@lru_cache(maxsize=CACHED_HEADERS)
def response_type(accept: str | None) -> str:
    """The media type to answer GraphQL in: the newer one for who names it and likes it no less, else plain JSON.

    Raises:
        Refusal: 406, the client takes neither.
    """
    if accept is None:
        return JSON
    ranges = _qualities(accept)
    plain = _quality(JSON, ranges)
    if ranges.get(GRAPHQL_RESPONSE, 0.0) >= plain and ranges.get(GRAPHQL_RESPONSE):
        return GRAPHQL_RESPONSE
    if plain:
        return JSON
    raise Refusal(406, f"Accept {GRAPHQL_RESPONSE} or {JSON}; there is no other representation.", "NOT_ACCEPTABLE")


@lru_cache(maxsize=CACHED_HEADERS)
def takes_events(accept: str | None) -> bool:
    """Whether the client names server-sent events as something it takes; a wildcard does not mean them."""
    return bool(_qualities(accept or "").get(EVENT_STREAM))


@lru_cache(maxsize=CACHED_HEADERS)
def prefers_events(accept: str | None) -> bool:
    """Whether the client likes server-sent events better than any JSON that it names."""
    ranges = _qualities(accept or "")
    return ranges.get(EVENT_STREAM, 0.0) > max(ranges.get(JSON, 0.0), ranges.get(GRAPHQL_RESPONSE, 0.0))


@lru_cache(maxsize=CACHED_HEADERS)
def prefers_html(accept: str | None) -> bool:
    """Whether this is a browser that wants a page to look at: it names HTML and likes no JSON better."""
    ranges = _qualities(accept or "")
    html = ranges.get(HTML, 0.0)
    return bool(html) and html >= max(ranges.get(JSON, 0.0), ranges.get(GRAPHQL_RESPONSE, 0.0))


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    main = media_type.partition("/")[0]
    return next((ranges[name] for name in (media_type, f"{main}/*", "*/*") if name in ranges), 0.0)


def _qualities(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        ranges[name] = max(ranges.get(name, 0.0), _weight(parameters))
    return ranges


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
