"""The keys of the configuration: their types, their values as words, their former names, and what they mean."""
