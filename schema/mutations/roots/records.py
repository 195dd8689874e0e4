"""What records something in a member's journal."""

import strawberry

from schema.context import Info
from schema.inputs import ActivityInput
from schema.mutations.adjust_points import AdjustPointsInput, adjust_points
from schema.mutations.extend_points import ExtendPointsInput, extend_points
from schema.mutations.grant_tier import GrantTierInput, grant_tier
from schema.mutations.pause_streak import PauseStreakInput, pause_streak
from schema.mutations.record_activity import (
    RecordActivitiesInput,
    RecordActivitiesResult,
    RecordActivityResult,
    record_activities,
    record_activity,
)
from schema.mutations.reverse_activity import ReverseActivityInput, ReverseActivityResult, reverse_activity
from schema.mutations.set_member_attributes import SetMemberAttributesInput, set_member_attributes
from schema.permissions import permission_for


@strawberry.type
class Records:
    """What records something in a member's journal."""

    @strawberry.mutation(extensions=[permission_for("recordActivity")], description="Record what a member did.")
    async def record_activity(self, info: Info, input: ActivityInput) -> RecordActivityResult:  # noqa: A002
        """Record what a member did."""
        return await record_activity(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("recordActivities")], description="Record up to 500 activities at once."
    )
    async def record_activities(
        self,
        info: Info,
        input: RecordActivitiesInput,  # noqa: A002
    ) -> RecordActivitiesResult:
        """Record up to 500 activities at once."""
        return await record_activities(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("reverseActivity")],
        description="Take an activity back, or a part of it, with all that followed from it: as if it had never been.",
    )
    async def reverse_activity(self, info: Info, input: ReverseActivityInput) -> ReverseActivityResult:  # noqa: A002
        """Take an activity back, or a part of it."""
        return await reverse_activity(info.context, input)

    @strawberry.mutation(extensions=[permission_for("adjustPoints")], description="Give or take points, with a reason.")
    async def adjust_points(self, info: Info, input: AdjustPointsInput) -> RecordActivityResult:  # noqa: A002
        """Give or take points."""
        return await adjust_points(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("extendPoints")],
        description="Put off the day on which a member's points expire, with a reason.",
    )
    async def extend_points(self, info: Info, input: ExtendPointsInput) -> RecordActivityResult:  # noqa: A002
        """Put off the day on which points expire."""
        return await extend_points(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("grantTier")],
        description="Put a member on a tier, with a reason; or take back what was granted.",
    )
    async def grant_tier(self, info: Info, input: GrantTierInput) -> RecordActivityResult:  # noqa: A002
        """Put a member on a tier, or take that back."""
        return await grant_tier(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("pauseStreak")],
        description="Plan days on which a member's streaks cannot break. Members do so for themselves.",
    )
    async def pause_streak(self, info: Info, input: PauseStreakInput) -> RecordActivityResult:  # noqa: A002
        """Plan days on which streaks cannot break."""
        return await pause_streak(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("setMemberAttributes")],
        description="Set what campaigns and boards may ask of a member, such as a city or a segment.",
    )
    async def set_member_attributes(
        self,
        info: Info,
        input: SetMemberAttributesInput,  # noqa: A002
    ) -> RecordActivityResult:
        """Set attributes of a member."""
        return await set_member_attributes(info.context, input)
