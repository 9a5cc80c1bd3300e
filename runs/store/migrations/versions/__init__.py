"""One file for each revision of the tables. A released file never changes."""
