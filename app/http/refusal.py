"""An HTTP request that is turned away before any GraphQL is run."""

from collections.abc import Mapping

BAD_REQUEST = "BAD_REQUEST"


class Refusal(Exception):
    """Turns a request away with an HTTP ``status`` and a GraphQL-shaped body; ``message`` says what to do instead."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str = BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The response map."""
        return {"errors": [{"message": str(self), "extensions": {"code": self.code}}]}
