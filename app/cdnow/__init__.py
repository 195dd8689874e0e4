"""The CDNOW purchase log: reading it, importing it through the use cases, and what comes of it."""
