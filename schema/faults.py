"""What a caller is told when something fails: their own faults with a code, ours behind a mask with a request id."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError, Node, ValueNode
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from gamification.stores import StoreUnavailable
from schema.plans.documents import Documents

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
INTERNAL = "INTERNAL"
UNAVAILABLE = "UNAVAILABLE"

MAX_LOGGED_FAULTS = 10
"""How many different faults of one request are logged; a list of 100 broken items says nothing new after these."""

_MASKS = {
    INTERNAL: "Internal error. Request id {}.",
    UNAVAILABLE: "A part of the service is unavailable; try again shortly, mutations with the same key. Request id {}.",
}

log = logging.getLogger(__name__)


class CallerError(GraphQLError):
    """A fault of the caller, shown to them as it is: ``message`` says what was wrong and what to do.

    ``code`` and ``details`` go into ``extensions``. A plain GraphQLError with a code in its extensions counts as one.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message, extensions={"code": code, **details})


class MaskedSchema(strawberry.Schema):
    """A Strawberry schema that logs no errors itself, and answers a document that it knows by its compiled plan.

    Strawberry's own logging quotes the query, caller faults included. Whoever answers the request calls
    `formatted_result`, which logs what is ours, once and without the query. ``documents`` are those that it knows.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.documents = Documents(self)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the errors to `formatted_result`."""

    async def execute(  # noqa: PLR0917 - the signature is Strawberry's
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """The result of a query or mutation, by its plan or else by the standard executor: nobody sees a difference."""
        allowed = DEFAULT_ALLOWED_OPERATION_TYPES if allowed_operation_types is None else set(allowed_operation_types)
        planned = self.documents.planned(query, operation_name, variable_values, allowed)
        if planned is not None:
            return await planned.execute(context_value, root_value, operation_extensions)
        return await super().execute(
            query, variable_values, context_value, root_value, operation_name, allowed, operation_extensions
        )


def formatted_result(result: ExecutionResult, request_id: str) -> dict[str, object]:
    """The response map of an execution, as the GraphQL specification (section 7.1) has it.

    A request error, which kept the operation from running, has no ``data`` entry. Every error has
    ``extensions.code``; faults that are not the caller's are masked, and logged under ``request_id``.
    """
    response: dict[str, object] = {}
    if result.errors:
        coded = [(_code_of(error, result), error) for error in result.errors]
        _log_ours(coded, request_id)
        response["errors"] = [_formatted(code, error, request_id) for code, error in coded]
    if result.data is not None or not _is_request_error(result):
        response["data"] = result.data
    if result.extensions:
        response["extensions"] = result.extensions
    return response


def formatted_exception(exception: Exception, request_id: str) -> dict[str, object]:
    """The response map for a request that failed outside of its execution, masked and logged in the same way."""
    located = exception if isinstance(exception, GraphQLError) else GraphQLError("", original_error=exception)
    return formatted_result(PreExecutionError(data=None, errors=[located]), request_id)


def _is_request_error(result: ExecutionResult) -> bool:
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _code_of(error: GraphQLError, result: ExecutionResult) -> str:
    cause = error.original_error or error
    if isinstance(cause, StoreUnavailable):
        return UNAVAILABLE
    if isinstance(cause, GraphQLError) and isinstance(code := (cause.extensions or {}).get("code"), str):
        return code
    if error.path is not None:
        return BAD_USER_INPUT if _is_about_an_argument(cause) else INTERNAL
    if error.original_error is not None and not error.nodes:
        return INTERNAL  # raised around the execution; whatever the caller can get wrong there has a place in the query
    if not isinstance(result, PreExecutionError):
        return BAD_USER_INPUT
    return PARSE_FAILED if isinstance(error, GraphQLSyntaxError) else VALIDATION_FAILED


def _is_about_an_argument(cause: Exception) -> bool:
    # While a field is executed, graphql-core raises errors of its own for bad arguments and for bad results alike.
    # Only the former point at a value in the query; the latter are bugs of ours, and may quote internals.
    nodes: Sequence[Node] = (cause.nodes or ()) if isinstance(cause, GraphQLError) else ()
    return bool(nodes) and all(isinstance(node, ValueNode) for node in nodes)


def _formatted(code: str, error: GraphQLError, request_id: str) -> dict[str, object]:
    formatted: dict[str, object] = {**error.formatted}
    if code in _MASKS:
        formatted["message"] = _MASKS[code].format(request_id)
        formatted["extensions"] = {"code": code, "requestId": request_id}
    else:
        formatted["extensions"] = {**(error.extensions or {}), "code": code}
    return formatted


def _log_ours(coded: Iterable[tuple[str, GraphQLError]], request_id: str) -> None:
    seen: set[int] = set()
    for code, error in coded:
        cause = error.original_error or error
        # One exception may fail many fields, for example through a loader.
        if code not in _MASKS or id(cause) in seen:
            continue
        seen.add(id(cause))
        if len(seen) > MAX_LOGGED_FAULTS:
            log.error("Request %s: more faults follow, which are not logged.", request_id)
            return
        _log(code, cause, ".".join(map(str, error.path or ())) or "the request", request_id)


def _log(code: str, cause: Exception, place: str, request_id: str) -> None:
    if code == UNAVAILABLE:
        log.error("Request %s: a store is unavailable at %s: %s", request_id, place, cause)
    elif isinstance(cause, GraphQLError):
        # A traceback would end with str(cause), which quotes the query. The place says which field is at fault.
        log.error("Request %s: internal error at %s: %s", request_id, place, cause.message)
    else:
        log.error("Request %s: internal error at %s", request_id, place, exc_info=cause)
