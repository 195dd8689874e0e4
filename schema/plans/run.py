"""One execution of a plan, and where it hands over: what a plan does not expect is completed by the standard executor.

Errors are located, collected and carried to the nearest nullable field by that executor too, so there is one place
that knows how. A place in the response is a nested tuple here, and becomes graphql-core's path where somebody looks.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import CoroutineType, NoneType
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import strawberry
from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, gather_with_cancel
from strawberry.execution import optimized_is_awaitable
from strawberry.types.nodes import Selection

if TYPE_CHECKING:
    from schema.plans.fields import PlannedField

Place: TypeAlias = tuple[Any, str | int, str | None]
"""Where in the response: the place before (None at the top), the key or index, and the type whose field it is."""
Pending: TypeAlias = dict[str, Coroutine[Any, Any, Any]]
"""The fields of an object that are still being made, by response key."""


_IMMUTABLE = (str, int, float, NoneType, Decimal, date, time, timedelta, UUID, Enum)


def may_be_shared(values: Iterable[object]) -> bool:
    """Whether these coerced arguments may be given to several resolvers: none could change one for the others.

    Strawberry copies lists before a resolver sees them, but not what a scalar of one's own was read as.
    """
    return all(may_be_shared(value) if isinstance(value, list) else isinstance(value, _IMMUTABLE) for value in values)


class PlannedInfo(strawberry.Info[Any, Any]):
    """What a resolver sees of its field. What is selected is converted once, where no variable is a part of it."""

    planned: "PlannedField"

    @cached_property
    def selected_fields(self) -> list[Selection]:
        """The fields that were selected; shared between requests, so to be read only."""
        planned = self.planned
        if planned.has_variables:
            return super().selected_fields
        if planned.selections is None:
            planned.selections = super().selected_fields
        return planned.selections


class Run:
    """One execution: the standard executor for it, and what generated code calls where a value is not as expected."""

    __slots__ = ("_arguments", "deviations", "executor")

    def __init__(self, executor: Executor[Any]) -> None:
        self.executor = executor
        self.deviations = 0
        self._arguments: dict[int, dict[str, Any]] = {}

    def arguments(self, field: "PlannedField") -> dict[str, Any]:
        """The arguments of a field, coerced, in which variables are.

        Raises:
            GraphQLError: one does not fit, such as null for what must not be null.
        """
        if (made := self._arguments.get(id(field))) is None:
            made = get_argument_values(field.definition, field.nodes[0], self.executor.variable_values)
            if may_be_shared(made.values()):
                self._arguments[id(field)] = made
        return made

    def raw_info(self, field: "PlannedField", place: Place) -> GraphQLResolveInfo[Any]:
        """What graphql-core tells of a field."""
        return self.executor.build_resolve_info(field.definition, field.nodes, field.parent, _path(place))

    def failed(self, field: "PlannedField", error: Exception, before: Place | None) -> None:
        """Note that a field failed and is null.

        Raises:
            GraphQLError: it must not be null; so what it is a part of failed as well.
        """
        place = (before, field.key, field.parent.name)
        self.executor.handle_field_error(error, field.type, field.details, _path(place))

    def failed_item(self, field: "PlannedField", type_: GraphQLOutputType, error: Exception, place: Place) -> None:
        """The same for an item of a list."""
        self.executor.handle_field_error(error, type_, field.details, _path(place))

    def deviate(self, field: "PlannedField", value: Any, before: Place | None) -> Any:
        """Complete what a resolver answered and the plan did not expect, perhaps as a coroutine."""
        place = (before, field.key, field.parent.name)
        if optimized_is_awaitable(value):
            return self.await_answer(field, _itself, (value,), before)
        return self.complete(field, field.type, value, place)

    def complete(self, field: "PlannedField", type_: GraphQLOutputType, value: Any, place: Place) -> Any:
        """What the standard executor makes of a value that is not awaited, perhaps as a coroutine."""
        self.deviations += 1
        info = self.raw_info(field, _place_of_field(place))
        return self.executor.complete_value(type_, field.details, info, _path(place), value, None)

    def deviate_item(
        self, field: "PlannedField", type_: GraphQLOutputType, item: Any, results: list[Any], place: Place
    ) -> bool:
        """Append what the standard executor makes of an item; whether that is awaited."""
        self.deviations += 1
        executor, details, path = self.executor, field.details, _path(place)
        info = self.raw_info(field, _place_of_field(place))
        if optimized_is_awaitable(item):
            results.append(executor.complete_awaitable_list_item_value(item, type_, details, info, path, None))
            return True
        return executor.complete_list_item_value(item, results, type_, details, info, path, None)

    async def await_answer(
        self, field: "PlannedField", ask: Callable[..., Awaitable[Any]], given: tuple[Any, ...], before: Place | None
    ) -> Any:
        """Await what a resolver answers when it is asked with what is given, and complete it."""
        try:
            value = await ask(*given)
            completed = field.complete(value, (before, field.key, field.parent.name), self)
            if completed.__class__ is CoroutineType:
                completed = await completed
        except Exception as error:  # whatever it is, the executor locates it
            self.failed(field, error, before)
            return None
        return completed

    def wait(
        self, pending: Pending | None, field: "PlannedField", value: Coroutine[Any, Any, Any], before: Place | None
    ) -> Pending:
        """Note that the value of a field is still being made."""
        pending = {} if pending is None else pending
        pending[field.key] = self._guard(field, field.type, value, (before, field.key, field.parent.name))
        return pending

    def guard_item(
        self, field: "PlannedField", type_: GraphQLOutputType, item: Coroutine[Any, Any, Any], place: Place
    ) -> Coroutine[Any, Any, Any]:
        """An item that is still being made, with its errors handled."""
        return self._guard(field, type_, item, place)

    async def _guard(
        self, field: "PlannedField", type_: GraphQLOutputType, value: Coroutine[Any, Any, Any], place: Place
    ) -> Any:
        try:
            return await value
        except Exception as error:  # whatever it is, the executor locates it
            self.failed_item(field, type_, error, place)
            return None

    async def settle(self, results: dict[str, Any], pending: Mapping[str, Coroutine[Any, Any, Any]]) -> dict[str, Any]:
        """An object, once all of its fields are there."""
        if len(pending) == 1:
            ((key, value),) = pending.items()
            results[key] = await value
        else:
            results.update(zip(pending, await gather_with_cancel(*pending.values()), strict=True))
        return results

    async def settle_items(self, results: list[Any], pending: Sequence[int]) -> list[Any]:
        """A list, once all of its items are there."""
        if len(pending) == 1:
            results[pending[0]] = await results[pending[0]]
        else:
            settled = await gather_with_cancel(*(results[index] for index in pending))
            for index, item in zip(pending, settled, strict=True):
                results[index] = item
        return results

    def abandon(self, pending: Iterable[Any]) -> None:
        """Let what is awaited for an object or list that has failed meanwhile end by itself."""
        if awaited := [value for value in pending if optimized_is_awaitable(value)]:
            self.executor.settle_in_background(awaited)


def _itself(answer: Awaitable[Any]) -> Awaitable[Any]:
    return answer


def _path(place: Place) -> Path:
    before, key, type_name = place
    return Path(None if before is None else _path(before), key, type_name)


def _place_of_field(place: Place) -> Place:
    """The field that an item of a list, or of a list in a list, is of."""
    while isinstance(place[1], int):
        place = place[0]
    return place
