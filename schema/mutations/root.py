"""The root of all mutations."""

import strawberry

from schema.context import Info
from schema.inputs import ActivityInput
from schema.mutations.adjust_points import AdjustPointsInput, adjust_points
from schema.mutations.enrol_member import EnrolMemberInput, EnrolMemberResult, enrol_member
from schema.mutations.record_activity import (
    RecordActivitiesInput,
    RecordActivitiesResult,
    RecordActivityResult,
    record_activities,
    record_activity,
)
from schema.mutations.update_profile import (
    SetBadgeShowcaseInput,
    SetBadgeShowcaseResult,
    UpdateProfileInput,
    UpdateProfileResult,
    set_badge_showcase,
    update_profile,
)
from schema.permissions import permission_for


@strawberry.type(description="Everything that can be changed. Expected errors are in the result types.")
class Mutation:
    """The root of all mutations."""

    @strawberry.mutation(extensions=[permission_for("enrolMember")], description="A person joins the program.")
    async def enrol_member(self, info: Info, input: EnrolMemberInput) -> EnrolMemberResult:  # noqa: A002
        """A person joins the program."""
        return await enrol_member(info.context, input)

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

    @strawberry.mutation(extensions=[permission_for("adjustPoints")], description="Give or take points, with a reason.")
    async def adjust_points(self, info: Info, input: AdjustPointsInput) -> RecordActivityResult:  # noqa: A002
        """Give or take points."""
        return await adjust_points(info.context, input)

    @strawberry.mutation(extensions=[permission_for("updateProfile")], description="Change a profile.")
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfileResult:  # noqa: A002
        """Change a profile."""
        return await update_profile(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("setBadgeShowcase")],
        description="Choose the badges that others see. Members do so for themselves.",
    )
    async def set_badge_showcase(
        self,
        info: Info,
        input: SetBadgeShowcaseInput,  # noqa: A002
    ) -> SetBadgeShowcaseResult:
        """Choose the badges that others see."""
        return await set_badge_showcase(info.context, input)
