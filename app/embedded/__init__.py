"""Embedded MongoDB- and Redis-compatible servers as child processes, for a machine that has only Python."""

from app.embedded.lifecycle import Stores, embedded_servers

__all__ = ["Stores", "embedded_servers"]
