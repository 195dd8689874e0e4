"""Providers are made of settings; what is wrong with a setting is said by its name, and nothing of a key with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.operator_error import OperatorError
from app.push.providers.apns import ApnsProvider
from app.push.providers.fcm import FcmProvider
from app.push.providers.logged import LogProvider
from app.push.providers.opening import providers_of
from app.push.providers.provider import Accepted, Provider
from app.push.providers.vapid import read_vapid_key
from app.push.providers.web_push import WebPushProvider
from app.settings import Settings
from tests.app.push.providers.pushes import REGISTERED_AT, apns_device, fcm_device, push
from tests.push_doubles.apns import KEY_ID, TEAM_ID, TOPIC, ApnsDouble, serving_apns
from tests.push_doubles.certificates import authority_pem
from tests.push_doubles.fcm import FcmDouble, serving_fcm
from tests.push_doubles.web_push import SUBJECT, WebPushDouble, raw_key, serving_web_push

KEY = ec.generate_private_key(ec.SECP256R1())
Change = Callable[[Path], dict[str, Any]]


def test_without_credentials_nothing_is_taken_for_sent() -> None:
    with pytest.raises(OperatorError, match="LAUREL_PUSH_LOG"):
        providers_of(Settings())


async def test_without_credentials_every_kind_is_logged_where_that_is_wanted() -> None:
    providers = providers_of(Settings(push_log=True))
    assert {kind: type(provider) for kind, provider in providers.items()} == {
        "fcm": LogProvider,
        "apns": LogProvider,
        "web": LogProvider,
    }
    async with providers["fcm"] as provider:
        assert await provider.send(push(), fcm_device()) == Accepted("")


def test_with_some_credentials_only_those_kinds_are_reached() -> None:
    providers = providers_of(Settings(vapid_key=raw_key(KEY), vapid_subject=SUBJECT))
    assert [(kind, type(provider)) for kind, provider in providers.items()] == [("web", WebPushProvider)]


async def test_settings_alone_reach_all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "authority.pem").write_bytes(authority_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with serving_fcm() as fcm, serving_apns() as apns, serving_web_push() as web:
        providers = providers_of(_settings_for(fcm, apns, web, tmp_path))
        assert {type(provider) for provider in providers.values()} == {FcmProvider, ApnsProvider, WebPushProvider}
        await _send(providers["fcm"], fcm_device())
        await _send(providers["apns"], apns_device())
        await _send(providers["web"], web.subscribe("firefox", REGISTERED_AT))
        assert [double.phones.count for double in (fcm, apns, web)] == [1, 1, 1]


def _settings_for(fcm: FcmDouble, apns: ApnsDouble, web: WebPushDouble, folder: Path) -> Settings:
    return Settings(
        fcm_credentials=fcm.credentials_file(folder),
        fcm_url=fcm.http.url,
        apns_key=apns.key_file(folder),
        apns_key_id=KEY_ID,
        apns_team_id=TEAM_ID,
        apns_topic=TOPIC,
        apns_url=apns.http.url,
        vapid_key=raw_key(web.vapid_key),
        vapid_subject=SUBJECT,
        outbound_allow="127.0.0.0/8, ::1",
    )


async def _send(provider: Provider, device: Any) -> None:
    async with provider:
        assert isinstance(await provider.send(push(), device), Accepted)


def _file(folder: Path, content: str | bytes | dict[str, Any]) -> Path:
    path = folder / "file"
    data = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def _pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def _service_account(**other: Any) -> dict[str, Any]:
    fields = FcmDouble().account()
    pem = _pem(fields.private_key).decode()
    return {"type": "service_account", "project_id": "p", "client_email": "e@x", "private_key": pem} | other


APNS = {"apns_key_id": KEY_ID, "apns_team_id": TEAM_ID, "apns_topic": TOPIC}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda at: {"fcm_credentials": at / "no"}, "LAUREL_FCM_CREDENTIALS: {at}/no cannot be read: No such file or"),
        (
            lambda at: {"fcm_credentials": _file(at, "{")},
            "LAUREL_FCM_CREDENTIALS: {at}/file is no key file of a Google service account.",
        ),
        (
            lambda at: {"fcm_credentials": _file(at, {"type": "service_account", "project_id": "p"})},
            "LAUREL_FCM_CREDENTIALS: {at}/file is no key file of a Google service account; it lacks client_email, "
            "private_key.",
        ),
        (
            lambda at: {"fcm_credentials": _file(at, _service_account(private_key="PRIVATE"))},
            "LAUREL_FCM_CREDENTIALS: private_key in {at}/file is no RSA key in PEM.",
        ),
        (
            lambda at: {"fcm_credentials": _file(at, _service_account(project_id="../p"))},
            "LAUREL_FCM_CREDENTIALS: project_id in {at}/file is no name of a project.",
        ),
        (
            lambda at: {"fcm_credentials": _file(at, _service_account(token_uri="http://x/"))},
            "LAUREL_FCM_CREDENTIALS: token_uri in {at}/file must begin with https://.",
        ),
        (lambda at: {**APNS, "apns_key": at / "no"}, "LAUREL_APNS_KEY: {at}/no cannot be read: No such file"),
        (lambda at: {**APNS, "apns_key": _file(at, "PRIVATE")}, "LAUREL_APNS_KEY: {at}/file is no .p8 key for APNs."),
        (
            lambda at: {**APNS, "apns_key": _file(at, _pem(ed25519.Ed25519PrivateKey.generate()))},
            "LAUREL_APNS_KEY: {at}/file is no .p8 key for APNs.",
        ),
        (
            lambda at: {**APNS, "apns_key": at, "apns_key_id": "abc"},
            "LAUREL_APNS_KEY_ID: must be the 10 capital letters and digits that Apple shows.",
        ),
        (
            lambda at: {**APNS, "apns_key": at, "apns_team_id": ""},
            "LAUREL_APNS_TEAM_ID: must be the 10 capital letters and digits that Apple shows.",
        ),
        (
            lambda at: {**APNS, "apns_key": at, "apns_topic": ""},
            "LAUREL_APNS_TOPIC: must be the bundle id of the app, such as com.example.shop.",
        ),
        (
            lambda at: {"vapid_key": raw_key(KEY), "vapid_subject": "push@shop.example"},
            "LAUREL_VAPID_SUBJECT: must be mailto: with an address, or an https: URL.",
        ),
        (
            lambda at: {"vapid_key": "PRIVATE", "vapid_subject": SUBJECT},
            "LAUREL_VAPID_KEY: is neither 43 characters of base64url nor a file that can be read: No such file",
        ),
        (
            lambda at: {"vapid_key": "A" * 43, "vapid_subject": SUBJECT},
            "LAUREL_VAPID_KEY: is no private key of P-256.",
        ),
        (
            lambda at: {"vapid_key": str(_file(at, "PRIVATE")), "vapid_subject": SUBJECT},
            "LAUREL_VAPID_KEY: the file holds no private key of P-256 in PEM.",
        ),
    ],
)
def test_what_is_wrong_is_said_by_its_name(change: Change, message: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as refusal:
        providers_of(Settings(**change(tmp_path)))
    assert str(refusal.value).startswith(message.format(at=tmp_path))
    assert "PRIVATE" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_vapid_key_is_the_same_as_text_and_as_file(tmp_path: Path) -> None:
    one, other = read_vapid_key(raw_key(KEY), SUBJECT), read_vapid_key(str(_file(tmp_path, _pem(KEY))), SUBJECT)
    assert (one.public_text, len(one.public_text)) == (other.public_text, 87)
