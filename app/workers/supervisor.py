"""The parent of several workers: starts them, hands connections out in turn, starts anew who dies, and ends them all.

Each worker is an interpreter of its own. The parent accepts every connection and passes it to the workers in turn.
Where they accept for themselves, a burst of connections goes to whoever wakes first; and where the kernel spreads them
by hash, sixteen connections are often ten to six (see docs/adr/0018).
"""

import asyncio
import logging
import signal
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from socket import socket
from typing import Any, NoReturn

from app.exit_codes import how_it_ended
from app.operator_error import OperatorError
from app.stores.sessions import MAX_SESSIONS
from app.workers.channel import Report, WorkerEnd, channel

START_SECONDS = 60.0
"""How long a worker may take until it is ready."""
STOP_SECONDS = 20.0
"""How long workers may take to end once they are told to, before they are killed; longer than their own bounds."""
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A worker that has run for this long before it died is started anew as soon as one that died for the first time."""
MAX_FAILED_STARTS = 5
"""How often in a row a worker may end before it is ready."""
PAUSE_SECONDS = 0.05
"""After a connection could not be accepted, as where descriptors are short, or not be handed over."""

OnDeath = Callable[[Sequence[str]], Awaitable[None]]

log = logging.getLogger(__name__)


async def _do_nothing(_sessions: Sequence[str]) -> None:
    pass


class Worker:
    """One process that serves, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, end: WorkerEnd) -> None:
        self._process, self._end = process, end
        self.hand = end.hand

    @classmethod
    async def start(cls, command: Sequence[str], number: int) -> "Worker":
        """Start one; ``command`` gets its number and the descriptor of its channel as two more arguments."""
        ours, theirs = channel()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(*command, str(number), str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C in a terminal reaches the parent only, which passes it on.
            )
        return cls(process, ours)

    async def reports(self) -> AsyncIterator[Report]:
        """What it says, until it takes no more connections; a fault as well where it is not ready in time."""
        try:
            async with asyncio.timeout(START_SECONDS) as limit:
                async for report in self._end.reports():
                    limit.reschedule(None)
                    yield report
        except TimeoutError:
            self.tell(signal.SIGKILL)
            yield Report(fault=f"it was not ready within {START_SECONDS:.0f} seconds")

    async def ended(self) -> str:
        """How it ended, as soon as it has."""
        how = how_it_ended(await self._process.wait())
        self._end.close()
        return how

    def tell(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


class Supervisor:
    """Keeps ``count`` workers running. ``on_ready`` is called once, when all of them take connections.

    ``on_death`` gets the sessions that a worker has used in MongoDB, before it is started anew.
    """

    def __init__(
        self, command: Sequence[str], count: int, on_ready: Callable[[], None], on_death: OnDeath = _do_nothing
    ) -> None:
        self._command, self._count, self._on_ready, self._on_death = command, count, on_ready, on_death
        self._workers: dict[int, Worker] = {}
        self._in_turn: deque[Worker] = deque()
        self._some_ready = asyncio.Event()
        self._all_were_ready = False

    async def run(self, listeners: Sequence[socket], watch: Coroutine[Any, Any, NoReturn]) -> None:
        """Serve what comes to these sockets until a signal says stop; they are closed then, and no worker is left.

        Raises:
            OperatorError: a worker cannot be started; or whatever ``watch`` raises.
        """
        with self._told_to_stop() as stop:
            tasks = [
                asyncio.create_task(each)
                for each in (
                    *(stop.wait(), watch),
                    *(self._keep(number) for number in range(1, self._count + 1)),
                    *(self._hand_out(listener) for listener in listeners),
                )
            ]
            try:
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for each in ended:
                    each.result()
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for listener in listeners:
                    listener.close()
                await self._end()

    @contextmanager
    def _told_to_stop(self) -> Iterator[asyncio.Event]:
        """Take SIGINT and SIGTERM as the wish to stop; any further one is passed on, for whoever does not wait."""
        stop = asyncio.Event()

        def told(number: signal.Signals) -> None:
            if stop.is_set():
                self._tell_all(number)
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told, number)
        try:
            yield stop
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _keep(self, number: int) -> NoReturn:
        """Keep one worker running.

        Raises:
            OperatorError: it cannot be started.
        """
        now = asyncio.get_running_loop().time
        pause, failed = FIRST_PAUSE_SECONDS / 2, 0
        while True:
            began = now()
            worker = self._workers[number] = await Worker.start(self._command, number)
            sessions: deque[str] = deque(maxlen=MAX_SESSIONS)
            was_ready, fault = await self._take_turns(worker, sessions)
            how = await worker.ended() + (f": {fault}" if fault else "")
            if sessions:
                await self._on_death(sessions)
            failed = 0 if was_ready else failed + 1
            if fault and not self._all_were_ready:
                raise OperatorError(fault)
            if failed == MAX_FAILED_STARTS:
                raise OperatorError(f"worker {number} ended {failed} times before it was ready; the last one {how}")
            pause = FIRST_PAUSE_SECONDS if now() - began > STEADY_SECONDS else min(2 * pause, MAX_PAUSE_SECONDS)
            log.error("worker %d %s; it is started anew in %.1f seconds", number, how, pause)
            await asyncio.sleep(pause)

    async def _take_turns(self, worker: Worker, sessions: deque[str]) -> tuple[bool, str | None]:
        """Let a worker have its turn from when it is ready to its end; whether it was, or why it could not be.

        The sessions that it uses are added to ``sessions``.
        """
        was_ready, fault = False, None
        async for report in worker.reports():
            fault = report.fault or fault
            if report.session:
                sessions.append(report.session)
            if report.ready:
                was_ready = True
                self._in_turn.append(worker)
                self._some_ready.set()
                self._note_all_ready()
        if was_ready:
            self._in_turn.remove(worker)
        if not self._in_turn:
            self._some_ready.clear()
        return was_ready, fault

    def _note_all_ready(self) -> None:
        if len(self._in_turn) == self._count and not self._all_were_ready:
            self._all_were_ready = True
            self._on_ready()

    async def _hand_out(self, listener: socket) -> NoReturn:
        """Accept connections and hand them out, while there is a worker to take them."""
        loop = asyncio.get_running_loop()
        while True:
            await self._some_ready.wait()
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                log.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            with connection:
                while not self._hand(connection):
                    await asyncio.sleep(PAUSE_SECONDS)
                    await self._some_ready.wait()

    def _hand(self, connection: socket) -> bool:
        """Hand a connection to the next worker that takes it; False if none does."""
        for _ in range(len(self._in_turn)):
            self._in_turn.rotate(-1)
            if self._in_turn[-1].hand(connection):
                return True
        return False

    def _tell_all(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.tell(number)

    async def _end(self) -> None:
        """Let all workers end what is under way; those that take too long are killed."""
        self._tell_all(signal.SIGTERM)
        ends = asyncio.gather(*(worker.ended() for worker in self._workers.values()))
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(ends)
        except TimeoutError:
            log.error("workers did not end within %.0f seconds and are killed", STOP_SECONDS)
            self._tell_all(signal.SIGKILL)
            await ends
