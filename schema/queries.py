"""The root queries."""

import asyncio
from datetime import datetime
from typing import Annotated

import strawberry

from gamification.member import is_loyalty_number
from schema.broadcasts import broadcasts
from schema.campaign_preview import PreviewCampaignInput, PreviewCampaignResult, preview_campaign
from schema.campaigns import CampaignAction, audit, campaign, campaigns
from schema.connections import DEFAULT_PAGE_SIZE, Connection
from schema.context import Info
from schema.deliveries import dead_deliveries, deliveries_of_notice, delivery_counts
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import local_id
from schema.inbox import NoticeFeed, notice_feed
from schema.inputs import SimulateActivityInput
from schema.leaderboards import begin_page, begin_ranks, view_of
from schema.measure import MAX_PAGE_SIZE
from schema.nodes import find_node, public_profile
from schema.permissions import check_subject, permission_for
from schema.principals import MemberPrincipal
from schema.program_preview import PreviewProgramResult, preview_program
from schema.scalars import BigInt
from schema.simulation import SimulateActivitiesResult, SimulateActivityResult, simulate, simulate_chain
from schema.simulation_steps import SimulateActivitiesInput
from schema.statement import statement
from schema.types.arguments import After, AmongFriends, First, OfBoard, OfPeriod, OfScope
from schema.types.board import Board, show_board
from schema.types.broadcast import Broadcast
from schema.types.campaign import Campaign
from schema.types.delivery import Delivery, DeliveryCounts
from schema.types.leaderboard import Leaderboard, show_leaderboard
from schema.types.member import MEMBER_ID, Member, load_member, show_member
from schema.types.node import Node
from schema.types.profile import PublicProfile
from schema.types.program import Program, show_program
from schema.types.record import LedgerEntry
from schema.types.webhook import WebhookCounts, WebhookDeliveryState, WebhookEndpoint
from schema.webhooks import WebhookDeliveries, webhook_counts, webhook_deliveries, webhook_endpoints

Language = Annotated[
    str | None, strawberry.argument(description="For the texts; else the member's language, else Accept-Language.")
]
OfCampaign = Annotated[str, strawberry.argument(description="The campaign's code.")]


