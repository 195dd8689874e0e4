"""A field of a plan: what its resolver is called with, as far as that can be decided before there is a request."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from inspect import isawaitable
from typing import Any, TypeAlias, TypeGuard, cast

import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.executor import default_field_resolver
from graphql.execution.values import get_argument_values
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import build_field_extension_resolvers
from strawberry.schema.schema_converter import GraphQLCoreConverter, get_arguments
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.nodes import Selection

from schema.plans.inputs import inputs_of
from schema.plans.run import Place, PlannedInfo, Run, may_be_shared

Complete: TypeAlias = Callable[[Any, Any, Run], Any]
"""Makes the response of a value at a place (None at the top), perhaps as a coroutine. It raises what is wrong."""


class PlannedField:
    """A field as one selection has it; ``details`` are all its nodes, which graphql-core has merged."""

    def __init__(
        self,
        schema: strawberry.Schema,
        parent: GraphQLObjectType,
        key: str,
        details: list[FieldDetails],
        fragments: Mapping[str, FragmentDetails],
    ) -> None:
        definition = schema._schema.get_field(parent, details[0].node.name.value)
        assert definition is not None, "the document is valid"
        self.schema = schema
        self.parent = parent
        self.key = key
        self.details = details
        self.nodes: list[FieldNode] = [each.node for each in details]
        self.definition: GraphQLField = definition
        self.type: GraphQLOutputType = definition.type
        self.selections: list[Selection] | None = None
        self.complete: Complete = _not_compiled
        self._fragments = fragments

    @cached_property
    def has_variables(self) -> bool:
        """Whether there are variables in its arguments or in what is selected below it."""
        found = _Variables(self._fragments)
        for node in self.nodes:
            visit(node, found)
        return found.any


class _Variables(Visitor):
    """Looks for variables in a part of a document, and in the fragments that it spreads."""

    def __init__(self, fragments: Mapping[str, FragmentDetails]) -> None:
        super().__init__()
        self.any = False
        self._fragments = fragments
        self._seen: set[str] = set()

    def enter_variable(self, _node: VariableNode, *_args: Any) -> None:
        self.any = True

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_args: Any) -> None:
        name = node.name.value
        if name not in self._seen:
            self._seen.add(name)
            visit(self._fragments[name].definition, self)


def _not_compiled(_value: Any, _place: Place, _run: Run) -> Any:
    raise AssertionError("a field is compiled before its plan is executed")


class Resolver:
    """How a field is resolved: by an attribute, by a function, or the standard way where it has neither.

    ``attribute`` is the name of what is read. ``function`` is called with the source if ``takes_source``, and with
    ``arguments`` where they are the same for every request; `call` finds out what else it takes.
    """

    def __init__(self, planned: PlannedField) -> None:
        self.planned = planned
        self.attribute: str | None = None
        self.function: Callable[..., Any] | None = None
        self.takes_source = False
        self.is_async = False
        self.arguments: dict[str, Any] | None = None
        self._coerced = _constants(planned)
        field = planned.definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not _is_plain(field, planned.schema):
            return
        self._field = field
        if field.is_basic_field:
            self.attribute = field.python_name
        elif (resolver := field.base_resolver) is not None:
            self._wraps = build_field_extension_resolvers(field) if field.extensions else []
            self._info, self._sources = resolver.info_parameter, (resolver.root_parameter, resolver.parent_parameter)
            self.function = cast("Callable[..., Any]", resolver.wrapped_func)  # bound by its type
            self.takes_source = resolver.self_parameter is not None
            self.is_async = field.is_async
            self._maps = any(type(each).map_arguments is not FieldExtension.map_arguments for each in field.extensions)
            self.arguments = self._shared_arguments()
            self._convert = None if self._maps else inputs_of(planned.schema).of_arguments(field.arguments)

    @property
    def is_direct(self) -> bool:
        """Whether the function takes nothing but the source and the arguments, and nothing stands before it."""
        others = (self._info, *self._sources)
        return self.arguments is not None and not self._wraps and all(other is None for other in others)

    def call(self, source: Any, before: Place | None, run: Run) -> Any:
        """What the resolver answers; for an async one a coroutine that makes the response, and calls it only then.

        Raises:
            GraphQLError: an argument does not fit.
        """
        coerced = run.arguments(self.planned) if self._coerced is None else self._coerced
        if self.is_async:
            return run.await_answer(self.planned, self._answer, (source, coerced, before, run), before)
        return self._call(source, coerced, before, run)

    async def _answer(self, source: Any, coerced: dict[str, Any], before: Place | None, run: Run) -> Any:
        answer = self._call(source, coerced, before, run)
        return await answer if isawaitable(answer) else answer

    def _call(self, source: Any, coerced: dict[str, Any], before: Place | None, run: Run) -> Any:
        planned = self.planned
        raw = run.raw_info(planned, (before, planned.key, planned.parent.name))
        if self.function is None:
            return (planned.definition.resolve or default_field_resolver)(source, raw, **coerced)
        info = PlannedInfo(_raw_info=raw, _field=self._field)
        info.planned = planned
        given, named = self._given(source, info, coerced)
        if not self._wraps:
            return self.function(*given, **named)
        return self._call_wrapped(source, info, given, named)

    def _given(self, source: Any, info: PlannedInfo, coerced: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        if self.arguments is not None:
            named = dict(self.arguments)
        elif self._convert is not None:
            named = self._convert(coerced)
        else:
            config, registry = self.planned.schema.config, self.planned.schema.schema_converter.scalar_registry
            return get_arguments(
                field=self._field, source=source, info=info, kwargs=coerced, config=config, scalar_registry=registry
            )
        for parameter in self._sources:
            if parameter is not None:
                named[parameter.name] = source
        if self._info is not None:
            named[self._info.name] = info
        return ([source] if self.takes_source else []), named

    def _call_wrapped(self, source: Any, info: PlannedInfo, given: list[Any], named: dict[str, Any]) -> Any:
        function, takes_info = self.function, "info" in named
        named.pop("info", None)

        def innermost(_source: Any, info: PlannedInfo, **named: Any) -> Any:
            if takes_info:
                named["info"] = info
            assert function is not None
            return function(*given, **named)

        chain: Callable[..., Any] = innermost
        for wrap in self._wraps:
            chain = partial(wrap, chain)
        return chain(source, info, **named)

    def _shared_arguments(self) -> dict[str, Any] | None:
        if self._coerced is None or self._maps:
            return None
        schema = self.planned.schema
        try:
            converted = convert_arguments(
                self._coerced, self._field.arguments, schema.schema_converter.scalar_registry, schema.config
            )
        except Exception:  # a resolver's own input type may refuse; then it refuses anew for each request
            return None
        lists = any(isinstance(value, list) for value in converted.values())
        return converted if may_be_shared(converted.values()) and not lists else None


def _is_plain(field: object, schema: strawberry.Schema) -> TypeGuard[StrawberryField]:
    """Whether a field does what Strawberry's own do, so that it can be called without going through them."""
    return (
        isinstance(field, StrawberryField)
        and type(field).get_result is StrawberryField.get_result
        and (field.base_resolver is None or type(field.base_resolver) is StrawberryResolver)
        and field.default_resolver is getattr
        and not schema.exception_handlers
        and schema.config.info_class is strawberry.Info
        and not field.is_subscription
    )


def _constants(planned: PlannedField) -> dict[str, Any] | None:
    """The coerced arguments of a field; None where they are not the same for every request, or do not fit."""
    found = _Variables({})
    for argument in planned.nodes[0].arguments or ():
        visit(argument, found)
    if found.any:
        return None
    try:
        coerced = get_argument_values(planned.definition, planned.nodes[0])
    except GraphQLError:
        return None
    return coerced if may_be_shared(coerced.values()) else None
