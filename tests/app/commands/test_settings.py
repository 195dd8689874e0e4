"""Wrong values of variables: one line that names the variable and says why, and exit 1, before anything is started."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.commands.program import apply_first_program
from app.commands.running import settings_of_environment
from app.operator_error import OperatorError
from app.settings import Settings
from app.wiring import Laurel
from tests.system.installation import SECRET


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"PORT": "0"}, "PORT: must be at least 1"),
        ({"PORT": "abc"}, "PORT: must be a whole number"),
        ({"LAUREL_PORT": "65536"}, "LAUREL_PORT: must be at most 65535"),
        ({"PORT": "", "LAUREL_PORT": "0"}, "LAUREL_PORT: must be at least 1"),
        ({"LAUREL_WORKERS": "0"}, "LAUREL_WORKERS: must be at least 1"),
        ({"LAUREL_WORKERS": "65"}, "LAUREL_WORKERS: must be at most 64"),
        ({"LAUREL_JWT_SECRET": "short"}, "LAUREL_JWT_SECRET: must have at least 32 characters"),
        ({"LAUREL_STORE_TIMEOUT_SECONDS": "0"}, "LAUREL_STORE_TIMEOUT_SECONDS: must be more than 0"),
        ({"LAUREL_STORE_TIMEOUT_SECONDS": "soon"}, "LAUREL_STORE_TIMEOUT_SECONDS: must be a number"),
        (
            {"LAUREL_DATABASE": "My shop"},
            "LAUREL_DATABASE: must begin with a letter from a to z, followed by up to 62 of a to z, 0 to 9 and _",
        ),
        (
            {"LAUREL_MONGO_URL": "nonsense", "LAUREL_JWT_SECRET": SECRET},
            "LAUREL_MONGO_URL: Invalid URI scheme: URI must begin with 'mongodb://' or 'mongodb+srv://'",
        ),
        (
            {"LAUREL_REDIS_URL": "nonsense"},
            "LAUREL_REDIS_URL: Redis URL must specify one of the following schemes (redis://, rediss://, unix://)",
        ),
        ({"LAUREL_APNS_SANDBOX": "perhaps"}, "LAUREL_APNS_SANDBOX: must be true or false"),
        ({"LAUREL_FCM_URL": "http://x"}, "LAUREL_FCM_URL: must be https:// with a host, and a port if need be"),
        (
            {"LAUREL_OUTBOUND_ALLOW": "localhost"},
            "LAUREL_OUTBOUND_ALLOW: must be networks such as 127.0.0.0/8, with commas between them",
        ),
        (
            {"PORT": "abc", "LAUREL_LOG_FORMAT": "xml"},
            "PORT: must be a whole number; LAUREL_LOG_FORMAT: must be 'text' or 'json'",
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "serve"])
def test_the_variable_is_named(
    variables: dict[str, str], line: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    for name in ("PORT", "LAUREL_MONGO_URL", "LAUREL_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, [command], env={"LAUREL_DATA_DIR": str(data_dir), **variables})
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"laurel: {line}\n")
    assert not data_dir.exists()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", *(f"LAUREL_{field.upper()}" for field in Settings.model_fields)):
        monkeypatch.setenv(name, "")
    assert settings_of_environment() == Settings.model_construct()


async def test_a_program_that_is_missing_or_faulty_is_named_and_nothing_is_applied(
    wired: Laurel, tmp_path: Path
) -> None:
    missing, faulty = tmp_path / "missing.yaml", tmp_path / "faulty.yaml"
    faulty.write_text("- code\n", encoding="utf-8")
    for path, why in (
        (missing, f"{missing} cannot be read: No such file or directory"),
        (
            faulty,
            "the program has faults; nothing was applied\n"
            f"{faulty}:1:1: must be a group of fields, each on its own line as 'name: value'",
        ),
    ):
        with pytest.raises(OperatorError) as refusal:
            await apply_first_program(replace(wired, settings=Settings(program=path)))
        assert str(refusal.value) == f"LAUREL_PROGRAM: {why}"
        assert await wired.programs.all_versions() == []


@pytest.mark.parametrize("count", ["0", "65"])
def test_how_many_workers_there_can_be_is_bounded(count: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--workers", count], env={"LAUREL_DATA_DIR": str(tmp_path / "data")})
    assert (result.exit_code, f"{count} is not in the range 1<=x<=64" in result.stderr) == (2, True)
    assert not (tmp_path / "data").exists()
