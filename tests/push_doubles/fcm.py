"""A double of FCM and of Google's token service, on one port, which checks what it is sent."""

import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.push.providers.google_token import ServiceAccount
from tests.push_doubles.http2 import Act, Http2Double, Reply, Request, serving
from tests.push_doubles.phones import Arrival, Phones

PROJECT = "laurel-tests"
EMAIL = "pushes@laurel-tests.iam.example"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
MAX_COLLAPSE_KEYS = 4
"""How many FCM keeps for a phone that is offline."""
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@cache
def service_key() -> rsa.RSAPrivateKey:
    """The service account's."""
    return rsa.generate_private_key(65537, 2048)


def fcm_error(status: int, code: str, message: str = "", field_name: str = "", **headers: str) -> Reply:
    """An error as FCM answers it: with its own code, or with the field that is wrong."""
    detail: dict[str, Any] = {"@type": _FCM_ERROR, "errorCode": code}
    if field_name:
        detail = {"@type": _BAD_REQUEST, "fieldViolations": [{"field": field_name, "description": message}]}
    error = {"code": status, "message": message, "status": code, "details": [detail]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, json.dumps({"error": error}).encode())


@dataclass
class FcmDouble:
    """Answers pushes with what stands in ``acts``, one after the other, and takes them when nothing is left there."""

    http: Http2Double = field(init=False)
    phones: Phones = field(default_factory=Phones)
    acts: deque[Act] = field(default_factory=deque)
    token_acts: deque[Act] = field(default_factory=deque)
    tokens: list[str] = field(default_factory=list)
    token_seconds: int = 3600
    wall: Callable[[], float] = time.time
    problems: list[str] = field(default_factory=list)
    collapse_keys: dict[str, set[str]] = field(default_factory=dict)
    """Those that each token was sent."""

    def __post_init__(self) -> None:
        self.http = Http2Double(self.answer, keeps_requests=self.phones.keep)

    def account(self) -> ServiceAccount:
        """The service account of `credentials_file`."""
        return ServiceAccount(PROJECT, EMAIL, "key-1", service_key(), f"{self.http.url}/token")

    def credentials_file(self, folder: Path) -> Path:
        """A service account's key file for this double."""
        private = service_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        fields = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "key-1",
            "private_key": private,
            "client_email": EMAIL,
            "token_uri": f"{self.http.url}/token",
        }
        path = folder / "service-account.json"
        path.write_text(json.dumps(fields), encoding="utf-8")
        return path

    def answer(self, request: Request) -> Act:
        """As Google would, unless told otherwise."""
        if request.path == "/token":
            return self.token_acts.popleft() if self.token_acts else self._token(request)
        if request.path != f"/v1/projects/{PROJECT}/messages:send" or request.method != "POST":
            return Reply(404)
        if self.acts:
            return self.acts.popleft()
        if not self.tokens or request.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return fcm_error(401, "UNAUTHENTICATED")
        return self._taken(json.loads(request.body)["message"])

    def _token(self, request: Request) -> Act:
        form = parse_qs(request.body.decode())
        date = {"date": formatdate(self.wall(), usegmt=True), "content-type": "application/json"}
        try:
            claims = jwt.decode(
                form["assertion"][0],
                service_key().public_key(),
                ["RS256"],
                audience=f"{self.http.url}/token",
                options={"verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, KeyError):
            return Reply(400, date, b'{"error":"invalid_grant"}')
        is_timely = abs(claims["iat"] - self.wall()) < 300 and 0 < claims["exp"] - claims["iat"] <= 3600
        if not is_timely or claims["iss"] != EMAIL or claims["scope"] != SCOPE:
            return Reply(400, date, b'{"error":"invalid_grant","error_description":"Invalid JWT"}')
        self.tokens.append(f"ya29.token-{len(self.tokens)}")
        token = {"access_token": self.tokens[-1], "expires_in": self.token_seconds, "token_type": "Bearer"}
        return Reply(200, date, json.dumps(token).encode())

    def _taken(self, message: dict[str, Any]) -> Reply:
        tag = message["android"]["notification"]["tag"]
        headers = message["apns"]["headers"]
        if {headers["apns-collapse-id"], message["webpush"]["headers"]["Topic"]} != {tag}:
            self.problems.append("the platforms differ in what replaces what")
        keys = self.collapse_keys.setdefault(message["token"], set())
        keys.add(message["android"]["collapse_key"])
        if len(keys) > MAX_COLLAPSE_KEYS:
            self.problems.append("FCM does not keep so many collapse keys for a phone that is offline")
        if not all(isinstance(value, str) for value in message["data"].values()):
            return fcm_error(400, "INVALID_ARGUMENT", "Invalid value", "message.data[0].value")
        shown = message["notification"]
        self.phones.receive(
            Arrival(message["token"], tag, message["data"]["notice_id"], shown["title"], shown["body"], message["data"])
        )
        return Reply(200, {}, json.dumps({"name": f"projects/{PROJECT}/messages/{self.phones.count}"}).encode())


@asynccontextmanager
async def serving_fcm(double: FcmDouble | None = None) -> AsyncIterator[FcmDouble]:
    """Serve it until the block ends."""
    double = double or FcmDouble()
    async with serving(double.http):
        yield double
