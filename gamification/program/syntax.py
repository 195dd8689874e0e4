"""YAML as a tree of nodes that know their position: the 1.2 core schema, without aliases, within bounds."""

import re
from bisect import bisect_right
from typing import Any

import yaml

from gamification.program.faults import Fault, ProgramFaults, shown

MAX_PROGRAM_BYTES = 2**20
MAX_NESTING = 30

BOOL, INT, FLOAT, NULL, STR, SEQ, MAP = (
    f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null", "str", "seq", "map")
)
ALIAS = "alias"

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_CORE_SCHEMA = (
    (BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (INT, r"[-+]?[0-9]+", "-+0123456789"),
    (FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
)
_TOLD_WHERE_IT_BEGINS = ("found unexpected end of stream", "could not find expected ':'")
_MARKERS = ("while scanning a tag", "while scanning an alias", "while scanning an anchor", "while parsing a tag")
_PLAIN_WORDS = (
    ("mapping values are not allowed", "has a ': ' too many: put the text in quotes, or mend the indentation"),
    ("could not find expected ':'", "is a field name without a ':' after it, or a quote is missing"),
    ("found character '\\t'", "is a tab; indent with spaces"),
    ("found unexpected end of stream", "opens a quote that is never closed"),
    ("but found '<block mapping start>'", "is indented differently from the lines that it belongs with"),
    ("but found '<block sequence start>'", "is indented differently from the lines that it belongs with"),
    ("but found '-'", "is indented differently from the lines that it belongs with"),
    ("expected ',' or", "stands where a ',' or a closing bracket is needed"),
    ("found unknown escape character", "is not an escape; write \\\\ for a backslash, or use single quotes"),
    ("expected the node content", "stands where a value is needed"),
    ("cannot start any token", "cannot begin a text; put the text in quotes"),
    ("but found another document", "begins a second document; a program is a single one"),
    ("nested too deeply", f"is nested too deeply; at most {MAX_NESTING} levels are allowed"),
    ("expected <block end>", "does not belong here; put the text in quotes, or mend the indentation"),
)


class _Loader(yaml.SafeLoader):
    """PyYAML's composer under YAML 1.2: ``on``, ``yes``, ``12:30`` and dates are texts, 010 is ten."""

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        aliased = self.check_event(yaml.AliasEvent)
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if aliased:
            self.get_event()  # type: ignore[no-untyped-call]
            # Aliases are refused where they stand; expanding them is how a small file becomes a huge one.
            return yaml.ScalarNode(ALIAS, event.anchor, event.start_mark, event.end_mark)
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _form, _first in _CORE_SCHEMA:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_form})\Z"), list(_first))


class Lines:
    """Where the lines of a text begin, as editors count them; YAML has some more characters that break a line."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]

    def position(self, index: int) -> tuple[int, int]:
        """Line and column, from 1, of the character at an index."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


def decode(source: str | bytes) -> str:
    """The text of a program file.

    Raises:
        ProgramFaults: it is too large, or not UTF-8.
    """
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_PROGRAM_BYTES:
        raise _refusal(1, 1, f"has {size} bytes; at most {MAX_PROGRAM_BYTES} are allowed")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8-sig")
        raise _refusal(*Lines(before).position(len(before)), "is not UTF-8; save the file as UTF-8") from None


def compose(text: str) -> yaml.Node:
    """The tree of the one document in a text.

    Raises:
        ProgramFaults: the text is not YAML, or holds nothing.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        position = Lines(text).position(error.position)
        raise _refusal(*position, "is a control character or half a character; remove it") from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_fault(error, Lines(text)) from None
    except ValueError:
        # PyYAML lets a numeric escape or a version directive that is out of range through to chr() or int().
        mark = loader.get_mark() if loader else None
        position = Lines(text).position(mark.index if mark else 0)
        raise _refusal(*position, "is an escape or a directive that is out of range") from None
    finally:
        if loader:
            loader.dispose()
    if root is None:
        raise _refusal(1, 1, "is empty; a program begins with its code and name")
    return root


def _syntax_fault(error: yaml.MarkedYAMLError, lines: Lines) -> ProgramFaults:
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    if error.context_mark and any(part in problem for part in _TOLD_WHERE_IT_BEGINS):
        mark = error.context_mark
    words = next((plain for part, plain in _PLAIN_WORDS if part in problem), f"is not YAML: {shown(problem)}")
    if (error.context or "").startswith(_MARKERS) and error.context_mark:
        mark, words = error.context_mark, "begins with a sign that YAML reads otherwise; put the text in quotes"
    return _refusal(*lines.position(mark.index if mark else 0), words)


def _refusal(line: int, column: int, message: str) -> ProgramFaults:
    return ProgramFaults((Fault(line, column, "", message),))
