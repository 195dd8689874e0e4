"""What a snapshot holds many of, as it lies there: a JSON text for each such field of `State`.

That is most of a member's document, which is read with every home screen and written with every purchase. BSON writes
the name of each value, of those in lists too, and its reader makes an object of each before it can be told whether it
is of the right type; a text is read into the game's types at once (docs/adr/0026-snapshots-hold-texts.md). Nothing in
MongoDB asks what is in them.

Lots, twenty and more with eleven fields each, are rows: their values in the order of the fields of `Lot`. All else has
names.
"""

from dataclasses import fields
from itertools import starmap
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from gamification.state import Lot, State

TEXTS = (
    *("lots", "standing", "rules", "challenges", "badges", "campaigns", "attributes", "subtotals", "streaks"),
    "occasions_from",
)
"""The fields of a snapshot that are texts."""

_VALUES = attrgetter(*(field.name for field in fields(Lot)))

if TYPE_CHECKING:
    _Row = tuple[Any, ...]
else:
    _Row = tuple[tuple(get_type_hints(Lot).values())]

_ENCODER = msgspec.json.Encoder()
_TYPES: dict[str, Any] = get_type_hints(State) | {"lots": tuple[_Row, ...]}
_DECODERS = {name: msgspec.json.Decoder(_TYPES[name]) for name in TEXTS}


def write_texts(state: State) -> dict[str, str]:
    """The texts of a snapshot by their fields. Equal lots have equal texts."""
    values = {name: getattr(state, name) for name in TEXTS}
    values["lots"] = [_VALUES(lot) for lot in state.lots]
    return {name: _ENCODER.encode(value).decode() for name, value in values.items()}


def read_text(name: str, text: str) -> object:
    """What a field of a snapshot is by its text.

    Raises:
        msgspec.DecodeError: the text is no JSON, or what it holds is not of the field's type.
    """
    value = _DECODERS[name].decode(text)
    return tuple(starmap(Lot, value)) if name == "lots" else value
