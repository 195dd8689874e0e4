import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from app.data_folder import is_owned, own_data_folder
from app.operator_error import OperatorError


async def test_a_folder_with_a_live_owner_is_refused_by_its_process_id(tmp_path: Path) -> None:
    async with own_data_folder(tmp_path):
        with pytest.raises(OperatorError) as refusal:
            async with own_data_folder(tmp_path):
                pytest.fail("owned twice")
    assert str(refusal.value) == (
        f"data folder {tmp_path} is in use by process {os.getpid()}; stop it or set LAUREL_DATA_DIR"
    )


async def test_a_command_that_looks_whether_the_folder_is_owned_keeps_nobody_from_owning_it(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    looking = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert not is_owned(tmp_path), "who looks is not taken for the owner by another one who looks"
    asyncio.get_running_loop().call_later(0.05, os.close, looking)
    async with own_data_folder(tmp_path):
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)


async def test_a_folder_is_free_again_after_its_owner_and_made_if_missing(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    for _ in range(2):
        async with own_data_folder(folder) as owned:
            assert owned.path == folder
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_servers_of_a_dead_owner_are_waited_for(tmp_path: Path) -> None:
    leftover = os.open(tmp_path / "servers.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(leftover, fcntl.LOCK_EX)
    asyncio.get_running_loop().call_later(0.1, os.close, leftover)
    async with own_data_folder(tmp_path):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(leftover)


async def test_servers_of_a_dead_owner_that_stay_are_reported(tmp_path: Path) -> None:
    with (tmp_path / "servers.lock").open("w") as leftover:
        fcntl.flock(leftover, fcntl.LOCK_EX)
        with pytest.raises(OperatorError, match="still in use by servers of a process that has ended"):
            async with own_data_folder(tmp_path, wait_seconds=0.1):
                pytest.fail("owned beside live servers")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError) as refusal:
        async with own_data_folder(tmp_path / "file" / "data"):
            pytest.fail("owned a folder below a file")
    assert str(refusal.value) == (
        f"data folder {tmp_path}/file/data cannot be used: Not a directory; set LAUREL_DATA_DIR to a writable folder"
    )
