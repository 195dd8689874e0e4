"""Compiled plans: how a document that is asked again and again is answered, decided once. See docs/plans.md."""
