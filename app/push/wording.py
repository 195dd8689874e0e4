"""Pushes from notices: in the language of the device, as the program says it, with what an app needs to act on it."""

import logging
from collections.abc import Callable, Mapping

from app.push.providers.provider import Push, PushGroup
from app.push.rows import Row
from app.stores.devices import Addressee
from gamification.delivery.planning import count_of, counting
from gamification.notices.notice import Notice, NoticeKind
from gamification.notices.wording import Wording, worded, worded_together
from gamification.program import Program
from gamification.program.texts import Text
from gamification.schedule import Schedule
from schema.ids import to_global_id
from schema.languages import choose
from schema.types.notice import NOTICE_ID

GROUPS: Mapping[NoticeKind, PushGroup] = {
    **dict.fromkeys(("points_earned", "points_released", "points_expiring", "redemption_ready"), "points"),
    **dict.fromkeys(("tier_reached", "tier_at_risk", "badge_won", "streak_at_risk"), "progress"),
    **dict.fromkeys(("challenge_almost_done", "challenge_done"), "progress"),
    **dict.fromkeys(("rank_gained", "rank_lost", "board_prize"), "progress"),
    **dict.fromkeys(("campaign_started", "campaign_ending", "campaign_running_low"), "campaigns"),
    **dict.fromkeys(("birthday", "message"), "messages"),
}
"""What notices of each kind are about."""

log = logging.getLogger(__name__)

Word = Callable[[Notice, Program, str], Wording]
"""Puts a notice into the words that a program has for it in a language."""


class Worder:
    """Makes pushes."""

    def __init__(self, word: Word) -> None:
        self._word = word
        self._told: set[str] = set()

    def knows(self, notice: Notice, schedule: Schedule) -> bool:
        """Whether the texts of a notice are known: a program may have been applied so short a time ago that not yet."""
        return any(edition.version == notice.program_version for edition in schedule.editions)

    def push_of(self, row: Row, notice: Notice, to: Addressee, language: str | None, schedule: Schedule) -> Push | None:
        """The push of a notice for a device, in its language, else the member's, else the program's first.

        Sent again it is the same one: its id, by which the phone shows it once, is that of the notice. None where it
        cannot be put into words, which is logged once for each kind, without the words.
        """
        program = schedule.version(notice.program_version)
        spoken = choose((to.registered.language, language), program.languages)
        try:
            words = self._word(counting(notice, row.count), program, spoken)
        except Exception as error:  # Nobody else's push is to wait for a text that has a fault.
            if notice.kind not in self._told:
                self._told.add(notice.kind)
                fault = type(error).__name__
                log.error("notices of kind %s in %s cannot be put into words: %s", notice.kind, spoken, fault)
            return None
        return Push(
            notice_id=notice.notice_id,
            title=words.title,
            body=words.body,
            link=words.link,
            group=GROUPS[notice.kind],
            expires_at=notice.expires_at,
            data={"id": to_global_id(NOTICE_ID, notice.notice_id), "kind": notice.kind, "subject": notice.subject},
        )


def words_of(notice: Notice, program: Program, language: str, names: Mapping[str, Text]) -> Wording:
    """What a notice says, or what stands for as many as it tells of, where the program has words for that."""
    count = count_of(notice)
    several = worded_together([notice] * count, program, language) if count > 1 else None
    return several or worded(notice, program, language, names)
