"""Authentication: bearer tokens of members and staff, API keys of services."""

from app.auth.api_keys import ApiKey, ApiKeys, ApiKeyVerifier, create_api_key
from app.auth.authenticator import Authenticator, build_authenticator
from app.auth.credentials import Credentials, InvalidCredentials, SigningKeysUnavailable
from app.auth.secret_file import load_or_create_secret
from app.auth.tokens import Role, mint_token

__all__ = [
    "ApiKey",
    "ApiKeyVerifier",
    "ApiKeys",
    "Authenticator",
    "Credentials",
    "InvalidCredentials",
    "Role",
    "SigningKeysUnavailable",
    "build_authenticator",
    "create_api_key",
    "load_or_create_secret",
    "mint_token",
]
