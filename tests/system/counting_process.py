"""`laurel` that counts what it holds: on SIGUSR1 it prints its tasks and all objects in use, as a line of JSON."""

import asyncio
import gc
import json
import signal
import sys

from app import server
from app.cli import main


def _count() -> None:
    gc.collect()  # What waits for a collection is not held.
    print(json.dumps({"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}), flush=True)


class _CountingServer(server.Server):
    async def startup(self, sockets: object = None) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _count)
        await super().startup(sockets)  # type: ignore[arg-type]


if __name__ == "__main__":
    server.Server = _CountingServer  # type: ignore[misc]
    main(sys.argv[1:])
