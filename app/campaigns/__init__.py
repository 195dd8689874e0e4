"""Campaigns in the process: their state and what is left of them in MongoDB, the live figures in Redis."""
