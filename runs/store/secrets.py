"""Passwords stay out of files, pages, logs and error lines: texts are redacted before they leave the program.

A password belongs in the environment (``PGPASSWORD``, ``NASWEAVE_STORE``) or in PostgreSQL's password file. One in a
URL is understood too, and found in any spelling that a driver may accept or a user may mistype; in doubt, too much is
blotted out.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, unquote_plus

__all__ = ["has_secret", "password_in", "redacted", "redacted_url"]

_BLOT = "***"
_SCHEME = re.compile(r"postgres[\w+]*:/{0,3}|[A-Za-z][\w+.-]*:/{1,3}", re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass(?!file)|pwd|secret|token|credential", re.IGNORECASE)
_PAIR = re.compile(r"(?P<name>[?&;][^=&;?]+=)(?P<value>.*?)(?=[&;][^=&;?]+=|\Z)", re.DOTALL)
_NO_PORT = re.compile(r"[^:/?]+:(?!\d+(?:[/?]|\Z))(?P<rest>.+)", re.DOTALL)
_URL_IN_TEXT = re.compile(r"(?<![\w+.-])(?:postgres[\w+]*:|[A-Za-z][\w+.-]*:/)/{0,2}[^\s'\"<>`]+", re.IGNORECASE)
_WORD_IN_TEXT = re.compile(
    r"(?P<name>\b\w*(?:password|passwd|passphrase|pwd)\s*=\s*)(?!\*\*\*)(?P<value>'[^']*'|\"[^\"]*\"|[^\s&;'\"]+)",
    re.IGNORECASE,
)
_SHORTEST = 4  # a shorter password is blotted out in URLs alone: it may be part of any word


def redacted_url(url: str) -> str:
    """Return a whole URL of a database, well formed or not, with its secrets blotted out."""
    return _dissected(url)[0]


def has_secret(url: str) -> bool:
    """Whether a URL of a database holds a password."""
    return bool(_dissected(url)[1])


def password_in(url: str) -> str | None:
    """Return the password before the ``@`` of a URL, as it is written there; ``None`` without one."""
    scheme = _SCHEME.match(url)
    user, at, _ = url[scheme.end() if scheme else 0 :].rpartition("@")
    _, colon, password = user.partition(":")
    return password if at and colon else None


def redacted(text: str, *, url: str | None = None) -> str:
    """Return a text with the passwords of all URLs in it blotted out, and those of ``url`` wherever they stand."""
    if url is not None:
        clean, secrets = _dissected(url)
        if secrets:
            text = text.replace(url, clean)
        spelt = {
            s for secret in secrets for s in (secret, unquote(secret), unquote_plus(secret), quote(secret, safe=""))
        }
        for secret in sorted((s for s in spelt if len(s) >= _SHORTEST), key=len, reverse=True):
            text = text.replace(secret, _BLOT)
    text = _URL_IN_TEXT.sub(lambda match: redacted_url(match[0]), text)
    return _WORD_IN_TEXT.sub(lambda match: f"{match['name']}{_BLOT}", text)


def _dissected(url: str) -> tuple[str, list[str]]:
    """Return the redacted URL, and the secrets as they are written in it."""
    secrets: list[str] = []

    def blot(match: re.Match[str]) -> str:
        if not match["value"] or not _SECRET_NAME.search(unquote_plus(match["name"])):
            return match[0]
        secrets.append(match["value"])
        return f"{match['name']}{_BLOT}"

    scheme = _SCHEME.match(url)
    start = scheme.end() if scheme else 0
    head, rest = url[:start], _PAIR.sub(blot, url[start:])
    user, at, host = rest.rpartition("@")
    name, colon, password = user.partition(":")
    if at and colon and password:
        secrets.append(password)
        return f"{head}{name}:{_BLOT}@{host}", secrets
    unfinished = _NO_PORT.match(rest) if not at and head.lower().startswith("postgres") else None
    if unfinished is not None:  # the @ is missing, or percent-encoded
        secrets.append(unfinished["rest"])
        return head + rest[: unfinished.start("rest")] + _BLOT, secrets
    return head + rest, secrets
