"""The ways that a caller's credentials can fail."""

from gamification.stores import StoreUnavailable


class InvalidCredentials(Exception):
    """The credentials are refused. ``reason`` is safe to show to the caller and tells what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SigningKeysUnavailable(StoreUnavailable):
    """The token cannot be judged because its signing keys cannot be fetched.

    An outage like that of any other store, not the caller's fault: a phone must not sign its user out over it.
    """
