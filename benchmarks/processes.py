"""Child processes that serve: started as users start them, watched, and ended with the benchmark."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.ports import free_loopback_port

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.005
STOP_SECONDS = 20.0
ROOT = Path(__file__).parents[1]
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers on a port, how long it took to do so, and the processes that it is made of."""

    port: int
    started_in_seconds: float
    process: asyncio.subprocess.Process

    def megabytes(self) -> list[float]:
        """The resident memory of each process that serves, from its parent on."""
        return [resident_megabytes(pid) for pid in _family(self.process.pid)]

    def freeze(self) -> None:
        """Let it do nothing until it is thawed, beside answering nor in the background."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            for pid in _family(self.process.pid):
                os.kill(pid, number)

    def cpu_seconds(self) -> float:
        """The processor time that those processes have used so far."""
        return sum(_cpu_seconds(pid) for pid in _family(self.process.pid))


@asynccontextmanager
async def serving(
    command: Sequence[str], variables: Mapping[str, str], path: str, *, folder: Path = ROOT, given: bytes = b""
) -> AsyncIterator[Serving]:
    """Start a server, which takes its port from ``PORT`` or from ``{port}`` in its command, and wait until it answers.

    ``given`` is put on its standard input.

    Raises:
        RuntimeError: it has ended instead; its last words are in the message.
    """
    port = free_loopback_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAUREL_", "PORT"))}
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(part.replace("{port}", str(port)) for part in command),
        env={**kept, **variables, "PORT": str(port)},
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    words = asyncio.create_task(_last_words(process))
    try:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        await _until_it_answers(f"http://127.0.0.1:{port}{path}", process, words)
        yield Serving(port, time.perf_counter() - begun, process)
    except Exception as fault:
        await stop_process(process)
        fault.add_note(f"The last words of {command[0]} on port {port}: {await words or 'none'}")
        raise
    finally:
        await stop_process(process)
        await asyncio.gather(words, return_exceptions=True)


def rival(name: str) -> list[str]:
    """The command that serves a rival."""
    return [sys.executable, "-m", "benchmarks.servers", name, "{port}"]


def laurel(folder: Path = ROOT, workers: int = 1) -> list[str]:
    """The command that serves Laurel from a checkout with its own packages."""
    command = [str(folder / ".venv" / "bin" / "laurel"), "serve"]
    return command if workers == 1 else [*command, "--workers", str(workers)]


async def offers_workers(folder: Path = ROOT) -> bool:
    """Whether the Laurel of a checkout can be served by several processes."""
    process = await asyncio.create_subprocess_exec(
        *(*laurel(folder), "--help"), cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    return b"--workers" in said


async def _until_it_answers(url: str, process: asyncio.subprocess.Process, words: "asyncio.Task[str]") -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(WAIT_SECONDS):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"a server has ended: {await words}")
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(POLL_SECONDS)
            else:
                return


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The end of what it writes to standard error, which is read all the while so that it never waits."""
    assert process.stderr is not None
    kept = b""
    while part := await process.stderr.read(4096):
        kept = (kept + part)[-2000:]
    return kept.decode(errors="replace")


async def stop_process(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _family(pid: int) -> list[int]:
    """A process and its descendants that still run, the embedded servers and their guard not among them."""
    found = [pid]
    for one in found:
        for children in (_PROC / str(one) / "task").glob("*/children"):
            found += [int(child) for child in children.read_text().split() if _is_python_server(int(child))]
    return found


def _is_python_server(pid: int) -> bool:
    command = (_PROC / str(pid) / "cmdline").read_bytes()
    return b"guard.py" not in command and b"resource_tracker" not in command


def _cpu_seconds(pid: int) -> float:
    # After the name, which ends with the last parenthesis, user and system time are fields 12 and 13 (proc(5)).
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
