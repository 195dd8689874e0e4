"""Laurel as its users have it: the command line in processes of its own, on a data folder of its own."""

import asyncio
import fcntl
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from app.auth import Role, mint_token
from app.cli import main
from app.data_folder import ANNOUNCEMENT
from app.embedded import running_servers
from app.ports import free_loopback_port

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "programs" / "cdnow" / "CDNOW_sample.txt"
SECRET = "a secret that only these tests know, of 32 bytes or more"
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.02
TOKEN_SECONDS = 3600
SELECTION_MILLISECONDS = 2000
UNSET = ("PORT", "PYTHONDONTWRITEBYTECODE")
"""Without byte code on the disk every command would take another second to start."""

Json = dict[str, Any]
Database = AsyncIOMotorDatabase[dict[str, Any]]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - other processes do not set events of ours
            await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Command:
    """A command of `laurel` that has been started."""

    def __init__(self, process: asyncio.subprocess.Process, stdout: Path, stderr: Path) -> None:
        self.process, self._stdout, self._stderr = process, stdout, stderr
        self._started_at_ns = stdout.stat().st_mtime_ns

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    @property
    def printed(self) -> str:
        return self._stdout.read_text(encoding="utf-8")

    @property
    def complained(self) -> str:
        """Standard error so far."""
        return self._stderr.read_text(encoding="utf-8")

    def has_announced_servers(self, data_dir: Path) -> bool:
        """Whether its own servers run on the data folder; a command that was killed left its announcement there."""
        announcement = data_dir / ANNOUNCEMENT
        if not announcement.exists() or announcement.stat().st_mtime_ns <= self._started_at_ns:
            return False
        return running_servers(data_dir) is not None

    async def ended(self) -> Ended:
        """How it ends, which it does by itself or because of a signal."""
        async with asyncio.timeout(WAIT_SECONDS):
            code = await self.process.wait()
        return Ended(code, self.printed, self.complained)

    async def until_printed(self, text: str) -> str:
        """All of standard output, as soon as it holds the text."""
        await until(lambda: text in self.printed or not self.is_running)
        assert text in self.printed, await self.ended()
        return self.printed


class Installation:
    """A data folder and the commands that run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data_dir = folder, folder / "data"
        self._variables: dict[str, str] = {}
        self._commands: list[Command] = []

    def set_variables(self, **variables: str) -> None:
        """Set variables of the environment of all commands to come."""
        self._variables |= variables

    async def start(self, *arguments: str, cwd: Path = ROOT, module: str = "app", **variables: str) -> Command:
        kept = {name: value for name, value in os.environ.items() if name not in UNSET and name[:7] != "LAUREL_"}
        own = {"LAUREL_DATA_DIR": str(self.data_dir), "PYTHONPATH": str(ROOT)}
        number = len(self._commands)
        stdout, stderr = self.folder / f"{number}.stdout", self.folder / f"{number}.stderr"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env={**kept, **own, **self._variables, **variables},
            )
        self._commands.append(Command(process, stdout, stderr))
        return self._commands[-1]

    async def run(self, *arguments: str, cwd: Path = ROOT, **variables: str) -> Ended:
        """Run a command to its end."""
        return await (await self.start(*arguments, cwd=cwd, **variables)).ended()

    async def beside(self, *arguments: str) -> Ended:
        """Run a command to its end in this process, which is much lighter, beside the servers that run."""
        assert running_servers(self.data_dir) is not None
        env = {name: None for name in os.environ if name in UNSET or name[:7] == "LAUREL_"}
        runner = CliRunner(env=env | {"LAUREL_DATA_DIR": str(self.data_dir)})
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            # In a thread, because a command has an event loop of its own.
            result = await asyncio.to_thread(runner.invoke, main, arguments)
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
        return Ended(result.exit_code, result.stdout, result.stderr)

    async def aclose(self) -> None:
        """Kill what still runs, and wait until its servers are gone."""
        for command in self._commands:
            if command.is_running:
                command.process.kill()
                await command.ended()
        await self.until_servers_are_gone()

    async def until_servers_are_gone(self) -> None:
        await until(self.servers_are_gone)

    def servers_are_gone(self) -> bool:
        """Whether nothing holds the lock that every child inherits."""
        if not self.data_dir.exists():
            return True
        with (self.data_dir / "servers.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def processes(self, program: str) -> list[int]:
        """The ids of the processes that run this program (``guard.py``, ``secantusd-rs``...) on the data folder."""
        listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
        rows = [line.split(maxsplit=1) for line in listing.stdout.splitlines() if str(self.data_dir) in line]
        return [int(pid) for pid, command in rows if program in _before_arguments(command)]

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database of the servers that run."""
        servers = running_servers(self.data_dir)
        assert servers is not None
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            servers.mongo_url, tz_aware=True, serverSelectionTimeoutMS=SELECTION_MILLISECONDS
        )
        try:
            yield client["laurel"]
        finally:
            client.close()


def _before_arguments(command: str) -> str:
    """The program and, where that is an interpreter, its script; not the plan of a guard, which names everything."""
    return command.partition(" {")[0].partition(" --")[0]


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Installation]:
    """An installation, of which nothing runs any more when the block ends."""
    installation = Installation(folder)
    try:
        yield installation
    finally:
        await installation.aclose()


class Served:
    """A Laurel that serves, and a client for it."""

    def __init__(self, command: Command, client: httpx.AsyncClient) -> None:
        self.command, self.client = command, client

    async def post(self, query: str, token: str, **variables: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    async def ask(self, query: str, token: str, **variables: object) -> Json:
        """The data of an answer without errors."""
        answer = (await self.post(query, token, **variables)).json()
        assert "errors" not in answer, answer
        return dict(answer["data"])


@asynccontextmanager
async def serving(
    installation: Installation, *arguments: str, cwd: Path = ROOT, module: str = "app", **variables: str
) -> AsyncIterator[Served]:
    """`laurel serve`, or other arguments, from its first answer on. It is left running, for `aclose` to end.

    ``module`` is another one than Laurel's own that takes the same arguments.
    """
    port = free_loopback_port()
    command = await installation.start(*(arguments or ("serve",)), cwd=cwd, module=module, PORT=str(port), **variables)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_SECONDS) as client:
        async with asyncio.timeout(WAIT_SECONDS):
            while not await _answers(client):
                assert command.is_running, await command.ended()
                await asyncio.sleep(POLL_SECONDS)
        yield Served(command, client)


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def staff_token() -> str:
    """A token that an installation with ``LAUREL_JWT_SECRET=SECRET`` takes."""
    return mint_token(SECRET, Role.STAFF, "till-1", TOKEN_SECONDS, issuer="laurel", audience="laurel")


def sample_lines(count: int) -> Sequence[str]:
    """The first lines of the CDNOW sample."""
    return SAMPLE.read_text(encoding="ascii").splitlines()[:count]
