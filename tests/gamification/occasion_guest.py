"""A guest whose birthdays and anniversaries come round, and when they did."""

from datetime import datetime

from gamification.activity import ENROLMENT, PARTICULARS, Activity
from gamification.effects import Celebrated
from gamification.program import Program
from tests.gamification.programs import Part, Player, at, program, rule

BORN = "1990-05-17"
FIFTY: Part = {"points": 50}
GIFT = rule("gift", on="birthday", earn=FIFTY)
SHOP = program(rules=[GIFT])
LOYAL = program(rules=[rule("loyal", on="anniversary", earn=FIFTY)])
NEW_YORK, KIRITIMATI = "America/New_York", "Pacific/Kiritimati"


def told(when: datetime, **particulars: str) -> Activity:
    """What the profile says from now on."""
    return Activity(f"#particulars:{when:%Y%m%d%H%M%S}", PARTICULARS, when, attributes=particulars)


def guest(birthday: str = BORN, zone: str = "", joined: str = "1997-01-01", played: Program = SHOP) -> Player:
    """A member whose enrolment tells their birthday and time zone."""
    player = Player(played, at(joined))
    player.do(Activity("#enrolment", ENROLMENT, at(joined), attributes={"birthday": birthday, "time_zone": zone}))
    return player


def celebrated(player: Player) -> list[tuple[str, int]]:
    """When occasions came round so far, and how many years each was."""
    return [
        (f"{record.outcome.at:%Y-%m-%d %H:%M}", effect.years)
        for record in player.records
        for effect in record.outcome.effects
        if isinstance(effect, Celebrated)
    ]


def days_until(player: Player, until: str) -> list[str]:
    """The days, by UTC, on which a birthday was celebrated up to an instant."""
    player.wait(at(until))
    return [when[:10] for when, _ in celebrated(player)]
