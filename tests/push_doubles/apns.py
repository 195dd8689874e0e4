"""A double of APNs, which checks what it is sent."""

import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.push_doubles.http2 import Act, Http2Double, Reply, Request, serving
from tests.push_doubles.phones import Arrival, Phones

TOPIC = "com.example.shop"
KEY_ID = "ABC123DEFG"
TEAM_ID = "DEF123GHIJ"


@cache
def apns_key() -> ec.EllipticCurvePrivateKey:
    """The developer account's."""
    return ec.generate_private_key(ec.SECP256R1())


def apns_error(status: int, reason: str, timestamp: int | None = None, **headers: str) -> Reply:
    """An error as APNs answers it."""
    body: dict[str, Any] = {"reason": reason} | ({} if timestamp is None else {"timestamp": timestamp})
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode())


@dataclass
class ApnsDouble:
    """Answers with what stands in ``acts``, one after the other, and takes notifications when nothing is left there."""

    http: Http2Double = field(init=False)
    phones: Phones = field(default_factory=Phones)
    acts: deque[Act] = field(default_factory=deque)
    wall: Callable[[], float] = time.time
    checked_tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = Http2Double(self.answer, keeps_requests=self.phones.keep)

    def key_file(self, folder: Path) -> Path:
        """The .p8 file for this double."""
        path = folder / "AuthKey.p8"
        path.write_bytes(apns_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    def answer(self, request: Request) -> Act:
        """As Apple would, unless told otherwise."""
        if self.acts:
            return self.acts.popleft()
        problem = self._problem(request)
        if problem is not None:
            return apns_error(*problem)
        payload = json.loads(request.body)
        alert = payload["aps"]["alert"]
        self.phones.receive(
            Arrival(
                request.path.rpartition("/")[2],
                request.headers["apns-collapse-id"],
                payload["notice_id"],
                alert["title"],
                alert["body"],
                {key: value for key, value in payload.items() if key != "aps"},
            )
        )
        return Reply(200, {"apns-id": request.headers["apns-id"]})

    def _problem(self, request: Request) -> tuple[int, str] | None:
        headers = request.headers
        if request.method != "POST":
            return 405, "MethodNotAllowed"
        if not re.fullmatch(r"/3/device/[0-9a-f]{64}", request.path):
            return 400, "BadDeviceToken"
        if headers.get("apns-topic") != TOPIC:
            return 400, "BadTopic"
        if headers.get("apns-push-type") != "alert" or headers.get("apns-priority") != "10":
            return 400, "InvalidPushType"
        if len(headers["apns-collapse-id"].encode()) > 64:
            return 400, "BadCollapseId"
        if str(UUID(headers["apns-id"])) != headers["apns-id"]:
            return 400, "BadMessageId"
        if len(request.body) > 4096:
            return 413, "PayloadTooLarge"
        fault = self._token_fault(headers.get("authorization", ""))
        return None if fault is None else (403, fault)

    def _token_fault(self, authorization: str) -> str | None:
        scheme, _, token = authorization.partition(" ")
        if scheme != "bearer":
            return "MissingProviderToken"
        if token not in self.checked_tokens:
            self.checked_tokens[token] = str(self._issued_at(token) or "")
        issued_at = self.checked_tokens[token]
        if not issued_at:
            return "InvalidProviderToken"
        return None if abs(self.wall() - float(issued_at)) < 3600 else "ExpiredProviderToken"

    def _issued_at(self, token: str) -> int | None:
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, apns_key().public_key(), ["ES256"], options={"verify_iat": False})
        except jwt.PyJWTError:
            return None
        is_ours = header["kid"] == KEY_ID and claims["iss"] == TEAM_ID
        return int(claims["iat"]) if is_ours else None


@asynccontextmanager
async def serving_apns(double: ApnsDouble | None = None) -> AsyncIterator[ApnsDouble]:
    """Serve it until the block ends."""
    double = double or ApnsDouble()
    async with serving(double.http):
        yield double
