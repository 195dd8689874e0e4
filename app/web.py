"""The ASGI application: GraphQL and health, over what is wired."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import schema
from app.auth import Authenticator, InvalidCredentials
from app.http.graphql import UNAUTHENTICATED, graphql_app
from app.http.health import Ping, health_endpoint
from schema.build import build_schema
from schema.context import Context, Game
from schema.faults import CallerError
from schema.languages import accepted_languages

HOME_QUERY = (Path(schema.__file__).parent / "home.graphql").read_text(encoding="utf-8")
"""The query that every phone sends when the app opens; also what the development page starts with."""


def web_app(game: Game, authenticator: Authenticator, pings: dict[str, Ping], icons: Path | None = None) -> Starlette:
    """The application. It holds no state but caches; purchases go on without Redis, so only MongoDB is required.

    ``icons`` is a folder of badge icons to serve under ``/icons``, where there is one.
    """

    async def make_context(request: Request) -> Context:
        try:
            principal = await authenticator.authenticate(request.headers.get("authorization"))
        except InvalidCredentials as refusal:
            raise CallerError(UNAUTHENTICATED, f"The credentials are refused: {refusal.reason}.") from None
        return Context(game, principal, accepted_languages(request.headers.get("accept-language")))

    graphql = graphql_app(build_schema(), make_context, ide_query=HOME_QUERY)
    routes: list[BaseRoute] = [
        Route("/graphql", graphql),
        Route("/health", health_endpoint(pings, required=["mongodb"]), methods=["GET"]),
    ]
    if icons is not None and icons.is_dir():
        routes.append(Mount("/icons", StaticFiles(directory=icons)))
    return Starlette(routes=routes)
