"""Which of a program's languages a reader gets."""

from collections.abc import Iterable, Sequence

MAX_HEADER_CHARS = 500


def choose(wanted: Iterable[str | None], spoken: Sequence[str]) -> str:
    """The first wanted language that is spoken, ``da-DK`` being served by ``da``; else the first one spoken."""
    for tag in wanted:
        if tag is None:
            continue
        for candidate in (tag, tag.split("-")[0]):
            for language in spoken:
                if candidate.lower() == language.lower():
                    return language
    return spoken[0]


def accepted_languages(header: str | None) -> tuple[str, ...]:
    """The languages of an Accept-Language header, most wanted first (RFC 9110, section 12.5.4)."""
    if not header or len(header) > MAX_HEADER_CHARS:
        return ()
    weighted = [_weighted(part) for part in header.split(",")]
    return tuple(tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0 and tag)


def _weighted(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";")
    try:
        return (float(weight.strip().removeprefix("q=") or 1), tag.strip())
    except ValueError:
        return (0.0, tag.strip())
