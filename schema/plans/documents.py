"""The documents that have been executed before, and how each is answered: by a plan, or by the standard executor.

The first time, a document is parsed, measured, validated and executed as ever. A document that came as far as its
execution is kept, and compiled when it comes again: what is asked once costs no compilation.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from schema.plans.compiler import Plan, compile_operation
from schema.plans.run import Run

MAX_DOCUMENTS = 128
"""Documents that a process keeps; the one that was not asked for longest goes first."""
MAX_DOCUMENT_CHARS = 512 * 1024
"""Length of all kept documents together. A plan takes some hundred bytes for each character of its document."""
MAX_PLANS = 16
"""Plans of one document: one for each way in which its variables skip and include. Further ones are not compiled."""
MAX_COERCION_ERRORS = 50
"""How many faults of variables graphql-core tells, which is its own default."""

_Key: TypeAlias = tuple[str, str | None]
_CONDITIONS = (GraphQLSkipDirective.name, GraphQLIncludeDirective.name)
_INTROSPECTION = ("__schema", "__type")


class Document:
    """A document that is valid and within limits, with the operation of it that was asked for.

    ``left_because`` says why it is left to the standard executor; None where it is answered by a plan.
    """

    def __init__(self, schema: strawberry.Schema, parsed: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.fragments = {
            each.name.value: each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)
        }
        found = _Reading()
        for part in (operation, *self.fragments.values()):
            visit(part, found)
        self.operation = operation
        self.type = OperationType(operation.operation.value)
        self.left_because = found.left_because
        self.deviations = 0
        self.schema = schema
        self.details = {name: FragmentDetails(fragment) for name, fragment in self.fragments.items()}
        own = {each.variable.name.value for each in operation.variable_definitions or ()}
        self._deciding = tuple(sorted(found.deciding & own))
        self._plans: dict[tuple[Any, ...], Plan] = {}

    def variables(self, given: Mapping[str, Any] | None) -> VariableValues | None:
        """The variables of a request; None where they do not fit."""
        nodes = self.operation.variable_definitions or ()
        if not nodes:
            return _NO_VARIABLES
        values = get_variable_values(self.schema._schema, nodes, dict(given or {}), MAX_COERCION_ERRORS)
        return values if isinstance(values, VariableValues) else None

    def plan(self, variables: VariableValues) -> Plan | None:
        """The plan where these variables decide; None if there are too many such cases, or one decides nothing."""
        decided = tuple(variables.coerced.get(name) for name in self._deciding)
        if None in decided:
            return None
        plan = self._plans.get(decided)
        if plan is None and len(self._plans) < MAX_PLANS:
            deciding = VariableValues({}, dict(zip(self._deciding, decided, strict=True)))
            plan = compile_operation(self.schema, self.operation, self.fragments, deciding)
            self._plans[decided] = plan
        return plan


_NO_VARIABLES = VariableValues({}, {})


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """A request that is answered by a plan."""

    document: Document
    plan: Plan
    variables: VariableValues

    async def execute(self, context: object, root: object, extensions: dict[str, Any] | None) -> ExecutionResult:
        """Its result."""
        document, schema = self.document, self.document.schema
        make: Callable[..., Executor[Any]] = schema.execution_context_class
        executor = make(
            schema._schema,
            document.fragments,
            document.details,
            root,
            context,
            document.operation,
            self.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,
            operation_extensions=extensions,
        )
        run = Run(executor)
        data = await self.plan.execute(run)
        document.deviations += run.deviations
        if not executor.background_futures:
            # The helpers refer to the executor in turn, and in that ring all of the request would wait for the garbage
            # collector.
            del executor.async_helpers
        return ExecutionResult(data=data, errors=executor.collected_errors.errors or None)


class Documents:
    """The documents that a schema keeps. ``by_plan`` and ``by_executor`` count the requests so answered."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.by_plan = 0
        self.by_executor = 0
        self._schema = schema
        self._documents: OrderedDict[_Key, Document] = OrderedDict()
        self._chars = 0

    def keep(self, query: str, name: str | None, parsed: DocumentNode, operation: OperationDefinitionNode) -> None:
        """Keep a document that is valid and within limits, under the name by which its operation was asked for.

        Subscriptions are not kept: what they tell is not executed by `MaskedSchema.execute`.
        """
        if operation.operation.value == OperationType.SUBSCRIPTION.value or (query, name) in self._documents:
            return
        self._documents[query, name] = Document(self._schema, parsed, operation)
        self._chars += len(query)
        while len(self._documents) > MAX_DOCUMENTS or self._chars > MAX_DOCUMENT_CHARS:
            (oldest, _), _ = self._documents.popitem(last=False)
            self._chars -= len(oldest)

    def find(self, query: str | None, name: str | None) -> Document | None:
        """The document, if it is kept."""
        key = (query or "", name)
        document = self._documents.get(key)
        if document is not None:
            self._documents.move_to_end(key)
        return document

    def planned(
        self, query: str | None, name: str | None, given: Mapping[str, Any] | None, allowed: Collection[OperationType]
    ) -> PlannedOperation | None:
        """A request with its plan; None if the standard executor is to answer it, refusals included."""
        document = self.find(query, name)
        if document is not None and not document.left_because and document.type in allowed:
            variables = document.variables(given)
            plan = None if variables is None else document.plan(variables)
            if variables is not None and plan is not None:
                self.by_plan += 1
                return PlannedOperation(document, plan, variables)
        self.by_executor += 1
        return None


class _Reading(Visitor):
    """Reads a document for what a plan cannot do, and for the variables that skip and include."""

    def __init__(self) -> None:
        super().__init__()
        self.deciding: set[str] = set()
        self.left_because: str | None = None

    def enter_directive(self, node: DirectiveNode, *_args: Any) -> None:
        """Note which variable decides, or that the directive is another one."""
        if node.name.value not in _CONDITIONS:
            self.left_because = f"it has the directive @{node.name.value}"
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.deciding.add(argument.value.name.value)

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        """Note a look at the schema."""
        if node.name.value in _INTROSPECTION:
            self.left_because = "it looks at the schema"

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_args: Any) -> None:
        """Note a fragment that has variables of its own."""
        if node.variable_definitions:
            self.left_because = "it has a fragment with variables"
