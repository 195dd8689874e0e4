"""Running one operation over a connection that stays open: its responses as they come, and the end of its sources."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import orjson
import strawberry
from graphql import VariableDefinitionNode, parse, validate
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.http.execution import QUERIES_AND_MUTATIONS, execute
from app.http.graphql_request import GraphQLRequest
from app.http.refusal import Refusal
from schema.faults import formatted_exception, formatted_result
from schema.sharing import SharedData

_SUBSCRIPTIONS = frozenset({OperationType.SUBSCRIPTION})

Responses = AsyncGenerator[dict[str, object], None]
"""Response maps as they come. One without ``data`` is the last: the operation did not run, or its source failed.
The next is asked for only when the last was taken, so a source needs no queue. Close it to end the sources."""


async def responses(
    schema: strawberry.Schema,
    operation: GraphQLRequest,
    context: object,
    *,
    timeout_seconds: float,
    request_id: str,
) -> Responses:
    """The responses of an operation of any type, faults masked and logged under ``request_id``.

    ``timeout_seconds`` is how long a query or mutation may take.
    """
    try:
        try:
            yield await execute(
                schema,
                operation,
                context,
                QUERIES_AND_MUTATIONS,
                timeout_seconds=timeout_seconds,
                request_id=request_id,
            )
        except InvalidOperationTypeError:
            async with aclosing(subscribe(schema, operation, context, request_id)) as events:
                async for response in events:
                    yield response
    except Refusal as refusal:
        yield refusal.body()
    except Exception as exception:
        yield formatted_exception(exception, request_id)


async def subscribe(
    schema: strawberry.Schema, operation: GraphQLRequest, context: object, request_id: str
) -> Responses:
    """The responses of a subscription, faults masked and logged under ``request_id``."""
    stream = await schema.stream(
        operation.query,
        variable_values=operation.variables,
        context_value=context,
        operation_name=operation.operation_name,
        allowed_operation_types=_SUBSCRIPTIONS,
        operation_extensions=operation.extensions,
    )
    async with aclosing(stream) as results:
        async for result in results:
            if not isinstance(result, ExecutionResult | PreExecutionError):
                raise TypeError("incremental delivery is not switched on, and came all the same")
            if not isinstance(result, PreExecutionError):
                response = formatted_result(result, request_id)
            elif _refuses_variables(schema, operation, result):
                response = formatted_result(ExecutionResult(data=None, errors=result.errors), request_id)
            else:
                response = formatted_result(result, request_id)
                # There is some where the source could not be made, for example because the caller may not have it.
                response.pop("data", None)
            yield response
            if "data" not in response:
                return


def _refuses_variables(schema: strawberry.Schema, operation: GraphQLRequest, result: PreExecutionError) -> bool:
    # For subscriptions Strawberry does not tell a document that is not valid from one whose variables do not fit.
    errors = result.errors or ()
    if not all(error.nodes and isinstance(error.nodes[0], VariableDefinitionNode) for error in errors):
        return False
    return not validate(schema._schema, parse(operation.query))


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as JSON. ``errors`` is the JSON of its errors alone where there is no data: then it is the last."""

    body: bytes
    errors: bytes | None = None


def answer(response: dict[str, object], request_id: str) -> Answer:
    """The response encoded; where it holds what JSON cannot, that is a fault of ours and told as one."""
    data = response.get("data")
    try:
        # Made once for all subscriptions that send the same.
        body = data.json() if isinstance(data, SharedData) and len(response) == 1 else orjson.dumps(response)
    except TypeError as error:
        response = formatted_exception(error, request_id)
        body = orjson.dumps(response)
    return Answer(body, None if "data" in response else orjson.dumps(response["errors"]))
