"""Make a token of a service, or a link that signs a browser in once: for administrators, beside the database."""

from __future__ import annotations

from runs.app.verb import Verb
from runs.service.settings import TokenSettings

__all__ = ["VERB"]


def begin(settings: TokenSettings) -> None:
    """Print the token or the link."""
    from runs.service.tokens import made

    print(made(settings))


VERB = Verb(help="Make a token, or a link that signs in, for a service", settings=TokenSettings, begin=begin)
