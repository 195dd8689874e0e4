"""The process: settings, wiring, authentication, HTTP, stores, workers, embedded servers and the command line."""
