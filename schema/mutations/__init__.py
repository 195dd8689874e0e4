"""The root mutations, one file each: an input, a union of results, and the call of a use case."""
