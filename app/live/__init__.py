"""From a commit in MongoDB to Redis and to whoever listens: outbox, announcer, hub, and what runs in the background.

A commit leaves an entry in the outbox (`app.stores.outbox`). The announcer of the process that wrote it reads the
members anew, places their scores on the boards, gives hints to all processes, and deletes the entries. The sweeper does
the same for what has been lying for a while, because a process was killed or Redis was away. Hints go over Redis
pub/sub and say only that something has changed; whoever hears one reads the truth. The hub turns them into wake-up
calls for the subscribers of its process, and wakes all of them now and then while Redis is away.
"""
