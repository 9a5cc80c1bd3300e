"""The samplers a search can use: one file each, with a function ``build``."""
