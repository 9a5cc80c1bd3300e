"""The tasks: one a file, found by its file name."""
