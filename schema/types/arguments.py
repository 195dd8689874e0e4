"""Arguments that many fields have."""

from typing import Annotated

import strawberry

First = Annotated[int | None, strawberry.argument(description="How many, from 0 to 100; 20 unless told.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on from; the first page without it.")]

OfBoard = Annotated[str, strawberry.argument(description="The board's code.")]
OfScope = Annotated[
    str | None, strawberry.argument(description='Which of a scoped board is meant, such as "lisbon"; else left out.')
]
OfPeriod = Annotated[
    str | None, strawberry.argument(description='An earlier period, such as "2026-W20"; the one that runs without it.')
]
AmongFriends = Annotated[
    bool, strawberry.argument(description="Only the member who asks and their friends, ranked among themselves.")
]
