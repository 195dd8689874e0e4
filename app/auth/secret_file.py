"""The JWT secret of an installation without a configured one, kept in the data folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from app.operator_error import OperatorError
from app.settings import MIN_SECRET_BYTES

SECRET_FILE = "jwt-secret"  # noqa: S105 - a file name
SECRET_BYTES = 48
_OWNER_ONLY = 0o600
_OTHERS = 0o077


def load_or_create_secret(data_dir: Path) -> str:
    """The secret in ``data_dir``; a random one is made the first time, readable by its owner only.

    Safe when several processes start at once: all get the same secret, and none sees half of one.

    Raises:
        OperatorError: The file is readable by others, or does not hold a secret.
        OSError: The folder cannot be written.
    """
    path = data_dir / SECRET_FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _create(path)
    return _read(path)


def _create(path: Path) -> None:
    draft = path.with_name(f"{SECRET_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link appears with its whole content or not at all, and never replaces what another process made first.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        raise OperatorError(
            f"{path} can be read by other users; anyone who read it can sign tokens. Delete it, or chmod 600."
        )
    secret = path.read_text(encoding="ascii").strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise OperatorError(f"{path} holds no secret of {MIN_SECRET_BYTES} bytes or more; delete it to get a new one.")
    return secret
