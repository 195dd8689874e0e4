"""Compiling an operation: what it selects of each type, and how the values of each type are completed.

Which fields are selected, in which order and with which nodes merged, is graphql-core's own answer, asked once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from types import CoroutineType
from typing import Any
from uuid import UUID

import strawberry
from graphql import (
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    is_leaf_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from schema.plans.fields import Complete, PlannedField, Resolver
from schema.plans.run import Place, Run
from schema.plans.source import Expected, Namespace, define_list, define_object, define_value

_OWN_RESPONSE: Mapping[object, str] = {
    GraphQLString: "{value}.__class__ is str",
    GraphQLID: "{value}.__class__ is str",
    GraphQLBoolean: "{value}.__class__ is bool",
    GraphQLInt: "{value}.__class__ is int and -0x80000000 <= {value} <= 0x7FFFFFFF",
    GraphQLFloat: "{value}.__class__ is float and {value} - {value} == 0.0",  # so it is finite
}
"""Which values of the built-in scalars are their own response."""
_PLAIN = frozenset({str, int, float, bool, dict, list, tuple, datetime, date, time, Decimal, UUID})
"""Classes whose instances are neither awaitable nor exceptions, for custom scalars."""
_NOTHING = Expected("False", "{value}")
"""For types that are left to the standard executor."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled operation. A query has one part; a mutation one for each field, which are made one after the other."""

    parts: Sequence[Complete]

    async def execute(self, run: Run) -> dict[str, Any] | None:
        """The data of the response, None where what must not be null is; the errors are in the run's executor."""
        results: dict[str, Any] = {}
        try:
            for part in self.parts:
                made = part(run.executor.root_value, None, run)
                results.update(await made if made.__class__ is CoroutineType else made)
        except GraphQLError as error:
            run.executor.collected_errors.add(error, None)
            return None
        return results


def compile_operation(
    schema: strawberry.Schema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: VariableValues,
) -> Plan:
    """The plan of a query or mutation, where these are the variables that decide what is skipped and included."""
    compiler = _Compiler(schema, operation, fragments, variables)
    root = schema._schema.get_root_type(operation.operation)
    assert root is not None, "the document is valid"
    selected = collect_fields(schema._schema, compiler.fragments, variables, root, operation).grouped_field_set
    if operation.operation is not OperationType.MUTATION:
        return Plan([compiler.object_of(root, selected)])
    return Plan([compiler.object_of(root, {key: details}) for key, details in selected.items()])


