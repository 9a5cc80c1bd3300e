"""Tokens that an administrator makes beside the database, where no server is asked."""

from __future__ import annotations

from runs.service.settings import TokenSettings
from runs.store.database import Database
from runs.store.service.tokens import Tokens

__all__ = ["LINK_S", "made"]

LINK_S = 900.0


def made(settings: TokenSettings) -> str:
    """Return a new token, or a link that signs a browser in once."""
    with Database.open(settings.url) as database:
        scopes = [scope.strip() for scope in settings.scopes.split(",")]
        tokens = Tokens(database)
        if settings.kind == "token":
            return tokens.make("token", owner=settings.owner, scopes=scopes, seconds=settings.days * 86_400.0)
        link = tokens.make("link", owner=settings.owner, scopes=scopes, seconds=LINK_S)
        return f"{settings.server.rstrip('/')}/sign-in/{link}"
