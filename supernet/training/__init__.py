"""Supernet training: rules, schedules, checkpoints."""
