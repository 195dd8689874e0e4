"""The shop that is measured: its program, and as many members as wanted."""
