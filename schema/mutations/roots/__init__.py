"""The root fields of mutations, by what they are about. `schema.mutations.root` puts them together."""
