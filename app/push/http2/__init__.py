"""HTTP/2 to one host, over h2: many requests at once, and nothing lost when the host says that it goes away.

General clients answer a GOAWAY by failing the requests that are still being answered, and take three times as long for
each request; see docs/adr/ for the measurement.
"""
