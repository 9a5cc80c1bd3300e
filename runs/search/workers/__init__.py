"""Processes that share one search."""
