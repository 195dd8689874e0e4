"""The Node interface of Relay: whatever has a global id can be fetched again by it."""

import strawberry


@strawberry.interface(description="An object with a global id, to be fetched again by `node`.")
class Node:
    """An object with a global id."""

    id: strawberry.ID
