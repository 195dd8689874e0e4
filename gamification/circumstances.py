"""What a commit is worked out by, and how a fold says that this is not enough."""

from dataclasses import dataclass
from datetime import datetime

from gamification.campaigns import Offers
from gamification.schedule import Schedule
from gamification.state import Moment


class ReachesBack(Exception):
    """What is asked changes the member's time from ``moment`` on, and the history from before it is needed.

    ``to_judge_again`` says that nobody has asked for it, but a backfill that is due; ``to_settle``, that only what
    stays at later reversals needs it.
    """

    def __init__(
        self, member_id: str, moment: Moment, *, to_judge_again: bool = False, to_settle: bool = False
    ) -> None:
        super().__init__(f"the history of {member_id} before {moment.at} is needed")
        self.member_id, self.moment = member_id, moment
        self.to_judge_again, self.to_settle = to_judge_again, to_settle


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a commit is worked out by: the program's versions, what campaigns have left, and the moment it is made."""

    schedule: Schedule
    offers: Offers
    now: datetime
