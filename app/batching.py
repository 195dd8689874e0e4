"""One tick, one read: what different requests ask of a store at about the same time is asked together, and dealt out.

Nothing is kept. A read begins after everything that it answers was asked, so whoever has written something and then
asks sees what they wrote.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

QUIET_TURNS = 1
"""How many turns of the event loop nothing more may be asked before a read begins."""
MAX_TURNS = 20
"""How many turns the first question waits at most."""
MAX_UNDER_WAY = 2
"""How many reads of one kind a process has under way before what is asked gathers until one of them is back."""
GATHER_SECONDS = 0.005
"""How long it gathers at most: a store that hangs holds up nobody who asks after that."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Asked(Generic[Question, Answer]):
    questions: Sequence[Question]
    answered: "asyncio.Future[Any]"
    alone: bool
    """Whether it is answered by the answer to its one question itself."""

    def answer(self, answers: Mapping[Question, Answer]) -> None:
        """Hand out what is an answer to this. Of the answers of others nothing is handed on."""
        if self.answered.done():
            return
        if not self.alone:
            self.answered.set_result({each: answers[each] for each in self.questions if each in answers})
        elif isinstance(answer := answers[self.questions[0]], Exception):
            self.answered.set_exception(answer)
        else:
            self.answered.set_result(answer)


class Batcher(Generic[Question, Answer]):
    """Collects the questions of a process and sends them in few reads; equal ones are asked once.

    ``read`` answers up to ``most`` different questions; only a single call that asks more than that makes a larger
    read. A question that it leaves out has no answer. ``reads`` counts how many were sent.
    """

    def __init__(self, read: Callable[[Sequence[Question]], Awaitable[Mapping[Question, Answer]]], most: int) -> None:
        self.reads = 0
        self._read, self._most = read, most
        self._waiting: deque[_Asked[Question, Answer]] = deque()
        self._turns = self._quiet = 0
        self._is_turning = False
        self._overdue: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._nobodys = Context()
        """What is read for many goes by nobody's deadline in particular."""

    async def ask(self, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        """The answers to these questions, where they have any, from a read that begins after this call.

        Whatever the read raises, all whose questions it was to answer get; nobody else does. Who is cancelled meanwhile
        takes nothing from the others.
        """
        if not questions:
            return {}
        answers: Mapping[Question, Answer] = await self._put(tuple(questions), alone=False)
        return answers

    def ask_one(self, question: Question) -> "asyncio.Future[Any]":
        """The answer to one question, which the read does not leave out; it is asked when this returns.

        An answer that is an exception is raised to those who await it, and to nobody else.
        """
        return self._put((question,), alone=True)

    def _put(self, questions: Sequence[Question], *, alone: bool) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Asked(questions, answered, alone))
        self._quiet = 0
        if not self._is_turning:
            self._is_turning, self._turns = True, 0
            loop.call_soon(self._turn, context=self._nobodys)
        return answered

    def _turn(self) -> None:
        self._turns += 1
        self._quiet += 1
        if self._quiet <= QUIET_TURNS and self._turns < MAX_TURNS:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._is_turning = False
        if len(self._under_way) < MAX_UNDER_WAY:
            self._send_all()
        elif self._overdue is None:
            self._overdue = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._send_all)

    def _send_all(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
        while batch := self._next_batch():
            task = asyncio.create_task(self._send(batch))
            self._under_way.add(task)
            task.add_done_callback(self._sent)

    def _next_batch(self) -> list[_Asked[Question, Answer]]:
        """Those who have waited longest, as many as one read can answer."""
        batch: list[_Asked[Question, Answer]] = []
        questions: set[Question] = set()
        while self._waiting:
            asked = self._waiting[0]
            if not asked.answered.done():  # Else, whoever waited has gone.
                if batch and len(questions.union(asked.questions)) > self._most:
                    break
                questions.update(asked.questions)
                batch.append(asked)
            self._waiting.popleft()
        return batch

    async def _send(self, batch: Sequence[_Asked[Question, Answer]]) -> None:
        self.reads += 1
        try:
            answers = await self._read(list(dict.fromkeys(each for asked in batch for each in asked.questions)))
        except asyncio.CancelledError:
            for asked in batch:
                asked.answered.cancel()
            raise
        except Exception as error:  # Each of those who wait gets it.
            for asked in batch:
                if not asked.answered.done():
                    asked.answered.set_exception(error)
            return
        for asked in batch:
            asked.answer(answers)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._waiting and not self._is_turning:
            self._send_all()
