"""The runtimes: one a file, found by its file name."""
