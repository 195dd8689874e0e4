"""What docs/feed.md says of the streams is so."""

import re
from pathlib import Path

from app.notices import keeper, retention, streams
from app.notices.entries import FIELDS, PARTITIONS, stream_name
from app.notices.groups import MAX_GROUP_CHARS

PAGE = (Path(__file__).parents[3] / "docs" / "feed.md").read_text(encoding="utf-8")


def test_the_table_has_every_field_in_its_order() -> None:
    table = PAGE[PAGE.index("| Field | Holds |") : PAGE.index("More fields may come")]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == FIELDS


def test_the_figures_are_those_of_the_code() -> None:
    last = stream_name("laurel", PARTITIONS - 1)
    for words in (
        f"There are {PARTITIONS} Redis Streams",
        f"to `{last}`",
        f"modulo {PARTITIONS}",
        f"up to {MAX_GROUP_CHARS} characters",
        f"the latest {keeper.KEPT_POSITIONS:,} of the feed",
        f"up to {streams.MAX_ENTRIES:,} entries a stream",
        f"some {streams.MAX_ENTRIES * PARTITIONS:,} in all",
        f"{retention.KEPT_DAYS} days from when",
        f"up to {retention.MAX_DROPPED:,} every two seconds",
    ):
        assert words in " ".join(PAGE.split()), words
    assert keeper.KEEP_SECONDS == 2
