"""No webhook goes to what is not public: not by an address, a name, a redirect, or a name that changes its address."""

from collections.abc import Sequence

import pytest

from app.networks import networks
from app.outbound import PublicNetwork, public_pool
from app.webhooks import retrying
from app.webhooks.sending import Sender
from gamification.webhooks.endpoints import Endpoint, EndpointChange, UnsuitableUrl
from tests.app.test_outbound import PUBLIC, Names, Wire
from tests.app.webhooks.hooks import Hooks, at_work, until
from tests.app.webhooks.receiver import receiving

PRIVATE = ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe"]
REFUSED = {
    "http://shop.example/hooks": "must begin with https://",
    "http://192.168.1.1/hooks": "must begin with https://",
    "ftp://127.0.0.1/hooks": "must begin with https://",
    "https://10.0.0.1/hooks": "must be on the public internet",
    "https://169.254.169.254/latest/meta-data": "must be on the public internet",
    "https://[::1]/hooks": "must be on the public internet",
    "https://[fd12::1]/hooks": "must be on the public internet",
    "https://[::ffff:192.168.0.1]/hooks": "must be on the public internet",
    "https://user:password@shop.example/hooks": "must have no user, password or fragment",
}


@pytest.mark.parametrize(("url", "problem"), REFUSED.items())
async def test_an_endpoint_that_is_not_public_is_refused_and_nothing_changes(
    hooks: Hooks, url: str, problem: str
) -> None:
    assert await hooks.endpoints.create("shop", url, (), 0, hooks.now()) == UnsuitableUrl(problem)
    assert await hooks.endpoints.all() == []
    endpoint = await hooks.endpoint("https://shop.example/hooks")
    change = EndpointChange(name="other", url=url, enabled=False)
    assert await hooks.endpoints.change(endpoint.endpoint_id, change, hooks.now()) == UnsuitableUrl(problem)
    assert await hooks.endpoints.all() == [endpoint]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_of_what_is_not_public_is_never_connected_to(hooks: Hooks, address: str) -> None:
    wire = Wire()
    endpoint = await hooks.endpoint("https://shop.example/hooks")
    await hooks.tell("ann", "gold")
    for answer in ([address], [PUBLIC, address]):
        async with public_pool(max_connections=1, network=PublicNetwork(resolve=Names(answer), network=wire)) as pool:
            told = await Sender(pool).send(endpoint, "id", b"{}", hooks.now())
        assert (told.status, told.reason) == (None, "not_public")
    assert wire.connected == []


@pytest.mark.parametrize("host", ["localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1"])
async def test_no_spelling_of_this_machine_is_connected_to(hooks: Hooks, host: str) -> None:
    wire = Wire()
    endpoint = await hooks.endpoint(f"https://{host}/hooks")
    async with public_pool(max_connections=1, network=PublicNetwork(network=wire)) as pool:
        told = await Sender(pool).send(endpoint, "id", b"{}", hooks.now())
    assert (told.status, told.reason in {"not_public", "connect_failed"}, wire.connected) == (None, True, [])


async def test_a_name_that_changes_its_address_is_checked_at_every_attempt(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "PAUSES_SECONDS", (0, 0, 3_600))
    monkeypatch.setattr(retrying, "MAX_ATTEMPTS", 3)
    wire, names = Wire(), Names([PUBLIC], ["127.0.0.1"])
    endpoint = await hooks.endpoint("https://rebind.example/hooks")
    await hooks.tell("ann", "gold")
    async with at_work(hooks, PublicNetwork(resolve=names, network=wire)):
        await until(lambda: _is_given_up(hooks, endpoint))
    assert await hooks.states(endpoint) == [("failed", 3, "not_public")]
    assert (wire.connected, names.asked) == ([PUBLIC], 3)


async def _is_given_up(hooks: Hooks, endpoint: Endpoint) -> bool:
    return [state for state, *_ in await hooks.states(endpoint)] == ["failed"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(hooks: Hooks, status: int) -> None:
    async with receiving() as inner, receiving() as outer:
        location: Sequence[str] = (f"location: {inner.url}",)
        outer.answer = lambda _received: (status, location)
        endpoint = await hooks.endpoint(outer.url)
        async with public_pool(networks("127.0.0.0/8"), max_connections=1) as pool:
            told = await Sender(pool, networks("127.0.0.0/8")).send(endpoint, "id", b"{}", hooks.now())
        assert (told.status, told.reason) == (status, f"status_{status}")
        assert (len(outer.received), inner.received) == (1, [])


async def test_an_address_that_was_allowed_once_is_not_sent_to_where_it_no_longer_is(hooks: Hooks) -> None:
    async with receiving() as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        async with public_pool(networks("127.0.0.0/8"), max_connections=1) as pool:
            told = await Sender(pool).send(endpoint, "id", b"{}", hooks.now())
        assert (told.status, told.reason, receiver.received) == (None, "not_public", [])
