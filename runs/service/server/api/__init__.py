"""The end points below ``/api/v1``, a file a subject; each has a ``router``."""

__all__ = ["VERSION"]

VERSION = "/api/v1"
