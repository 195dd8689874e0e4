"""The stores of Laurel in MongoDB. Each module says what it keeps; here is how it all lies together.

=============  ============================  =======================================  ==================
Collection     ``_id``                       Other unique index                       Shard key
=============  ============================  =======================================  ==================
members        member id                                                              ``_id`` hashed
journal        ``member_id:key``             ``(member_id, seq)``                     ``member_id`` hashed
checkpoints    ``member_id:time:key``                                                 ``member_id`` hashed
claims         ``handle:alice`` and so on                                             ``_id`` hashed
programs       version                                                                not sharded
imports        name                                                                   not sharded
outbox         ``member_id:revision``                                                 ``member_id`` hashed
friendships    ``ann:bob``, both ids                                                  ``_id`` hashed
friend_counts  member id                                                              ``_id`` hashed
standings      ``run:member_id:scope``                                                ``_id`` hashed
prizes         ``run:member_id:scope``                                                ``_id`` hashed
board_periods  ``weekly/2026-W20``                                                    not sharded
campaigns      code                                                                   not sharded
allowances     ``code:points:3``                                                      ``_id`` hashed
projections    ``boards``                                                             not sharded
keys           what the key is for                                                    not sharded
devices        hash of a token                                                        ``_id`` hashed
preferences    member id                                                              ``_id`` hashed
deliveries     ``notice:device``                                                      ``member_id`` hashed
=============  ============================  =======================================  ==================

A sharded collection can have unique indexes only if they begin with the shard key. The journal's do, since its ``_id``
holds the member id and all of one member lies on one shard. What is unique across members (loyalty number, handle,
external id, enrolment key) cannot be an index of ``members``; it is a document of ``claims``, written in the same
transaction. So recording touches one shard, and those of what is left of a campaign with a limit; only enrolling,
changing a handle, a step between friends and merging two accounts touch more. Records are looked up by key with
``_id`` alone, and so are the checkpoints that a change of the past begins at or replaces, which asks every shard for
very little.

A document of ``members`` has two fields for the clock, each with an index: ``due_at`` is when time alone changes
something next, null where nothing does, and ``due_by`` the newest version of the program that this was worked out
with. A third one, ``notice_due_at``, is when to look what time gives cause to tell the member. ``checkpoints`` is a
cache of states on the way: without it a change of the past takes longer, and comes to the same.

What else there is of campaigns, `app.campaigns.book` lists.
"""
