"""What a process does so that it takes less memory."""

import ctypes
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
