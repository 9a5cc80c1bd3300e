"""The mixers: one a file, found by its file name."""
