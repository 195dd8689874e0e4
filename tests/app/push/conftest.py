"""Tests wait for no host to be called again."""

import pytest

from app.push.http2 import client


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REOPEN_SECONDS", 0.001)
