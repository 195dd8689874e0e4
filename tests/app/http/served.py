"""A running GraphQL endpoint as the tests see it, and what they read from its answers."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from app.http.callers import MakeContext
from app.http.graphql import HttpLimits
from tests.graphql_http.sample_schema import Trace

PATH = "/graphql"
JSON_TYPE = {"Content-Type": "application/json"}
NEW_TYPE = {"Accept": "application/graphql-response+json"}
WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Served:
    """A running endpoint, a client for it, and what its resolvers did."""

    client: httpx.AsyncClient
    trace: Trace

    async def post(self, query: str, *, accept: str = "*/*", **body: Any) -> httpx.Response:
        return await self.client.post(PATH, json={"query": query, **body}, headers={"Accept": accept})

    async def strict(self, query: str, **body: Any) -> httpx.Response:
        return await self.post(query, accept=NEW_TYPE["Accept"], **body)


class Serve(Protocol):
    """Starts an endpoint with limits or a context of its own, which runs until the test ends."""

    async def __call__(
        self, *, limits: HttpLimits | None = None, make_context: MakeContext | None = None
    ) -> Served: ...


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The one error of a response that holds nothing else."""
    body = response.json()
    assert list(body) == ["errors"], body
    (error,) = body["errors"]
    assert isinstance(error["message"], str)
    assert error["message"]
    return dict(error)


def code_of(response: httpx.Response) -> str:
    return str(error_of(response)["extensions"]["code"])
