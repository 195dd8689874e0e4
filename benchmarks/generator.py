"""The load generator as the benchmark drives it: see `benchmarks.load`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import orjson

from benchmarks.load.rounds import Figures
from benchmarks.processes import ROOT

Sent = Literal["home", "any", "purchase-0", "purchase-1"]
ANSWER_SECONDS = 120.0
LINE_BYTES = 2**26


class Generator:
    """A load generator that waits for orders."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, sent: Sent, port: int, connections: int, seconds: float, warm_up: float) -> Figures:
        """Run a round.

        Raises:
            RuntimeError: a server did not answer, or not rightly.
        """
        order = {"kind": sent, "port": port, "connections": connections, "seconds": seconds, "warm_up": warm_up}
        return Figures(**await self.order(order))

    async def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order and wait for what comes of it.

        Raises:
            RuntimeError: something was wrong.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended")
        answer: dict[str, Any] = orjson.loads(line)
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        return answer


@asynccontextmanager
async def generator(secret: str, members: int, run: str, expected: Mapping[int, Any]) -> AsyncIterator[Generator]:
    """A load generator for so many members; ``run`` begins the keys of its purchases."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    try:
        one = Generator(process)
        known = {str(number): data for number, data in expected.items()}
        await one.order({"secret": secret, "members": members, "run": run, "expected": known})
        yield one
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
