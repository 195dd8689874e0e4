"""Campaigns of a program's file: what applying a program does to the campaigns that are there.

A campaign in the file is made or gets its terms; one that is not there any more ends. What staff did meanwhile, such as
an extension, stays as long as the file says the same of that campaign as before. All of it may be done again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from app.campaigns.codec import terms_document
from app.campaigns.store import MongoCampaigns
from app.operator_error import OperatorError
from gamification.campaigning import BelowGiven, CampaignState, LimitFixed, end, reworded
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.stores import AppliedProgram


class Filing:
    """Brings the campaigns in line with a program."""

    def __init__(self, campaigns: MongoCampaigns) -> None:
        self._campaigns = campaigns

    async def check(self, program: Program, now: datetime) -> None:
        """Refuse a program whose campaigns cannot be brought about.

        Raises:
            OperatorError: with every campaign that is at fault.
            StoreUnavailable: the store did not answer in time.
        """
        states = await self._campaigns.get([terms.code for terms in program.campaigns])
        others = await self._reworded(program, states)
        faults: list[str] = []
        for terms in program.campaigns:
            state = states.get(terms.code)
            if state is None:
                continue
            if state.origin == "staff":
                faults.append(f"campaign {terms.code}: staff have made one with this code; give this one another")
            elif state.ended_by == "program":
                faults.append(f"campaign {terms.code}: has ended, as a program left it out; give this one another code")
            elif state.status != "ended" and isinstance(fixed := reworded(terms)(state, now), LimitFixed):
                message = (
                    f"has begun, so whether it has {fixed.field} is settled; end it and give this one another code"
                )
                faults.append(f"campaign {terms.code}: {message}")
            elif terms in others and (below := await self._campaigns.below_given(terms)):
                faults.append(_below(below))
        if faults:
            raise OperatorError("nothing was applied\n" + "\n".join(faults))

    async def adopt(self, applied: AppliedProgram, by: str, now: datetime) -> None:
        """Do what the program says. Campaigns that have ended stay so, and drafts do not occur.

        Raises:
            OperatorError: a campaign has just given more than the program's limit of it; it keeps its terms.
            StoreUnavailable: the store did not answer in time; apply the program again.
        """
        why = {"program_version": applied.version}
        campaigns = applied.program.campaigns
        states = await self._campaigns.get([terms.code for terms in campaigns])
        others = await self._reworded(applied.program, states)
        kept: list[str] = []
        for terms in campaigns:
            if terms.code not in states:
                await self._campaigns.create(terms, "program", by, now, draft=False, why=why)
            elif terms in others:
                changed = await self._campaigns.change(terms.code, reworded(terms), by, now, why)
                if isinstance(changed, BelowGiven):
                    kept.append(_below(changed))
        for gone in await self._gone({terms.code for terms in campaigns}):
            await self._campaigns.change(gone.code, partial(end, by="program"), by, now, why)
        if kept:
            message = f"version {applied.version} is in force, but these campaigns keep their terms"
            raise OperatorError("\n".join((message, *kept)))

    async def over(self, program: Program) -> Sequence[CampaignState]:
        """The campaigns of a program that have ended, and stay so although it names them.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        states = await self._campaigns.get([terms.code for terms in program.campaigns])
        return [states[terms.code] for terms in program.campaigns if _has_ended(states.get(terms.code))]

    async def _reworded(self, program: Program, states: Mapping[str, CampaignState]) -> Sequence[Campaign]:
        """The campaigns of a program that run by other terms than it gave them last."""
        filed = await self._campaigns.book.terms(
            [(state.code, state.filed_version) for state in states.values() if state.filed_version is not None]
        )
        return [
            terms
            for terms in program.campaigns
            if (state := states.get(terms.code)) is not None
            and state.filed_version is not None
            and state.status != "ended"
            and terms_document(filed[state.code, state.filed_version]) != terms_document(terms)
        ]

    async def _gone(self, codes: set[str]) -> Sequence[CampaignState]:
        return [
            state
            for state in await self._campaigns.refresh()
            if state.origin == "program" and state.code not in codes and state.status != "ended"
        ]


def _has_ended(state: CampaignState | None) -> bool:
    return state is not None and state.status == "ended"


def _below(refused: BelowGiven) -> str:
    what = "points" if refused.field == "budget" else "places"
    return (
        f"campaign {refused.code}: {refused.field} would be {refused.limit}, but {refused.given} {what} are given"
        f" already; let it be {refused.given} or more, or end the campaign"
    )
