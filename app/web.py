"""The ASGI application: GraphQL and health, over what is wired."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

import schema
from app.auth import Authenticator
from app.http.graphql import graphql_app
from app.http.health import Ping, health_endpoint
from app.http.subscriptions import Connections
from schema.build import build_schema
from schema.context import Context, Game
from schema.languages import accepted_languages
from schema.principals import Principal

HOME_QUERY = (Path(schema.__file__).parent / "home.graphql").read_text(encoding="utf-8")
"""The query that every phone sends when the app opens; also what the development page starts with."""


def web_app(
    game: Game,
    authenticator: Authenticator,
    pings: dict[str, Ping],
    icons: Path | None = None,
    worker: int | None = None,
) -> Starlette:
    """The application. It holds no state but caches; purchases go on without Redis, so only MongoDB is required.

    ``icons`` is a folder of badge icons to serve under ``/icons``, where there is one. ``worker`` is the number of this
    process among several.
    """

    async def make_context(connection: HTTPConnection, principal: Principal) -> Context:
        return Context(game, principal, accepted_languages(connection.headers.get("accept-language")))

    connections = Connections()
    graphql = graphql_app(
        build_schema(), authenticator.identify, make_context, connections=connections, ide_query=HOME_QUERY
    )
    routes: list[BaseRoute] = [
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", graphql),
        Route("/health", health_endpoint(pings, required=["mongodb"], worker=worker), methods=["GET"]),
    ]
    if icons is not None and icons.is_dir():
        routes.append(Mount("/icons", StaticFiles(directory=icons)))
    web = Starlette(routes=routes)
    web.state.connections = connections
    return web


def end_streams(web: Starlette) -> None:
    """Tell an application made by `web_app` that its process ends, so that no stream holds it up."""
    connections: Connections = web.state.connections
    connections.end()
