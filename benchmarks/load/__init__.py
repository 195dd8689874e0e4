"""The load generator: a process of its own that sends prepared requests over keep-alive connections to the loopback."""