@strawberry.type(description="Everything that can be asked.")
class Query:
    """The root queries."""

    @strawberry.field(
        extensions=[permission_for("me")], description="The member who asks; null when the account is gone."
    )
    async def me(self, info: Info, language: Language = None) -> Member | None:
        """The member who asks; None when the account is gone."""
        context = info.context
        context.begin_caller()
        if isinstance(context.principal, MemberPrincipal):
            begin_ranks(info, await context.reading(), context.principal.member_id)
        await context.follow_merge()
        caller = context.principal
        return await load_member(context, caller.member_id, language) if isinstance(caller, MemberPrincipal) else None

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
        if found is not None and found.state.merged_into is not None:
            found = await info.context.members.load(found.state.merged_into)
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
        await info.context.follow_merge()
        caller = info.context.principal
        own = caller.member_id if isinstance(caller, MemberPrincipal) else None
        named = own if member_id is None else local_id(MEMBER_ID, member_id) or ""
        if named is None:
            raise CallerError(BAD_USER_INPUT, "memberId is needed: whose statement is asked for?")
        subject = await info.context.account(named)
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

    @strawberry.field(
        extensions=[permission_for("simulateActivities")],
        description="A dry run of up to 50 steps: what if this were done now, and that in June? It writes nothing.",
    )
    async def simulate_activities(
        self,
        info: Info,
        input: SimulateActivitiesInput,  # noqa: A002
    ) -> SimulateActivitiesResult:
        """A dry run of several steps."""
        return await simulate_chain(info.context, input)

    @strawberry.field(
        extensions=[permission_for("leaderboard")],
        description="A board from its top; null where the program has no such board.",
    )
    async def leaderboard(
        self,
        info: Info,
        board: OfBoard,
        *,
        scope: OfScope = None,
        period: OfPeriod = None,
        friends: AmongFriends = False,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
        language: Language = None,
    ) -> Leaderboard | None:
        """A board from its top; None where the program has no such board."""
        context = info.context
        context.begin_caller()
        reading = await context.reading(language)
        begin_page(context, reading, board, scope, first, period=period, friends=friends, after=after)
        view = await view_of(context, reading, board, scope, period, friends=friends)
        return await show_leaderboard(context, view, first, after) if view else None

    @strawberry.field(extensions=[permission_for("boards")], description="The program's leaderboards.")
    async def boards(self, info: Info, language: Language = None) -> list[Board]:
        """The program's leaderboards."""
        reading = await info.context.reading(language)
        return [show_board(board, reading) for board in reading.program.boards]

    @strawberry.field(extensions=[permission_for("campaigns")], description="The campaigns, those that are open first.")
    async def campaigns(
        self,
        info: Info,
        live: Annotated[
            bool,
            strawberry.argument(
                description="Only those that run now, also between two openings; else those to come too, and for staff "
                "drafts and paused ones."
            ),
        ] = True,
        language: Language = None,
    ) -> list[Campaign]:
        """The campaigns that the caller may know of."""
        return await campaigns(info.context, live=live, language=language)

    @strawberry.field(
        extensions=[permission_for("campaign")],
        description="The campaign with a code, also one that has ended; null where the caller may know of none.",
    )
    async def campaign(self, info: Info, code: OfCampaign, language: Language = None) -> Campaign | None:
        """The campaign with a code."""
        return await campaign(info.context, code, language)

    @strawberry.field(
        extensions=[permission_for("campaignAudit")],
        description="All that was ever done to a campaign, oldest first; null where there is none.",
    )
    async def campaign_audit(
        self, info: Info, code: OfCampaign, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[CampaignAction] | None:
        """All that was ever done to a campaign."""
        return await audit(info.context, code, first, after)

    @strawberry.field(
        extensions=[permission_for("broadcasts")], description="What was or is told to many members, newest first."
    )
    async def broadcasts(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[Broadcast]:
        """What was or is told to many members."""
        return await broadcasts(info.context, first, after)

    @strawberry.field(
        extensions=[permission_for("previewCampaign")],
        description="What a campaign would have given in past days: a dry run that writes nothing.",
    )
    async def preview_campaign(self, info: Info, input: PreviewCampaignInput) -> PreviewCampaignResult:  # noqa: A002
        """What a campaign would have given in past days."""
        return await preview_campaign(info.context, input)

    @strawberry.field(
        extensions=[permission_for("previewProgram")],
        description="What a changed program would do to members, before it is applied: a dry run that writes nothing.",
    )
    async def preview_program(
        self,
        info: Info,
        text: Annotated[
            str, strawberry.argument(name="source", description="The changed program, as the text of its YAML file.")
        ],
        from_at: Annotated[
            datetime | None,
            strawberry.argument(
                name="from",
                description="When it would come into force. What happened since a moment that is past is judged again; "
                "without one, all that ever happened. At one that is now or to come, only what is due at once is told.",
            ),
        ] = None,
    ) -> PreviewProgramResult:
        """What a changed program would do to members."""
        return await preview_program(info.context, text, from_at)

    @strawberry.field(
        extensions=[permission_for("noticeFeed")],
        description="What all members are told, oldest first, for workers to follow: go on with `endCursor` for ever, "
        "and nothing is missed or repeated. `first: 0` without `after` leads to the end of it.",
    )
    async def notice_feed(
        self,
        info: Info,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
        after_position: Annotated[
            BigInt | None,
            strawberry.argument(
                description="Where to begin without `after`: behind this `position` of the streams in Redis."
            ),
        ] = None,
        language: Annotated[
            str | None, strawberry.argument(description="For the texts; else each member's language.")
        ] = None,
    ) -> NoticeFeed:
        """What all members are told."""
        return await notice_feed(info.context, language, first, after, after_position)

    @strawberry.field(
        extensions=[permission_for("noticeDeliveries")],
        description="What became of a notice on each device that it is for.",
    )
    async def notice_deliveries(
        self,
        info: Info,
        notice_id: Annotated[strawberry.ID, strawberry.argument(description="The notice's global id.")],
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
    ) -> Connection[Delivery]:
        """What became of a notice on each device."""
        return await deliveries_of_notice(info.context, notice_id, first, after)

    @strawberry.field(
        extensions=[permission_for("deadDeliveries")],
        description="Deliveries that were given up after all attempts, the latest first.",
    )
    async def dead_deliveries(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[Delivery]:
        """Deliveries that were given up."""
        return await dead_deliveries(info.context, first, after)

    @strawberry.field(
        extensions=[permission_for("deliveryCounts")], description="How many deliveries ended how, and how many wait."
    )
    async def delivery_counts(
        self,
        info: Info,
        days: Annotated[int, strawberry.argument(description="The last days in UTC, today included: 1 to 31.")] = 1,
    ) -> DeliveryCounts:
        """How many deliveries ended how, and how many wait."""
        return await delivery_counts(info.context, days)

    @strawberry.field(
        extensions=[permission_for("webhookEndpoints")],
        description="The systems that are sent what members are told, in the order in which they were made.",
    )
    async def webhook_endpoints(self, info: Info) -> list[WebhookEndpoint]:
        """The systems that are sent what members are told."""
        return await webhook_endpoints(info.context)

    @strawberry.field(
        extensions=[permission_for("webhookCounts")],
        description="How many deliveries to each endpoint ended how, how many wait, and since when.",
    )
    async def webhook_counts(
        self,
        info: Info,
        days: Annotated[int, strawberry.argument(description="The last days in UTC, today included: 1 to 31.")] = 1,
    ) -> list[WebhookCounts]:
        """How many deliveries to each endpoint ended how, how many wait, and since when."""
        return await webhook_counts(info.context, days)

    @strawberry.field(
        extensions=[permission_for("webhookDeliveries")],
        description="What such a system was sent and is to be sent, the latest notice first.",
    )
    async def webhook_deliveries(
        self,
        info: Info,
        endpoint: Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")],
        state: Annotated[
            WebhookDeliveryState | None, strawberry.argument(description="Only those that stand so.")
        ] = None,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
    ) -> WebhookDeliveries:
        """What such a system was sent and is to be sent."""
        return await webhook_deliveries(info.context, endpoint, state, first, after)
