"""How files of a user are read: regular ones alone, no more than memory holds, one clear line for what is wrong."""

LARGEST = 1e30
"""Numbers of a user beyond are mistakes: their squares leave the range of float32."""
