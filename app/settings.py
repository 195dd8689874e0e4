"""What an operator can set: environment variables with the prefix ``LAUREL_``, read once at start."""

import re
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.networks import networks

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: an HS256 key is at least as long as its hash."""

MAX_WORKERS = 64
"""Far beyond this, one process that hands out connections is what is short."""


_HTTPS_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")


class Settings(BaseSettings):
    """All settings of a Laurel process. Every field can be set as ``LAUREL_<FIELD>``; the port also as ``PORT``.

    A variable that is empty counts as not set, as compose files and CI leave them.
    """

    model_config = SettingsConfigDict(
        env_prefix="LAUREL_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535, validation_alias=AliasChoices("PORT", "LAUREL_PORT"))
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS)
    """How many processes `laurel serve` answers with."""
    data_dir: Path = Path(".laurel")
    program: Path = Path("programs/record-shop.yaml")

    mongo_url: str | None = None
    """A replica set or sharded cluster; None starts the embedded server."""
    redis_url: str | None = None
    """Redis 7+ or Valkey 8+; None starts the embedded server."""
    redis_cluster: bool = False
    """Whether ``redis_url`` names a node of a Redis Cluster."""
    redis_prefix: str = Field(default="laurel", pattern=r"^[a-z][a-z0-9_]{0,62}$")
    """What the name of every key and channel in Redis begins with."""
    database: str = Field(default="laurel", pattern=r"^[a-z][a-z0-9_]{0,62}$")
    store_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long one operation on a store may take before the caller is told that it is unavailable."""

    jwt_secret: str | None = Field(default=None, min_length=MIN_SECRET_BYTES)
    """HS256 secret; None makes one and keeps it in the data folder when the embedded servers are used."""
    jwt_jwks_url: str | None = None
    """Where the public keys of RS256, ES256 and EdDSA tokens are; excludes the shared secret."""
    jwt_issuer: str = "laurel"
    jwt_audience: str = "laurel"
    jwt_leeway_seconds: int = Field(default=10, ge=0, le=120)

    serve_clock: bool = False
    """Whether `laurel serve` runs the clock too, beside any `laurel worker clock`. `laurel up` does in any case."""

    push_log: bool = False
    """Whether pushes are logged and not sent where no credentials are set at all, for development."""
    fcm_credentials: Path | None = None
    """The key file of a Google service account; None sends nothing by Firebase Cloud Messaging."""
    fcm_url: str = "https://fcm.googleapis.com"
    apns_key: Path | None = None
    """The .p8 file of a key for APNs; None sends nothing by APNs."""
    apns_key_id: str = ""
    apns_team_id: str = ""
    apns_topic: str = ""
    """The app's bundle id."""
    apns_sandbox: bool = False
    """Whether tokens come from apps that are run from Xcode."""
    apns_url: str | None = None
    """Another place than Apple's production and sandbox."""
    vapid_key: str | None = None
    """Our key for Web Push: a PEM file, or 43 characters of base64url; None sends nothing by Web Push."""
    vapid_subject: str = ""
    """Whom services of Web Push may write to: mailto: or https:."""
    outbound_allow: str = ""
    """Networks that clients may have us send to although they are not public, for development: ``127.0.0.0/8``."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    future_tolerance_seconds: int = Field(default=300, ge=0, le=86_400)
    """How far ahead of our clock a till's clock may be."""

    @field_validator("fcm_url", "apns_url")
    @classmethod
    def _is_an_origin(cls, url: str | None) -> str | None:
        if url is not None and not _HTTPS_ORIGIN.match(url):
            raise ValueError("must be https:// with a host, and a port if need be")
        return url

    @field_validator("outbound_allow")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        try:
            networks(text)
        except ValueError:
            raise ValueError("must be networks such as 127.0.0.0/8, with commas between them") from None
        return text
