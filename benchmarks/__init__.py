"""Benchmarks: what things cost, measured apart from the tests."""
