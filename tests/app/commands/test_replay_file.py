from pathlib import Path

import pytest

from app.commands import replay
from app.commands.replay import read_file
from app.operator_error import OperatorError


def refusal_of(path: Path) -> str:
    with pytest.raises(OperatorError) as refusal:
        read_file(path)
    return str(refusal.value)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"4 19970101 2 29.33\noops\n")
    log = read_file(path)
    assert [purchase.line for purchase in log.purchases] == [1]
    assert [broken.line for broken in log.broken] == [2]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "log.txt") == f"{tmp_path}/log.txt cannot be read: No such file or directory"
    assert refusal_of(tmp_path) == f"{tmp_path} cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    assert refusal_of(path) == f"{path} is empty"


def test_of_a_file_without_a_purchase_every_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"\ncode: record-shop\nname: x y z\n")
    log = read_file(path)
    assert log.purchases == []
    assert [broken.line for broken in log.broken] == [2, 3]


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_FILE_BYTES", 2**20)
    path = tmp_path / "log.txt"
    with path.open("wb") as file:
        file.truncate(2**20 + 1)
    assert refusal_of(path) == f"{path} is larger than 1 MiB; split it by customer"
