"""The schema put together. It is built once in a process."""

from functools import cache

from strawberry.schema.config import StrawberryConfig

from schema.faults import MaskedSchema
from schema.limits import DOCUMENT_EXTENSIONS
from schema.mutations.root import Mutation
from schema.permissions import check_schema
from schema.queries import Query
from schema.scalars import SCALARS
from schema.sharing import SharingExecutor
from schema.subscriptions.my_events import MY_EVENTS
from schema.subscriptions.root import Subscription
from schema.types.member import Member
from schema.types.notice import Notice
from schema.types.profile import PublicProfile
from schema.types.record import LedgerEntry, Record


@cache
def build_schema() -> MaskedSchema:
    """The GraphQL schema, its limits and masks in place.

    Raises:
        ValueError: a root field is not in the permission matrix.
    """
    schema = MaskedSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Member, PublicProfile, LedgerEntry, Record, Notice, *MY_EVENTS],
        extensions=DOCUMENT_EXTENSIONS,
        execution_context_class=SharingExecutor,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    check_schema(schema)
    return schema
