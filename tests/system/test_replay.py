import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.embedded import embedded_servers
from app.settings import Settings
from app.wiring import open_laurel
from tests.system.expected import summary_of
from tests.system.installation import Ended, Installation, sample_lines

GOOD = [
    "00004 0001 19970101  2   29.33",
    "00004 0001 19970118  2   29.73",
    "00004 0001 19970301  6  113.90",
    "00021 0002 19970101  3   63.34",
    "00021 0002 19980630  9  250.00",
]
BROKEN = ["oops", "00021 0002 19970230 1 9.99", "00021 0002 19970103 1 -9.99"]
BROKEN_MESSAGES = [
    "has 1 column; needed are 4 (customer, date, number of CDs, dollars) "
    "or 5 (with a sample number after the customer)",
    "date '19970230' is not a day written as YYYYMMDD",
    "dollars '-9.99' is not an amount such as 29.33",
]


@pytest.fixture
async def embedded(laurel: Installation) -> AsyncIterator[None]:
    """The servers of the installation, for its commands to run beside."""
    async with embedded_servers(laurel.data_dir):
        yield


async def replay(laurel: Installation, log: Path, *options: str) -> Ended:
    return await laurel.beside("replay", str(log), "--json", *options)


def write(folder: Path, lines: list[str]) -> Path:
    log = folder / "log.txt"
    log.write_text("\n".join(lines) + "\n", encoding="ascii")
    return log


async def test_broken_lines_are_named_the_rest_is_imported_and_a_corrected_line_is_all_that_is_new(
    laurel: Installation, embedded: None, tmp_path: Path
) -> None:
    with_faults = [GOOD[0], BROKEN[0], *GOOD[1:4], *BROKEN[1:], GOOD[4]]
    log = write(tmp_path, with_faults)
    first = await replay(laurel, log)
    assert first.code == 1
    assert json.loads(first.stdout) == {
        "members": 2,
        "purchases": 5,
        # 29 + 29 + 113, three within 60 days and ten discs; 63 + 250, ten discs.
        "points_issued": 171 + 25 + 50 + 313 + 50,
        "members_by_tier": {"bronze": 1, "gold": 1},
        "badges_by_code": {"big-spender": 2, "collector": 2, "first-purchase": 2},
        "badge_levels": {"big-spender": {"1": 2}, "collector": {"2": 2}, "first-purchase": {"1": 2}},
        "broken_lines": [
            {"line": line, "message": message} for line, message in zip((2, 6, 7), BROKEN_MESSAGES, strict=True)
        ],
    }
    assert first.stderr.splitlines() == [
        f"{log}:{line}: {message}" for line, message in zip((2, 6, 7), BROKEN_MESSAGES, strict=True)
    ]
    corrected = "00021 0002 19970103 1 9.99"
    again = await replay(laurel, write(tmp_path, [GOOD[0], "", *GOOD[1:4], "", corrected, GOOD[4]]))
    assert (again.code, again.stderr) == (0, "")
    assert json.loads(again.stdout) == json.loads(first.stdout) | {
        "purchases": 6,
        "points_issued": 609 + 9,
        "broken_lines": [],
    }
    master = write(tmp_path, [*reversed(GOOD), "00021 0002 19970103 1 9.99", GOOD[0].replace("29.33", "39.33")])
    mixed = await replay(laurel, master)
    assert (mixed.code, mixed.stderr) == (0, "")
    assert json.loads(mixed.stdout) == json.loads(again.stdout) | {"purchases": 7, "points_issued": 609 + 9 + 39}
    assert (await laurel.beside("verify")).stdout == "2 members verified, no differences\n"


