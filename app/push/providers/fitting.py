"""A body cut so that the whole push fits into what a provider takes."""

import unicodedata
from collections.abc import Callable
from typing import Final

ELLIPSIS: Final = "…"
_ZERO_WIDTH_JOINER: Final = "\u200d"
_EXTENDING: Final = frozenset({"Mn", "Me", "Mc"})
"""Categories of characters that belong to the one before: accents, vowel signs, variation selectors."""
_ALSO_EXTENDING: Final = (
    range(0x1160, 0x1200),  # vowels and finals of Korean syllables
    range(0x1F3FB, 0x1F400),  # skin tones
    range(0xE0020, 0xE0080),  # tags of regional flags
)
_FLAG_HALVES: Final = range(0x1F1E6, 0x1F200)


def fitted(body: str, encode: Callable[[str], bytes], max_bytes: int) -> bytes | None:
    """What ``encode`` makes of the body, or of as much of it as fits with an ellipsis.

    It is cut between what a reader sees as characters, never within one. None if not even the ellipsis fits.
    """
    whole = encode(body)
    if len(whole) <= max_bytes:
        return whole
    ends = [at for at in range(len(body)) if _is_boundary(body, at)]
    low, high = 0, len(ends) - 1  # ends[low] characters fit, if any do
    shortest = encode(ELLIPSIS)
    if not ends or len(shortest) > max_bytes:
        return None
    best = shortest
    while low <= high:
        middle = (low + high) // 2
        shortened = encode(body[: ends[middle]].rstrip() + ELLIPSIS)
        if len(shortened) <= max_bytes:
            best, low = shortened, middle + 1
        else:
            high = middle - 1
    return best


def _is_boundary(text: str, at: int) -> bool:
    """Whether a text may be cut before this character; the rules of Unicode's annex 29 that texts of ours need."""
    if at == 0:
        return True
    before, after = text[at - 1], text[at]
    if before == _ZERO_WIDTH_JOINER or (before == "\r" and after == "\n"):
        return False
    if _is_flag_half(after):
        return not _splits_flag(text, at)
    return not _extends(after)


def _extends(character: str) -> bool:
    return (
        character == _ZERO_WIDTH_JOINER
        or unicodedata.category(character) in _EXTENDING
        or any(ord(character) in points for points in _ALSO_EXTENDING)
    )


def _is_flag_half(character: str) -> bool:
    return ord(character) in _FLAG_HALVES


def _splits_flag(text: str, at: int) -> bool:
    halves = 0
    while halves < at and _is_flag_half(text[at - 1 - halves]):
        halves += 1
    return halves % 2 == 1
