"""The profiles of a run: what is measured, how it is found again, and what predicts from it."""
