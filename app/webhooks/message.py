"""What is sent of a notice: docs/webhooks.md is the contract."""

import logging
from collections.abc import Awaitable, Callable

import orjson

from gamification.notices.notice import Notice
from gamification.notices.posted import Posted
from gamification.notices.wording import Wording
from gamification.program import Program
from gamification.schedule import Schedule
from schema.ids import to_global_id

ReadSchedule = Callable[[], Awaitable[Schedule]]
Word = Callable[[Notice, Program, str], Wording]
"""Puts a notice into the words that a program has for it in a language."""

log = logging.getLogger(__name__)


class Messages:
    """Makes the messages of notices, in the default language of the program."""

    def __init__(self, schedule: ReadSchedule, word: Word) -> None:
        self._schedule, self._word = schedule, word
        self._told: set[str] = set()

    async def of(self, posted: Posted) -> bytes:
        """The body of a message, the same one whenever it is made.

        Raises:
            StoreUnavailable: the program could not be read in time.
        """
        notice = posted.notice
        words = self._words(notice, await self._schedule())
        data = {
            "id": message_id(notice.notice_id),
            "position": posted.position,
            "member_id": to_global_id("Member", notice.member_id),
            "kind": notice.kind,
            "subject": notice.subject,
            "values": dict(notice.values),
            "expires_at": notice.expires_at,
            "title": words.title,
            "body": words.body,
            "link": words.link,
        }
        whole = {"type": f"notice.{notice.kind}", "timestamp": notice.at, "data": data}
        return orjson.dumps(whole, option=orjson.OPT_UTC_Z)

    def _words(self, notice: Notice, schedule: Schedule) -> Wording:
        try:
            program = schedule.version(notice.program_version)
        except KeyError:  # Applied so short a time ago that this process does not know it yet.
            program = schedule.version(schedule.newest_version)
        try:
            return self._word(notice, program, program.default_language)
        except Exception as error:  # What happened is news to a system also without the words.
            if notice.kind not in self._told:
                self._told.add(notice.kind)
                log.error("notices of kind %s cannot be put into words: %s", notice.kind, type(error).__name__)
            return Wording("", "")


def message_id(notice_id: str) -> str:
    """The id of a message: the notice's own in the API, the same one for every endpoint and every attempt."""
    return to_global_id("Notice", notice_id)
