"""Exit codes of child processes, in words."""

import signal


def how_it_ended(code: int) -> str:
    """How a process ended: ``code`` is its exit code, or minus the number of the signal that ended it."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
