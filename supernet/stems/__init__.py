"""The stems: one a file, found by its file name."""
