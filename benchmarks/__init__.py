"""Benchmarks: they print a table, or one JSON object, and are no tests."""
