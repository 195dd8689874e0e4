"""The GraphQL schema: types, queries, mutations, errors, limits and loaders."""
