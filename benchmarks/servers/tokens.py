"""Verifying bearer tokens as the rivals do: HS256 by PyJWT, and remembered for as long as they hold."""

import time
from collections import OrderedDict
from dataclasses import dataclass

import jwt

MAX_REMEMBERED = 20_000
"""As many as Laurel remembers."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token is for, in which role and until when (seconds since 1970)."""

    subject: str
    role: str
    expires_at: float


class Tokens:
    """Tells whose token a header holds."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._known: OrderedDict[str, Caller] = OrderedDict()

    def caller(self, authorization: str) -> Caller:
        """Whom the token in an ``Authorization`` header is for.

        Raises:
            jwt.PyJWTError: it is no token of ours.
        """
        known = self._known.get(authorization)
        if known is not None and time.time() < known.expires_at:
            self._known.move_to_end(authorization)
            return known
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise jwt.InvalidTokenError("a bearer token is needed")
        claims = jwt.decode(
            token,
            self._secret,
            algorithms=["HS256"],
            issuer="laurel",
            audience="laurel",
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        caller = Caller(claims["sub"], claims.get("role", ""), float(claims["exp"]))
        self._known[authorization] = caller
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return caller
