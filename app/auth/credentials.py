"""Credentials: whom they speak for and until when, and the ways that they can fail."""

from dataclasses import dataclass

from gamification.stores import StoreUnavailable
from schema.principals import Principal


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials that were found good. ``expires_at`` is in seconds since 1970; None is for ever.

    They may be withdrawn before that, so whoever relies on them for long asks again from time to time.
    """

    principal: Principal
    expires_at: float | None = None


class InvalidCredentials(Exception):
    """The credentials are refused. ``reason`` is safe to show to the caller and tells what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SigningKeysUnavailable(StoreUnavailable):
    """The token cannot be judged because its signing keys cannot be fetched.

    An outage like that of any other store, not the caller's fault: a phone must not sign its user out over it.
    """
