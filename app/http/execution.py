"""Running one operation that has a single result, within a time, for every transport."""

import asyncio
import logging

import strawberry
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.graphql import OperationType

from app.http.graphql_request import GraphQLRequest
from app.http.refusal import Refusal
from schema.faults import formatted_result

REQUEST_TIMEOUT_SECONDS = 30.0
"""From the last byte of the request to its answer; longer than the stores' own time limits together."""

TIMEOUT = "TIMEOUT"
QUERIES = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS = frozenset({OperationType.QUERY, OperationType.MUTATION})

log = logging.getLogger(__name__)


async def execute(
    schema: strawberry.Schema,
    operation: GraphQLRequest,
    context: object,
    allowed: frozenset[OperationType],
    *,
    timeout_seconds: float,
    request_id: str,
) -> dict[str, object]:
    """The response map of a query or mutation.

    Raises:
        InvalidOperationTypeError: The operation is none of ``allowed``. Nothing of it was run.
        Refusal: The document holds no operation, or none of that name.
    """
    try:
        async with asyncio.timeout(timeout_seconds) as deadline:
            result = await schema.execute(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=operation.extensions,
            )
    except TimeoutError:
        if not deadline.expired():
            raise
        return _timed_out(timeout_seconds, request_id)
    except MissingQueryError:
        raise Refusal(400, "The query is empty; it must hold a GraphQL document.") from None
    except CannotGetOperationTypeError:
        raise _no_such_operation(operation.operation_name) from None
    return formatted_result(result, request_id)


def _no_such_operation(name: str | None) -> Refusal:
    message = "The document holds no operation." if name is None else f"The document holds no operation named {name!r}."
    return Refusal(400, message, "OPERATION_NOT_FOUND")


def _timed_out(seconds: float, request_id: str) -> dict[str, object]:
    log.warning("Request %s: cancelled after %g seconds", request_id, seconds)
    message = (
        f"The request took longer than {seconds:g} seconds and was given up. "
        "If it was a mutation, it may have taken effect: send it again with the same key."
    )
    return {"errors": [{"message": message, "extensions": {"code": TIMEOUT, "requestId": request_id}}]}
