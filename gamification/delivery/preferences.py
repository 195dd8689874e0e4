"""What a member chose of how they want to be told. It stays chosen, whatever device is registered and however often."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import time
from typing import Literal
from zoneinfo import ZoneInfo

from gamification.activity import Problem
from gamification.delivery.hours import QuietHours
from gamification.notices.notice import NoticeKind
from gamification.program.delivery import Delivery
from gamification.values import value

Channel = Literal["push", "inbox"]


@value(frozen=True, slots=True)
class Choice:
    """Whether notices of a kind reach a member by a channel; ``kind`` is None for all kinds of that channel."""

    channel: Channel
    kind: NoticeKind | None
    on: bool


@value(frozen=True, slots=True)
class Preferences:
    """A member's own choices. What they chose nothing of is as the program has it.

    ``choices`` holds one for each channel and kind that was chosen for. A channel that is off as a whole is off for
    every kind, and leaves the choices for kinds as they are. ``quiet`` counts only where ``quiet_chosen``, and None is
    then that there are no quiet hours; ``program_quiet`` is that they chose the program's. ``best_time`` is by the
    clock where they are; None where ``best_time_chosen`` is that they chose none.
    """

    choices: Mapping[tuple[Channel, NoticeKind | None], bool] = field(default_factory=dict)
    quiet: QuietHours | None = None
    quiet_chosen: bool = False
    best_time: time | None = None
    program_quiet: bool = False
    best_time_chosen: bool = False

    def allow(self, kind: NoticeKind, channel: Channel, delivery: Delivery) -> bool:
        """Whether the member wants notices of a kind by a channel."""
        if not self.choices.get((channel, None), True):
            return False
        by_program: bool = getattr(delivery.kind(kind), channel)
        return self.choices.get((channel, kind), by_program)

    def quiet_hours(self, delivery: Delivery) -> QuietHours | None:
        """The member's quiet hours; the program's where they chose nothing of them."""
        if self.quiet_chosen:
            return self.quiet
        return delivery.quiet.hours if delivery.quiet else None

    def changed(self, changes: "Changes") -> "Preferences":
        """These preferences after some changes; what is not named stays."""
        choices = {**self.choices, **{(choice.channel, choice.kind): choice.on for choice in changes.choices}}
        changed = replace(self, choices=choices)
        if changes.quiet == "program":
            changed = replace(changed, quiet=None, quiet_chosen=False, program_quiet=True)
        elif changes.quiet != "same":
            changed = replace(changed, quiet=changes.quiet, quiet_chosen=True, program_quiet=False)
        if changes.best_time != "same":
            changed = replace(changed, best_time=changes.best_time, best_time_chosen=True)
        return changed

    def with_those_of(self, absorbed: Iterable["Preferences"]) -> "Preferences":
        """These, and where nothing was chosen what the person chose in accounts that were merged into theirs.

        Where those differ, what is off in any of them is off, and of quiet hours and best time the first one's count.
        """
        choices: dict[tuple[Channel, NoticeKind | None], bool] = {}
        whole = self
        for other in absorbed:
            for named, on in other.choices.items():
                choices[named] = on and choices.get(named, True)
            if not (whole.quiet_chosen or whole.program_quiet):
                whole = replace(
                    whole, quiet=other.quiet, quiet_chosen=other.quiet_chosen, program_quiet=other.program_quiet
                )
            if not whole.best_time_chosen:
                whole = replace(whole, best_time=other.best_time, best_time_chosen=other.best_time_chosen)
        return replace(whole, choices={**choices, **self.choices})


@value(frozen=True, slots=True)
class Changes:
    """What to change of preferences.

    ``quiet`` None is that there are no quiet hours, and ``program`` that the program's hold again. ``same`` leaves as
    it is.
    """

    choices: tuple[Choice, ...] = ()
    quiet: QuietHours | Literal["same", "program"] | None = "same"
    best_time: time | Literal["same"] | None = "same"

    def problems(self) -> Iterator[Problem]:
        """What is wrong with them."""
        if isinstance(self.quiet, QuietHours) and self.quiet.begins == self.quiet.ends:
            yield Problem("quietHours.to", "is the same as from; give null for no quiet hours")
        named = [(choice.channel, choice.kind) for choice in self.choices]
        if len(set(named)) < len(named):
            yield Problem("choices", "names a channel and kind twice")


@value(frozen=True, slots=True)
class Wishes:
    """All that decides how a member is told: their preferences, where their clock is, and what the program says."""

    preferences: Preferences
    zone: ZoneInfo
    delivery: Delivery
