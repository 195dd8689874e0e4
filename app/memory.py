"""How much memory there is, and what a process does so that it takes less of it."""

import ctypes
import os
from contextlib import suppress

HEAPS = 2
_M_ARENA_MAX = -8
"""glibc's number of the parameter (mallopt(3), malloc.h)."""


def share_heaps() -> None:
    """Let all threads to come share `HEAPS` of the C library's heaps, where that is glibc; elsewhere it does nothing.

    By itself it gives a thread one of its own, up to eight a processor, and what is freed in one serves no other. The
    threads that talk to MongoDB hold whole batches of documents, one after the other and seldom at once.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)


def machine_megabytes() -> int:
    """The memory of this machine, in units of 1,024 KB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
