"""requeueDeliveries: staff have deliveries tried once more that were given up."""

from typing import Annotated, TypeAlias

import strawberry

from gamification.activity import Problem, to_milliseconds
from schema.context import Context
from schema.ids import local_id, to_global_id
from schema.measure import MAX_PAGE_SIZE
from schema.types.delivery import DELIVERY_ID
from schema.types.errors import InvalidInput, invalid


@strawberry.input(description="Deliveries to try once more.")
class RequeueDeliveriesInput:
    """Deliveries to try once more."""

    ids: list[strawberry.ID] = strawberry.field(description="Up to 100 ids of deliveries that are `dead`.")


@strawberry.type(description="They are queued, those that were dead.")
class RequeueDeliveriesSuccess:
    """They are queued."""

    ids: list[strawberry.ID] = strawberry.field(description="Those that were dead, and are queued now.")


RequeueDeliveriesResult: TypeAlias = Annotated[
    RequeueDeliveriesSuccess | InvalidInput,
    strawberry.union("RequeueDeliveriesResult", description="What is queued, or what is wrong with the ids."),
]


async def requeue_deliveries(context: Context, given: RequeueDeliveriesInput) -> RequeueDeliveriesResult:
    """Queue what was given up. Quiet hours, wishes and the notice's end count as ever."""
    if not 0 < len(given.ids) <= MAX_PAGE_SIZE:
        return invalid(Problem("ids", f"must be from 1 to {MAX_PAGE_SIZE}"))
    ids = [local_id(DELIVERY_ID, each) for each in given.ids]
    if problems := [Problem(f"ids.{place}", "is not the id of a delivery") for place, one in enumerate(ids) if not one]:
        return invalid(*problems)
    now = to_milliseconds(context.game.now())
    queued = await context.game.telling.deliveries.requeue([one for one in ids if one], now)
    return RequeueDeliveriesSuccess(ids=[to_global_id(DELIVERY_ID, one) for one in queued])
