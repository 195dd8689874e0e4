"""The root queries."""

import asyncio
from typing import Annotated

import strawberry

from gamification.member import is_loyalty_number
from schema.connections import DEFAULT_PAGE_SIZE, Connection, connection_of, page_size, stale_cursor
from schema.context import Info
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import local_id
from schema.inputs import SimulateActivityInput
from schema.measure import MAX_PAGE_SIZE
from schema.nodes import find_node, public_profile
from schema.permissions import check_subject, permission_for
from schema.principals import MemberPrincipal
from schema.simulation import SimulateActivityResult, simulate
from schema.statement import statement
from schema.types.live import Campaign, LeaderboardRow
from schema.types.member import MEMBER_ID, After, First, Member, load_member, show_member
from schema.types.node import Node
from schema.types.profile import PublicProfile
from schema.types.program import Program, show_program
from schema.types.record import LedgerEntry

Language = Annotated[
    str | None, strawberry.argument(description="For the texts; else the member's language, else Accept-Language.")
]


@strawberry.type(description="Everything that can be asked.")
class Query:
    """The root queries."""

    @strawberry.field(
        extensions=[permission_for("me")], description="The member who asks; null when the account is gone."
    )
    async def me(self, info: Info, language: Language = None) -> Member | None:
        """The member who asks; None when the account is gone."""
        caller = info.context.principal
        member_id = caller.member_id if isinstance(caller, MemberPrincipal) else ""
        return await load_member(info.context, member_id, language)

    @strawberry.field(
        extensions=[permission_for("node")],
        description="An object by its global id; null where there is none that the caller may see.",
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],  # noqa: A002 - Relay's name
    ) -> Node | None:
        """An object by its global id; None where there is none that the caller may see."""
        return await find_node(info.context, id)

    @strawberry.field(
        extensions=[permission_for("nodes")],
        description="Objects by their global ids, in that order; null for each that the caller may not see.",
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 global ids.")],
    ) -> list[Node | None]:
        """Objects by their global ids, in that order."""
        if len(ids) > MAX_PAGE_SIZE:
            raise CallerError(BAD_USER_INPUT, f"{len(ids)} ids are given; at most {MAX_PAGE_SIZE} are possible.")
        return list(await asyncio.gather(*(find_node(info.context, one) for one in ids)))

    @strawberry.field(
        extensions=[permission_for("member")], description="The member with a loyalty number; null if it is nobody's."
    )
    async def member(
        self,
        info: Info,
        loyalty_number: Annotated[str, strawberry.argument(description="The 12 digits of the card.")],
        language: Language = None,
    ) -> Member | None:
        """The member with a loyalty number; None if it is nobody's."""
        if not is_loyalty_number(loyalty_number):
            raise CallerError(BAD_USER_INPUT, "This is no loyalty number: its length or its check digit is wrong.")
        members = info.context.game.stores.members
        found = (await members.by_loyalty_numbers([loyalty_number])).get(loyalty_number)
        return show_member(found, await info.context.reading(language, found)) if found else None

    @strawberry.field(extensions=[permission_for("program")], description="The program in force.")
    async def program(self, info: Info, language: Language = None) -> Program:
        """The program in force."""
        return show_program(await info.context.reading(language))

    @strawberry.field(
        extensions=[permission_for("publicProfile")],
        description="What a member shows to others; null where that is nothing, or there is no such member.",
    )
    async def public_profile(
        self,
        info: Info,
        handle: Annotated[str, strawberry.argument(description="The handle, in small letters.")],
        language: Language = None,
    ) -> PublicProfile | None:
        """What a member shows to others; None where they show nothing, as where there is nobody."""
        return await public_profile(info.context, handle, language)

    @strawberry.field(
        extensions=[permission_for("statement")],
        description="A member's ledger, newest entry first; null where there is no such member.",
    )
    async def statement(
        self,
        info: Info,
        member_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Members leave it out, or give their own; others need it."),
        ] = None,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
    ) -> Connection[LedgerEntry] | None:
        """The ledger of the member who asks, or of one that staff or a service names; None if there is no such one."""
        caller = info.context.principal
        own = caller.member_id if isinstance(caller, MemberPrincipal) else None
        subject = own if member_id is None else local_id(MEMBER_ID, member_id) or ""
        if subject is None:
            raise CallerError(BAD_USER_INPUT, "memberId is needed: whose statement is asked for?")
        check_subject("statement", caller, subject)
        found = await info.context.members.load(subject)
        if found is None:
            return None
        reading = await info.context.reading(None, found)
        return await statement(info.context.game.stores.journal, subject, reading, first, after)

    @strawberry.field(
        extensions=[permission_for("simulateActivity")],
        description="A dry run: everything that recording the activity would change.",
    )
    async def simulate_activity(self, info: Info, input: SimulateActivityInput) -> SimulateActivityResult:  # noqa: A002
        """A dry run of an activity."""
        return await simulate(info.context, input)

    @strawberry.field(extensions=[permission_for("leaderboard")], description="A board from its top; empty as yet.")
    def leaderboard(
        self,
        board: Annotated[str, strawberry.argument(description="The board's code.")],
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
    ) -> Connection[LeaderboardRow]:
        """A board from its top: there are no boards yet."""
        page_size(first)
        if after is not None:
            raise stale_cursor()
        return connection_of([], has_next=False, after=None)

    @strawberry.field(extensions=[permission_for("campaigns")], description="The campaigns; none as yet.")
    def campaigns(
        self, live: Annotated[bool, strawberry.argument(description="Only those that run now.")] = True
    ) -> list[Campaign]:
        """The campaigns: there are none yet."""
        return []
