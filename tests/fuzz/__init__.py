"""Hostile inputs by the thousand: every reader of files and every key of the configuration, see ``__main__``."""
