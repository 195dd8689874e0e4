"""`laurel serve`: serve the API, in one process or in several."""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence

import click

from app.commands.running import FAILED, command_of, settings_of_environment, start_log
from app.operator_error import OperatorError
from app.settings import MAX_WORKERS, Settings
from app.workers.channel import Handed
from gamification.stores import StoreUnavailable

log = logging.getLogger(__name__)


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    help="How many processes answer; LAUREL_WORKERS, or else 1, if left out.",
)
@click.option("--as-worker", nargs=2, type=int, hidden=True)
@command_of
async def serve(*, workers: int | None, as_worker: tuple[int, int] | None) -> None:
    """Serve the API.

    The stores are those of LAUREL_MONGO_URL and LAUREL_REDIS_URL, or embedded ones. Where no
    program has been applied yet, LAUREL_PROGRAM is.

    What time alone changes, such as an expiry, is right in every answer, but written by `laurel worker clock`.
    With LAUREL_SERVE_CLOCK=true this process writes it too; of several workers, the first does.
    """
    settings = settings_of_environment()
    if as_worker is not None:
        await _serve_as_worker(settings, *as_worker)
    elif (workers or settings.workers) > 1:
        await _serve_with_workers(settings, workers or settings.workers)
    else:
        await _serve_alone(settings)


async def _serve_alone(settings: Settings) -> None:
    from app.ports import require_free_port

    require_free_port(settings.host, settings.port)
    await _serve(settings, on_ready=lambda: log.info("Serving GraphQL at %s", _address(settings)))


async def _serve_with_workers(settings: Settings, count: int) -> None:
    """Be the parent of workers, which does without most of what they import, and so stays small."""
    from app.embedded import embedded_servers
    from app.ports import listening
    from app.stores.sessions import end_sessions
    from app.workers.supervisor import Supervisor

    def on_ready() -> None:
        log.info("Serving GraphQL at %s with %d workers", _address(settings), count)

    with listening(settings.host, settings.port) as listeners:
        async with embedded_servers(
            settings.data_dir, mongo_url=settings.mongo_url, redis_url=settings.redis_url
        ) as servers:

            async def on_death(sessions: Sequence[str]) -> None:
                if hindered := await asyncio.to_thread(end_sessions, servers.mongo_url, sessions):
                    log.warning("what the worker has left open in MongoDB may stay so for a minute: %s", hindered)

            command = [*_own_command(), "serve", "--as-worker"]
            await Supervisor(command, count, on_ready, on_death).run(listeners, servers.watch())


async def _serve_as_worker(settings: Settings, number: int, descriptor: int) -> None:
    start_log(settings, f"worker {number}")
    handed = Handed(descriptor)
    # Clocks share the work where there is much, and else are in each other's way.
    settings = settings.model_copy(update={"serve_clock": settings.serve_clock and number == 1})
    try:
        await _serve(settings, worker=number, handed=handed)
    except (OperatorError, StoreUnavailable) as error:
        if not handed.fail(str(error)):
            log.error("%s", error)
        sys.exit(FAILED)


async def _serve(
    settings: Settings,
    *,
    on_ready: Callable[[], None] = lambda: None,
    worker: int | None = None,
    handed: Handed | None = None,
) -> None:
    """Open the stores, apply the first program where none has been, and serve until told to stop."""
    from app.commands.program import apply_first_program
    from app.server import serve as serve_until_stopped
    from app.web import web_app
    from app.wiring import open_laurel

    async with open_laurel(settings, beside=handed is not None) as laurel:
        if handed is not None:
            laurel.connection.sessions.tell = handed.tell_session
        await apply_first_program(laurel)
        authenticator = laurel.authenticator()
        try:
            web = web_app(laurel.game, authenticator, laurel.pings, laurel.icons, worker)
            await serve_until_stopped(laurel, web, on_ready, handed)
        finally:
            await authenticator.aclose()


def _address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}/graphql"


def _own_command() -> list[str]:
    """What this process was started by, up to its arguments: an interpreter and the way to `laurel`."""
    given = len(sys.argv) - 1
    return [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - given]]
