"""The stages of a run, one a file: each declares a constant that says what it needs."""
