"""`laurel serve`: serve the API."""

import click

from app.clock import utc_now
from app.commands.program import applied_from
from app.commands.running import command_of, settings_of_environment
from app.ports import require_free_port
from app.server import serve as serve_until_stopped
from app.web import web_app
from app.wiring import open_laurel


@click.command()
@command_of
async def serve() -> None:
    """Serve the API over the servers of LAUREL_MONGO_URL and LAUREL_REDIS_URL, or over embedded ones.

    Where no program has been applied yet, LAUREL_PROGRAM is.
    """
    settings = settings_of_environment()
    require_free_port(settings.host, settings.port)
    async with open_laurel(settings) as laurel:
        if not await laurel.programs.all_versions():
            await applied_from(laurel, str(settings.program), utc_now())
        authenticator = laurel.authenticator()
        try:
            await serve_until_stopped(laurel, web_app(laurel.game, authenticator, laurel.pings))
        finally:
            await authenticator.aclose()
