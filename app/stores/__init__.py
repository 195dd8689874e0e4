"""The stores of Laurel in MongoDB. Each module says what it keeps; here is how it all lies together.

===========  ============================  =======================================  ==================
Collection   ``_id``                       Other unique index                       Shard key
===========  ============================  =======================================  ==================
members      member id                                                              ``_id`` hashed
journal      ``member_id:key``             ``(member_id, seq)``                     ``member_id`` hashed
claims       ``handle:alice`` and so on                                             ``_id`` hashed
programs     version                                                                not sharded
imports      name                                                                   not sharded
===========  ============================  =======================================  ==================

A sharded collection can have unique indexes only if they begin with the shard key. The journal's do, since its ``_id``
holds the member id and all of one member lies on one shard. What is unique across members (loyalty number, handle,
external id, enrolment key) cannot be an index of ``members``; it is a document of ``claims``, written in the same
transaction. So recording touches one shard, and only enrolling and changing a handle touch more. Records are looked up
by key with ``_id`` alone, which asks every shard for very little.
"""
