"""The root of all mutations."""

import strawberry

from schema.context import Info
from schema.inputs import ActivityInput
from schema.mutations.adjust_points import AdjustPointsInput, adjust_points
from schema.mutations.broadcasts import (
    BroadcastInput,
    BroadcastResult,
    SendMessageInput,
    SendMessageResult,
    pause_broadcast,
    resume_broadcast,
    send_message,
)
from schema.mutations.campaigns import (
    CampaignInput,
    CampaignResult,
    CreateCampaignInput,
    CreateCampaignResult,
    ExtendCampaignInput,
    create_campaign,
    end_campaign,
    extend_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from schema.mutations.devices import (
    MarkOpenedInput,
    MarkOpenedResult,
    RegisterDeviceInput,
    RegisterDeviceResult,
    RemoveDeviceInput,
    RemoveDeviceResult,
    mark_opened,
    register_device,
    remove_device,
)
from schema.mutations.enrol_member import EnrolMemberInput, EnrolMemberResult, enrol_member
from schema.mutations.extend_points import ExtendPointsInput, extend_points
from schema.mutations.friends import (
    AcceptFriendResult,
    BlockMemberResult,
    OtherMemberInput,
    RemoveFriendResult,
    RequestFriendInput,
    RequestFriendResult,
    UnblockMemberResult,
    accept_friend,
    block_member,
    remove_friend,
    request_friend,
    unblock_member,
)
from schema.mutations.grant_tier import GrantTierInput, grant_tier
from schema.mutations.merge_members import (
    MergeMembersInput,
    MergeMembersResult,
    UnmergeMembersInput,
    UnmergeMembersResult,
    merge_members,
    unmerge_members,
)
from schema.mutations.notification_preferences import (
    SetNotificationPreferencesInput,
    SetNotificationPreferencesResult,
    set_notification_preferences,
)
from schema.mutations.pause_streak import PauseStreakInput, pause_streak
from schema.mutations.read_notices import (
    MarkAllReadInput,
    MarkAllReadResult,
    MarkReadInput,
    MarkReadResult,
    mark_all_read,
    mark_read,
)
from schema.mutations.record_activity import (
    RecordActivitiesInput,
    RecordActivitiesResult,
    RecordActivityResult,
    record_activities,
    record_activity,
)
from schema.mutations.requeue_deliveries import (
    RequeueDeliveriesInput,
    RequeueDeliveriesResult,
    requeue_deliveries,
)
from schema.mutations.reverse_activity import ReverseActivityInput, ReverseActivityResult, reverse_activity
from schema.mutations.set_member_attributes import SetMemberAttributesInput, set_member_attributes
from schema.mutations.update_profile import (
    SetBadgeShowcaseInput,
    SetBadgeShowcaseResult,
    UpdateProfileInput,
    UpdateProfileResult,
    set_badge_showcase,
    update_profile,
)
from schema.mutations.webhooks import (
    CreateWebhookEndpointInput,
    CreateWebhookEndpointResult,
    RedeliverWebhookInput,
    RedeliverWebhookResult,
    RemoveWebhookEndpointInput,
    RemoveWebhookEndpointResult,
    RotateWebhookSecretInput,
    RotateWebhookSecretResult,
    UpdateWebhookEndpointInput,
    UpdateWebhookEndpointResult,
    create_webhook_endpoint,
    redeliver_webhook,
    remove_webhook_endpoint,
    rotate_webhook_secret,
    update_webhook_endpoint,
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

    @strawberry.mutation(
        extensions=[permission_for("markRead")], description="Note that the member who asks has read notices."
    )
    async def mark_read(self, info: Info, input: MarkReadInput) -> MarkReadResult:  # noqa: A002
        """Note that the member who asks has read notices."""
        return await mark_read(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("markAllRead")],
        description="Note that the member who asks has read all notices, up to one.",
    )
    async def mark_all_read(self, info: Info, input: MarkAllReadInput) -> MarkAllReadResult:  # noqa: A002
        """Note that the member who asks has read all notices, up to one."""
        return await mark_all_read(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("requestFriend")],
        description="Ask a member to be friends. Where they have asked too, the two are friends at once.",
    )
    async def request_friend(self, info: Info, input: RequestFriendInput) -> RequestFriendResult:  # noqa: A002
        """Ask a member to be friends."""
        return await request_friend(info.context, input)

    @strawberry.mutation(extensions=[permission_for("acceptFriend")], description="Accept a request to be friends.")
    async def accept_friend(self, info: Info, input: OtherMemberInput) -> AcceptFriendResult:  # noqa: A002
        """Accept a request to be friends."""
        return await accept_friend(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeFriend")],
        description="End a friendship, withdraw a request, or turn one down. The other is not told.",
    )
    async def remove_friend(self, info: Info, input: OtherMemberInput) -> RemoveFriendResult:  # noqa: A002
        """End a friendship, withdraw a request, or turn one down."""
        return await remove_friend(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("blockMember")],
        description="Block a member: neither sees the other any more, and a friendship ends. The other is not told.",
    )
    async def block_member(self, info: Info, input: OtherMemberInput) -> BlockMemberResult:  # noqa: A002
        """Block a member."""
        return await block_member(info.context, input)

    @strawberry.mutation(extensions=[permission_for("unblockMember")], description="Lift one's own block.")
    async def unblock_member(self, info: Info, input: OtherMemberInput) -> UnblockMemberResult:  # noqa: A002
        """Lift one's own block."""
        return await unblock_member(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("createCampaign")],
        description="Make a campaign: a draft, or one that runs from its start on.",
    )
    async def create_campaign(self, info: Info, input: CreateCampaignInput) -> CreateCampaignResult:  # noqa: A002
        """Make a campaign."""
        return await create_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("startCampaign")], description="Let a draft run. It opens when its terms say."
    )
    async def start_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a draft run. It opens when its terms say."""
        return await start_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("pauseCampaign")], description="Let a campaign give nothing until it is resumed."
    )
    async def pause_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a campaign give nothing until it is resumed."""
        return await pause_campaign(info.context, input)

    @strawberry.mutation(extensions=[permission_for("resumeCampaign")], description="Let a paused campaign go on.")
    async def resume_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a paused campaign go on."""
        return await resume_campaign(info.context, input)

    @strawberry.mutation(extensions=[permission_for("endCampaign")], description="End a campaign for good, at once.")
    async def end_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """End a campaign for good, at once."""
        return await end_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("extendCampaign")],
        description="Give a campaign a later end, more points or more places.",
    )
    async def extend_campaign(self, info: Info, input: ExtendCampaignInput) -> CampaignResult:  # noqa: A002
        """Give a campaign a later end, more points or more places."""
        return await extend_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("registerDevice")],
        description="Let a device be the member's from now on; nobody else is told on it any more.",
    )
    async def register_device(self, info: Info, input: RegisterDeviceInput) -> RegisterDeviceResult:  # noqa: A002
        """Let a device be the member's from now on; nobody else is told on it any more."""
        return await register_device(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeDevice")],
        description="Be told on a device no longer.",
    )
    async def remove_device(self, info: Info, input: RemoveDeviceInput) -> RemoveDeviceResult:  # noqa: A002
        """Be told on a device no longer."""
        return await remove_device(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("setNotificationPreferences")],
        description="Choose what to be told, on which channel, and when.",
    )
    async def set_notification_preferences(
        self,
        info: Info,
        input: SetNotificationPreferencesInput,  # noqa: A002
    ) -> SetNotificationPreferencesResult:
        """Choose what to be told, on which channel, and when."""
        return await set_notification_preferences(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("markOpened")],
        description="Note that notices were opened from a push.",
    )
    async def mark_opened(self, info: Info, input: MarkOpenedInput) -> MarkOpenedResult:  # noqa: A002
        """Note that notices were opened from a push."""
        return await mark_opened(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("requeueDeliveries")],
        description="Have deliveries tried once more that were given up.",
    )
    async def requeue_deliveries(self, info: Info, input: RequeueDeliveriesInput) -> RequeueDeliveriesResult:  # noqa: A002
        """Have deliveries tried once more that were given up."""
        return await requeue_deliveries(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("createWebhookEndpoint")],
        description="Let another system be sent what members are told, as docs/webhooks.md says.",
    )
    async def create_webhook_endpoint(
        self,
        info: Info,
        input: CreateWebhookEndpointInput,  # noqa: A002
    ) -> CreateWebhookEndpointResult:
        """Let another system be sent what members are told, as docs/webhooks.md says."""
        return await create_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("updateWebhookEndpoint")],
        description="Change an endpoint of webhooks, or let it be sent nothing, or something again.",
    )
    async def update_webhook_endpoint(
        self,
        info: Info,
        input: UpdateWebhookEndpointInput,  # noqa: A002
    ) -> UpdateWebhookEndpointResult:
        """Change an endpoint of webhooks, or let it be sent nothing, or something again."""
        return await update_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("rotateWebhookSecret")],
        description="Give an endpoint of webhooks a new secret; the old one signs too for a while.",
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        input: RotateWebhookSecretInput,  # noqa: A002
    ) -> RotateWebhookSecretResult:
        """Give an endpoint of webhooks a new secret; the old one signs too for a while."""
        return await rotate_webhook_secret(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeWebhookEndpoint")],
        description="Remove an endpoint of webhooks for good. What it was still to be sent is sent to nobody.",
    )
    async def remove_webhook_endpoint(
        self,
        info: Info,
        input: RemoveWebhookEndpointInput,  # noqa: A002
    ) -> RemoveWebhookEndpointResult:
        """Remove an endpoint of webhooks for good. What it was still to be sent is sent to nobody."""
        return await remove_webhook_endpoint(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("redeliverWebhook")],
        description="Send to an endpoint of webhooks once more what it was sent, or did not take.",
    )
    async def redeliver_webhook(
        self,
        info: Info,
        input: RedeliverWebhookInput,  # noqa: A002
    ) -> RedeliverWebhookResult:
        """Send to an endpoint of webhooks once more what it was sent, or did not take."""
        return await redeliver_webhook(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("sendMessage")],
        description="Tell many members something, a few hundred at a time. `broadcasts` shows how far it is.",
    )
    async def send_message(self, info: Info, input: SendMessageInput) -> SendMessageResult:  # noqa: A002
        """Tell many members something."""
        return await send_message(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("pauseBroadcast")],
        description="Tell nobody until it is resumed. Who was told before stays told.",
    )
    async def pause_broadcast(self, info: Info, input: BroadcastInput) -> BroadcastResult:  # noqa: A002
        """Tell nobody until it is resumed."""
        return await pause_broadcast(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("resumeBroadcast")], description="Let a paused broadcast go on where it was."
    )
    async def resume_broadcast(self, info: Info, input: BroadcastInput) -> BroadcastResult:  # noqa: A002
        """Let a paused broadcast go on."""
        return await resume_broadcast(info.context, input)
