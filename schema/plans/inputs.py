"""Arguments of a plan: how their values become what resolvers take, decided once for a type and not for each value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import lru_cache
from typing import Any, TypeAlias

import strawberry
from strawberry.relay.types import GlobalID
from strawberry.types.arguments import StrawberryArgument, _is_leaf_type, _is_optional_leaf_type
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

MAX_SCHEMAS = 4
"""A process has one; tests have a few."""

Convert: TypeAlias = Callable[[Any], Any]


class LeftToStrawberry(Exception):
    """Values of a type are converted by `strawberry.types.arguments.convert_argument` alone."""


class Inputs:
    """Converters for the input types of a schema; each value becomes what `convert_argument` would make of it."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._config, self._scalars = schema.config, schema.schema_converter.scalar_registry
        self._by_class: dict[type, Convert] = {}

    def of_arguments(self, arguments: Sequence[StrawberryArgument]) -> Convert | None:
        """What makes the arguments of a resolver of coerced ones; None where Strawberry has to."""
        try:
            parts = [
                (self._config.name_converter.from_argument(each), each.python_name, self._of(each.type))
                for each in arguments
            ]
        except LeftToStrawberry:
            return None

        def convert(coerced: Mapping[str, Any]) -> dict[str, Any]:
            return {own: make(coerced[name]) for name, own, make in parts if name in coerced}

        return convert

    def _of(self, type_: Any) -> Convert:
        if isinstance(type_, StrawberryMaybe):
            raise LeftToStrawberry
        if isinstance(type_, StrawberryOptional):
            return self._of(type_.of_type)
        if isinstance(type_, StrawberryList):
            return self._of_list(type_)
        if type_ is GlobalID:
            raise LeftToStrawberry
        if _is_leaf_type(type_, self._scalars) or has_enum_definition(type_):
            return _same
        if isinstance(type_, LazyType):
            return self._of(type_.resolve_type())
        if has_object_definition(type_):
            return self._of_class(type_)
        raise LeftToStrawberry

    def _of_list(self, type_: StrawberryList) -> Convert:
        leaves = (_is_leaf_type, _is_optional_leaf_type)
        if any(is_leaf(type_.of_type, self._scalars, skip_classes=(GlobalID,)) for is_leaf in leaves):
            return _copied
        make = self._of(type_.of_type)
        return lambda value: value if value is None or value is UNSET else [make(each) for each in value]

    def _of_class(self, class_: Any) -> Convert:
        """What makes instances of an input class; there before its fields are looked at, for one may hold itself."""
        known = self._by_class.get(class_)
        if known is not None:
            return known
        definition = class_.__strawberry_definition__
        if definition.from_input is not None or not definition.is_input:
            raise LeftToStrawberry
        absent = {field.python_name: None for field in definition.fields if _is_absent(field)}
        fields: list[tuple[str, str, Convert]] = []

        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            given = {own: make(value[name]) for name, own, make in fields if name in value}
            return class_(**absent | given)

        self._by_class[class_] = convert
        try:
            for field in definition.fields:
                name = self._config.name_converter.from_field(field)
                fields.append((name, field.python_name, self._of(field.resolve_type(type_definition=definition))))
        except LeftToStrawberry:
            del self._by_class[class_]
            raise
        return convert


@lru_cache(maxsize=MAX_SCHEMAS)
def inputs_of(schema: strawberry.Schema) -> Inputs:
    """The converters of a schema."""
    return Inputs(schema)


def _is_absent(field: Any) -> bool:
    """Whether a field that is not given is None, for it says of no other default."""
    return field.default_value is MISSING and field.default_factory is MISSING


def _same(value: Any) -> Any:
    return value


def _copied(value: Any) -> Any:
    return value if value is None or value is UNSET else list(value)
