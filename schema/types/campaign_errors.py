"""Errors of campaigns that a client is expected to handle."""

import strawberry

from gamification import campaigning
from schema.types.campaign import CampaignPhase
from schema.types.errors import AlreadyTaken, Error

_PHASES: dict[campaigning.Status, tuple[CampaignPhase, ...]] = {
    "draft": (CampaignPhase.DRAFT,),
    "running": (CampaignPhase.SCHEDULED, CampaignPhase.LIVE, CampaignPhase.IDLE),
    "paused": (CampaignPhase.PAUSED,),
    "ended": (CampaignPhase.ENDED,),
}
"""What clients see of a campaign in a status."""


@strawberry.type(description="There is no campaign with this code; nothing changed. Its `code` is CAMPAIGN_NOT_FOUND.")
class CampaignNotFound(Error):
    """There is no campaign with this code; nothing changed."""


@strawberry.type(
    description="This cannot be done to the campaign as it is; nothing changed. Its `code` is WRONG_CAMPAIGN_STATUS."
)
class WrongCampaignStatus(Error):
    """This cannot be done to the campaign as it is; nothing changed."""

    phase: CampaignPhase = strawberry.field(description="What the campaign is now.")


def unknown_campaign(code: str) -> CampaignNotFound:
    """The error for a code that is no campaign's."""
    return CampaignNotFound(code="CAMPAIGN_NOT_FOUND", message=f"There is no campaign {code!r}.")


def wrong_status(refused: campaigning.WrongStatus, phase: campaigning.Phase) -> WrongCampaignStatus:
    """The error for a step that the campaign cannot take."""
    shown = CampaignPhase(phase)
    needed = [each.name for status in refused.wanted for each in _PHASES[status]]
    message = f"The campaign {refused.code} is {shown.name}; this needs one that is {' or '.join(needed)}."
    return WrongCampaignStatus(code="WRONG_CAMPAIGN_STATUS", message=message, phase=shown)


def code_taken(code: str) -> AlreadyTaken:
    """The error for a code that another campaign has."""
    message = f"There is or was a campaign {code} with other terms; choose another code."
    return AlreadyTaken(code="ALREADY_TAKEN", message=message, field="code")
