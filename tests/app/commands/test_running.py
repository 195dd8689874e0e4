"""How a command ends that cannot do what it is asked, or is asked to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.commands.running import command_of
from tests.system.installation import ROOT


@pytest.fixture(autouse=True)
def root_log() -> Iterator[None]:
    """What a command sets for its process is set back, since these run in this one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["token", "member", "123"],
        ["token", "staff", "anna"],
        ["apikey", "create", "till", "--scope", "members:read"],
        ["apikey", "list"],
        ["apikey", "revoke", "0123456789abcdef"],
        ["program", "diff", str(ROOT / "programs" / "record-shop.yaml")],
    ],
    ids=" ".join,
)
def test_what_needs_data_does_not_make_an_empty_folder_for_itself(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LAUREL_MONGO_URL", "LAUREL_JWT_SECRET", "LAUREL_JWT_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "data"
    result = CliRunner().invoke(main, arguments, env={"LAUREL_DATA_DIR": str(folder)})
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        f"laurel: there is no data in {folder}; run `make run` first, or set LAUREL_DATA_DIR or LAUREL_MONGO_URL\n",
    )
    assert not folder.exists()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Whoever was started in the background by a shell ignores Ctrl-C, and the tests with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_command_as_shells_expect(capsys: pytest.CaptureFixture[str]) -> None:
    closed = []

    async def body() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    with pytest.raises(SystemExit) as end:
        command_of(body)()
    assert (end.value.code, *capsys.readouterr()) == (130, "", "laurel: stopped\n")
    assert closed == [True], "what is open is closed in order"
