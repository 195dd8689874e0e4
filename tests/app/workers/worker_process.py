"""A worker of the tests: it tells every connection its number and process id. Run with what it does, and as any worker.

``serves`` is a worker as it should be, ``dies`` ends before it is ready, ``cannot`` says why it cannot be ready, and
``lingers`` does not end when it is told to.
"""

import asyncio
import os
import signal
import sys
from socket import socket

from app.workers.channel import Handed


class Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(f"{sys.argv[2]} {os.getpid()}\n".encode())


async def main(does: str, descriptor: int) -> None:
    if does == "dies":
        sys.exit(3)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set if does == "serves" else lambda: None)
    handed = Handed(descriptor)
    if does == "cannot":
        handed.fail("there is no program")
        sys.exit(1)

    async def take(connection: socket) -> None:
        await loop.connect_accepted_socket(Answer, connection)

    handed.deliver(take)
    await stop.wait()
    handed.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[3])))
