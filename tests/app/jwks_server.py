"""A loopback HTTP server that publishes signing keys and can be told to misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm


class JwksServer:
    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.status = "200 OK"
        self.extra_headers: list[str] = []
        self.body: bytes | None = None
        self.drips = False
        self.requests = 0
        self.url = ""
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await self.may_answer.wait()
            body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
            lines = [
                f"HTTP/1.1 {self.status}",
                *self.extra_headers,
                *([] if self.drips else [f"content-length: {len(body)}"]),
                "connection: close",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
            while self.drips and not reader.at_eof():
                writer.write(b" ")
                await writer.drain()  # tells of a client that broke off, which is no end of what is read
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as a test may want it to
        finally:
            writer.close()


@asynccontextmanager
async def serve_jwks() -> AsyncIterator[JwksServer]:
    jwks = JwksServer()
    server = await asyncio.start_server(jwks.answer, "127.0.0.1", 0)
    jwks.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    try:
        yield jwks
    finally:
        jwks.may_answer.set()
        server.close()
        await server.wait_closed()


def public_jwk(private_key: Any, key_id: str, **extra: Any) -> dict[str, Any]:
    """The published half of an RSA, EC or Ed25519 key."""
    public = private_key.public_key()
    jwk: dict[str, Any]
    match private_key:
        case rsa.RSAPrivateKey():
            jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
        case ec.EllipticCurvePrivateKey():
            jwk = ECAlgorithm.to_jwk(public, as_dict=True)
        case _:
            jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": key_id, **extra}
