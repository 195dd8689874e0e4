"""Whether the texts of a program's notices are sound: each is a pattern, and names only what its kind has."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gamification.program.faults import Finding, Location
from gamification.program.notices import (
    MAX_NAMED_ATTRIBUTES,
    NOTICE_TEXTS,
    SEVERAL_VARIABLES,
    VARIABLES,
    Form,
)
from gamification.program.pattern_faults import Scope, pattern_faults

_IN_WORDS_ONLY: frozenset[Form] = frozenset({"weekday", "unit", "headline"})
"""What is only said to people, and has no plain value to stand in an address."""


def text_findings(notices: Any, languages: tuple[str, ...], codes: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Everything that is wrong with the texts of ``notices`` as they were written, with locations in the program."""
    if not isinstance(notices, dict):
        return
    for kind in VARIABLES:
        declared = notices.get(kind)
        if not isinstance(declared, dict):
            continue
        for path in NOTICE_TEXTS:
            scope = Scope(_variables(kind, declared, path), codes, languages, path == "link")
            yield from _within(declared, ("notices", kind), path, scope)


def _variables(kind: str, declared: Mapping[str, Any], path: str) -> Mapping[str, Form]:
    if path.startswith("several."):
        return SEVERAL_VARIABLES
    variables = dict(VARIABLES[kind])
    if kind == "redemption_ready":
        named = declared.get("attributes")
        for name in named[:MAX_NAMED_ATTRIBUTES] if isinstance(named, list) else ():
            variables[str(name)] = "text"
    if path == "link":
        return {name: form for name, form in variables.items() if form not in _IN_WORDS_ONLY}
    return variables


def _within(declared: Mapping[str, Any], at: Location, path: str, scope: Scope) -> Iterator[Finding]:
    *parents, name = path.split(".")
    part: Any = declared
    for step in parents:
        part = part.get(step) if isinstance(part, dict) else None
    if not isinstance(part, dict):
        return
    for way, words, languages in _each_text(part.get(name), scope.languages):
        its_scope = Scope(scope.variables, scope.codes, languages, scope.plain)
        for fault in pattern_faults(words, its_scope):
            location = (*at, *parents, name, *way)
            yield Finding(location, fault.message, fault.misspelt, fault.known, offset=(fault.line, fault.column))


def _each_text(text: Any, languages: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    """A text as it was written: the way to each of its patterns, the pattern, and the languages that it is for."""
    if isinstance(text, str):
        yield (), text, languages
    elif isinstance(text, dict):
        for language, words in text.items():
            if isinstance(words, str):
                yield (language,), words, (language,) if language in languages else languages
