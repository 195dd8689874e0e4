"""What every provider of pushes takes and answers: a push, a device, and what became of it.

Texts, tokens, endpoints and keys are left out of every ``repr``, so that none gets into a log by accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self

DeviceKind = Literal["fcm", "apns", "web"]
"""Which provider a device is reached by."""

PushGroup = Literal["points", "progress", "campaigns", "messages"]
"""What a push is about. There are four, for a provider may keep only so many for a device that is offline."""

SEND_TIMEOUT_SECONDS = 20.0
"""For one push altogether: waiting for a connection, a token, and the answer."""


@dataclass(frozen=True, slots=True)
class Push:
    """What one device is to show.

    ``notice_id`` names it: sent again with the same id and ``collapse_id``, it is shown once. A device that shows a
    push of some ``collapse_id`` replaces it by the next of the same one; an empty one stands for ``notice_id``.
    Of one ``group`` a provider may keep only the last for a device that is offline.
    ``link`` is where a tap leads, empty for the app's start. After ``expires_at`` the provider drops what it has not
    delivered. ``data`` goes to the app beside the texts.
    """

    notice_id: str
    title: str = field(repr=False)
    body: str = field(repr=False)
    link: str = field(default="", repr=False)
    collapse_id: str = ""
    group: PushGroup = "messages"
    expires_at: datetime | None = None
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WebPushKeys:
    """What a browser's subscription is encrypted for (RFC 8291), as the browser gives it: base64url."""

    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a push goes. ``token`` is the registration token (FCM), device token (APNs, hexadecimal) or endpoint (web).

    ``keys`` are those of a web subscription, and of nothing else. `registration.registration_problem` says whether
    what a client gave can be one.
    """

    kind: DeviceKind
    token: str = field(repr=False)
    registered_at: datetime
    keys: WebPushKeys | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it. ``provider_id`` is its name for it, empty where it gave none."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The token is dead: ``since`` when, where the provider says so. Nothing is sent to it any more.

    To be dropped only if it was not registered again: see `buries`.
    """

    since: datetime | None

    def buries(self, registered_at: datetime) -> bool:
        """Whether a registration of that moment is dead; one later than ``since`` lives."""
        return self.since is None or registered_at <= self.since


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; the same push may be sent again, after ``after_seconds`` at the soonest where the provider says so.

    It may have been taken already, if the answer was lost. ``reason`` is a short code for operators. Where it is
    ``of_provider``, the provider takes nothing else for so long either, or for a while where it does not say.
    """

    after_seconds: float | None
    reason: str
    of_provider: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Does not fit into what the provider takes, even with the body shortened to nothing. Never to be sent again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this push for this device. ``reason`` is a short code for operators."""

    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsWrong:
    """The provider takes nothing from us until an operator acts; the push may be sent then. Others are not affected."""

    reason: str


Outcome = Accepted | Gone | Later | TooLarge | Refused | CredentialsWrong
"""What became of a push. Reasons are codes, without token, address or text."""


class Provider(Protocol):
    """Brings pushes to devices of one kind. Opened and closed as an async context, used from one event loop."""

    @property
    def kind(self) -> DeviceKind:
        """Which devices it reaches."""

    async def send(self, push: Push, device: Device) -> Outcome:
        """Hand it over, within `SEND_TIMEOUT_SECONDS`. Many at once are sent at once, within the provider's bounds.

        Never raises for what the provider or the network does; that is an outcome. A cancelled call may have sent.
        """

    async def __aenter__(self) -> Self:
        """Make ready; nothing is connected before the first push."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
