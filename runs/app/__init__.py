"""The command line: verbs over Hydra, configuration, what a machine can do."""

__all__ = ["STORE_VARIABLE"]

STORE_VARIABLE = "NASWEAVE_STORE"
"""The variable of the environment that names the database; one with a password belongs there, in no file."""
