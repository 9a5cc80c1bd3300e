"""The runner: claims jobs for its machine, starts each in a session of its own, and watches what lives."""
