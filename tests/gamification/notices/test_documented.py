"""What docs/notices.md says: its examples are programs, and its tables and figures are what holds."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
import yaml

from gamification.notices.notice import Notice
from gamification.notices.of_records import MAX_NOTICES_A_RECORD
from gamification.notices.of_time import LOOK_BACK, due_notices
from gamification.notices.wording import worded
from gamification.program import Program
from gamification.program.notices import (
    MAX_FRESH_HOURS,
    MAX_LEAD_DAYS,
    MAX_LEAD_HOURS,
    MAX_LEADS,
    VARIABLES,
    Lasting,
    Notices,
    Telling,
)
from gamification.program.source import read_program
from tests.gamification.notices.test_of_time import clerk_of
from tests.gamification.program.marked import HEAD
from tests.gamification.programs import at, purchase

PAGE = (Path(__file__).parents[3] / "docs" / "notices.md").read_text(encoding="utf-8")
TOLD = " ".join(PAGE.split())
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = {
    kind: (cells[2], cells[3])
    for line in PAGE.split("## The kinds")[1].split("\n\n")[1].splitlines()[2:]
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    for kind in re.findall(r"`(\w+)`", cells[0])
}


def read(example: str) -> Program:
    """The program of which this is a part; it has the usual head, as far as it does not say otherwise."""
    given = {f"{name}:" for name in yaml.safe_load(example)}
    return read_program("\n".join((*(line for line in HEAD.splitlines() if line.split(" ")[0] not in given), example)))


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_part_of_a_program(example: str) -> None:
    assert read(example).notices.declared


def test_every_kind_has_its_row_with_its_variables_and_fields() -> None:
    assert set(ROWS) == set(Notices.model_fields)
    assert len(EXAMPLES) == 5
    for kind, names in VARIABLES.items():
        assert re.findall(r"\$(\w+)", ROWS[kind][1]) == list(names), kind
    declared = {
        kind: get_args(field.annotation)[0] for kind, field in Notices.model_fields.items() if kind in VARIABLES
    }
    for kind, part in declared.items():
        own = set(part.model_fields) - set(Telling.model_fields)
        assert set(re.findall(r"`(\w+)`", ROWS[kind][0])) == own, kind


def test_the_fields_of_all_are_listed_with_their_bounds() -> None:
    listed = re.findall(
        r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", PAGE.split("these fields:")[1], re.MULTILINE))
    )
    assert set(listed) >= set(Telling.model_fields)
    assert f"1 to {MAX_FRESH_HOURS}; {Lasting.model_fields['fresh_hours'].default} unless" in TOLD
    assert f"up to {MAX_LEADS} numbers from 1 to {MAX_LEAD_DAYS}" in TOLD
    assert f"up to {MAX_LEADS} from 1 to {MAX_LEAD_HOURS}" in TOLD
    assert f"up to {LOOK_BACK.days} days back" in TOLD
    assert f"at most {MAX_NOTICES_A_RECORD} notices" in TOLD


def test_the_example_of_a_tier_at_risk_reads_as_it_says() -> None:
    values: dict[str, str | int] = {"tier": "gold", "missing": 125050, "days": 7, "on": "2026-12-31"}
    told = Notice("n", "m", "tier_at_risk", "gold", datetime(2026, 12, 24, 8, tzinfo=UTC), 1, values)
    played = read(EXAMPLES[1])
    english, danish = worded(told, played, "en"), worded(told, played, "da")
    for line in (english.title, english.body, danish.title.replace("\xa0", " "), danish.body, danish.link):
        assert f"| {line} |" in PAGE


def test_the_example_of_points_that_expire_is_told_when_it_says() -> None:
    earning = "rules:\n  - {code: r, name: R, on: purchase, earn: {points: 1, per_amount: 1}}\n"
    clerk = clerk_of(read(EXAMPLES[2] + earning))
    clerk.record(purchase(at("2026-12-05T12:00"), 40000))
    found = due_notices(clerk.member, clerk.schedule.at(clerk.now), clerk.now, at("2028-02-01"))
    assert {each.values["on"] for each in found} == {"2027-12-04"}
    assert [f"{each.at:%m-%d %H}" for each in found] == ["11-04 10", "11-27 10", "12-03 10"]
