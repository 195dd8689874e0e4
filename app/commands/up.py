"""`laurel up`: everything on one machine, with the example program and purchase log the first time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import click

from app.auth import Role
from app.commands.credentials import minted
from app.commands.program import apply_first_program
from app.commands.replay import import_log, import_name, print_summary, read_file
from app.commands.running import command_of, settings_of_environment
from app.live.background import Job
from app.operator_error import OperatorError
from app.ports import require_free_port
from app.push.providers.opening import has_credentials, opened_providers
from app.push.providers.provider import DeviceKind, Provider
from app.server import serve
from app.settings import Settings
from app.web import HOME_QUERY, web_app
from app.wiring import Laurel, open_laurel

EXAMPLE_LOG = Path("programs/cdnow/CDNOW_sample.txt")
EXAMPLE_MEMBER = "cdnow-22493"
"""A customer of the log with something to see: a tier, a badge that can rise, and challenges almost done."""


@click.command()
@command_of
async def up() -> None:
    """Start everything on this machine and serve until Ctrl-C.

    The first time, LAUREL_PROGRAM is applied and the CDNOW sample imported, its days moved so that it ends yesterday.
    The clock runs too: expiries and other changes that time alone brings are written when they are due. So does a push
    worker, which without any credentials logs what it would send; LAUREL_PUSH_LOG=false leaves that to others.
    """
    settings = settings_of_environment().model_copy(update={"serve_clock": True})  # There is no other process to do it.
    require_free_port(settings.host, settings.port)
    async with _providers(settings) as providers, open_laurel(settings) as laurel:
        applied = await apply_first_program(laurel)
        if applied:
            click.echo(f"Applied {settings.program} as version {applied.version} of the program")
        await import_example(laurel)
        authenticator = laurel.authenticator()
        try:
            banner = await _banner(laurel)
            web = web_app(laurel.game, authenticator, laurel.pings, laurel.icons)
            pushing: Mapping[str, Job] = {"push": laurel.push.worker(providers).run} if providers else {}
            await serve(laurel, web, on_ready=lambda: click.echo(banner), besides=pushing)
        finally:
            await authenticator.aclose()


@asynccontextmanager
async def _providers(settings: Settings) -> AsyncIterator[Mapping[DeviceKind, Provider]]:
    """The providers of pushes: none, where nothing is to be logged and there are no credentials."""
    logs = settings.push_log or "push_log" not in settings.model_fields_set
    if not logs and not has_credentials(settings):
        yield {}
        return
    async with opened_providers(settings.model_copy(update={"push_log": logs})) as providers:
        yield providers


async def import_example(laurel: Laurel) -> None:
    """Import the CDNOW sample, unless it has been imported to its end."""
    known = await laurel.imports.get(import_name(EXAMPLE_LOG.name))
    if known is not None and known.completed_at is not None:
        return
    end_now = known is None or known.shift_days != 0  # A replay that was cut short is gone on with as it was begun.
    replayed = await import_log(laurel, read_file(EXAMPLE_LOG), end_now=end_now)
    print_summary(replayed.summary)


async def _banner(laurel: Laurel) -> str:
    settings = laurel.settings
    url = f"http://{settings.host}:{settings.port}/graphql"
    known = await laurel.members.by_enrolment_keys([EXAMPLE_MEMBER])
    lines = ["", f"Laurel serves GraphQL at {url} (open it in a browser to explore). Ctrl-C stops it.", ""]
    try:
        if EXAMPLE_MEMBER in known:
            member, _ = known[EXAMPLE_MEMBER]
            token = minted(settings, Role.MEMBER, member.member_id)
            lines += [f"Member token ({member.profile.display_name}, {member.loyalty_number}):", token, ""]
        lines += ["Staff token:", minted(settings, Role.STAFF, "staff"), ""]
    except OperatorError as reason:
        lines += [f"No tokens are printed: {reason}.", ""]
    return "\n".join([*lines, "The home query, to be sent with the member token:", "", HOME_QUERY])
