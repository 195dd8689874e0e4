"""The feed: from notices that were written with their records to one order of all, and to streams in Redis.

`positions` gives every notice its place in the feed, in MongoDB. `streams` holds the same notices in Redis, where
workers in any language follow them; `relay` brings them there, and `refill` does where Redis has lost them. `keeper`
notes what the groups of workers have acknowledged (`groups`), trims the streams, and drops what is old (`retention`).
`clock` and `ranks` write what time and boards give cause to tell. docs/feed.md is the contract.
"""
