"""The CDNOW log end to end, and how long a process takes to start: measured on processes, as users start them."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson

from benchmarks.figures import Spread
from benchmarks.processes import ROOT, laurel, serving

LOG = ROOT / "programs" / "cdnow" / "CDNOW_sample.txt"
REPLAYS = 3
STARTS = 3


async def replay_seconds() -> tuple[Spread, int]:
    """Seconds of `laurel replay` of the log on an empty folder, embedded stores included; and how many purchases."""
    seconds: list[float] = []
    purchases = 0
    for _ in range(REPLAYS):
        with _data_folder() as variables:
            begun = time.perf_counter()
            purchases = await _replay(variables)
            seconds.append(time.perf_counter() - begun)
    return Spread.of(seconds), purchases


async def start_seconds(stores: Mapping[str, str]) -> dict[str, Spread]:
    """Seconds from the start of `laurel serve` to its first answer: over stores that run, and with embedded ones."""
    beside, alone = [], []
    with _data_folder() as variables:
        await _replay(variables)
        for _ in range(STARTS):
            async with serving(laurel(), stores, "/health") as server:
                beside.append(server.started_in_seconds)
            async with serving(laurel(), variables, "/health") as server:
                alone.append(server.started_in_seconds)
    return {"stores running": Spread.of(beside), "embedded stores": Spread.of(alone)}


async def _replay(variables: Mapping[str, str]) -> int:
    """Replay the log into a folder; how many purchases it has.

    Raises:
        RuntimeError: the command failed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    process = await asyncio.create_subprocess_exec(
        *(laurel()[0], "replay", str(LOG), "--end-now", "--json"),
        env={**kept, **variables},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("laurel replay failed")
    purchases: int = orjson.loads(printed)["purchases"]
    return purchases


@contextmanager
def _data_folder() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {"LAUREL_DATA_DIR": folder}
