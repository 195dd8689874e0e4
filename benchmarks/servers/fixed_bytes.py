"""The floor: uvicorn answering every request with the same bytes, without looking at it."""

from starlette.types import Receive, Scope, Send

from benchmarks.servers.by_hand import answer


class FixedBytes:
    """The endpoint."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, self._body)
