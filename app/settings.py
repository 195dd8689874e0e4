"""What an operator can set: environment variables with the prefix ``LAUREL_``, read once at start."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: an HS256 key is at least as long as its hash."""

MAX_WORKERS = 64
"""Far beyond this, one process that hands out connections is what is short."""


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

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    future_tolerance_seconds: int = Field(default=300, ge=0, le=86_400)
    """How far ahead of our clock a till's clock may be."""
