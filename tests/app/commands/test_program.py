"""`laurel program` over a running Laurel."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.system.installation import ROOT, Ended, Installation, serving

RECORD_SHOP = ROOT / "programs" / "record-shop.yaml"


@dataclass(frozen=True, slots=True)
class Faulty:
    """A program with faults, and the numbers of their lines."""

    path: Path
    lines: list[int]


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    """The example with a rounding that is none, and a threshold that is no number."""
    text = RECORD_SHOP.read_text(encoding="utf-8")
    spoilt = text.replace("rounding: floor", "rounding: flor").replace("threshold: 100", "threshold: hundred")
    path = tmp_path / "faulty.yaml"
    path.write_text(spoilt, encoding="utf-8")
    pairs = zip(text.splitlines(), spoilt.splitlines(), strict=True)
    lines = [number for number, (sound, line) in enumerate(pairs, 1) if sound != line]
    assert len(lines) == 2
    return Faulty(path, lines)


@pytest.mark.parametrize("path", sorted((ROOT / "programs").glob("*.yaml")))
def test_the_examples_are_sound(path: Path) -> None:
    result = CliRunner().invoke(main, ["program", "check", str(path)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path} is sound\n", "")


def test_every_fault_is_told_with_its_place(faulty: Faulty) -> None:
    result = CliRunner().invoke(main, ["program", "check", str(faulty.path)])
    assert (result.exit_code, result.stdout) == (1, "")
    first, second, last = result.stderr.splitlines()
    assert first.startswith(f"{faulty.path}:{faulty.lines[0]}:")
    assert second.startswith(f"{faulty.path}:{faulty.lines[1]}:")
    assert last == f"laurel: {faulty.path} has 2 faults"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "program.yaml"
    result = CliRunner().invoke(main, ["program", "check", str(path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"laurel: {path} cannot be read: No such file or directory\n"


@pytest.mark.parametrize(("command", "code"), [("check", 1), ("diff", 1)])
def test_a_file_that_is_not_text_is_told_with_its_place(command: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "program.yaml"
    path.write_bytes(b"code: \xff")
    result = CliRunner().invoke(main, ["program", command, str(path)])
    assert (result.exit_code, result.stdout) == (code, "")
    assert f"{path}:1:7: is not UTF-8; save the file as UTF-8\n" in result.stderr


async def test_programs_are_compared_and_applied_beside_a_running_laurel(
    laurel: Installation, faulty: Faulty, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.yaml"
    text = RECORD_SHOP.read_text(encoding="utf-8")
    changed.write_text(text.replace("threshold: 250", "threshold: 260"), encoding="utf-8")
    async with serving(laurel):
        same = await laurel.beside("program", "apply", str(RECORD_SHOP))
        assert same == Ended(0, "version 1 of record-shop is in force\n", ""), "the first start has applied it"
        refused = await laurel.beside("program", "apply", str(faulty.path))
        assert (refused.code, refused.stdout) == (1, "")
        summary, *faults = refused.stderr.splitlines()
        assert summary == "laurel: the program has faults; nothing was applied"
        assert [int(fault.split(":")[1]) for fault in faults] == faulty.lines
        compared = await laurel.beside("program", "diff", str(RECORD_SHOP))
        assert (compared.code, compared.stderr) == (0, "")
        assert compared.stdout.splitlines()[0] == f"{RECORD_SHOP} does not differ from version 1"
        with laurel.database() as database:
            assert await database["programs"].count_documents({}) == 1
        compared = await laurel.beside("program", "diff", str(changed))
        assert (compared.code, compared.stderr) == (0, "")
        moved = [line for line in compared.stdout.splitlines() if line[:1] in "+-"]
        assert moved == [
            "--- version 1",
            f"+++ {changed}",
            "-      threshold: 250",
            "+      threshold: 260",
        ]
        applied = await laurel.beside("program", "apply", str(changed))
        assert applied == Ended(0, "version 2 of record-shop is in force\n", "")
        with laurel.database() as database:
            ended = {"status": "ended", "ended_by": "staff", "ended_at": datetime.now(UTC)}
            assert (await database["campaigns"].update_one({"_id": "app-weekends"}, {"$set": ended})).matched_count == 1
        again = await laurel.beside("program", "apply", str(changed))
        told = "version 2 of record-shop is in force\ncampaign app-weekends has ended (by staff) and stays ended\n"
        assert again == Ended(0, told, "")
