"""From the Authorization header to who is asking."""

from app.auth.api_keys import KEY_PREFIX, ApiKeyVerifier
from app.auth.credentials import Credentials, InvalidCredentials
from app.auth.keys import SharedSecret, VerificationKeys
from app.auth.tokens import TokenVerifier
from app.operator_error import OperatorError
from app.settings import Settings
from schema.principals import Anonymous

_ANONYMOUS = Credentials(Anonymous())


class Authenticator:
    """Tells who sent a request. One for a process; it remembers tokens and keys that it has verified.

    JWTs and API keys come in the same header. One header means that a request cannot carry two contradicting
    credentials, that logs and proxies which hide ``Authorization`` hide keys too, and that shared caches keep no
    answer to it (RFC 9111, section 3.5), none of which holds for a header such as ``X-Api-Key``.
    """

    def __init__(self, keys: VerificationKeys, tokens: TokenVerifier, api_keys: ApiKeyVerifier) -> None:
        self._keys = keys
        self._tokens = tokens
        self._api_keys = api_keys

    async def identify(self, authorization: str | None) -> Credentials:
        """Who sent this ``Authorization`` header, and until when it speaks for them; Anonymous when there is none.

        Raises:
            InvalidCredentials: The header is malformed, or its token or key is refused.
            SigningKeysUnavailable: A token's key cannot be fetched at the moment.
        """
        if authorization is None:
            return _ANONYMOUS
        scheme, _, credentials = authorization.partition(" ")
        credentials = credentials.strip(" ")
        if scheme.lower() != "bearer" or not credentials:
            raise InvalidCredentials("the header must read Authorization: Bearer <token or API key>")
        if credentials.startswith(KEY_PREFIX):
            return await self._api_keys.verify(credentials)
        return await self._tokens.verify(credentials)

    async def aclose(self) -> None:
        """Stop fetching signing keys."""
        await self._keys.aclose()


def build_authenticator(
    settings: Settings, api_keys: ApiKeyVerifier, *, generated_secret: str | None = None
) -> Authenticator:
    """The authenticator that the settings ask for.

    ``generated_secret`` is used when the settings name neither a secret nor a JWKS URL (see `load_or_create_secret`).

    Raises:
        OperatorError: Both ways to verify a token are set or none is, or one is unusable; the text says which.
    """
    if settings.jwt_secret is not None and settings.jwt_jwks_url is not None:
        raise OperatorError("Set LAUREL_JWT_SECRET or LAUREL_JWT_JWKS_URL, not both.")
    secret = settings.jwt_secret or generated_secret
    keys: VerificationKeys
    if settings.jwt_jwks_url is not None:
        from app.auth.jwks import JwksKeys

        keys = JwksKeys(settings.jwt_jwks_url)
    elif secret is not None:
        keys = SharedSecret(secret)
    else:
        raise OperatorError("Set LAUREL_JWT_SECRET or LAUREL_JWT_JWKS_URL, so that tokens can be verified.")
    tokens = TokenVerifier(
        keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        leeway_seconds=settings.jwt_leeway_seconds,
    )
    return Authenticator(keys, tokens, api_keys)
