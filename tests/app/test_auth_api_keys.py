"""API keys of services, kept in the embedded MongoDB server."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

from app.auth import ApiKey, Authenticator, InvalidCredentials, build_authenticator, create_api_key
from app.auth.api_keys import MAX_REMEMBERED_KEYS, REVOCATION_SECONDS, ApiKeyVerifier
from app.operator_error import OperatorError
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from gamification.stores import StoreUnavailable
from schema.principals import Scope, ServicePrincipal

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SCOPES = frozenset({Scope.MEMBERS_READ, Scope.ACTIVITIES_WRITE})
MALFORMED = "the API key is malformed; it looks like lk_<id>_<secret>"
UNKNOWN = "the API key is not known"


class CountingKeys(MongoApiKeys):
    """The store, counting its reads."""

    def __init__(self, database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        super().__init__(database)
        self.reads = 0

    async def find(self, key_id: str) -> ApiKey | None:
        self.reads += 1
        return await super().find(key_id)


@dataclass
class Clock:
    seconds: float = 0.0


@dataclass
class SetUp:
    database: AsyncIOMotorDatabase[dict[str, Any]]
    store: CountingKeys
    verifier: ApiKeyVerifier
    clock: Clock

    async def issue(self, **changes: Any) -> tuple[str, ApiKey]:
        text, record = create_api_key("till", SCOPES, now=NOW)
        record = replace(record, **changes)
        await self.store.add(record)
        return text, record

    async def refusal(self, text: str) -> str:
        with pytest.raises(InvalidCredentials) as refused:
            await self.verifier.verify(text)
        return refused.value.reason


@pytest.fixture
async def setup(database: AsyncIOMotorDatabase[dict[str, Any]]) -> SetUp:
    store = CountingKeys(database)
    clock = Clock()
    verifier = ApiKeyVerifier(
        store, clock=lambda: clock.seconds, utc_now=lambda: NOW + timedelta(seconds=clock.seconds)
    )
    return SetUp(database, store, verifier, clock)


async def test_a_key_is_its_service_with_its_scopes(setup: SetUp) -> None:
    text, record = await setup.issue()
    assert (await setup.verifier.verify(text)).principal == ServicePrincipal(record.key_id, "till", SCOPES)


async def test_the_authorization_header_carries_a_key(setup: SetUp) -> None:
    text, record = await setup.issue()
    authenticator: Authenticator = build_authenticator(Settings(jwt_secret="x" * 32), ApiKeyVerifier(setup.store))
    assert (await authenticator.identify(f"Bearer {text}")).principal == ServicePrincipal(record.key_id, "till", SCOPES)
    with pytest.raises(InvalidCredentials, match="not known"):
        await authenticator.identify(f"Bearer {text[:-1]}{'A' if text[-1] != 'A' else 'B'}")


async def test_what_is_stored_is_not_enough_to_call(setup: SetUp) -> None:
    text, record = await setup.issue()
    secret = text.split("_", 2)[2]
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    stored = await setup.database["api_keys"].find_one()
    assert stored is not None
    assert secret not in repr(stored)
    assert stored["secret_sha256"] == hashlib.sha256(secret.encode()).digest() == record.secret_sha256
    as_secret = base64.urlsafe_b64encode(record.secret_sha256).decode().rstrip("=")
    assert await setup.refusal(f"lk_{record.key_id}_{as_secret}") == UNKNOWN


async def test_a_wrong_secret_and_an_unknown_id_sound_the_same(setup: SetUp) -> None:
    text, record = await setup.issue()
    _, other_id, other_secret = create_api_key("other", SCOPES, now=NOW)[0].split("_", 2)
    secret = text.split("_", 2)[2]
    assert await setup.refusal(f"lk_{record.key_id}_{other_secret}") == UNKNOWN
    assert await setup.refusal(f"lk_{other_id}_{secret}") == UNKNOWN
    assert (await setup.verifier.verify(text)).principal == ServicePrincipal(record.key_id, "till", SCOPES)


async def test_a_malformed_key_is_refused_without_a_read(setup: SetUp) -> None:
    text, _ = await setup.issue()
    for bad in (
        "lk_",
        "lk_x",
        text[:-1],
        f"{text}x",
        f"{text}\n",
        text.upper(),
        text.replace("lk_", "lk_$"),
        f" {text}",
    ):
        assert await setup.refusal(bad) == MALFORMED
    assert setup.store.reads == 0


async def test_a_revoked_key_stops_within_the_promised_time(setup: SetUp) -> None:
    text, record = await setup.issue()
    await setup.verifier.verify(text)
    revoked = await setup.store.revoke(record.key_id, revoked_at=NOW)
    assert revoked is not None
    assert revoked.revoked_at == NOW.replace(microsecond=123000)
    setup.clock.seconds = REVOCATION_SECONDS - 0.1
    await setup.verifier.verify(text)
    setup.clock.seconds = REVOCATION_SECONDS
    assert await setup.refusal(text) == "the API key has been revoked"


async def test_a_revoked_key_stops_at_once_where_it_is_hinted(setup: SetUp) -> None:
    text, record = await setup.issue()
    await setup.verifier.verify(text)
    await setup.store.revoke(record.key_id, revoked_at=NOW)
    setup.verifier.forget()
    assert await setup.refusal(text) == "the API key has been revoked"


async def test_a_record_that_was_being_read_at_the_hint_is_not_remembered(setup: SetUp) -> None:
    text, record = await setup.issue()
    find = setup.store.find

    async def find_just_before(key_id: str) -> ApiKey | None:
        found = await find(key_id)
        await setup.store.revoke(record.key_id, revoked_at=NOW)
        setup.verifier.forget()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup.store, "find", find_just_before)
        await setup.verifier.verify(text)
    assert await setup.refusal(text) == "the API key has been revoked"


async def test_a_slow_read_does_not_lengthen_that_time(setup: SetUp) -> None:
    text, record = await setup.issue()
    find = setup.store.find

    async def slow_find(key_id: str) -> ApiKey | None:
        found = await find(key_id)
        setup.clock.seconds += 4
        return found

    setup.store.find = slow_find  # type: ignore[method-assign]
    await setup.verifier.verify(text)
    await setup.store.revoke(record.key_id, revoked_at=NOW)
    setup.clock.seconds = REVOCATION_SECONDS
    assert await setup.refusal(text) == "the API key has been revoked"


async def test_an_expired_key_stops_at_once_also_when_it_is_remembered(setup: SetUp) -> None:
    text, _ = await setup.issue(expires_at=NOW + timedelta(seconds=5))
    setup.clock.seconds = 4.9
    assert (await setup.verifier.verify(text)).expires_at == (NOW + timedelta(seconds=5)).timestamp() // 0.001 / 1000
    setup.clock.seconds = 5
    assert await setup.refusal(text) == "the API key has expired"
    assert setup.store.reads == 1


async def test_a_key_s_state_is_told_only_to_who_holds_it(setup: SetUp) -> None:
    text, record = await setup.issue(revoked_at=NOW)
    wrong = create_api_key("other", SCOPES, now=NOW)[0].split("_", 2)[2]
    assert await setup.refusal(text) == "the API key has been revoked"
    assert await setup.refusal(f"lk_{record.key_id}_{wrong}") == UNKNOWN


async def test_a_key_is_read_once_in_a_while_and_unknown_ids_push_nothing_out(setup: SetUp) -> None:
    text, _ = await setup.issue()
    for _ in range(3):
        await setup.verifier.verify(text)
    assert setup.store.reads == 1
    secret = text.split("_", 2)[2]
    for number in range(MAX_REMEMBERED_KEYS + 1):
        await setup.refusal(f"lk_{number:016x}_{secret}")
    assert len(setup.verifier._remembered) == 1
    reads = setup.store.reads
    await setup.verifier.verify(text)
    assert setup.store.reads == reads


async def test_records_survive_the_round_trip(setup: SetUp) -> None:
    text, record = create_api_key("till 3", SCOPES, now=NOW, expires_at=NOW + timedelta(days=1))
    await setup.store.add(record)
    assert await setup.store.find(record.key_id) == record
    assert text.startswith(f"lk_{record.key_id}_")
    with pytest.raises(DuplicateKeyError):
        await setup.store.add(record)


async def test_the_first_revocation_stands(setup: SetUp) -> None:
    _, record = await setup.issue()
    first = await setup.store.revoke(record.key_id, revoked_at=NOW)
    assert await setup.store.revoke(record.key_id, revoked_at=NOW + timedelta(days=1)) == first
    assert await setup.store.revoke("0" * 16, revoked_at=NOW) is None


async def test_keys_are_listed_newest_first(setup: SetUp) -> None:
    records = [(await setup.issue(created_at=NOW.replace(microsecond=0, day=day)))[1] for day in (2, 4, 3)]
    assert await setup.store.list_newest() == [records[1], records[2], records[0]]
    assert await setup.store.list_newest(1) == [records[1]]


async def test_a_scope_of_another_version_grants_nothing(setup: SetUp) -> None:
    text, record = await setup.issue()
    await setup.database["api_keys"].update_one({}, {"$set": {"scopes": ["points:adjust", "everything:write"]}})
    assert (await setup.verifier.verify(text)).principal == ServicePrincipal(
        record.key_id, "till", frozenset({Scope.POINTS_ADJUST})
    )


async def test_a_store_that_is_down_is_an_outage() -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient("127.0.0.1", 1, serverSelectionTimeoutMS=50)
    store = MongoApiKeys(client["laurel"])
    text, record = create_api_key("till", SCOPES, now=NOW)
    with pytest.raises(StoreUnavailable):
        await ApiKeyVerifier(store).verify(text)
    with pytest.raises(StoreUnavailable):
        await store.add(record)
    with pytest.raises(StoreUnavailable):
        await store.revoke(record.key_id, revoked_at=NOW)
    with pytest.raises(StoreUnavailable):
        await store.list_newest()
    client.close()


@pytest.mark.parametrize("name", ["", "x" * 81, "a\nb"])
def test_a_key_needs_a_name(name: str) -> None:
    with pytest.raises(OperatorError, match="name"):
        create_api_key(name, SCOPES, now=NOW)


def test_a_key_needs_a_scope_and_a_future() -> None:
    with pytest.raises(OperatorError, match="members:read, members:write"):
        create_api_key("till", frozenset(), now=NOW)
    with pytest.raises(OperatorError, match="expiry"):
        create_api_key("till", SCOPES, now=NOW, expires_at=NOW)
