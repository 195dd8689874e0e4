"""`laurel serve`: serve the API."""

import logging

import click

from app.commands.program import apply_first_program
from app.commands.running import command_of, settings_of_environment
from app.ports import require_free_port
from app.server import serve as serve_until_stopped
from app.web import web_app
from app.wiring import open_laurel

log = logging.getLogger(__name__)


@click.command()
@command_of
async def serve() -> None:
    """Serve the API.

    The stores are those of LAUREL_MONGO_URL and LAUREL_REDIS_URL, or embedded ones. Where no
    program has been applied yet, LAUREL_PROGRAM is.

    What time alone changes, such as an expiry, is right in every answer, but written by `laurel worker clock`.
    With LAUREL_SERVE_CLOCK=true this process writes it too.
    """
    settings = settings_of_environment()
    require_free_port(settings.host, settings.port)
    async with open_laurel(settings) as laurel:
        await apply_first_program(laurel)
        authenticator = laurel.authenticator()
        try:
            web = web_app(laurel.game, authenticator, laurel.pings, laurel.icons)
            address = f"http://{settings.host}:{settings.port}/graphql"
            await serve_until_stopped(laurel, web, on_ready=lambda: log.info("Serving GraphQL at %s", address))
        finally:
            await authenticator.aclose()
