"""Devices, runtimes and what they measured."""
