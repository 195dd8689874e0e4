"""A double of a service of Web Push and of the browsers behind it, which decrypt what they get."""

import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.push.providers.provider import Device, WebPushKeys
from tests.push_doubles.http2 import Act, Http2Double, Reply, Request, serving
from tests.push_doubles.phones import Arrival, Phones

SUBJECT = "mailto:push@shop.example"


@dataclass
class Browser:
    """One that has subscribed."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    def keys(self) -> WebPushKeys:
        """As the browser gives them."""
        return WebPushKeys(_base64url(point_of(self.key)), _base64url(self.auth))


@dataclass
class WebPushDouble:
    """Answers with what stands in ``acts``, one after the other, and takes pushes when nothing is left there."""

    http: Http2Double = field(init=False)
    phones: Phones = field(default_factory=Phones)
    acts: deque[Act] = field(default_factory=deque)
    browsers: dict[str, Browser] = field(default_factory=dict)
    vapid_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.http = Http2Double(self.answer, keeps_requests=self.phones.keep)

    def subscribe(self, name: str, at: datetime) -> Device:
        """A browser's subscription, as it is registered with us."""
        browser = self.browsers[name] = Browser(name)
        return Device("web", f"{self.http.url}/push/{name}", at, browser.keys())

    def answer(self, request: Request) -> Act:
        """As a service would, unless told otherwise."""
        if self.acts:
            return self.acts.popleft()
        browser = self.browsers.get(request.path.rpartition("/")[2])
        if browser is None:
            return Reply(404)
        fault = self._fault(request)
        if fault is not None:
            return Reply(fault)
        shown = json.loads(
            http_ece.decrypt(request.body, private_key=browser.key, auth_secret=browser.auth, version="aes128gcm")
        )
        self.phones.receive(
            Arrival(
                browser.name,
                request.headers["topic"],
                shown["notice_id"],
                shown["title"],
                shown["body"],
                {**shown["data"], "link": shown["link"], "tag": shown["tag"]},
            )
        )
        return Reply(201, {"location": f"{self.http.url}/message/{self.phones.count}"})

    def _fault(self, request: Request) -> int | None:
        if len(request.body) > 4096:
            return 413
        headers = request.headers
        if headers.get("content-encoding") != "aes128gcm" or not headers.get("ttl", "").isdecimal():
            return 400
        if len(headers["topic"]) > 32 or headers["urgency"] not in {"very-low", "low", "normal", "high"}:
            return 400
        return None if self._is_signed(headers.get("authorization", "")) else 403

    def _is_signed(self, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "vapid" or parts.get("k") != _base64url(point_of(self.vapid_key)):
            return False
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), urlsafe_b64decode(parts["k"] + "="))
        try:
            claims = jwt.decode(parts["t"], key, ["ES256"], audience=self.http.url)
        except jwt.PyJWTError:
            return False
        return bool(claims["sub"] == SUBJECT and claims["exp"] <= time.time() + 24 * 3600)


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Its public half."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def raw_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Its private half, as settings hold it."""
    return _base64url(key.private_numbers().private_value.to_bytes(32, "big"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@asynccontextmanager
async def serving_web_push(double: WebPushDouble | None = None) -> AsyncIterator[WebPushDouble]:
    """Serve it until the block ends."""
    double = double or WebPushDouble()
    async with serving(double.http):
        yield double
