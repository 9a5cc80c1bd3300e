"""Who asks, and what they may: a token in a header, or the session of a browser in a cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from runs.service.server.refusals import Refused
from runs.service.server.service import Service, service_of
from runs.service.settings import Scope
from runs.store.service.records import Submission, Token

__all__ = ["COOKIE", "SESSION_S", "Admin", "Reader", "Submitter", "check_owner", "signed_in"]

COOKIE = "nasweave_session"
SESSION_S = 30 * 86_400.0


def signed_in(request: Request, service: Service) -> Token | None:
    """Return who sent a request; ``None`` for a stranger."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return service.tokens.find(given.strip(), kinds=("token",))
    cookie = request.cookies.get(COOKIE)
    return None if cookie is None else service.tokens.find(cookie, kinds=("session",))


def _needs(scope: Scope) -> Callable[[Request], Token]:
    def check(request: Request) -> Token:
        token = signed_in(request, service_of(request))
        if token is None:
            raise Refused(
                401,
                "Authorization",
                expected="Bearer and a token that is valid",
                got="none",
                remedy="open the link that nasweave serve prints, or make a token with nasweave token",
            )
        if scope not in token.scopes and "admin" not in token.scopes:
            raise Refused(
                403,
                "Authorization",
                expected=f"a token with the scope {scope}",
                got=f"one with {', '.join(sorted(token.scopes)) or 'none'}",
                remedy="ask an administrator for another token",
            )
        return token

    return check


Reader = Annotated[Token, Depends(_needs("read"))]
Submitter = Annotated[Token, Depends(_needs("submit"))]
Admin = Annotated[Token, Depends(_needs("admin"))]


def check_owner(token: Token, run: Submission) -> None:
    """Refuse to change another's run, but for an administrator."""
    if run.owner != token.owner and "admin" not in token.scopes:
        raise Refused(
            403,
            "key",
            expected=f"a run of {token.owner}",
            got=f"one of {run.owner}",
            remedy="ask its owner or an administrator",
        )
