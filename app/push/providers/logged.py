"""A provider for development: takes every push and writes that it came, without its token or texts."""

import logging
from types import TracebackType
from typing import Self

from app.push.providers.provider import Accepted, Device, DeviceKind, Outcome, Push

log = logging.getLogger(__name__)


class LogProvider:
    """Stands in for the provider of one kind of devices where no credentials are set."""

    def __init__(self, kind: DeviceKind) -> None:
        self.kind: DeviceKind = kind

    async def send(self, push: Push, device: Device) -> Outcome:
        """As `Provider`: always taken."""
        log.info("push %s for a device of kind %s is logged, not sent", push.notice_id, device.kind)
        return Accepted("")

    async def __aenter__(self) -> Self:
        """As `Provider`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `Provider`."""
