"""``python -m benchmarks.load``: reads orders from standard input, one JSON object a line, and answers each likewise.

The first names the secret, how many members there are, and the right answers that are known. Each further one is a
round.
"""

import asyncio
import gc
import sys
from dataclasses import asdict
from typing import Any

import orjson
import uvloop

from benchmarks.load.connection import WrongAnswer
from benchmarks.load.requests import HomeQueries, Purchases, Unchecked
from benchmarks.load.rounds import Requests, Round, run


class Generator:
    """Runs the rounds; requests go on where the last round of their kind ended."""

    def __init__(self, setting: dict[str, Any]) -> None:
        secret, members = setting["secret"], setting["members"]
        expected = {int(number): data for number, data in setting["expected"].items()}
        homes = HomeQueries(secret, members, expected)
        self._kinds: dict[str, Requests] = {
            "home": homes,
            "any": Unchecked(homes),
            "purchase-0": Purchases(secret, members, setting["run"], 0),
            "purchase-1": Purchases(secret, members, setting["run"], 1),
        }
        self._numbers = dict.fromkeys(self._kinds, 0)

    async def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """A round, as figures."""
        kind, warm_up, seconds = order["kind"], order["warm_up"], order["seconds"]
        work = Round(self._kinds[kind], self._numbers[kind], warm_up, seconds)
        try:
            return asdict(await run(work, order["port"], order["connections"], warm_up + seconds))
        finally:
            self._numbers[kind] = work.number


async def main() -> None:
    """Take orders until standard input ends."""
    generator = Generator(orjson.loads(sys.stdin.buffer.readline()))
    gc.collect()
    gc.freeze()
    _say({})
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        try:
            _say(await generator.run(orjson.loads(line)))
        except (WrongAnswer, OSError, TimeoutError, ValueError) as fault:
            _say({"fault": f"{type(fault).__name__}: {fault}"})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())
