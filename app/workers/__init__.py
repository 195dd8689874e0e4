"""Several processes that serve on one port: a parent that opens it and hands connections out, and its workers."""
