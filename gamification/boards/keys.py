"""The name of one board in one period and scope, as one text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoardKey:
    """One ranking list: a board's code, a period's code, and the value that the board is kept by (empty for everyone).

    Codes hold no slash and are not empty. The scope may hold any character, for it comes last.

    Raises:
        ValueError: a code is empty or holds a slash.
    """

    board: str
    period: str
    scope: str = ""

    def __post_init__(self) -> None:
        for code in (self.board, self.period):
            if not code or "/" in code:
                raise ValueError(f"{code!r} cannot name a board or a period: it is empty or holds a slash")

    @property
    def text(self) -> str:
        """The key as a text: ``weekly/2026-W20/lisbon``; with an empty scope it ends in a slash."""
        return f"{self.board}/{self.period}/{self.scope}"

    @classmethod
    def parse(cls, text: str) -> "BoardKey":
        """The key that a text stands for; ``parse(key.text) == key``.

        Raises:
            ValueError: the text is not that of a key.
        """
        parts = text.split("/", 2)
        if len(parts) != len(("board", "period", "scope")):
            raise ValueError(f"{text!r} is not the text of a board's key: board/period/scope")
        return cls(*parts)
