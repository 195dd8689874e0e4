"""Devices of members: what an app tells when it registers one, and what may be known of it afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from gamification.activity import Problem
from gamification.member import zone_problems
from gamification.program.texts import is_language
from gamification.values import value

Platform = Literal["fcm", "apns", "web"]
"""Who brings pushes to it: Firebase Cloud Messaging, Apple, or the push service of a browser."""

MAX_DEVICES = 20
"""How many devices a member has; one more, and the one that was registered longest ago is forgotten."""
MAX_TOKEN_CHARS = 2_048
MAX_KEY_CHARS = 200


@value(frozen=True, slots=True)
class Registration:
    """What an app registers. ``token`` is the provider's name for the device, and the endpoint of a browser.

    ``p256dh`` and ``auth`` are the keys of a browser's subscription. ``time_zone`` is where the device is now.
    """

    platform: Platform
    token: str = field(repr=False)
    p256dh: str | None = field(default=None, repr=False)
    auth: str | None = field(default=None, repr=False)
    language: str | None = None
    time_zone: str | None = None

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it, as far as its provider need not be known for it."""
        if not self.token or not self.token.isprintable() or len(self.token) > MAX_TOKEN_CHARS:
            yield Problem("token", f"has 1 to {MAX_TOKEN_CHARS} characters, none of them a control character")
        for name, key in (("p256dh", self.p256dh), ("auth", self.auth)):
            if (key is not None) != (self.platform == "web"):
                yield Problem(f"keys.{name}", "is what a browser's subscription has, and nothing else")
            elif key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
                yield Problem(f"keys.{name}", f"has 1 to {MAX_KEY_CHARS} characters")
        if self.language is not None and not is_language(self.language):
            yield Problem("language", "must be a language tag such as da or pt-BR")
        yield from zone_problems(self.time_zone)


@value(frozen=True, slots=True)
class RegisteredDevice:
    """A device that a member has. Its id says nothing of its token, which nobody is told."""

    device_id: str
    member_id: str
    platform: Platform
    registered_at: datetime
    language: str | None = None
    time_zone: str | None = None


def told_zone(devices: Sequence[RegisteredDevice]) -> str | None:
    """Where the member is, by what the device said that was registered last and said it; None if none did."""
    told = [device for device in devices if device.time_zone is not None]
    return max(told, key=lambda device: device.registered_at).time_zone if told else None
