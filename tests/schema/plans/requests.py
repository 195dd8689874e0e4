"""Random requests of a schema: documents with aliases, fragments, conditions and variables, and values for those."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

T = TypeVar("T")

MIN_DICE, MAX_DICE = 60, 400

TEXTS = ("", "a", "Hello, world", "tom", 'with "quotes"')
VALUES: dict[str, Sequence[Any]] = {
    "String": TEXTS,
    "ID": ("k", "MTpNZW1iZXI6bQ"),
    "Int": (0, 1, 2, 3, 200),
    "Float": (0.5, 2, -1.25),
    "Boolean": (True, False),
    "Decimal": ("29.33", 5),
    "BigInt": (5, 2**40),
    "DateTime": ("2026-05-01T12:00:00Z",),
    "Attributes": ({},),
}
"""What the scalars are given."""


@dataclass(frozen=True, slots=True)
class Request:
    """A document and its variables."""

    query: str
    variables: dict[str, Any]


def requests(schema: GraphQLSchema, *, root: str = "query", size: int = 16) -> st.SearchStrategy[Request]:
    """Requests of up to about ``size`` fields. They are valid, but may exceed limits, and variables may not fit.

    They are decided by bytes, which hypothesis draws and shrinks a hundred times faster than as many numbers.
    """
    return st.binary(min_size=MIN_DICE, max_size=MAX_DICE).map(lambda dice: _request(schema, root, size, dice))


def _request(schema: GraphQLSchema, root: str, size: int, dice: bytes) -> Request:
    writer = _Writer(iter(dice), schema, size)
    type_ = schema.query_type if root == "query" else schema.mutation_type
    assert type_ is not None
    selection = writer.selection(type_, 5)
    declared = f"({', '.join(writer.declared)})" if writer.declared else ""
    return Request(f"{root} Q{declared} {selection} {' '.join(writer.fragments)}", writer.values)


@dataclass
class _Writer:
    dice: Iterator[int]
    schema: GraphQLSchema
    left: int
    declared: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    aliases: int = 0

    def selection(self, type_: Any, depth: int) -> str:
        """A selection set on a composite type."""
        parts = [self._part(type_, depth) for _ in range(self._number(1, 4))]
        return f"{{ {' '.join(parts)} }}"

    def _part(self, type_: Any, depth: int) -> str:
        kind = self._number(0, 9)
        if kind == 8 and depth > 1:
            return f"...{self._condition(type_, depth)}"
        if kind == 9 and depth > 1:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            place = len(self.fragments) - 1
            on = self._pick(self._overlapping(type_))
            self.fragments[place] = f"fragment {name} on {on.name} {self.selection(on, depth - 1)}"
            return " ".join(f"...{name}{self._directives()}" for _ in range(self._number(1, 2)))
        if isinstance(type_, GraphQLUnionType):
            return "__typename" if kind == 0 or depth <= 1 else f"...{self._condition(type_, depth)}"
        return self._field(type_, depth) if kind != 7 else "__typename"

    def _condition(self, type_: Any, depth: int) -> str:
        on = self._pick(self._overlapping(type_))
        condition = f" on {on.name}" if on is not type_ or self._number(0, 1) else ""
        return f"{condition}{self._directives()} {self.selection(on, depth - 1)}"

    def _overlapping(self, type_: Any) -> list[Any]:
        """Types that fragments within this one may be on."""
        if isinstance(type_, GraphQLObjectType):
            return [type_, *type_.interfaces]
        possible = list(self.schema.get_possible_types(type_))
        shared = [each for one in possible for each in one.interfaces]
        return [type_, *possible, *possible, *dict.fromkeys(shared)]

    def _field(self, type_: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        self.left -= 1
        names = sorted(type_.fields)
        leaves = [name for name in names if not is_composite_type(get_named_type(type_.fields[name].type))]
        name = self._pick(leaves if leaves and (depth <= 1 or self.left < 0) else names)
        definition = type_.fields[name]
        if depth <= 1 and name not in leaves:
            return "__typename"
        arguments = self._arguments(definition)
        # Fields with arguments would not merge; others sometimes do, with what is selected below them.
        alias = f"a{self._next()}: " if arguments or self._number(0, 2) else ""
        below = "" if name in leaves else f" {self.selection(get_named_type(definition.type), depth - 1)}"
        return f"{alias}{name}{arguments}{self._directives()}{below}"

    def _arguments(self, definition: GraphQLField) -> str:
        given = [
            f"{name}: {self._argument(argument)}"
            for name, argument in definition.args.items()
            if is_required_argument(argument) or self._number(0, 2) == 0
        ]
        return f"({', '.join(given)})" if given else ""

    def _argument(self, argument: GraphQLArgument) -> str:
        return self._input(argument.type, 2)

    def _directives(self) -> str:
        if self._number(0, 3) != 3:
            return ""
        used = self._pick((("skip",), ("include",), ("include", "skip")))
        return "".join(f" @{name}(if: {self._decision()})" for name in used)

    def _decision(self) -> str:
        if self._number(0, 2) == 0:
            return self._pick(("true", "false"))
        # Some decide several things at once.
        if self.conditions and self._number(0, 1):
            return self._pick(self.conditions)
        name = f"v{self._next()}"
        declared, value = self._pick(
            (("Boolean!", True), ("Boolean!", False), ("Boolean = true", None), ("Boolean! = false", ...))
        )
        self.declared.append(f"${name}: {declared}")
        if value is not ... and not (value is None and self._number(0, 5)):
            self.values[name] = value
        self.conditions.append(f"${name}")
        return f"${name}"

    def _input(self, type_: GraphQLInputType, depth: int, *, literal: bool = False) -> str:
        """A literal of an input type, or a variable in its place."""
        if not literal and self._number(0, 2) == 0:
            return self._variable(type_)
        if isinstance(type_, GraphQLNonNull):
            return self._literal(type_.of_type, depth, literal=literal)
        return "null" if self._number(0, 4) == 0 else self._literal(type_, depth, literal=literal)

    def _literal(self, type_: Any, depth: int, *, literal: bool) -> str:
        if isinstance(type_, GraphQLList):
            items = [self._input(type_.of_type, depth, literal=literal) for _ in range(self._number(0, 2))]
            return f"[{', '.join(items)}]"
        if isinstance(type_, GraphQLEnumType):
            return str(self._pick(sorted(type_.values)))
        if isinstance(type_, GraphQLInputObjectType):
            fields = [
                f"{name}: {self._input(each.type, depth - 1, literal=literal)}"
                for name, each in type_.fields.items()
                if is_required_input_field(each) or (depth > 0 and self._number(0, 1))
            ]
            return f"{{{', '.join(fields)}}}"
        return _written(self._pick(VALUES.get(type_.name, (1,))))

    def _variable(self, type_: GraphQLInputType) -> str:
        name = f"v{self._next()}"
        required = isinstance(type_, GraphQLNonNull)
        default = f" = {self._input(type_, 1, literal=True)}" if self._number(0, 2) == 0 else ""
        # With a default, one that may be null fits where nothing may be; then null comes as a fault.
        declared = str(type_).removesuffix("!") if default and default != " = null" and required else str(type_)
        self.declared.append(f"${name}: {declared}{default}")
        if (declared.endswith("!") and not default) or self._number(0, 1):
            self.values[name] = self._value(type_, 2)
            if self._number(0, 39) == 39:
                self.values[name] = self._pick((None, "misfit", [], {}))
        return f"${name}"

    def _value(self, type_: Any, depth: int) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, depth)
        if isinstance(type_, GraphQLList):
            return [self._value(type_.of_type, depth) for _ in range(self._number(0, 2))]
        if isinstance(type_, GraphQLEnumType):
            return self._pick(sorted(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return {
                name: self._value(each.type, depth - 1)
                for name, each in type_.fields.items()
                if is_required_input_field(each) or (depth > 0 and self._number(0, 1))
            }
        return deepcopy(self._pick(VALUES.get(type_.name, (1,))))

    def _number(self, lowest: int, highest: int) -> int:
        return lowest + next(self.dice, 0) % (highest - lowest + 1)

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[self._number(0, len(choices) - 1)]

    def _next(self) -> int:
        self.aliases += 1
        return self.aliases


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        quoted = value.replace('"', '\\"')
        return f'"{quoted}"'
    return str(value)
