"""The HTTP edge: the GraphQL endpoint, its development page, and the health check."""
