"""The Node interface of Relay: whatever has a global id can be fetched again by it."""

import strawberry


@strawberry.interface(description="An object with a global id, to be fetched again by `node`.")
class Node:
    """An object with a global id."""

    id: strawberry.ID = strawberry.field(
        description="Opaque, and the same for good. `node` finds the object by it; one from a dry run leads nowhere."
    )
