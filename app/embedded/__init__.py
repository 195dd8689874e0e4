"""Embedded MongoDB- and Redis-compatible servers as child processes, for a machine that has only Python."""

from app.embedded.lifecycle import StoreServers, embedded_servers, running_servers

__all__ = ["StoreServers", "embedded_servers", "running_servers"]
