"""The channel mixers: one a file, found by its file name."""
