"""Members by the very bytes of their documents: who is read again and again, as the first of a board are, costs little.

It cannot be wrong, for what it knows of a document is what those bytes come to, and it is the server that says which
bytes they are just now.
"""

from collections import OrderedDict

import bson

from app.stores.codec import Unreadable, try_member
from app.stores.connection import CODEC_OPTIONS
from gamification.member import Member

MAX_BYTES = 512 * 1024
"""Of documents that are kept. With what they come to it is some four times as much: that of 70 ordinary members."""
MAX_SEEN = 4_000
"""How many documents that were read once are remembered, by a number, so that it shows which are read again."""


class DecodedMembers:
    """Decodes members' documents, and of those that come again keeps the ones that were asked for last.

    Most documents never do: a purchase makes another one of each that it reads.
    """

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._members: OrderedDict[bytes, Member] = OrderedDict()
        self._seen: OrderedDict[int, None] = OrderedDict()

    def member(self, document: bytes) -> Member | Unreadable:
        """The member that a document in BSON holds, or what is wrong with it. A kept one gives the same object."""
        known = self._members.get(document)
        if known is not None:
            self._members.move_to_end(document)
            return known
        decoded = try_member(bson.decode(document, CODEC_OPTIONS))
        if isinstance(decoded, Member) and self._has_come_before(hash(document)):
            self._keep(document, decoded)
        return decoded

    def _has_come_before(self, number: int) -> bool:
        """Whether a document with this number has; two of the same are kept a little too soon, and nothing more."""
        if number in self._seen:
            del self._seen[number]
            return True
        self._seen[number] = None
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return False

    def _keep(self, document: bytes, member: Member) -> None:
        self._members[document] = member
        self._bytes += len(document)
        while self._bytes > self._most_bytes:
            oldest, _ = self._members.popitem(last=False)
            self._bytes -= len(oldest)
