from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system.installation import Installation, installed


@pytest.fixture
async def laurel(tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation that has not been used yet."""
    async with installed(tmp_path) as installation:
        yield installation
