"""Whether what a client gives as its device can be one."""

import re
from collections.abc import Sequence
from typing import Final

from app.networks import Network
from app.public_addresses import url_problem
from app.push.providers.identities import DEVICE_TOKEN, subscription_keys
from app.push.providers.provider import Device

_FCM_TOKEN: Final = re.compile(r"[A-Za-z0-9_:.-]{16,2048}\Z")


def registration_problem(device: Device, allowed: Sequence[Network] = ()) -> tuple[str, str] | None:
    """Which field is wrong and how, in words for the client; None if nothing is. ``allowed`` as in `url_problem`.

    Fields are named ``token`` and ``keys``. What is right here may still be refused by the provider.
    """
    match device.kind:
        case "fcm" if not _FCM_TOKEN.match(device.token):
            return "token", "must be a registration token of Firebase Cloud Messaging"
        case "apns" if not DEVICE_TOKEN.match(device.token):
            return "token", "must be a device token of APNs, in hexadecimal digits"
        case "web":
            problem = url_problem(device.token, allowed)
            if problem is not None:
                return "token", problem
            if device.keys is None or subscription_keys(device.keys) is None:
                return "keys", "must be the keys p256dh and auth of a push subscription"
        case _ if device.keys is not None:
            return "keys", "are for kind web only"
        case _:
            pass
    return None
