"""What a request has made is gone with its answer: nothing of it waits for the garbage collector.

A collection stops the process for as long as it takes to look at everything that has come since the one before.
"""

import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest

from app.web import HOME_QUERY
from gamification.member import Member
from tests.schema.api import STAFF, Api, global_id, themself
from tests.schema.documents import RECORD_ACTIVITY

TIMES = 20
OURS = ("app.", "schema.", "gamification.", "graphql.", "strawberry.", "starlette.", "pymongo.", "motor.")

Ask = Callable[[Api, Member, int], Awaitable[object]]


async def _home(api: Api, member: Member, _number: int) -> None:
    await api.data(HOME_QUERY, themself(member))


async def _purchase(api: Api, member: Member, number: int) -> None:
    items = [{"sku": "CD", "quantity": 1, "amount": "12.50", "category": "cd"}]
    given = {"key": f"k{number}", "memberId": global_id(member), "kind": "purchase", "items": items}
    assert (await api.result(RECORD_ACTIVITY, STAFF, input=given))["__typename"] == "RecordActivitySuccess"


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("ask", [_home, _purchase])
async def test_nothing_waits_for_the_garbage_collector(api: Api, ask: Ask) -> None:
    member = await api.enrol("ann")
    for number in range(3):
        await ask(api, member, number)
    gc.collect()
    for number in range(3, TIMES):
        await ask(api, member, number)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    left = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage)
    assert {name: many for name, many in left.items() if name.startswith(OURS) and many >= TIMES - 3} == {}
