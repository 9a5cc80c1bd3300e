"""The configuration groups, a package so that a wheel carries them."""
