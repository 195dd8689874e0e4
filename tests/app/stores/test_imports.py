"""What is known of an import outlives the process."""

from dataclasses import replace
from datetime import timedelta

from app.stores.imports import Import, MongoImports
from tests.app.stores.play import NOW, Play


async def test_import_is_kept_and_replaced(play: Play) -> None:
    imports = MongoImports(play.connection)
    assert await imports.get("cdnow") is None
    begun = Import("cdnow", 10_000, NOW)
    await imports.put(begun)
    assert await imports.get("cdnow") == begun
    ended = replace(begun, completed_at=NOW + timedelta(minutes=1))
    await imports.put(ended)
    assert await MongoImports(play.connection).get("cdnow") == ended
    assert await imports.get("other") is None
