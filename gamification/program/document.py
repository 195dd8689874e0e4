"""A program file as plain data, with the position in the file of every value and field name."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from typing import Any

import yaml

from gamification.program.faults import MAX_FAULTS, Fault, Finding, Location, path_of, shown
from gamification.program.syntax import ALIAS, BOOL, FLOAT, INT, MAP, NULL, SEQ, STR, Lines, compose, decode

MAX_NUMBER_CHARS = 40

_STANDARD_TAGS = {yaml.ScalarNode: (BOOL, INT, FLOAT, NULL, STR), yaml.SequenceNode: (SEQ,), yaml.MappingNode: (MAP,)}
_UNFIT = ("Cc", "Cs")
_UNFIT_WORDS = "must not hold control characters or half characters"
_QUOTED_CHARACTER = {
    "'": re.compile(r"''|.", re.DOTALL),
    '"': re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|\r\n|.)|.", re.DOTALL),
}
_BLANK_ESCAPES = frozenset("tnvfrN_LP \t\r\n")


@dataclass(frozen=True, slots=True)
class _Place:
    value: yaml.Node
    key: yaml.Node | None = None


class Document:
    """A program file, read. ``data`` holds mappings, lists, texts, integers, decimals, booleans and None.

    ``findings`` tell what could not be taken over. ``refused`` are the locations of values among that, in whose place
    None stands in ``data``.
    """

    def __init__(self, source: str | bytes) -> None:
        """Read a file's content.

        Raises:
            ProgramFaults: it is not YAML at all; with the one fault at which reading stopped.
        """
        self._text = decode(source)
        self._lines = Lines(self._text)
        self.findings: list[Finding] = []
        self.refused: set[Location] = set()
        self._places: dict[Location, _Place] = {}
        self.data: Any = self._take(compose(self._text), None, ())

    def faults(self, findings: Iterable[Finding]) -> tuple[Fault, ...]:
        """The findings as faults in the order of the file, each once, and no more than can be read."""
        placed = sorted(((self._position(found), found) for found in findings), key=itemgetter(0))
        told = sorted({Fault(*at, self._path(found.location), found.words()) for at, found in placed[:MAX_FAULTS]})
        if len(placed) > MAX_FAULTS:
            line, column = placed[MAX_FAULTS][0]
            told.append(Fault(line, column, "", f"and {len(placed) - MAX_FAULTS} more from here on; mend these first"))
        return tuple(told)

    def _take(self, node: yaml.Node, key: yaml.Node | None, location: Location) -> Any:
        self._places[location] = _Place(node, key)
        if node.tag == ALIAS:
            return self._refuse(location, f"'*{shown(node.value)}' is an alias; write the value out, or use quotes")
        if node.tag not in _STANDARD_TAGS[type(node)]:
            return self._refuse(location, f"'{shown(node.tag)}' is a YAML tag; put the text in quotes")
        if isinstance(node, yaml.MappingNode):
            return self._take_mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._take(child, None, (*location, number)) for number, child in enumerate(node.value)]
        return self._take_scalar(node, location)

    def _take_mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _STANDARD_TAGS[yaml.ScalarNode]:
                self.findings.append(Finding(location, "a field name must be text", position=self._at(key)))
            elif _is_unfit(key.value):
                self.findings.append(Finding(location, f"a field name {_UNFIT_WORDS}", position=self._at(key)))
            elif key.value in taken:
                message = f"'{shown(key.value)}' stands here twice; keep one of them"
                self.findings.append(Finding((*location, key.value), message, position=self._at(key)))
            else:
                taken[key.value] = self._take(value, key, (*location, key.value))
        return taken

    def _take_scalar(self, node: yaml.Node, location: Location) -> Any:
        text: str = node.value
        if node.tag == NULL:
            return None
        if node.tag == BOOL:
            return text.lower() == "true"
        if node.tag in (INT, FLOAT):
            return self._take_number(text, node.tag, location)
        if _is_unfit(text):
            return self._refuse(location, _UNFIT_WORDS)
        return text

    def _take_number(self, text: str, tag: str, location: Location) -> Any:
        if len(text) > MAX_NUMBER_CHARS:
            return self._refuse(location, f"has more than {MAX_NUMBER_CHARS} digits")
        try:
            return int(text) if tag == INT else Decimal(text)
        except (ValueError, InvalidOperation):
            return self._refuse(location, "is not a number")

    def _refuse(self, location: Location, message: str) -> None:
        self.refused.add(location)
        self.findings.append(Finding(location, message))

    def _position(self, found: Finding) -> tuple[int, int]:
        if found.position:
            return found.position
        place = self._places[self._written(found.location)]
        if found.on_key and place.key is not None:
            return self._at(place.key)
        if found.offset and isinstance(place.value, yaml.ScalarNode):
            return self._lines.position(_index_within(self._text, place.value, *found.offset))
        return self._at(place.value)

    def _at(self, node: yaml.Node) -> tuple[int, int]:
        return self._lines.position(node.start_mark.index)

    def _path(self, location: Location) -> str:
        written = self._written(location)
        # What a single value stands for, such as a list of one, is not how its author would look for it.
        return path_of(written if isinstance(self._places[written].value, yaml.ScalarNode) else location)

    def _written(self, location: Location) -> Location:
        """A location, or that of the innermost part around it that the file holds."""
        while location not in self._places:
            location = location[:-1]
        return location


def _is_unfit(text: str) -> bool:
    return any(unicodedata.category(char) in _UNFIT and char not in "\n\t" for char in text)


def _index_within(text: str, node: yaml.ScalarNode, line: int, column: int) -> int:
    """Where in the file a line and column of a scalar's value stand.

    YAML folds, indents and unindents a scalar, but that touches blanks only: the n-th character of the value that is
    no blank is the n-th one in the file, once quotes and escapes are seen through.
    """
    lines = node.value.split("\n")
    before = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]]) if line <= len(lines) else node.value
    wanted = sum(not char.isspace() for char in before)
    blank_here = node.value[len(before) : len(before) + 1].strip() == ""
    spots = _spots(text, node)
    if not spots:
        return int(node.start_mark.index)
    if wanted == 0:
        return spots[0]
    # A blank, or the end of the text, has no spot of its own: it comes right after the character before it.
    return spots[min(wanted, len(spots)) - 1] + 1 if blank_here or wanted >= len(spots) else spots[wanted]


def _spots(text: str, node: yaml.ScalarNode) -> list[int]:
    """Where in the file the characters of a scalar stand that are no blanks."""
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        start = text.find("\n", start) + 1
    quoted = _QUOTED_CHARACTER.get(node.style or "")
    if quoted is None:
        return [index for index in range(start, end) if not text[index].isspace()]
    characters = quoted.finditer(text, start + 1, end - 1)
    return [character.start() for character in characters if not _is_blank(character.group())]


def _is_blank(written: str) -> bool:
    """Whether a character, written out or as an escape, is a blank or nothing at all."""
    if not written.startswith("\\") or written == "\\":
        return written.isspace()
    if written[1] in "xuU":
        return chr(int(written[2:], 16)).isspace()
    return written[1] in _BLANK_ESCAPES
