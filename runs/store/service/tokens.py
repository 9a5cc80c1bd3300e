"""Tokens: random, stored as hashes, shown once, expiring; links that work once, and the sessions of browsers."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from sqlalchemy import delete, select

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.service.records import Token, TokenKind
from runs.store.service.tables import TokenRow

__all__ = ["Tokens"]


class Tokens:
    """The tokens of a service in one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._now = database, clock(database._engine)

    def make(self, kind: TokenKind, *, owner: str, scopes: Iterable[str], seconds: float) -> str:
        """Return a new token, which is nowhere else to be found again; it expires after ``seconds``."""
        token = f"nw_{secrets.token_urlsafe(32)}"
        row = TokenRow(
            hash=_hash(token),
            kind=kind,
            owner=owner,
            scopes={scope: True for scope in scopes},
            created_s=self._now,
            expires_s=self._now + seconds,
        )
        with self._database._write() as session:
            session.execute(delete(TokenRow).where(TokenRow.expires_s < self._now))
            session.add(row)
        return token

    def find(self, token: str, *, kinds: Iterable[TokenKind]) -> Token | None:
        """Return what a token of one of the kinds permits, or ``None`` for one that is unknown or has expired."""
        query = select(TokenRow).where(
            TokenRow.hash == _hash(token), TokenRow.kind.in_(list(kinds)), TokenRow.expires_s >= self._now
        )
        with self._database._read() as session:
            row = session.scalars(query).one_or_none()
            return None if row is None else _record(row)

    def use(self, token: str) -> Token | None:
        """Return what a link permits, and forget it: of several requests with one link a single one gets it."""
        query = delete(TokenRow).where(
            TokenRow.hash == _hash(token), TokenRow.kind == "link", TokenRow.expires_s >= self._now
        )
        with self._database._write() as session:
            row = session.scalars(query.returning(TokenRow)).one_or_none()
            return None if row is None else _record(row)

    def list(self) -> list[Token]:
        """Return the tokens that are valid, sessions and links left out, the oldest first."""
        query = select(TokenRow).where(TokenRow.kind == "token", TokenRow.expires_s >= self._now)
        with self._database._read() as session:
            return [_record(row) for row in session.scalars(query.order_by(TokenRow.id))]

    def revoke(self, number: int) -> bool:
        """Forget a token by its number; False if there is none."""
        with self._database._write() as session:
            return session.scalar(delete(TokenRow).where(TokenRow.id == number).returning(TokenRow.id)) is not None

    def forget(self, token: str) -> None:
        """Forget a token or a session, as on signing out."""
        with self._database._write() as session:
            session.execute(delete(TokenRow).where(TokenRow.hash == _hash(token)))


def _hash(token: str) -> str:
    """Return the hash of a token: of 256 random bits, which need no salt and no slow function."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _record(row: TokenRow) -> Token:
    return Token(id=row.id, kind=row.kind, owner=row.owner, scopes=frozenset(row.scopes), expires_s=row.expires_s)
