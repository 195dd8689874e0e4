"""The boards as Redis shows them: a projection of MongoDB that may be lost at any moment and is then made again.

One board in one period and scope is three keys. All carry the board's text as hash tag, so they share a slot:

====================================  ===========  ===========================================================
Key                                   Type         Holds
====================================  ===========  ===========================================================
``laurel:g7:{weekly/2026-W20/}:listed``    sorted set   who holds a public place: score is minus the value, member is
                                                   columns, time and member id, so plain ascending order is the
                                                   total order
``laurel:g7:{weekly/2026-W20/}:unlisted``  sorted set   who only sees themself, alike
``laurel:g7:{weekly/2026-W20/}:members``   hash         member id -> revision, list, value and the rest of the order
``laurel:g7:{12}:canary``                  string       there as long as this part of Redis has not been emptied
``laurel:boards``                          hash         control: ``epoch``, ``current``, ``building``, ``writes``
====================================  ===========  ===========================================================

``g7`` is the generation. A rebuild fills the next one beside it and then swaps, while reads go on. Which epoch and
generation are to be trusted says MongoDB (collection ``projections``), for a Redis that lost something cannot know it.
"""