class _Compiler:
    def __init__(
        self,
        schema: strawberry.Schema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        self.variables = variables
        self.namespace = Namespace()

    def object_of(self, type_: GraphQLObjectType, selected: Mapping[str, list[FieldDetails]]) -> Complete:
        """What makes the response of an object of this type from these fields."""
        fields = []
        for key, details in selected.items():
            field = PlannedField(self.schema, type_, key, details, self.fragments)
            expected = self._expected(field, field.type)
            field.complete = define_value(self.namespace, field, expected)
            fields.append((field, Resolver(field), expected))
        return define_object(self.namespace, fields)

    def _expected(self, field: PlannedField, type_: GraphQLOutputType) -> Expected:
        if isinstance(type_, GraphQLNonNull):
            inner = self._expected(field, type_.of_type)
            return Expected(inner.test, inner.result, nullable=False, may_wait=inner.may_wait)
        if isinstance(type_, GraphQLList):
            items = self._expected(field, type_.of_type)
            name = self.namespace.name("list", define_list(self.namespace, field, type_.of_type, items))
            test = "({value}.__class__ is list or {value}.__class__ is tuple)"
            return Expected(test, f"{name}({{value}}, {{place}}, run)", may_wait=True)
        if is_leaf_type(type_):
            return self._leaf(type_)
        if is_object_type(type_):
            return self._object(field, type_)
        return self._abstract(field, type_)

    def _leaf(self, type_: Any) -> Expected:
        if (own := _OWN_RESPONSE.get(type_)) is not None:
            return Expected(own, "{value}")
        if isinstance(type_, CustomGraphQLEnumType):
            return self._enum(type_)
        if isinstance(type_, GraphQLEnumType):
            return _NOTHING
        plain = self.namespace.name("plain", _PLAIN)
        leaf = self.namespace.name("leaf", type_.coerce_output_value)
        # What is missing is false, so the executor looks again at what is, and complains where it must.
        checked = self.namespace.name("checked", partial(Executor.complete_leaf_value, type_))
        return Expected(f"{{value}}.__class__ in {plain}", f"({leaf}({{value}}) or {checked}({{value}}))")

    def _enum(self, type_: CustomGraphQLEnumType) -> Expected:
        members = self.namespace.name("enum", type_.wrapped_cls)
        # By the member's name, whose hash Python keeps: hashing a member takes longer than all the rest.
        members_by_name: Mapping[str, Any] = type_.wrapped_cls.__members__
        names = {name: type_.coerce_output_value(member) for name, member in members_by_name.items()}
        return Expected(f"{{value}}.__class__ is {members}", f"{self.namespace.name('names', names)}[{{value}}._name_]")

    def _object(self, field: PlannedField, type_: GraphQLObjectType) -> Expected:
        classes = _classes_of(type_)
        if not classes:
            return _NOTHING
        complete = self.namespace.name("object", self._below(field, type_))
        tests = " or ".join(f"{{value}}.__class__ is {self.namespace.name('class', each)}" for each in classes)
        test = f"({tests})" if type_.is_type_of is None else f"({tests}) and {_NOT_CAST}"
        return Expected(test, f"{complete}({{value}}, {{place}}, run)", may_wait=True)

    def _abstract(self, field: PlannedField, type_: Any) -> Expected:
        possible = {
            each: runtime
            for runtime in self.schema._schema.get_possible_types(type_)
            for each in _classes_of(runtime)
            if _resolves_by_class(type_, runtime, each)
        }
        compiled: dict[type, Complete] = {}

        def complete(value: Any, place: Place, run: Run) -> Any:
            # What is selected of a type is compiled when the first of it comes: most of what might come never does.
            made = compiled.get(value.__class__)
            if made is None:
                made = compiled[value.__class__] = self._below(field, possible[value.__class__])
            return made(value, place, run)

        test = f"{{value}}.__class__ in {self.namespace.name('possible', possible)} and {_NOT_CAST}"
        name = self.namespace.name("abstract", complete)
        return Expected(test, f"{name}({{value}}, {{place}}, run)", may_wait=True)

    def _below(self, field: PlannedField, type_: GraphQLObjectType) -> Complete:
        schema, fragments = self.schema._schema, self.fragments
        selected = collect_subfields(schema, fragments, self.variables, self.operation, type_, field.details)
        return self.object_of(type_, selected.grouped_field_set)


_NOT_CAST = f"not hasattr({{value}}, {TYPE_CAST_ATTRIBUTE!r})"
"""A value that `strawberry.cast` has marked is of the type it says, whatever its class."""


def _classes_of(type_: GraphQLObjectType) -> list[type]:
    """The Python classes whose instances are of an object type, and neither awaitable nor exceptions."""
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of is not None:
        return []
    classes = [definition.origin, *([definition.concrete_of.origin] if definition.concrete_of else [])]
    return [each for each in classes if not hasattr(each, "__await__") and not issubclass(each, Exception)]


def _resolves_by_class(abstract: Any, runtime: GraphQLObjectType, class_: type) -> bool:
    """Whether Strawberry finds the type of a value of an interface or union by its class alone."""
    definition = runtime.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    if definition.concrete_of is not None or definition.is_graphql_generic or class_ is not definition.origin:
        return False
    if isinstance(abstract, GraphQLUnionType):
        return True
    interface = abstract.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return (
        isinstance(interface, StrawberryObjectDefinition)
        and interface.resolve_type is None
        and issubclass(class_, interface.origin)
        and definition.name == runtime.name
    )
