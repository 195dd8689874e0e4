"""Running a command: its event loop, its settings, its log, and how it ends when something is wrong."""

import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import click
import orjson
import uvloop
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri
from redis.asyncio.connection import parse_url

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
        settings = Settings()
    except ValidationError as error:
        faults = [f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_input=False)]
        raise OperatorError("; ".join(faults)) from None
    _require_urls(settings)
    return settings


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
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OperatorError(f"{path} cannot be read: it is not UTF-8 text") from None


def describe_faults(path: str, faults: ProgramFaults) -> str:
    """Every fault of a program file, one a line, as editors understand them."""
    return "\n".join(format_fault(path, fault) for fault in faults.faults)


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper() if location else "LAUREL_*"
    if name == "PORT" and name in os.environ:  # Of the two names of the port this one counts.
        return name
    return name if name.startswith("LAUREL_") else f"LAUREL_{name}"


def _require_urls(settings: Settings) -> None:
    """Check what the drivers would only say in their own words, or after they have tried for long."""
    try:
        if settings.mongo_url is not None:
            parse_uri(settings.mongo_url)
    except (PyMongoError, ValueError) as error:
        raise OperatorError(f"LAUREL_MONGO_URL: {error}") from None
    try:
        if settings.redis_url is not None:
            parse_url(settings.redis_url)
    except ValueError as error:
        raise OperatorError(f"LAUREL_REDIS_URL: {error}") from None


def _start_log(settings: Settings) -> None:
    handler = logging.StreamHandler()
    text = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(_JsonFormatter() if settings.log_format == "json" else logging.Formatter(text))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("pymongo", "uvicorn", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(settings.log_level), logging.WARNING))
