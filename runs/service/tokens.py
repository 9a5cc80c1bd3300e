"""Tokens that an administrator makes beside the database, where no server is asked."""

from __future__ import annotations

import getpass
import os

from runs.service.settings import TokenSettings, parted
from runs.store.database import Database
from runs.store.service.tokens import Tokens

__all__ = ["LINK_S", "made", "this_user"]

LINK_S = 900.0


def made(settings: TokenSettings) -> str:
    """Return a new token, or a link that signs a browser in once."""
    with Database.open(settings.url) as database:
        owner, scopes = settings.owner or this_user(), parted(settings.scopes)
        tokens = Tokens(database)
        if settings.kind == "token":
            return tokens.make("token", owner=owner, scopes=scopes, seconds=settings.days * 86_400.0)
        link = tokens.make("link", owner=owner, scopes=scopes, seconds=LINK_S)
        return f"{settings.server.rstrip('/')}/sign-in/{link}"


def this_user() -> str:
    """Return who runs this process: by number where the machine, as many a container, has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user-{os.getuid()}"
