"""The sessions of a process: who ends what they have left open in MongoDB where the process is killed.

MongoDB keeps a transaction for a minute after whoever began it has gone, and nobody can write to its members meanwhile.
A session is known by the hexadecimal text of its id.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

import pymongo
from bson.binary import Binary
from pymongo.errors import PyMongoError

END_TIMEOUT_SECONDS = 2.0
MAX_SESSIONS = 1_000
"""How many of its sessions are remembered of a process, the latest ones. It uses about as many as commits at once."""


class Sessions:
    """Tells of every session of this process, once, when it is first used for a transaction."""

    def __init__(self) -> None:
        self.tell: Callable[[str], None] | None = None
        """Who is told; nobody, unless somebody stays when this process goes."""
        self._told: dict[str, None] = {}

    def used(self, session_id: UUID) -> None:
        """A transaction is about to begin in this session."""
        if self.tell is None or session_id.hex in self._told:
            return
        if len(self._told) >= MAX_SESSIONS:
            del self._told[next(iter(self._told))]
        self._told[session_id.hex] = None
        self.tell(session_id.hex)


def end_sessions(mongo_url: str, sessions: Sequence[str]) -> str | None:
    """Have MongoDB drop what is open in these sessions of a process that has gone; what hindered it, if anything did.

    What is committed stays.
    """
    ids = [{"id": Binary.from_uuid(UUID(session))} for session in sessions]
    timeout_ms = int(END_TIMEOUT_SECONDS * 1000)
    try:
        with pymongo.MongoClient[dict[str, object]](
            mongo_url, timeoutMS=timeout_ms, serverSelectionTimeoutMS=timeout_ms
        ) as client:
            client.admin.command("killSessions", ids)
    except PyMongoError as error:
        return str(error)
    return None
