"""The providers that an operator has set up."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from app.networks import networks
from app.operator_error import OperatorError
from app.outbound import trusted_tls
from app.push.http2.client import HTTPS_PORT, Host
from app.push.providers.apns import PRODUCTION, SANDBOX, ApnsProvider
from app.push.providers.apns_key import ApnsTokens, read_apns_key
from app.push.providers.fcm import FcmProvider
from app.push.providers.google_token import read_service_account
from app.push.providers.logged import LogProvider
from app.push.providers.provider import DeviceKind, Provider
from app.push.providers.vapid import read_vapid_key
from app.push.providers.web_push import WebPushProvider
from app.push.providers.web_services import WebServices
from app.settings import Settings


def providers_of(settings: Settings) -> Mapping[DeviceKind, Provider]:
    """The provider of each kind of device that credentials are set for, to be entered and left by the caller.

    Where none are set at all, every kind is logged if ``push_log`` says so, for development. Nothing is connected yet.

    Raises:
        OperatorError: none are set, and pushes are not to be logged either; or credentials cannot be read, are none, or
            lack a part; names the variable.
    """
    made = (_fcm(settings), _apns(settings), _web(settings))
    configured = {provider.kind: provider for provider in made if provider is not None}
    if configured:
        return configured
    if not settings.push_log:
        raise OperatorError(
            "No provider of pushes has credentials, see docs/push.md. LAUREL_PUSH_LOG=true logs pushes and sends none."
        )
    kinds: tuple[DeviceKind, ...] = ("fcm", "apns", "web")
    return {kind: LogProvider(kind) for kind in kinds}


@asynccontextmanager
async def opened_providers(settings: Settings) -> AsyncIterator[Mapping[DeviceKind, Provider]]:
    """As `providers_of`, open within the block."""
    providers = providers_of(settings)
    async with AsyncExitStack() as stack:
        yield {kind: await stack.enter_async_context(provider) for kind, provider in providers.items()}


def has_credentials(settings: Settings) -> bool:
    """Whether credentials are set for any kind of device."""
    return any(each is not None for each in (settings.fcm_credentials, settings.apns_key, settings.vapid_key))


def _fcm(settings: Settings) -> Provider | None:
    if settings.fcm_credentials is None:
        return None
    account = read_service_account(settings.fcm_credentials)
    return FcmProvider(account, trusted_tls(), host=_host(settings.fcm_url))


def _apns(settings: Settings) -> Provider | None:
    if settings.apns_key is None:
        return None
    if not settings.apns_topic.isascii() or not settings.apns_topic.isprintable() or not settings.apns_topic:
        raise OperatorError("LAUREL_APNS_TOPIC: must be the bundle id of the app, such as com.example.shop.")
    key = read_apns_key(settings.apns_key, settings.apns_key_id, settings.apns_team_id)
    host = SANDBOX if settings.apns_sandbox else PRODUCTION
    if settings.apns_url is not None:
        host = _host(settings.apns_url)
    return ApnsProvider(ApnsTokens(key), settings.apns_topic, trusted_tls(), host=host)


def _web(settings: Settings) -> Provider | None:
    if settings.vapid_key is None:
        return None
    allowed = networks(settings.outbound_allow)
    key = read_vapid_key(settings.vapid_key, settings.vapid_subject)
    return WebPushProvider(key, WebServices(trusted_tls(), trusted_tls(), allowed))


def _host(url: str) -> Host:
    parts = urlsplit(url)
    return Host(parts.hostname or "", parts.port or HTTPS_PORT)
