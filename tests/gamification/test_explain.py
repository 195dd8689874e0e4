"""explain: the words for every kind of reason, in English, in Danish, and in a language that Laurel has no words in."""

from typing import Any

import pytest

from gamification.effects import Why
from gamification.explain import explain
from tests.gamification.programs import program

SHOP = program(
    languages=["en", "da", "fr"],
    rules=[{"code": "dollars", "name": {"en": "A point", "da": "Et point"}, "on": "purchase", "earn": {"points": 1}}],
)


def why(source: Any, code: str, arithmetic: str = "", **inputs: str | int) -> Why:
    return Why(source, code, arithmetic, inputs=inputs)


CASES: list[tuple[Why, str, str]] = [
    (why("rule", "dollars", "1 x 1 = 1"), "A point: 1 x 1 = 1", "Et point: 1 x 1 = 1"),
    (why("clock", "release"), "Points became available", "Pointene kan nu bruges"),
    (why("clock", "cancelled"), "Pending points were cancelled", "Ventende point blev annulleret"),
    (why("clock", "birthday"), "Birthday", "Fødselsdag"),
    (why("clock", "anniversary"), "Anniversary of joining", "Årsdag for indmeldelsen"),
    (why("clock", "tier.grant"), "The granted tier came to its end", "Det tildelte niveau udløb"),
    (why("staff", "adjustment", "+5", reason="Sorry"), "Sorry", "Sorry"),
    (why("staff", "tier.grant", "gold"), "Granted by staff", "Tildelt af personalet"),
    (why("reversal", "forgiven"), "What was owed is let off", "Det skyldige er eftergivet"),
    (why("reversal", "kept"), "Points that may stay", "Point, der kan beholdes"),
    (why("chain", "entry"), "Too many consequences at once", "For mange følger på én gang"),
    (why("streak", "gone", "0 + 1 = 1"), "gone: 0 + 1 = 1", "gone: 0 + 1 = 1"),
    (
        why("rule", "dollars", "200 - 40 = 160", reversed="order-17", before=200, after=160),
        "Taken back (order-17): A point: 200 - 40 = 160",
        "Taget tilbage (order-17): Et point: 200 - 40 = 160",
    ),
    (
        why("rule", "dollars", "200 - 40 = 160", reversed="0123abcd|order-17"),
        "Taken back (order-17): A point: 200 - 40 = 160",
        "Taget tilbage (order-17): Et point: 200 - 40 = 160",
    ),
    (
        why("rule", "dollars", "0 + 5 = 5", late="a{b}"),
        "Came in late (a{b}): A point: 0 + 5 = 5",
        "Kom sent ind (a{b}): Et point: 0 + 5 = 5",
    ),
    (
        why("staff", "adjustment", "5 - 5 = 0", reversed="k"),
        "Taken back (k): Adjusted by staff: 5 - 5 = 0",
        "Taget tilbage (k): Reguleret af personalet: 5 - 5 = 0",
    ),
    (
        why("board", "gone", rejudged="3"),
        "Judged again by version 3 of the program: gone",
        "Bedømt igen efter programversion 3: gone",
    ),
    (why("board", "gone", merge="other"), "Accounts joined: gone", "Konti lagt sammen: gone"),
]


@pytest.mark.parametrize(("reason", "english", "danish"), CASES, ids=[f"{one.source}-{one.code}" for one, *_ in CASES])
def test_the_words(reason: Why, english: str, danish: str) -> None:
    assert explain(reason, SHOP, "en") == english
    assert explain(reason, SHOP, "da") == danish


def test_a_language_without_words_of_its_own_gets_english() -> None:
    assert explain(why("clock", "birthday"), SHOP, "fr") == "Birthday"
