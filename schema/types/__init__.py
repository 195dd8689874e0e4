"""GraphQL object types: how the game's vocabulary looks to a client."""
