"""The root of all mutations."""

import strawberry

from schema.mutations.roots.accounts import Accounts
from schema.mutations.roots.campaigns import Campaigns
from schema.mutations.roots.community import Community
from schema.mutations.roots.notices import Notices
from schema.mutations.roots.records import Records
from schema.mutations.roots.sending import Sending


@strawberry.type(description="Everything that can be changed. Expected errors are in the result types.")
class Mutation(Records, Accounts, Community, Campaigns, Notices, Sending):
    """The root of all mutations."""
