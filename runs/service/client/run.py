"""A run of a service, with the verbs that a run of one's own has."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runs.service.client.requests import Requests, ServiceError
from runs.service.client.unpacking import unpacked
from search_space.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RemoteRun"]

_ENDED = ("done", "failed", "stopped")
_PERIOD_S = 1.0


class RemoteRun:
    """A run of a service.

    Attributes
    ----------
    key
        By which the service knows it.
    """

    def __init__(self, requests: Requests, key: str) -> None:
        self._requests, self.key = requests, key

    def __repr__(self) -> str:
        return f"RemoteRun({self.key!r})"

    def read(self) -> dict[str, Any]:
        """Return the run as the service describes it."""
        found: dict[str, Any] = self._requests.json("GET", f"/runs/{self.key}")
        return found

    @property
    def state(self) -> str:
        """The state: queued, running, done, failed or stopped."""
        return str(self.read()["state"])

    def wait(self, timeout_s: float | None = None) -> str:
        """Wait until the run has ended, and return its state.

        Raises
        ------
        TimeoutError
            It has not ended in time; it goes on.
        ServiceError
            It has failed.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            run = self.read()
            if run["state"] == "failed":
                raise _failure(_last_job(run))
            if run["state"] in _ENDED:
                return str(run["state"])
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"run {self.key} is {run['state']} after {timeout_s:g} s")
            time.sleep(_PERIOD_S)

    def stop(self) -> None:
        """Ask the run to stop."""
        self._requests.json("POST", f"/runs/{self.key}/stop")

    def resume(self) -> None:
        """Continue the run where it stopped."""
        self._requests.json("POST", f"/runs/{self.key}/resume")

    def log(self) -> str:
        """Return everything that the run's jobs said so far."""
        return "".join(self._log(follow=False))

    def follow(self) -> Iterator[str]:
        """Yield what the run's jobs say, until it has ended."""
        return self._log(follow=True)

    def candidates(self) -> pd.DataFrame:
        """Return every network that was evaluated, a row each by key, with its values."""
        import pandas as pd

        found: dict[str, dict[str, float]] = {}
        change = 0
        while part := self._requests.json("GET", f"/runs/{self.key}/candidates", query={"after": change}):
            change = part[-1]["change"]
            found |= {one["key"]: one["values"] for one in part}
        return pd.DataFrame(list(found.values()), index=list(found))

    def front(self, budget: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the networks that nothing dominates within a budget, cheapest first; that of the run when ``None``."""
        import pandas as pd

        query = {f"budget.{name}": limit for name, limit in (budget or {}).items()}
        found = self._requests.json("GET", f"/runs/{self.key}/front", query=query)["front"]
        return pd.DataFrame([one["values"] for one in found], index=[one["key"] for one in found])

    def export(
        self, key: str = "auto", *, to: str | Path, formats: list[str] | None = None, measure: bool = True
    ) -> Path:
        """Export a network, download it, and return its folder, a new one inside of ``to``.

        Parameters
        ----------
        key
            ``auto``, ``knee``, ``best``, ``fastest`` or the key of a network.
        to
            A folder.
        formats
            Names such as ``onnx``; those that the run asked for when ``None``.
        measure
            Whether each file is timed.
        """
        before = {one["key"] for one in self._requests.json("GET", f"/runs/{self.key}/exports")}
        if key not in before or formats is not None:
            body = {"key": key, "formats": formats, "measure": measure}
            self._requests.json("POST", f"/runs/{self.key}/exports", body=body)
            self.wait()
            last = _last_job(self.read())
            if last["state"] != "done":
                raise _failure(last)
        after = {one["key"] for one in self._requests.json("GET", f"/runs/{self.key}/exports")}
        meant = {key} & after or after - before or after
        if len(meant) != 1:  # a word, for one of several networks that were exported before
            raise ConfigError(
                "key", expected=f"one of {', '.join(sorted(meant))}", got=repr(key), remedy="run.log() ends with it"
            )
        return self._download(meant.pop(), Path(to))

    def _download(self, network: str, to: Path) -> Path:
        with self._requests.open("GET", f"/runs/{self.key}/exports/{network}.zip", timeout_s=600) as answer:
            return unpacked(answer, to)

    def _log(self, *, follow: bool) -> Iterator[str]:
        offset = 0
        while True:
            has_ended = not follow or self.state in _ENDED
            while True:
                part = self._requests.json("GET", f"/runs/{self.key}/log", query={"offset": offset})
                if part["offset"] == offset:
                    break
                offset = part["offset"]
                yield part["text"]
            if has_ended:
                return
            time.sleep(_PERIOD_S)


def _last_job(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the job that a run has its state of; those of workers of its search have none."""
    last: Mapping[str, Any] = [job for job in run["jobs"] if job.get("verb") != "worker"][-1]
    return last


def _failure(job: Mapping[str, Any]) -> ServiceError:
    reason: Mapping[str, Any] = job["reason"]
    return ServiceError(
        str(reason.get("parameter", job["verb"])),
        expected=str(reason.get("expected", "one that ends well")),
        got=str(reason.get("got", f"one that is {job['state']}")),
        remedy=str(reason.get("remedy", "read its log")),
    )
