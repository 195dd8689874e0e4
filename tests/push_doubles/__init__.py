"""Doubles of those who bring pushes to devices: they speak the real wire formats over TLS, and can misbehave."""
