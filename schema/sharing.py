"""Events that look the same to everybody: each is executed once for a document, however many subscriptions tell it.

A subscription has its own source, place and permission; what it shares is the answer to an event. A source says so by
giving its events a `Share`. Answers are kept for a moment only, since an event may show what changes meanwhile.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypeAlias, cast

import orjson
from graphql import ExecutionResult, FieldNode, OperationDefinitionNode, VariableNode, Visitor, visit
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

KEPT_SECONDS = 1.0
"""How old a shared answer may be. Whoever comes later has the event executed anew."""
MAX_ANSWERS = 1_000
"""Of different documents, variables, languages and events, at any moment; further ones are not shared."""

_PLAIN = (str, int, float, bool, NoneType)
_Key: TypeAlias = tuple[Hashable, ...]


class SharedData(dict[str, Any]):
    """The data of a response that several subscriptions send, with its JSON once it has been made."""

    __slots__ = ("_json",)

    def json(self) -> bytes:
        """The response map ``{"data": ...}`` as JSON, made once.

        Raises:
            TypeError: it holds what JSON cannot.
        """
        made: bytes | None = getattr(self, "_json", None)
        if made is None:
            made = self._json = orjson.dumps({"data": self})
        return made


@dataclass(slots=True)
class _Answer:
    operation: OperationDefinitionNode
    """Held so that nothing else can have its id."""
    running: "asyncio.Future[ExecutionResult]"
    expires: float


class SharedAnswers:
    """The answers of a process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()

    def find(self, key: _Key) -> "asyncio.Future[ExecutionResult] | None":
        """The answer under this key, being made or made a moment ago."""
        answer = self._answers.get(key)
        return answer.running if answer and answer.expires > asyncio.get_running_loop().time() else None

    def keep(self, key: _Key, operation: OperationDefinitionNode, running: "asyncio.Future[ExecutionResult]") -> None:
        """Keep an answer for a moment. One with errors is kept only while it is being made."""
        now = asyncio.get_running_loop().time()
        # Those that were kept first expire first.
        while self._answers and next(iter(self._answers.values())).expires <= now:
            self._answers.popitem(last=False)
        self._answers.pop(key, None)
        if len(self._answers) < MAX_ANSWERS:
            self._answers[key] = _Answer(operation, running, now + KEPT_SECONDS)
            running.add_done_callback(lambda done: self._forget_failed(key, done))

    def _forget_failed(self, key: _Key, done: "asyncio.Future[ExecutionResult]") -> None:
        failed = done.cancelled() or done.exception() is not None or bool(done.result().errors)
        if failed and (answer := self._answers.get(key)) is not None and answer.running is done:
            del self._answers[key]


@dataclass(frozen=True, slots=True)
class Share:
    """What an event carries: where its answers are kept, and all that they depend on beside the selection."""

    answers: SharedAnswers
    key: Hashable


class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation as ever, but an event with a ``share`` only once for all who select the same."""

    _variables: tuple[Hashable, ...] | None = None
    """The values of the variables that its selection uses; None where they do not compare."""
    _has_variables = False

    def build_per_event_executor(self, payload: Any) -> Any:
        """What executes an event: for one that is shared, whatever finds its answer or makes it."""
        share = getattr(payload, "share", None)
        if isinstance(share, Share):
            if not self._has_variables:
                self._variables, self._has_variables = self._used_variables(), True
            if self._variables is not None:
                return _SharedEvent(self, payload, share, self._variables)
        return super().build_per_event_executor(payload)

    def build_event_executor(self, payload: Any) -> Executor[Any]:
        """An executor for an event that nobody has executed yet."""
        return super().build_per_event_executor(payload)

    def _used_variables(self) -> tuple[Hashable, ...] | None:
        if not self.operation.variable_definitions:
            return ()
        found = _Variables()
        for selection in self.operation.selection_set.selections:
            # The arguments of the root field decide what comes, not how an event looks.
            is_plain_field = isinstance(selection, FieldNode) and not selection.directives
            inner = getattr(selection, "selection_set", None) if is_plain_field else None
            visit(inner or selection, found)
        for fragment in self.fragment_definitions.values():
            visit(fragment, found)
        given = self.variable_values.coerced
        values = tuple((name, type(given.get(name)), given.get(name)) for name in sorted(found.names))
        return values if all(isinstance(value, _PLAIN) for _, _, value in values) else None


@dataclass(frozen=True, slots=True)
class _SharedEvent:
    """Stands in for the executor of an event."""

    executor: SharingExecutor
    payload: Any
    share: Share
    variables: tuple[Hashable, ...]

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The result of the operation, or an awaitable of it."""
        operation = self.executor.operation
        key = (id(operation), self.share.key, self.variables)
        running = self.share.answers.find(key)
        if running is None:
            # In a task of its own: the subscription that happens to be first may end before it is there.
            running = asyncio.ensure_future(self._execute(serially))
            self.share.answers.keep(key, operation, running)
        elif running.done():
            return running.result()
        return asyncio.shield(running)

    async def _execute(self, serially: bool | None) -> ExecutionResult:
        executor = self.executor.build_event_executor(self.payload)
        result = executor.execute_operation(serially)
        done = cast("ExecutionResult", (await result) if executor.is_awaitable(result) else result)
        if done.data is not None:
            done = ExecutionResult(SharedData(done.data), done.errors)
        return done


class _Variables(Visitor):
    """Gathers the names of the variables in a part of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        """Note the name."""
        self.names.add(node.name.value)
