"""Bounds on what one GraphQL document may ask for, and the Strawberry extensions that check documents against them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import ASTValidationRule, DocumentNode, OperationDefinitionNode, ValidationContext, get_operation_ast
from graphql.validation.validate import ValidationAbortedError
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

from schema.faults import BAD_USER_INPUT, CallerError, MaskedSchema
from schema.measure import MAX_STEPS, measure_operations

MAX_TOKENS = 1_500
"""Words and signs of a document; data belongs into variables."""
MAX_QUERY_CHARS = 20_000
"""Length of a document, for the sake of long strings and white space, which are few tokens."""
MAX_CACHED_DOCUMENTS = 128
"""Parsed documents, and as many verdicts on them, that a process keeps. The largest takes about a megabyte."""
MAX_SHOWN = 10**9
"""The largest figure that a refusal names."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one figure of `Measure`; ``code`` is the ``extensions.code`` of what exceeds it."""

    figure: str
    maximum: int
    code: str
    excess: str


LIMITS = (
    Limit("depth", 12, "QUERY_TOO_DEEP", "nests fields {} levels deep"),
    Limit("top_fields", 20, "QUERY_TOO_MANY_ROOT_FIELDS", "asks for {} fields at its top"),
    Limit("fields", 500, "QUERY_TOO_MANY_FIELDS", "has {} fields, with fragments expanded"),
    Limit("aliases", 50, "QUERY_TOO_MANY_ALIASES", "has {} aliases, with fragments expanded"),
    Limit("directives", 50, "QUERY_TOO_MANY_DIRECTIVES", "has {} directives, with fragments expanded"),
    Limit("cost", 10_000, "QUERY_TOO_COSTLY", "may be answered with {} values (smaller pages would help)"),
    Limit("steps", 2 * MAX_STEPS, "QUERY_TOO_MANY_STEPS", "plays {} steps (50 where only a variable tells how many)"),
    Limit("introspection_fields", 500, "QUERY_TOO_MUCH_INTROSPECTION", "looks at the schema with {} fields"),
    Limit("previews", 1, "QUERY_TOO_MANY_PREVIEWS", "asks for {} previews, which take long"),
)
"""What every operation of a document must keep to."""


class LimitsRule(ASTValidationRule):
    """Refuses a document with an operation that exceeds a limit, before other rules spend time on it."""

    context: ValidationContext

    def enter_document(self, _node: DocumentNode, *_args: Any) -> None:
        """Measure the operations, report every excess, and abort the validation if there is one."""
        excesses = [
            _excess(limit, actual, operation)
            for operation, measure in measure_operations(self.context)
            for limit in LIMITS
            if (actual := getattr(measure, limit.figure)) > limit.maximum
        ]
        if excesses:
            for error in excesses[:-1]:
                self.report_error(error)
            raise excesses[-1]


def _excess(limit: Limit, actual: int, operation: OperationDefinitionNode) -> ValidationAbortedError:
    named = f" {operation.name.value}" if operation.name else ""
    # Spreads that double at every level reach figures that no JSON reader takes.
    shown = min(actual, MAX_SHOWN)
    figure = str(shown) if actual <= MAX_SHOWN else f"more than {MAX_SHOWN}"
    return ValidationAbortedError(
        f"The operation{named} {limit.excess.format(figure)}; the limit is {limit.maximum}.",
        operation,
        extensions={"code": limit.code, "limit": limit.maximum, "actual": shown},
    )


class DocumentBounds(SchemaExtension):
    """Applies the limits to a request's document, with the same rule class each time so that verdicts can be cached."""

    def on_operation(self) -> Iterator[None]:
        """Set the bounds for the parser and the validation.

        Raises:
            CallerError: The text is longer than MAX_QUERY_CHARS.
        """
        context = self.execution_context
        length = len(context.query or "")
        if length > MAX_QUERY_CHARS:
            message = f"The query is {length} characters long; the limit is {MAX_QUERY_CHARS}. Send data as variables."
            raise CallerError("QUERY_TOO_LONG", message, limit=MAX_QUERY_CHARS, actual=length)
        context.parse_options["max_tokens"] = MAX_TOKENS
        context.validation_rules = (*context.validation_rules, LimitsRule)
        yield

    def on_parse(self) -> Iterator[None]:
        """Once the document is parsed, make sure that it is clear which operation to run.

        Raises:
            CallerError: There are several and the request names none. Strawberry would run the first.
        """
        yield
        context = self.execution_context
        if context._provided_operation_name is None and context.graphql_document is not None:
            operations = [n for n in context.graphql_document.definitions if isinstance(n, OperationDefinitionNode)]
            if len(operations) > 1:
                raise CallerError(BAD_USER_INPUT, "The document holds several operations; name one as operationName.")


class KnownDocuments(SchemaExtension):
    """Lets the schema keep a document that is about to be executed, so that the next time a plan answers it."""

    def on_execute(self) -> Iterator[None]:
        """Hand the document over, which is valid and within limits here.

        A schema with other extensions keeps none: they would not see what a plan answers.
        """
        context = self.execution_context
        schema, document = context.schema, context.graphql_document
        if isinstance(schema, MaskedSchema) and schema.extensions == DOCUMENT_EXTENSIONS and document is not None:
            operation = get_operation_ast(document, context.operation_name)
            if operation is not None:
                schema.documents.keep(context.query or "", context._provided_operation_name, document, operation)
        yield


def _parser_cache() -> SchemaExtension:
    return ParserCache(maxsize=MAX_CACHED_DOCUMENTS)


def _validation_cache() -> SchemaExtension:
    return ValidationCache(maxsize=MAX_CACHED_DOCUMENTS)


DOCUMENT_EXTENSIONS: tuple[Callable[[], SchemaExtension], ...] = (
    *(_parser_cache, _validation_cache, DocumentBounds),
    KnownDocuments,
)
"""Give these to the schema: limits, and caches of what was parsed, validated and executed before."""
