"""How much memory there is, and what a process does so that it takes less of it."""

import ctypes
import os
from contextlib import suppress

HEAPS = 2
MAPPED_BYTES = 256 * 1024
"""From which size on a block is a mapping of its own, which goes back to the system as soon as it is freed."""
SPARE_BYTES = 512 * 1024
"""How much free memory a heap keeps at its end."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""glibc's numbers of the parameters (mallopt(3), malloc.h)."""


def keep_heaps_small() -> None:
    """Have the C library keep little of what is freed, where that is glibc; elsewhere it does nothing.

    By itself it gives a thread a heap of its own, up to eight a processor, and what is freed in one serves no other.
    The threads that talk to MongoDB hold whole batches of documents, one after the other and seldom at once. And with
    each large block that is freed it comes to keep more of such.
    """
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        for parameter, value in (
            (_M_ARENA_MAX, HEAPS),
            (_M_MMAP_THRESHOLD, MAPPED_BYTES),
            (_M_TRIM_THRESHOLD, SPARE_BYTES),
        ):
            libc.mallopt(parameter, value)


def machine_megabytes() -> int:
    """The memory of this machine, in units of 1,024 KB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
