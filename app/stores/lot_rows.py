"""Lots as they lie in a snapshot: a JSON text with a row for each, its values in the order of the fields of `Lot`.

They are most of what a member's document holds, twenty and more with eleven fields each, and are read with every member
and written with every purchase. As rows they take half of the room, and a fifth of the time to write and to read
(docs/adr/0024-lots-are-rows.md).
"""

from dataclasses import fields
from itertools import starmap
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from gamification.state import Lot

_VALUES = attrgetter(*(field.name for field in fields(Lot)))

if TYPE_CHECKING:
    _Row = tuple[Any, ...]
else:
    _Row = tuple[tuple(get_type_hints(Lot).values())]

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[_Row, ...])


def write_lots(lots: tuple[Lot, ...]) -> str:
    """The text of these lots. Equal lots have equal texts."""
    return _ENCODER.encode([_VALUES(lot) for lot in lots]).decode()


def read_lots(text: str) -> tuple[Lot, ...]:
    """The lots of a text.

    Raises:
        msgspec.ValidationError: a row is not that of a lot, or the text is no JSON.
    """
    return tuple(starmap(Lot, _DECODER.decode(text)))