async def test_a_log_moved_to_end_yesterday_is_judged_by_its_new_days(
    laurel: Installation, embedded: None, tmp_path: Path
) -> None:
    lines = sample_lines(120)
    log = write(tmp_path, list(lines))
    before = datetime.now(UTC).date()
    ended = await replay(laurel, log, "--end-now")
    assert (ended.code, ended.stderr) == (0, "")
    last_day = max(datetime.strptime(line.split()[2], "%Y%m%d").replace(tzinfo=UTC).date() for line in lines)
    shifts = {(today - last_day).days - 1 for today in (before, datetime.now(UTC).date())}
    assert json.loads(ended.stdout) in [summary_of(lines, shift) for shift in shifts]
    assert (await replay(laurel, log, "--end-now")).stdout == ended.stdout
    unasked = await replay(laurel, log)
    assert (unasked.code, unasked.stdout) == (0, ended.stdout)
    assert unasked.stderr.startswith(f"{log.name} was imported before with its days moved by ")
    # Another log has days of its own.
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "old.txt"
    other.write_bytes(b"77777 19970105 1 10.00\n77777 19970106 1 10.00\n")
    second = await replay(laurel, other, "--end-now")
    assert (second.code, second.stderr, json.loads(second.stdout)["purchases"]) == (0, "", 2)


async def test_the_summary_is_that_of_the_log_s_end_whatever_came_after(
    laurel: Installation, embedded: None, tmp_path: Path
) -> None:
    (tmp_path / "first.txt").write_bytes(b"88888 19970105 1 60.00\n")
    (tmp_path / "later.txt").write_bytes(b"88888 19980105 9 450.00\n")
    first = await replay(laurel, tmp_path / "first.txt")
    later = await replay(laurel, tmp_path / "later.txt")
    assert json.loads(later.stdout)["points_issued"] == 60 + 450 + 50  # with the reward for ten CDs
    assert (await replay(laurel, tmp_path / "first.txt")).stdout == first.stdout
    assert json.loads(first.stdout)["members_by_tier"] == {"bronze": 1}


@pytest.mark.parametrize("count", [1000, pytest.param(6919, marks=pytest.mark.soak)])
async def test_the_sample_comes_to_what_it_comes_to_by_hand(laurel: Installation, tmp_path: Path, count: int) -> None:
    lines = sample_lines(count)
    ended = await laurel.run("replay", str(write(tmp_path, list(lines))), "--cdnow", "--json")
    assert (ended.code, ended.stderr) == (0, "")
    summary = json.loads(ended.stdout)
    assert summary["purchases"] == count
    assert summary == summary_of(lines)
    members = len({line.split()[0] for line in lines})
    assert await laurel.run("verify") == Ended(0, f"{members} members verified, no differences\n", "")


async def test_verify_names_what_was_tampered_with(laurel: Installation, tmp_path: Path) -> None:
    async with open_laurel(Settings(data_dir=laurel.data_dir)) as opened:
        assert (await replay(laurel, write(tmp_path, GOOD))).code == 0
        members = await opened.members.by_enrolment_keys(["cdnow-00004", "cdnow-00021"])
        tampered, other = members["cdnow-00004"][0], members["cdnow-00021"][0]
        changed = await opened.connection["members"].update_one(
            {"_id": tampered.member_id}, {"$inc": {"state.balance.available": 1}}
        )
        assert changed.modified_count == 1
        ended = await laurel.beside("verify")
        assert (ended.code, ended.stderr) == (1, "")
        lines = ended.stdout.splitlines()
        held = tampered.state.balance.available
        assert lines[0] == (
            f"{tampered.member_id}: balance: the entries sum to available {held}, pending 0; "
            f"the snapshot has available {held + 1}, pending 0"
        )
        assert all(line.startswith(f"{tampered.member_id}: ") for line in lines[:-1])
        assert lines[-1] == f"2 members verified, {len(lines) - 1} differences"
        one = await laurel.beside("verify", "--member", other.loyalty_number)
        assert one == Ended(0, "1 member verified, no differences\n", "")
        nobody = await laurel.beside("verify", "--member", "123")
        assert nobody == Ended(1, "", "laurel: there is no member with the loyalty number 123\n")
