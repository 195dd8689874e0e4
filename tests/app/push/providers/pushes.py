"""A push and devices to try providers with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.push.providers.provider import Device, Push

REGISTERED_AT = datetime(2026, 11, 1, tzinfo=UTC)
FCM_TOKEN = "dJ3kq9:APA91bHa8-Viell9xjbeV96V4Njhufk9V7KcOA940Gp7FY1D"
APNS_TOKEN = "0123456789abcdef" * 4


def push(**other: Any) -> Push:
    """One, with some fields set otherwise."""
    fields: dict[str, Any] = {
        "notice_id": "m-1:7:0",
        "title": "Gold!",
        "body": "You have reached Gold.",
        "link": "https://shop.example/tier",
        "collapse_id": "tier_reached",
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
        "data": {"kind": "tier_reached"},
    }
    return Push(**fields | other)


def fcm_device(token: str = FCM_TOKEN) -> Device:
    """An Android phone."""
    return Device("fcm", token, REGISTERED_AT)


def apns_device(token: str = APNS_TOKEN) -> Device:
    """An iPhone."""
    return Device("apns", token, REGISTERED_AT)
