"""The one kind of error that is shown to whoever started the process."""


class OperatorError(Exception):
    """Keeps the process from starting or going on, and can be mended from outside.

    Its text is one plain line: what is wrong, where, and what to do. The command line prints it without a traceback
    and exits non-zero.
    """
