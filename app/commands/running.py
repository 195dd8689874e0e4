"""Running a command: its event loop, its settings, its log, and how it ends when something is wrong."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import click
import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.memory import keep_heaps_small
from app.operator_error import OperatorError
from app.settings import Settings
from gamification.program.faults import ProgramFaults, format_fault
from gamification.program.syntax import MAX_PROGRAM_BYTES, decode
from gamification.stores import StoreUnavailable

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
"""What shells make of a command that Ctrl-C has ended."""

_PLAIN_WORDS = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_pattern_mismatch": "must begin with a letter from a to z, followed by up to 62 of a to z, 0 to 9 and _",
    "literal_error": "must be {expected}",
    "bool_parsing": "must be true or false",
    "value_error": "{error}",
}
"""What Pydantic's kinds of fault mean. The value is never told: it may be a secret. The only pattern is that of
database and Redis prefix."""

_P = ParamSpec("_P")


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, process: str | None) -> None:
        super().__init__()
        self._process = {} if process is None else {"process": process}

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname,
            **self._process,
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
        faults = [f"{_variable(fault['loc'])}: {_in_plain_words(fault)}" for fault in error.errors(include_input=False)]
        raise OperatorError("; ".join(faults)) from None
    _require_urls(settings)
    return settings


def command_of(body: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """A command that runs ``body`` in an event loop and turns what an operator can mend into one line and exit 1."""

    @wraps(body)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        import uvloop  # Here, as the drivers are, because a command that needs no event loop starts sooner without.

        keep_heaps_small()
        try:
            start_log(settings_of_environment())
            uvloop.run(body(*args, **kwargs))
        except (OperatorError, StoreUnavailable) as error:
            fail(str(error))
        except KeyboardInterrupt:
            click.echo("laurel: stopped", err=True)
            sys.exit(INTERRUPTED)

    return run


def fail(message: str) -> NoReturn:
    """End the process with one line on standard error."""
    click.echo(f"laurel: {message}", err=True)
    sys.exit(FAILED)


def program_text(path: str) -> str:
    """The text of a program file.

    Raises:
        OperatorError: the file cannot be read.
        ProgramFaults: it is too large, or not UTF-8.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - click gives the path as text
            return decode(file.read(MAX_PROGRAM_BYTES + 1))
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None


def describe_faults(path: str, faults: ProgramFaults) -> str:
    """Every fault of a program file, one a line, as editors understand them."""
    return "\n".join(format_fault(path, fault) for fault in faults.faults)


def _in_plain_words(fault: ErrorDetails) -> str:
    words = _PLAIN_WORDS.get(fault["type"])
    return words.format(**fault.get("ctx", {})) if words else fault["msg"]


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper() if location else "LAUREL_*"
    if name == "PORT" and os.environ.get(name):  # Of the two names of the port this one counts.
        return name
    return name if name.startswith("LAUREL_") else f"LAUREL_{name}"


def _require_urls(settings: Settings) -> None:
    """Check what the drivers would only say in their own words, or after they have tried for long."""
    if settings.mongo_url is not None:
        from pymongo.errors import PyMongoError
        from pymongo.uri_parser import parse_uri

        try:
            parse_uri(settings.mongo_url)
        except (PyMongoError, ValueError) as error:
            raise OperatorError(f"LAUREL_MONGO_URL: {error}") from None
    if settings.redis_cluster and settings.redis_url is None:
        raise OperatorError(
            "LAUREL_REDIS_CLUSTER: the embedded Redis is no cluster; set LAUREL_REDIS_URL to a node of one"
        )
    if settings.redis_url is not None:
        from redis.asyncio.connection import parse_url

        try:
            parse_url(settings.redis_url)
        except ValueError as error:
            raise OperatorError(f"LAUREL_REDIS_URL: {error}") from None


def start_log(settings: Settings, process: str | None = None) -> None:
    """Log to standard error as the settings say; every line names the ``process``, where it is one of several."""
    handler = logging.StreamHandler()
    who = f" [{process}]" if process else ""
    text = logging.Formatter(f"%(asctime)s %(levelname)s{who} %(name)s: %(message)s")
    handler.setFormatter(_JsonFormatter(process) if settings.log_format == "json" else text)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # Some of them write headers and addresses, which may be those of a member's phone.
    for chatty in ("pymongo", "uvicorn", "httpx", "httpcore", "hpack"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(settings.log_level), logging.WARNING))
