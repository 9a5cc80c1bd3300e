"""The samplers a search can use: one file each, with its settings, and a constant ``SAMPLER``."""
