"""Wrong values of variables: one line that names the variable and says why, and exit 1, before anything is started."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.system.installation import SECRET, Ended, Installation


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"PORT": "0"}, "PORT: Input should be greater than or equal to 1"),
        ({"PORT": "abc"}, "PORT: Input should be a valid integer, unable to parse string as an integer"),
        ({"LAUREL_PORT": "65536"}, "LAUREL_PORT: Input should be less than or equal to 65535"),
        ({"LAUREL_JWT_SECRET": "short"}, "LAUREL_JWT_SECRET: String should have at least 32 characters"),
        ({"LAUREL_STORE_TIMEOUT_SECONDS": "0"}, "LAUREL_STORE_TIMEOUT_SECONDS: Input should be greater than 0"),
        (
            {"LAUREL_MONGO_URL": "nonsense", "LAUREL_JWT_SECRET": SECRET},
            "LAUREL_MONGO_URL: Invalid URI scheme: URI must begin with 'mongodb://' or 'mongodb+srv://'",
        ),
        (
            {"LAUREL_REDIS_URL": "nonsense"},
            "LAUREL_REDIS_URL: Redis URL must specify one of the following schemes (redis://, rediss://, unix://)",
        ),
        (
            {"PORT": "abc", "LAUREL_LOG_FORMAT": "xml"},
            "PORT: Input should be a valid integer, unable to parse string as an integer; "
            "LAUREL_LOG_FORMAT: String should match pattern '^(text|json)$'",
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


async def test_a_program_that_is_missing_or_faulty_is_named_and_nothing_is_applied(
    laurel: Installation, tmp_path: Path
) -> None:
    missing, faulty = tmp_path / "missing.yaml", tmp_path / "faulty.yaml"
    assert await laurel.run("serve", LAUREL_PROGRAM=str(missing)) == Ended(
        1, "", f"laurel: LAUREL_PROGRAM: {missing} cannot be read: No such file or directory\n"
    )
    faulty.write_text("- code\n", encoding="utf-8")
    assert await laurel.run("serve", LAUREL_PROGRAM=str(faulty)) == Ended(
        1,
        "",
        "laurel: LAUREL_PROGRAM: the program has faults; nothing was applied\n"
        f"{faulty}:1:1: must be a group of fields, each on its own line as 'name: value'\n",
    )
