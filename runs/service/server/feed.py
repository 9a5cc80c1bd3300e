"""The feed of a run: its events and changed candidates, sent to every page that watches it as server-sent events.

All watched runs together cost one query every half second; what is new is read and encoded once, however many watch.
An event's id holds the last event and the last change that were sent, so a page that comes back misses nothing: both
are numbered under the lock of the run's row, and a number never appears after a higher one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

from anyio import to_thread

from runs.store.failures import UnreachableError
from runs.store.service.results import Results
from runs.store.service.submissions import Submissions

__all__ = ["START", "Feed", "Position", "position_of"]

Position = tuple[int, int]
START: Position = (0, 0)
_PERIOD_S, _PING_S = 0.5, 15.0
_WAITING = 64  # chunks that a slow page may be behind before it has to read for itself
_ID = re.compile(r"(\d{1,9})-(\d{1,9})")


def position_of(text: str | None) -> Position:
    """Return what an event's id says was seen; everything is sent again where it says nothing."""
    match = _ID.fullmatch(text or "")
    return START if match is None else (int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class _Chunk:
    begin: Position
    end: Position
    text: bytes


@dataclass(slots=True)
class _Channel:
    folder: str
    position: Position = START
    pages: set[asyncio.Queue[_Chunk]] = field(default_factory=set)


class Feed:
    """The feeds of a server; made once, in whose event loop all its methods are called."""

    def __init__(self, submissions: Submissions, results: Results) -> None:
        self._submissions, self._results = submissions, results
        self._channels: dict[int, _Channel] = {}
        self._poll: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    @property
    def watching(self) -> int:
        """How many pages watch a run now."""
        return sum(len(channel.pages) for channel in self._channels.values())

    def end(self) -> None:
        """Let all pages go: the server stops."""
        self._ending.set()
        if self._poll is not None:
            self._poll.cancel()

    async def follow(self, number: int, folder: str, *, after: Position = START) -> AsyncIterator[bytes]:
        """Yield what happens to the run in row ``number`` from a position on, as text of server-sent events."""
        channel = self._channels.setdefault(number, _Channel(folder))
        queue: asyncio.Queue[_Chunk] = asyncio.Queue(_WAITING)
        channel.pages.add(queue)
        try:
            yield b"retry: 1000\n\n"
            position = after
            missed = True
            while not self._ending.is_set():
                if missed:
                    chunk = await self._read(number, folder, position)
                    if chunk.text:
                        yield chunk.text
                    missed = chunk.end != position
                    position = chunk.end
                    continue
                if self._poll is None or self._poll.done():
                    channel.position = position
                    self._poll = asyncio.create_task(self._watch())
                chunk_or_none = await self._next(queue)
                if chunk_or_none is None:
                    yield b": still here\n\n"
                elif chunk_or_none.begin == position:
                    position = chunk_or_none.end
                    yield chunk_or_none.text
                else:
                    missed = True
        finally:
            channel.pages.discard(queue)
            if not channel.pages:
                self._channels.pop(number, None)

    async def _next(self, queue: asyncio.Queue[_Chunk]) -> _Chunk | None:
        ended = asyncio.create_task(self._ending.wait())
        got = asyncio.create_task(queue.get())
        try:
            done, _ = await asyncio.wait({got, ended}, timeout=_PING_S, return_when=asyncio.FIRST_COMPLETED)
            return got.result() if got in done else None
        finally:
            ended.cancel()
            got.cancel()

    async def _watch(self) -> None:
        """Look for what is new while anybody watches."""
        while self._channels:
            try:
                heads = await to_thread.run_sync(self._results.heads, list(self._channels))
                for number, head in heads.items():
                    channel = self._channels.get(number)
                    if channel is None or head == channel.position:
                        continue
                    chunk = await self._read(number, channel.folder, channel.position)
                    channel.position = chunk.end
                    for page in channel.pages:
                        if not page.full():  # a page that is too slow finds a gap, and reads for itself
                            page.put_nowait(chunk)
            except UnreachableError:
                pass  # pages keep what they have until the database is back
            await asyncio.sleep(_PERIOD_S)

    async def _read(self, number: int, folder: str, after: Position) -> _Chunk:
        return await to_thread.run_sync(self._read_now, number, folder, after)

    def _read_now(self, number: int, folder: str, after: Position) -> _Chunk:
        events, changes = after
        texts: list[str] = []
        for event in self._submissions.events(number, after=events):
            events = event.number
            texts.append(_text("happened", (events, changes), asdict(event)))
        found = self._results.candidates(folder, after=changes)
        if found:
            changes = found[-1].change
            shown = [{name: value for name, value in asdict(c).items() if name != "architecture"} for c in found]
            texts.append(_text("candidates", (events, changes), shown))
        return _Chunk(after, (events, changes), "".join(texts).encode())


def _text(kind: str, position: Position, data: Any) -> str:
    events, changes = position
    return f"event: {kind}\nid: {events}-{changes}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
