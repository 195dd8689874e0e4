"""What is to be measured, and for how long: `make bench` with MEMBERS=, ROUNDS=, SECONDS=, COMPARE= and OUT=."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEMBERS = 20_000
MOST_MEMBERS = 2_000_000
ROUNDS, MOST_ROUNDS = 5, 100
SECONDS, MOST_SECONDS = 3, 300
WARM_UP_SECONDS = 1.0
CONNECTIONS = (1, 16, 64)
SAMPLE = 50
"""Of how many members the answers of all servers are compared before anything is timed."""
FOLDER = Path(".bench")


@dataclass(frozen=True, slots=True)
class Options:
    """How many members, rounds, and seconds a round; another checkout to serve as well; where results go."""

    members: int
    rounds: int = ROUNDS
    seconds: int = SECONDS
    compared: Path | None = None
    folder: Path = FOLDER


def options_of(environment: Mapping[str, str] = os.environ, members: int = MEMBERS) -> Options:
    """The options that variables ask for.

    Raises:
        SystemExit: one of them makes no sense.
    """
    compared = environment.get("COMPARE")
    if compared and not (Path(compared) / ".venv" / "bin" / "laurel").exists():
        raise SystemExit("COMPARE must be another checkout of Laurel in which `make run` or `make test` was done")
    return Options(
        members=number_of(environment, "MEMBERS", members, MOST_MEMBERS),
        rounds=number_of(environment, "ROUNDS", ROUNDS, MOST_ROUNDS),
        seconds=number_of(environment, "SECONDS", SECONDS, MOST_SECONDS),
        compared=Path(compared).resolve() if compared else None,
        folder=Path(environment.get("OUT") or FOLDER),
    )


def number_of(environment: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = environment.get(name) or str(usual)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise SystemExit(f"{name} must be a whole number from 1 to {most}, not {text}")
    return int(text)
