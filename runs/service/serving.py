"""The process of a server: it opens the database, prints a link, starts a runner beside it, and serves."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from runs.service.settings import SCOPES, STORE_VARIABLE, ServerSettings
from runs.service.tokens import LINK_S, this_user
from search_space.errors import ConfigError, RuntimeUnavailableError

if TYPE_CHECKING:
    import uvicorn

    from runs.service.server.feed import Feed

__all__ = ["serve"]


def serve(settings: ServerSettings) -> None:
    """Serve until the process is told to end.

    Raises
    ------
    RuntimeUnavailableError
        What the server needs is not installed.
    ConfigError
        The address cannot be used, or is open to others though there is no token.
    StoreError
        The database cannot be used.
    """
    try:
        import uvicorn

        from runs.service.server.application import guarded
        from runs.service.server.service import Service
    except ImportError as error:
        raise RuntimeUnavailableError(
            "serve", expected="the packages of the service", got=str(error), remedy="pip install 'nasweave[service]'"
        ) from error
    service = Service.open(settings)
    try:
        if not settings.is_loopback and not service.tokens.list():
            raise ConfigError(
                "host",
                expected="127.0.0.1, or another address once there is a token",
                got=f"{settings.host}, and no token",
                remedy="make one with nasweave token, for this store",
            )
        with _listening(settings) as listener:
            port = listener.getsockname()[1]
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            address = f"http://{shown}:{port}"
            if settings.is_loopback:
                link = service.tokens.make("link", owner=this_user(), scopes=SCOPES, seconds=LINK_S)
                print(f"nasweave serves {settings.outputs}; open {address}/sign-in/{link}", flush=True)
            else:
                print(f"nasweave serves {settings.outputs} at {address}", flush=True)
            config = uvicorn.Config(
                guarded(service),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
            with _runner_beside(settings):
                _until_told(uvicorn.Server(config), service.feed, listener)
    finally:
        service.database.close()


def _until_told(server: uvicorn.Server, feed: Feed, listener: socket.socket) -> None:
    """Serve until a signal ends it; pages that watch a run, which would hold that up, are let go first."""
    before = signal.signal(signal.SIGTERM, _leave)
    ending = server.handle_exit

    def end(sig: int, frame: FrameType | None) -> None:
        feed.end()
        ending(sig, frame)

    setattr(server, "handle_exit", end)  # noqa: B010 (a method, which a type checker lets nobody assign)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _listening(settings: ServerSettings) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=256)
    except OSError as error:
        raise ConfigError(
            "port",
            expected="a free port of an address of this machine",
            got=f"{settings.host}:{settings.port} ({error.strerror or error})",
            remedy="give another with port=, or stop the other program",
        ) from error
    with listener:
        yield listener


@contextmanager
def _runner_beside(settings: ServerSettings) -> Iterator[None]:
    """Run a runner in a process of its own, which ends with the server; jobs that it started go on."""
    if not settings.runner:
        yield
        return
    words = [
        f"outputs={settings.outputs}",
        f"data_root={settings.data}",
        f"watch={os.getpid()}",
        f"accelerators={settings.accelerators}",
    ]
    command = [sys.executable, "-m", "runs.service.runner", *words]
    environment = {**os.environ, STORE_VARIABLE: settings.url}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            logging.getLogger("nasweave.service").warning("the runner does not end: it is killed; its jobs go on")
            process.kill()
            process.wait()
