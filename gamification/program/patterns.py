"""Patterns: texts in the syntax of Project Fluent, read, and compiled to be said."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from fluent.runtime import FluentBundle
from fluent.syntax import FluentParser, ast

from gamification.values import value

MAX_NESTING = 10
"""How deep braces may stand in each other; a text that people can read has two or three."""

_NAME = "text"
_HEAD = f"{_NAME} = "
_INDENT = "    "
_FALLBACK = Locale("en")
"""How numbers and plural forms are written in a language that Unicode's CLDR does not know."""
_NOT_READ = "cannot be read from here on"
_LINE_BREAK = "\u2424"
"""How the parser calls the end of a line."""
_PLAIN_WORDS = {
    "E0003": "expects '{0}' here",
    "E0004": "expects a name here; to begin a line with '.', write {{ \".\" }}",
    "E0005": "holds nothing but blanks",
    "E0008": "names no function; there are NUMBER and DATETIME",
    "E0010": "needs a variant for everything else, marked with *, as in *[other]",
    "E0011": "expects variants after '->', each on a line of its own, as in [one]",
    "E0012": "expects a text here",
    "E0013": "expects the name of a variant here, as in [one]",
    "E0014": "expects a number or a text in quotes here",
    "E0015": "has two variants marked with *; only one is for everything else",
    "E0020": "has a text in quotes that is never closed",
    "E0025": "has an escape that does not exist",
    "E0026": "has an escape that is no character",
    "E0027": "has a '}}' that closes nothing; to show one, write {{ \"}}\" }}",
    "E0028": "expects a variable here, as in {{ $points }}",
}
_TO_VARIANTS = "expects the end of the line here; variants such as [one] stand each on a line of its own"
_LINE_START = 'begins a line with a sign that means something there; write { "[" }, { "*" }, { "." } or { "}" }'


@value(frozen=True, slots=True)
class PatternFault:
    """Something wrong at a ``line`` and ``column`` of a pattern, from 1. See `Finding` for the rest."""

    message: str
    line: int
    column: int
    misspelt: str = ""
    known: tuple[str, ...] = ()


class BrokenPattern(ValueError):
    """A pattern that cannot be read; ``fault`` says why."""

    def __init__(self, fault: PatternFault) -> None:
        super().__init__(f"{fault.line}:{fault.column}: {fault.message}")
        self.fault = fault


class Patterns:
    """The patterns of one language, by their names, ready to be said."""

    def __init__(self, texts: Mapping[str, str], language: str) -> None:
        """Compile them.

        Raises:
            BrokenPattern: one of them cannot be read.
        """
        self.locale = locale_of(language)
        # What goes to a phone's notification shows marks of isolation as boxes in places, so there are none.
        self._bundle = FluentBundle([str(self.locale)], use_isolating=False)
        self._bundle.add_resource(ast.Resource([parsed(text, name) for name, text in texts.items()]))

    def __contains__(self, name: str) -> bool:
        return self._bundle.has_message(name)

    def say(self, name: str, values: Mapping[str, Any]) -> str:
        """The pattern with this name, filled with values. What it names and is not given shows its name."""
        pattern = self._bundle.get_message(name).value
        assert pattern is not None, "every pattern has a text"
        said, _ = self._bundle.format_pattern(pattern, dict(values))
        return str(said).strip()


@lru_cache
def locale_of(language: str) -> Locale:
    """How a language writes: that of its tag, else of the language without region and script, else as English does."""
    for tag in (language, language.partition("-")[0]):
        try:
            return Locale.parse(tag.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
    return _FALLBACK


def parsed(text: str, name: str = _NAME) -> ast.Message:
    """A pattern as a tree, under a name.

    Raises:
        BrokenPattern: it cannot be read.
    """
    if _nesting(text) > MAX_NESTING:
        raise BrokenPattern(PatternFault(f"has braces in each other more than {MAX_NESTING} deep", 1, 1))
    source = _HEAD + text.replace("\n", f"\n{_INDENT}")
    entry, *others = FluentParser().parse(source).body
    if isinstance(entry, ast.Message) and entry.value is not None:
        if beyond := (*entry.attributes, *others):
            raise BrokenPattern(fault_at(text, beyond[0].span.start if beyond[0].span else 0, _LINE_START))
        entry.id.name = name
        return entry
    annotation = entry.annotations[0] if isinstance(entry, ast.Junk) and entry.annotations else None
    if annotation is None or annotation.span is None:
        raise BrokenPattern(PatternFault(_NOT_READ, 1, 1))
    raise BrokenPattern(fault_at(text, annotation.span.start, _in_plain_words(annotation)))


def _nesting(text: str) -> int:
    """How deep braces stand in each other, as far as that can be told without reading the pattern."""
    deepest = depth = 0
    for char in text:
        depth = max(depth + (char == "{") - (char == "}"), 0)
        deepest = max(deepest, depth)
    return deepest


def _in_plain_words(annotation: ast.Annotation) -> str:
    given = [str(each) for each in annotation.arguments or ()]
    if annotation.code == "E0003" and given[:1] == [_LINE_BREAK]:
        return _TO_VARIANTS
    words = _PLAIN_WORDS.get(annotation.code)
    told = words.format(*given) if words else annotation.message or _NOT_READ
    return told[:1].lower() + told[1:]


def fault_at(text: str, offset: int, message: str, misspelt: str = "", known: Collection[str] = ()) -> PatternFault:
    """A fault at an offset of what the parser was given, which begins with a head and indents every further line."""
    lines = text.split("\n")
    left = offset - len(_HEAD)
    for number, line in enumerate(lines, start=1):
        if left <= len(line) or number == len(lines):
            return PatternFault(message, number, min(max(left, 0), len(line)) + 1, misspelt, tuple(known))
        left -= len(line) + 1 + len(_INDENT)
    raise AssertionError("a text has lines")
