"""What a client gives as its device is looked at before it is kept."""

import pytest

from app.networks import networks
from app.push.providers.provider import Device, DeviceKind, WebPushKeys
from app.push.providers.registration import registration_problem
from tests.app.push.providers.pushes import APNS_TOKEN, FCM_TOKEN, REGISTERED_AT

ENDPOINT = "https://updates.push.example/wpush/v2/abc"
KEYS = WebPushKeys(
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "BTBZMqHH6r4Tts7J_aSIgg"
)
NO_FCM = ("token", "must be a registration token of Firebase Cloud Messaging")
NO_APNS = ("token", "must be a device token of APNs, in hexadecimal digits")
NO_KEYS = ("keys", "must be the keys p256dh and auth of a push subscription")


@pytest.mark.parametrize(
    ("kind", "token", "keys", "problem"),
    [
        ("fcm", FCM_TOKEN, None, None),
        ("fcm", "", None, NO_FCM),
        ("fcm", "short", None, NO_FCM),
        ("fcm", FCM_TOKEN + "\n", None, NO_FCM),
        ("fcm", "x" * 3000, None, NO_FCM),
        ("fcm", FCM_TOKEN, KEYS, ("keys", "are for kind web only")),
        ("apns", APNS_TOKEN, None, None),
        ("apns", APNS_TOKEN.upper(), None, None),
        ("apns", APNS_TOKEN[1:], None, NO_APNS),
        ("apns", "<" + APNS_TOKEN + ">", None, NO_APNS),
        ("apns", APNS_TOKEN, KEYS, ("keys", "are for kind web only")),
        ("web", ENDPOINT, KEYS, None),
        ("web", ENDPOINT, None, NO_KEYS),
        ("web", ENDPOINT, WebPushKeys(KEYS.p256dh + "=", KEYS.auth + "=="), None),
        ("web", ENDPOINT, WebPushKeys(KEYS.p256dh[:-4], KEYS.auth), NO_KEYS),
        ("web", ENDPOINT, WebPushKeys(KEYS.p256dh, KEYS.p256dh), NO_KEYS),
        ("web", "http://push.example/", KEYS, ("token", "must begin with https://")),
        ("web", "https://10.0.0.1/", KEYS, ("token", "must be on the public internet")),
        ("web", "http://127.0.0.1:8000/push", KEYS, None),
    ],
)
def test_which_field_is_wrong_and_how(
    kind: DeviceKind, token: str, keys: WebPushKeys | None, problem: tuple[str, str] | None
) -> None:
    assert registration_problem(Device(kind, token, REGISTERED_AT, keys), networks("127.0.0.0/8")) == problem
