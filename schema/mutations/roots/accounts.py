"""Who is a member, and how they appear."""

import strawberry

from schema.context import Info
from schema.mutations.enrol_member import EnrolMemberInput, EnrolMemberResult, enrol_member
from schema.mutations.merge_members import (
    MergeMembersInput,
    MergeMembersResult,
    UnmergeMembersInput,
    UnmergeMembersResult,
    merge_members,
    unmerge_members,
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


@strawberry.type
class Accounts:
    """Who is a member, and how they appear."""

    @strawberry.mutation(extensions=[permission_for("enrolMember")], description="A person joins the program.")
    async def enrol_member(self, info: Info, input: EnrolMemberInput) -> EnrolMemberResult:  # noqa: A002
        """A person joins the program."""
        return await enrol_member(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("mergeMembers")],
        description="Merge two accounts of one person: as if there had never been but one. It can be undone.",
    )
    async def merge_members(self, info: Info, input: MergeMembersInput) -> MergeMembersResult:  # noqa: A002
        """Merge two accounts of one person."""
        return await merge_members(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("unmergeMembers")], description="Take apart two accounts that were merged."
    )
    async def unmerge_members(self, info: Info, input: UnmergeMembersInput) -> UnmergeMembersResult:  # noqa: A002
        """Take apart two accounts that were merged."""
        return await unmerge_members(info.context, input)

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
