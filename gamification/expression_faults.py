"""What the CEL compiler reports, as faults in plain words at the place where the author would look."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

_REPORTED = re.compile(r"ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<message>[^\n]*)")
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '(?P<operation>[^']*)' applied to '(?P<types>.*)'")
_ENDS_EARLY = re.compile(r"Syntax error: .*'<EOF>'")
_NOT_A_TOKEN = re.compile(r"Syntax error: token recognition error at: '(?P<found>.*)'")
_UNEXPECTED = re.compile(r"Syntax error: (?:mismatched|extraneous) input '(?P<found>.*)' expecting")
_TOO_DEEP = re.compile(r"recursion (?:limit|depth)")
_MIXED_NUMBERS = ("(int, double)", "(double, int)")
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


class ExpressionFault(ValueError):
    """An expression that does not compile. ``line`` and ``column`` count from 1 within the expression.

    ``more`` holds the other faults of the same expression.
    """

    def __init__(self, message: str, line: int, column: int, more: tuple["ExpressionFault", ...] = ()) -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.more = message, line, column, more


def fault_of(report: str, source: str, names: Iterable[str]) -> ExpressionFault:
    """The fault that the compiler's report on ``source`` tells of; ``names`` are the variables in its scope."""
    if _TOO_DEEP.search(report):
        return ExpressionFault("is nested too deeply; split it up", 1, 1)
    faults = list(_faults(report, source, tuple(names)))
    if not faults:
        return ExpressionFault(report.removesuffix(" [INVALID_ARGUMENT]"), 1, 1)
    first, *more = faults
    return ExpressionFault(first.message, first.line, first.column, tuple(more))


def _faults(report: str, source: str, names: tuple[str, ...]) -> Iterator[ExpressionFault]:
    lines = source.split("\n")
    for reported in _REPORTED.finditer(report):
        line, column = max(1, int(reported["line"])), max(1, int(reported["column"]))
        message = reported["message"].removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")
        undeclared = _UNDECLARED.fullmatch(message)
        if undeclared and line <= len(lines):
            column = _start_of_name(lines[line - 1], column, undeclared["name"])
        yield ExpressionFault(_in_plain_words(message, names), line, column)
        if message.startswith("Syntax error"):
            return  # what follows a first syntax error is mostly its echo


def _start_of_name(line: str, column: int, name: str) -> int:
    """Where a name begins: the compiler points at its last dot, or at the bracket after a function's name."""
    for back in (len(name.rpartition(".")[0]), len(name)):
        start = column - 1 - back
        if start >= 0 and line.startswith(name, start):
            return start + 1
    return column


def _in_plain_words(message: str, names: tuple[str, ...]) -> str:
    if found := _UNDECLARED.fullmatch(message):
        close = get_close_matches(found["name"], names, 1)
        return f"there is no '{found['name']}' here" + (f"; did you mean '{close[0]}'?" if close else "")
    if found := _OVERLOAD.fullmatch(message):
        operation, types = found["operation"].replace("_", "").removeprefix("@"), found["types"]
        return f"'{operation}' does not work on {types}{_hint(operation) if types in _MIXED_NUMBERS else ''}"
    if _ENDS_EARLY.match(message):
        return "ends too early: something is missing, or a bracket is not closed"
    if found := _NOT_A_TOKEN.match(message):
        if found["found"].startswith("="):
            return "a single '=' does not compare; write '=='"
        return f"does not understand '{found['found']}'; texts stand in quotes"
    if found := _UNEXPECTED.match(message):
        return f"did not expect '{found['found']}' here"
    return message


def _hint(operation: str) -> str:
    if operation in _COMPARISONS:
        return "; write 100.0 to compare with an amount, 100 with a count"
    return "; use double(x) or int(x)"
