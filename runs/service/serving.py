"""The process of a server: it opens the database, prints a link, starts a runner beside it, and serves."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from runs.service.notifying import Notifier, Webhook
from runs.service.server.application import guarded
from runs.service.server.feed import Feed
from runs.service.server.service import Service
from runs.service.settings import SCOPES, STORE_VARIABLE, ServerSettings
from runs.service.tokens import LINK_S, this_user
from search_space.errors import ConfigError

__all__ = ["serve"]


def serve(settings: ServerSettings) -> None:
    """Serve until the process is told to end.

    Raises
    ------
    ConfigError
        The address cannot be used, or is open to others though there is no token; or the webhook is none.
    StoreError
        The database cannot be used.
    """
    webhook = Webhook.taken()
    service = Service.open(settings)
    try:
        if not settings.is_loopback and not service.tokens.list():
            raise ConfigError(
                "host",
                expected="127.0.0.1, or another address once there is a token",
                got=f"{settings.host}, and no token",
                remedy="make one with nasweave token, for this store",
            )
        service.uploads.clean()
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
            with _runner_beside(settings), _notifying(service, webhook), suppress(KeyboardInterrupt):
                _Server(config, service.feed).run(sockets=[listener])
    finally:
        service.close()


class _Server(uvicorn.Server):
    """A server that lets pages that watch a run go first when a signal ends it: they would hold that up."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._feed.end()
        super().handle_exit(sig, frame)


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
def _notifying(service: Service, webhook: Webhook | None) -> Iterator[None]:
    """Tell the webhook of what ends."""
    if webhook is None:
        yield
        return
    notifier = Notifier(webhook, service.notices)
    notifier.start()
    try:
        yield
    finally:
        notifier.end()


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
