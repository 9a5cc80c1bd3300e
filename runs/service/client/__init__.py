"""A client of a service, on the standard library alone: from Python, and for the command line's ``--server``."""
