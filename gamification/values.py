"""Values: dataclasses that never change, and are cheap to make.

One that the interpreter freezes sets every field by a call, which is six times as slow as setting it plainly, and was
a quarter of the time of playing a history. So it is the type checker alone that freezes these, and it sees all of the
code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

__all__ = ["value"]

_T = TypeVar("_T")

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: bool, slots: bool, order: bool = False) -> Callable[[type[_T]], type[_T]]:
        """Make a class such a dataclass; to the type checker, and in how it compares and hashes, a frozen one."""
        return dataclass(slots=slots, order=order, unsafe_hash=frozen)
