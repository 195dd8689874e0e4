"""Serves the sample schema over a real socket, to tests and to the audit (``python -m tests.graphql_http.server``)."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route

from app.auth import Credentials
from app.http.callers import MakeContext
from app.http.graphql import HttpLimits, graphql_app
from app.http.request_id import request_id_of
from app.server import Server, server_config
from schema.principals import Anonymous, Principal
from tests.graphql_http.sample_schema import Context, Trace, sample_schema

SAMPLE_QUERY = "{\n  hello\n  item { name twin { name } }\n}\n"
STOP_TIMEOUT_SECONDS = 5


def sample_routes(
    trace: Trace, *, limits: HttpLimits | None = None, make_context: MakeContext | None = None
) -> list[BaseRoute]:
    async def sample_context(connection: HTTPConnection, _principal: Principal) -> Context:
        return Context(trace, request_id_of(connection))

    context = make_context or sample_context
    endpoint = graphql_app(sample_schema(), _anonymous, context, limits=limits, ide_query=SAMPLE_QUERY)
    return [Route("/graphql", endpoint)]


async def _anonymous(_authorization: str | None) -> Credentials:
    return Credentials(Anonymous())


def configured(routes: Sequence[BaseRoute], on_end: Callable[[], None] = lambda: None, **settings: float) -> Server:
    config = server_config(Starlette(routes=routes))
    for name, value in settings.items():
        setattr(config, name, value)
    return Server(config, on_end=on_end)


def free_socket(port: int = 0) -> socket.socket:
    # asyncio turns off Nagle's algorithm only where the protocol is named; with it, each answer takes 40 ms more.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening


@asynccontextmanager
async def serving(
    routes: Sequence[BaseRoute], on_end: Callable[[], None] = lambda: None, **settings: float
) -> AsyncIterator[str]:
    """A server on a free port of this machine, in this process; yields its address.

    ``settings`` are those of uvicorn that shall be other than Laurel's own.
    """
    with free_socket() as listening:
        server = configured(routes, on_end, **settings)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            # Connections that come before the server is up wait in the socket's queue.
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, STOP_TIMEOUT_SECONDS)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with free_socket(port) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/graphql", flush=True)
        configured(sample_routes(Trace())).run(sockets=[listening])


if __name__ == "__main__":
    main()
