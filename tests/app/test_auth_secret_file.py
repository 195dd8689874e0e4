"""The generated secret of an installation."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.auth import load_or_create_secret
from app.operator_error import OperatorError


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    secret = load_or_create_secret(data_dir)
    assert len(secret) == 64
    assert load_or_create_secret(data_dir) == secret
    assert (data_dir / "jwt-secret").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in data_dir.iterdir()] == ["jwt-secret"]
    assert load_or_create_secret(tmp_path / "other") != secret


def test_processes_that_start_together_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_or_create_secret(tmp_path), range(64)))
    assert len(secrets) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["jwt-secret"]


def test_one_that_was_made_in_between_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_or_create_secret(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda self: False)  # what the slower of two processes saw
    assert load_or_create_secret(tmp_path) == first


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_one_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_create_secret(tmp_path)
    (tmp_path / "jwt-secret").chmod(0o640)
    with pytest.raises(OperatorError, match="can be read by other users"):
        load_or_create_secret(tmp_path)


def test_an_empty_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    path.touch(mode=0o600)
    with pytest.raises(OperatorError, match="holds no secret"):
        load_or_create_secret(tmp_path)
    assert path.read_text() == ""
