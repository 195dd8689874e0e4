"""Reading a request's body within a size and a time."""

import asyncio

from starlette.requests import Request

from app.http.refusal import Refusal


async def read_body(request: Request, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body. Never holds more than ``max_bytes`` and one chunk, whatever the client announces.

    Raises:
        Refusal: 413, the body is larger; 408, it did not arrive in time.
        ClientDisconnect: The client went away.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read(request, max_bytes)
    except TimeoutError:
        message = f"The request's body did not arrive within {timeout_seconds:g} seconds."
        raise Refusal(408, message, "REQUEST_TIMEOUT", {"Connection": "close"}) from None


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Refusal:
    message = f"The request's body is larger than {max_bytes} bytes; send it in parts."
    # The connection stays open on purpose: the server discards what still comes in. To close it would reset it, and
    # most clients that are still sending would then lose the answer.
    return Refusal(413, message, "PAYLOAD_TOO_LARGE")
