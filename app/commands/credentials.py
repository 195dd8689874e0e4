"""`laurel token` and `laurel apikey`: credentials for development and operation."""

from contextlib import suppress
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Column, Table

from app.auth import Role, create_api_key, mint_token
from app.auth.tokens import MAX_LIFETIME_SECONDS
from app.clock import utc_now
from app.commands.running import command_of, fail, settings_of_environment
from app.live.hints import Hints
from app.operator_error import OperatorError
from app.settings import Settings
from app.wiring import Laurel, generated_secret, open_existing, require_data
from gamification.stores import StoreUnavailable
from schema.principals import Scope
from schema.signals import API_KEYS

DAY_SECONDS = 86_400
DEFAULT_TOKEN_DAYS = 7
MAX_TOKEN_DAYS = MAX_LIFETIME_SECONDS // DAY_SECONDS
MAX_KEY_DAYS = 36_500


@click.command()
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.argument("who")
@click.option(
    "--days",
    type=click.IntRange(1, MAX_TOKEN_DAYS),
    default=DEFAULT_TOKEN_DAYS,
    show_default=True,
    help="How long the token holds.",
)
@command_of
async def token(role: str, who: str, *, days: int) -> None:
    """Print a bearer token for a member or for staff.

    WHO is the loyalty number of a member, or a name for staff.
    """
    settings = settings_of_environment()
    if role == Role.MEMBER:
        async with open_existing(settings) as laurel:
            who = await _member_id(laurel, who)
    elif settings.jwt_secret is None:
        require_data(settings)  # A secret made now would be that of no Laurel.
    click.echo(minted(settings, Role(role), who, days))


def minted(settings: Settings, role: Role, subject: str, days: int = DEFAULT_TOKEN_DAYS) -> str:
    """A token signed with the secret of the settings, or with the one made for this machine.

    Raises:
        OperatorError: there is no such secret, because tokens come from a JWKS issuer; or days are out of bounds.
    """
    secret = settings.jwt_secret or generated_secret(settings)
    if secret is None:
        if settings.jwt_jwks_url is None:
            raise OperatorError("Laurel has no secret to sign with; set LAUREL_JWT_SECRET to the one of your servers")
        raise OperatorError("tokens come from the issuer behind LAUREL_JWT_JWKS_URL; Laurel has no secret to sign with")
    return mint_token(
        secret, role, subject, days * DAY_SECONDS, issuer=settings.jwt_issuer, audience=settings.jwt_audience
    )


async def _member_id(laurel: Laurel, loyalty_number: str) -> str:
    found = (await laurel.members.by_loyalty_numbers([loyalty_number])).get(loyalty_number)
    if found is None:
        raise OperatorError(f"there is no member with the loyalty number {loyalty_number}")
    return found.member_id


@click.group()
def apikey() -> None:
    """Make, list and revoke the API keys of services."""


@apikey.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the key may do; may be given several times.",
)
@click.option("--days", type=click.IntRange(1, MAX_KEY_DAYS), help="How long the key holds; for ever, unless told.")
@command_of
async def create(name: str, *, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for the service NAME and print it.

    It cannot be shown again.
    """
    now = utc_now()
    expires_at = now + timedelta(days=days) if days else None
    text, record = create_api_key(name, frozenset(map(Scope, scopes)), now=now, expires_at=expires_at)
    async with open_existing(settings_of_environment()) as laurel:
        await laurel.api_keys.add(record)
    click.echo(text)


@apikey.command("list")
@command_of
async def list_keys() -> None:
    """List the keys, newest first, without their secrets."""
    async with open_existing(settings_of_environment()) as laurel:
        keys = await laurel.api_keys.list_newest()
    # The key's id is what `revoke` wants, so it is never broken into two lines.
    table = Table(Column("Key", no_wrap=True), "Name", "Scopes", "Made", "Expires", "Revoked")
    for key in keys:
        scopes = ", ".join(sorted(scope.value for scope in key.scopes))
        times = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (key.created_at, key.expires_at, key.revoked_at))
        table.add_row(key.key_id, key.name, scopes, *times)
    Console().print(table)


@apikey.command()
@click.argument("key_id")
@command_of
async def revoke(key_id: str) -> None:
    """Revoke the key with this id.

    Every process stops taking it at once; where Redis is away, within ten seconds.
    """
    async with open_existing(settings_of_environment()) as laurel:
        revoked = await laurel.api_keys.revoke(key_id, revoked_at=utc_now())
        with suppress(StoreUnavailable):
            await laurel.live.hub.announce(Hints(all=[API_KEYS]))
    if revoked is None:
        fail(f"there is no key {key_id}")
    click.echo(f"key {key_id} ({revoked.name}) is revoked")
