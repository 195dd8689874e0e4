"""Running a command: its event loop, its settings, its log, and how it ends when something is wrong."""

import logging
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import click
import orjson
import uvloop
from pydantic import ValidationError

from app.operator_error import OperatorError
from app.settings import Settings
from gamification.program.faults import ProgramFaults, format_fault
from gamification.stores import StoreUnavailable

FAILED = 1

_P = ParamSpec("_P")


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


def settings_of_environment() -> Settings:
    """The settings.

    Raises:
        OperatorError: a variable has a value that cannot be; all of them are named.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_input=False)]
        raise OperatorError("; ".join(faults)) from None


def command_of(body: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """A command that runs ``body`` in an event loop and turns what an operator can mend into one line and exit 1."""

    @wraps(body)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            _start_log(settings_of_environment())
            uvloop.run(body(*args, **kwargs))
        except (OperatorError, StoreUnavailable) as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("stopped")

    return run


def fail(message: str) -> NoReturn:
    """End the process with one line on standard error."""
    click.echo(f"laurel: {message}", err=True)
    sys.exit(FAILED)


def program_text(path: str) -> str:
    """The text of a program file.

    Raises:
        OperatorError: the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - click gives the path as text
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from None


def describe_faults(path: str, faults: ProgramFaults) -> str:
    """Every fault of a program file, one a line, as editors understand them."""
    return "\n".join(format_fault(path, fault) for fault in faults.faults)


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper() if location else "LAUREL_*"
    return name if name in ("PORT",) or name.startswith("LAUREL_") else f"LAUREL_{name}"


def _start_log(settings: Settings) -> None:
    handler = logging.StreamHandler()
    text = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(_JsonFormatter() if settings.log_format == "json" else logging.Formatter(text))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("pymongo", "uvicorn", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(settings.log_level), logging.WARNING))
