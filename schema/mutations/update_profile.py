"""updateProfile and setBadgeShowcase: what members say of themselves, and what of it others may see."""

from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry import UNSET

from gamification.activity import Problem, to_milliseconds
from gamification.enrolment import AlreadyTaken as Taken
from gamification.member import board_problems, language_problems, profile_problems, showcase_problems
from gamification.particulars import news
from gamification.stores import HandleTaken, ProfileChanges, UnfitProfile
from schema.context import Context
from schema.ids import local_id
from schema.permissions import check_subject
from schema.principals import MemberPrincipal
from schema.types.errors import AlreadyTaken, InvalidInput, MemberNotFound, invalid, not_found, taken
from schema.types.member import MEMBER_ID, BoardVisibility, Member, show_member

_PROFILE = ("display_name", "handle", "avatar_url", "language", "time_zone", "birthday", "alias")
_VISIBILITY = ("profile", "avatar", "tier", "badges", "board")


@strawberry.input(description="What others may see; what is left out stays as it is.")
class VisibilityInput:
    """What others may see."""

    profile: bool | None = strawberry.field(
        default=UNSET, description="Whether others see anything at all. It cannot be null."
    )
    avatar: bool | None = strawberry.field(
        default=UNSET, description="Whether others see the avatar. It cannot be null."
    )
    tier: bool | None = strawberry.field(default=UNSET, description="Whether others see the tier. It cannot be null.")
    badges: bool | None = strawberry.field(
        default=UNSET, description="Whether others see the showcased badges. It cannot be null."
    )
    board: BoardVisibility | None = strawberry.field(
        default=UNSET, description="How the member appears on boards; ALIAS needs an alias. It cannot be null."
    )


@strawberry.input(description="What to change; what is left out stays as it is, and null clears it.")
class UpdateProfileInput:
    """What to change of a profile."""

    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="A member's global id. Members leave it out, or give their own."
    )
    display_name: str | None = strawberry.field(
        default=UNSET,
        description="How the member is addressed, up to 80 characters. Others do not see it. It cannot be null.",
    )
    handle: str | None = strawberry.field(
        default=UNSET,
        description="The unique public name: 3 to 30 of a-z, 0-9 and _, beginning with a letter or digit.",
    )
    alias: str | None = strawberry.field(
        default=UNSET,
        description="What boards call the member where they want that: 2 to 30 characters, the first not @.",
    )
    avatar_url: str | None = strawberry.field(
        default=UNSET, description="An https address of a picture, up to 500 characters."
    )
    language: str | None = strawberry.field(
        default=UNSET, description="One of the program's `languages`, for the texts that the member gets."
    )
    time_zone: str | None = strawberry.field(default=UNSET, description="An IANA time zone such as Europe/Copenhagen.")
    birthday: str | None = strawberry.field(
        default=UNSET,
        description="A full date such as 1990-05-17, from 1900 on. A new one counts from the day after it is told.",
    )
    visibility: VisibilityInput | None = strawberry.field(
        default=UNSET, description="What others may see. It cannot be null."
    )


@strawberry.input(description="The badges to show on the public profile, in their order.")
class SetBadgeShowcaseInput:
    """The badges to show on the public profile."""

    badges: list[str] = strawberry.field(
        description="Up to 6 codes of badges that the member has won. An empty list shows none."
    )


@strawberry.type(description="The profile is as wanted.")
class ProfileSuccess:
    """The profile is as wanted."""

    member: Member = strawberry.field(description="The member with the new profile.")


UpdateProfileResult: TypeAlias = Annotated[
    ProfileSuccess | InvalidInput | MemberNotFound | AlreadyTaken,
    strawberry.union("UpdateProfileResult", description="The changed member, or why nothing changed."),
]
SetBadgeShowcaseResult: TypeAlias = Annotated[
    ProfileSuccess | InvalidInput | MemberNotFound,
    strawberry.union("SetBadgeShowcaseResult", description="The changed member, or why nothing changed."),
]


async def update_profile(context: Context, given: UpdateProfileInput) -> UpdateProfileResult:
    """Change a profile: one's own, or that of a member whom staff or a service names."""
    named = await _subject(context, given.member_id)
    if named is None:
        return invalid(Problem("memberId", "is needed: whose profile is it?"))
    member_id = await context.account(named)
    check_subject("updateProfile", context.principal, member_id)
    member = await context.members.load(member_id)
    if member is None:
        return not_found()
    changes = ProfileChanges(_given(given, _PROFILE), _given(given.visibility, _VISIBILITY))
    program = (await context.reading()).program
    if nulls := [Problem(name, "cannot be cleared") for name in _not_clearable(given, changes)]:
        return invalid(*nulls)
    profile = replace(member.profile, **changes.profile)
    # A language that the program has dropped since does not hinder other changes.
    language = changes.profile.get("language")
    if problems := (
        *profile_problems(profile, context.game.now()),
        *language_problems(language, program),
        *board_problems(profile, replace(member.visibility, **changes.visibility)),
    ):
        return invalid(*problems)
    try:
        changed = await context.game.stores.members.change_profile(member_id, changes)
    except HandleTaken:
        return taken(Taken("handle"))
    except UnfitProfile as unfit:
        return invalid(*unfit.problems)
    if changed is not None and "time_zone" in changes.profile:
        await context.game.telling.deliveries.reconsider(member_id, to_milliseconds(context.game.now()))
    if changed is not None and news(changed):
        # Whatever was told just now: what the game has missed, since a store was away then, is made good as well.
        await context.game.recorder.learn([member_id])
        context.renew()
        changed = await context.members.load(member_id)
    if changed is None:
        return not_found()
    return ProfileSuccess(member=show_member(changed, await context.reading(None, changed)))


async def set_badge_showcase(context: Context, given: SetBadgeShowcaseInput) -> SetBadgeShowcaseResult:
    """Choose the badges that one's public profile shows."""
    member_id = await _subject(context, None) or ""
    check_subject("setBadgeShowcase", context.principal, member_id)
    member = await context.members.load(member_id)
    if member is None:
        return not_found()
    showcase = tuple(given.badges)
    if problems := tuple(showcase_problems(showcase, member.state)):
        return invalid(*problems)
    changed = await context.game.stores.members.save_showcase(member_id, showcase)
    if changed is None:
        return not_found()
    return ProfileSuccess(member=show_member(changed, await context.reading(None, changed)))


async def _subject(context: Context, named: strawberry.ID | None) -> str | None:
    await context.follow_merge()
    caller = context.principal
    if named is None:
        return caller.member_id if isinstance(caller, MemberPrincipal) else None
    return local_id(MEMBER_ID, named) or ""


def _given(source: object, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(source, name, UNSET) for name in names} if source else {}
    return {
        name: value.value if isinstance(value, Enum) else value for name, value in found.items() if value is not UNSET
    }


def _not_clearable(given: UpdateProfileInput, changes: ProfileChanges) -> list[str]:
    named = {"displayName": given.display_name, "visibility": given.visibility}
    switches = {f"visibility.{name}": value for name, value in changes.visibility.items()}
    return [name for name, value in (named | switches).items() if value is None]
