"""Subscriptions: what changes, as it happens. Each wakes on a signal and then reads the truth."""
