"""Telling members while the app is closed: notices brought to their devices. docs/push.md says what is promised.

`worker` runs one `session` after the other: `reading` takes notices from the streams, `planning` decides about them by
what `audience` knows of their members and writes deliveries (`rows`), `sending` hands them to `providers`, and
`outcomes` writes what became of them. `pausing` says which provider is left alone, `retrying` when it is tried again,
and `resuming` takes up what waited or was left by others. `http2` is the client that providers share.
"""
