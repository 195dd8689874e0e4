"""The README's queries, asked as it says, give the answers that stand in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.cdnow.importing import LogImport, shift_to_end_on
from app.cdnow.log import read_log
from app.commands.up import EXAMPLE_MEMBER
from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from gamification.member import Member
from tests.schema.api import NOW, RECORD_SHOP, STAFF, TIMEOUT_SECONDS, Api, Database, served, themself

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(
    r"<!-- as (?P<role>\w+) -->\n```graphql\n(?P<query>.*?)```\n\n```json\n(?P<answer>.*?)```", re.DOTALL
)
LOG = ROOT / "programs" / "cdnow" / "CDNOW_sample.txt"


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [(found["role"], found["query"], json.loads(found["answer"])) for found in EXAMPLE.finditer(text)]


async def import_example(api: Api) -> Member:
    """The example member's purchases, at the days that they have when the whole log is imported."""
    purchases, broken = read_log(LOG.read_bytes().splitlines(), NOW.date())
    assert not broken
    customer = EXAMPLE_MEMBER.removeprefix("cdnow-")
    theirs = [purchase for purchase in purchases if purchase.customer == customer]
    shift = shift_to_end_on(max(purchase.day for purchase in purchases), NOW.date())
    importing = LogImport(api.laurel.game, theirs, shift)
    await importing.run(lambda _: None)
    return (await api.laurel.members.by_enrolment_keys([EXAMPLE_MEMBER]))[EXAMPLE_MEMBER][0]


async def test_the_answers_in_the_readme_are_true(database: Database, servers: StoreServers) -> None:
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    told = examples()
    assert [role for role, _, _ in told] == ["member", "staff", "staff"]
    async with served(database, servers, RECORD_SHOP) as api:
        member = await import_example(api)
        for role, query, answer in told:
            caller = STAFF if role == "staff" else themself(member)
            variables = {"loyaltyNumber": member.loyalty_number} if "$loyaltyNumber" in query else {}
            assert (await api.post(query, caller, **variables)).json() == answer


PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("[a-z]*/README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
