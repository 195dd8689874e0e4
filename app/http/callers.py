"""Who is on the other end of a connection: identified when it opens, and again while it lasts."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from app.auth import Credentials, InvalidCredentials
from gamification.stores import StoreUnavailable
from schema.faults import CallerError
from schema.principals import Principal

UNAUTHENTICATED = "UNAUTHENTICATED"
RECHECK_SECONDS = 60.0
"""How long a connection may go on after its API key was revoked or its token's signing key withdrawn."""

Identify = Callable[[str | None], Awaitable[Credentials]]
"""From an ``Authorization`` header to whom it speaks for, as `Authenticator.identify`."""

MakeContext = Callable[[HTTPConnection, Principal], Awaitable[object]]
"""Makes what the resolvers of one operation see as ``info.context``. The connection is a request or a WebSocket's
handshake. It may raise `CallerError` or `StoreUnavailable` to refuse."""


@dataclass(slots=True)
class Caller:
    """A caller with the credentials that a connection rests on."""

    identify: Identify
    authorization: str | None
    credentials: Credentials
    recheck_seconds: float

    def seconds_to_check(self) -> float:
        """How soon `check` is due: when the credentials end, and at least every ``recheck_seconds``."""
        if self.authorization is None:
            return self.recheck_seconds
        expires_at = self.credentials.expires_at
        left = self.recheck_seconds if expires_at is None else expires_at - time.time()
        return max(0.0, min(left, self.recheck_seconds))

    async def check(self) -> None:
        """Look again whether the credentials hold.

        Raises:
            InvalidCredentials: They do not, or speak for another or for less by now.
        """
        expires_at = self.credentials.expires_at
        if expires_at is not None and expires_at <= time.time():
            raise InvalidCredentials("the token expired; connect again with a new one")
        if self.authorization is None:
            return
        try:
            now = await self.identify(self.authorization)
        except StoreUnavailable:
            return  # an outage is not the caller's fault; the credentials' own end stands
        if now.principal != self.credentials.principal:
            raise InvalidCredentials("what the credentials allow has changed; connect again")
        self.credentials = now


async def identified(identify: Identify, authorization: str | None, recheck_seconds: float = RECHECK_SECONDS) -> Caller:
    """The caller behind this header.

    Raises:
        InvalidCredentials: They are refused.
        StoreUnavailable: They cannot be judged at the moment.
    """
    return Caller(identify, authorization, await identify(authorization), recheck_seconds)


def refusal_of(refused: InvalidCredentials) -> CallerError:
    """The error that tells a caller that their credentials are refused, and why."""
    return CallerError(UNAUTHENTICATED, f"The credentials are refused: {refused.reason}.")
