"""Less memory, where the C library can be asked for it."""

import subprocess
import sys
from textwrap import dedent

import pytest

# Threads that hold memory at once, and so have a heap each if they may; glibc maps 64 MB of addresses for a heap.
MEASURED = dedent("""
    import sys, threading
    from app.memory import keep_heaps_small
    if sys.argv[1] == "small":
        keep_heaps_small()
    barrier = threading.Barrier(8)
    def hold():
        held = [bytes(9_000) for _ in range(100)]
        barrier.wait()
    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    heaps = {line.split("-")[0] for line in open("/proc/self/maps") if line.split("-")[0].endswith("000000")
             and line.startswith("7f") and " rw-p 00000000 00:00 0" in line}
    print(len(heaps))
""")


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_threads_share_few_heaps() -> None:
    own, small = (
        int(subprocess.run([sys.executable, "-c", MEASURED, how], capture_output=True, text=True, check=True).stdout)
        for how in ("own", "small")
    )
    assert small < own


# A block that is freed once raises glibc's idea of what is worth keeping, and the next one of its size stays.
FREED = dedent("""
    import sys
    from app.memory import keep_heaps_small
    if sys.argv[1] == "small":
        keep_heaps_small()
    def resident():
        return int(open("/proc/self/statm").read().split()[1]) * 4096
    before = resident()
    for _ in range(3):
        block = bytearray(b"x") * 8_000_000
        small = [bytearray(b"x") * 1000 for _ in range(100)]
        del block
    print(resident() - before)
""")


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_large_block_that_is_freed_goes_back() -> None:
    command = [sys.executable, "-c", FREED, "small"]
    kept = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert kept < 4_000_000
