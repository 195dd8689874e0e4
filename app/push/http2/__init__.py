"""HTTP/2 to one host, over h2: many requests at once, and nothing lost when the host says that it goes away.

Why no general client does it: docs/adr/0021-http2-of-our-own.md.
"""
