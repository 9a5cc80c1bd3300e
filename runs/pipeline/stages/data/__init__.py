"""Stages on the data alone: what it was understood to be, and what simple models reach on it."""
