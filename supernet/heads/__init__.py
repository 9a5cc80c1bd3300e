"""The heads: one a file, found by its file name."""
