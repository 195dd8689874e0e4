"""A body is cut between what a reader sees as characters, as late as it can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.push.providers.fitting import fitted


def encode(body: str) -> bytes:
    return f'{{"{body}"}}'.encode()


@pytest.mark.parametrize(
    ("body", "max_bytes", "fits"),
    [
        ("Hello", 9, "Hello"),
        ("Hello", 8, "H…"),
        ("Hello", 7, "…"),
        ("Hello", 6, None),
        ("", 4, ""),
        ("", 3, None),
        ("Hello there", 13, "Hello…"),  # no space before the ellipsis
        ("cafe\u0301 noir", 12, "caf…"),  # an accent stays with its letter
        ("cafe\u0301 noir", 13, "cafe\u0301…"),
        ("a👩‍👩‍👧b", 20, "a…"),  # a family is one character
        ("a👍🏽bcdef", 14, "a…"),  # and so is a thumb with its colour
        ("a👍🏽bcdef", 16, "a👍🏽…"),
        ("🇩🇪🇫🇷🇮🇹", 16, "🇩🇪…"),  # and a flag
        ("🇩🇪🇫🇷🇮🇹", 23, "🇩🇪🇫🇷…"),
        ("ab\r\ncd", 9, "ab…"),
        ("x1️⃣2️⃣", 14, "x…"),  # a key cap
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", 16, "\u1112\u1161\u11ab…"),  # a Korean syllable
    ],
)
def test_where_it_is_cut(body: str, max_bytes: int, fits: str | None) -> None:
    assert fitted(body, encode, max_bytes) == (None if fits is None else encode(fits))


@given(body=st.text(max_size=60), max_bytes=st.integers(0, 200))
def test_what_comes_out_fits_and_is_a_beginning(body: str, max_bytes: int) -> None:
    body = body.encode(errors="ignore").decode()
    found = fitted(body, encode, max_bytes)
    if len(encode(body)) <= max_bytes:
        assert found == encode(body)
    elif found is None:
        assert len(encode("…")) > max_bytes or not body
    else:
        assert len(found) <= max_bytes
        beginning = found.decode()[2:-2].removesuffix("…")
        assert body.startswith(beginning)


def test_a_long_body_is_built_a_few_times_only() -> None:
    built = []

    def counting(body: str) -> bytes:
        built.append(body)
        return body.encode()

    fitted("x" * 100_000, counting, 4096)
    assert len(built) <= 20
