"""What a service bears: its start, long lists, a run of many networks, many pages at once, many submissions at once.

``python -m benchmarks.service`` prints the numbers, with ``--json`` one JSON object. Sizes are small by default; large
ones are ``--runs 10000 --candidates 10000 --pages 200 --clients 50``. Everything stays on this machine's
own address, in a temporary folder; no search is run. Where Chromium is installed, the first picture of the run and the
answer of a slider are timed in it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import insert

from runs.service.client.requests import Requests
from runs.service.document.model import RunDocument
from runs.store import Store
from runs.store.service.submissions import Submissions
from runs.store.service.tables import SubmissionRow
from runs.store.service.tokens import Tokens
from runs.store.tables import CandidateRow, RunRow

MAIN = "import sys; sys.argv[0] = 'nasweave'; from runs.app.cli import main; main()"
WATCHED, FOLDER = "watched", "digits/watched"
DOCUMENT = RunDocument.model_validate({"task": "digits"}).model_dump(mode="json")
LAYER = {"mixer": "softmax", "num_heads": 2, "channel_mixer": "mlp", "ratio": 2}
LAYER |= {"mixer_precision": "float", "channel_precision": "float"}
NETWORK = json.dumps({"schema": 1, "embed_dim": 32, "float_precision": "fp32", "layers": [LAYER] * 4})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of each there is."""

    runs: int
    candidates: int
    pages: int
    clients: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A server that runs."""

    store: Store
    url: str
    link: str
    token: str
    process: psutil.Process
    ready_s: float


@contextmanager
def served(folder: Path, sizes: Sizes) -> Iterator[Served]:
    """Give a server over a database that has runs and networks in it."""
    store = Store.open(f"sqlite:///{folder}/nasweave.db")
    fill(store, sizes)
    token = Tokens(store).make("token", owner="ann", scopes=["read", "submit"], seconds=3600)
    words = ["serve", "port=0", "runner=false", f"outputs={folder}", "most_active=1000000"]
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", MAIN, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        link = process.stdout.readline().split()[-1]
        url = link.partition("/sign-in")[0]
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).read()
                break
            except OSError:
                assert process.poll() is None, "the server has ended"
                time.sleep(0.01)
        ready_s = time.monotonic() - begin
        yield Served(store=store, url=url, link=link, token=token, process=psutil.Process(process.pid), ready_s=ready_s)
    finally:
        process.terminate()
        process.wait()
        store.close()


def fill(store: Store, sizes: Sizes) -> None:
    """Write runs that are done, and one with many networks."""
    same: dict[str, Any] = {
        "owner": "ann",
        "task": "digits",
        "document": DOCUMENT,
        "digest": "",
        "idempotency": None,
        "events": 0,
    }
    same |= {"state": "done", "created_s": time.time(), "is_hidden": False}
    rows = [{**same, "key": f"k{n}", "name": f"run-{n}", "folder": f"digits/{n}"} for n in range(sizes.runs)]
    rows.append({**same, "key": WATCHED, "name": WATCHED, "folder": FOLDER, "state": "running"})
    run = store.open_run(FOLDER, task="digits", name=WATCHED, space_fingerprint="f", space_json="{}")
    networks = [
        {
            "run_id": run.id,
            "key": f"c{n}",
            "architecture_json": NETWORK,
            "objectives": values(n),
            "predicted": {},
            "source": "search",
            "trial_number": n,
            "state": "complete",
            "reason": "",
            "created_at": run.created_at,
            "final": None,
            "change": n + 1,
        }
        for n in range(sizes.candidates)
    ]
    with store._write() as session:
        session.execute(insert(SubmissionRow), rows)
        session.execute(insert(CandidateRow), networks)
        session.query(RunRow).filter_by(id=run.id).update({"changes": sizes.candidates})


def values(n: int) -> dict[str, float]:
    """Return values of network ``n``, spread over a plane."""
    a, b = (n * 0.6180339887) % 1.0, (n * 0.7548776662) % 1.0
    costs = {"size_bytes": 1e4 + 1e6 * a, "params": 1e3 + 1e5 * a}
    return {"validation_error": 2 + 60 * b / (1 + 4 * a), "latency_ms": 0.01 + a, **costs}


def median_ms(requests: Requests, path: str, *, query: dict[str, object] | None = None, times: int = 7) -> float:
    """Return the median time of a request."""
    took = []
    for _ in range(times):
        begin = time.monotonic()
        requests.json("GET", path, query=query)
        took.append(1000 * (time.monotonic() - begin))
    return round(statistics.median(took), 1)


def watching(server: Served, pages: int, seconds: float) -> dict[str, Any]:
    """Let many pages follow one run while events happen, and time each event on each page."""
    runs = Submissions(server.store)
    watched = runs.get(WATCHED)
    assert watched is not None
    number = watched.id
    sent: list[float] = []
    late: list[list[float]] = [[] for _ in range(pages)]
    ready = threading.Barrier(pages + 1)
    requests = Requests(server.url, server.token)
    head = f"{runs.by_id(number).events}-{10**8}"
    events = max(2, int(seconds / 0.5))

    def page(n: int) -> None:
        with requests.open("GET", f"/runs/{WATCHED}/events", headers={"Last-Event-ID": head}, timeout_s=60) as answer:
            ready.wait()
            while len(late[n]) < events:
                line = answer.readline()
                if line.startswith(b"data:"):
                    late[n].append(time.monotonic() - sent[json.loads(line[5:])["data"]["n"]])

    threads = [threading.Thread(target=page, args=(n,), daemon=True) for n in range(pages)]
    for thread in threads:
        thread.start()
    ready.wait()
    begin, used = time.monotonic(), sum(server.process.cpu_times()[:2])
    for n in range(events):
        sent.append(time.monotonic())
        runs.tell(number, "message", {"text": "x", "n": n})
        time.sleep(0.5)
    for thread in threads:
        thread.join(60)
    took = time.monotonic() - begin
    all_late = [value for each in late for value in each]
    return {
        "pages": pages,
        "events": events,
        "missed": pages * events - len(all_late),
        "latest_s": round(max(all_late), 3),
        "cores": round((sum(server.process.cpu_times()[:2]) - used) / took, 3),
    }


def submitting(server: Served, clients: int) -> dict[str, Any]:
    """Let many clients submit at once, each request twice, and count what is lost or doubled."""
    before = {run.id for run in Submissions(server.store).page(limit=10**6)}
    requests = Requests(server.url, server.token)

    def submit(n: int) -> str:
        headers = {"Idempotency-Key": f"client-{n % clients}"}
        return str(requests.json("POST", "/runs", body={"task": "digits"}, headers=headers)["key"])

    begin = time.monotonic()
    with ThreadPoolExecutor(clients) as threads:
        keys = list(threads.map(submit, range(2 * clients)))
    took = time.monotonic() - begin
    made = [run for run in Submissions(server.store).page(limit=10**6) if run.id not in before]
    lost = len(set(keys) - {run.key for run in made})
    return {"clients": clients, "seconds": round(took, 2), "lost": lost, "doubled": len(made) - clients}


def in_chromium(server: Served) -> dict[str, Any] | str:
    """Time the first picture of the run of many networks, and the answer to a slider."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return "Chromium is not installed"
    from playwright.sync_api import sync_playwright

    slide = """async () => {
      const slider = document.getElementById("limit-latency_ms"), took = [];
      for (let n = 900; n > 300; n -= 60) {
        const begin = performance.now();
        slider.value = n;
        slider.dispatchEvent(new Event("input"));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        took.push(performance.now() - begin);
      }
      return took.sort((a, b) => a - b);
    }"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(server.link)
        begin = time.monotonic()
        page.goto(f"{server.url}/runs/{WATCHED}", wait_until="commit")
        page.locator("circle.point").first.wait_for()
        picture_s = time.monotonic() - begin
        took = page.evaluate(slide)
        browser.close()
    return {
        "first_picture_s": round(picture_s, 2),
        "slider_ms": round(statistics.median(took), 1),
        "slowest_slider_ms": round(took[-1], 1),
    }


def measure(sizes: Sizes) -> dict[str, Any]:
    """Return all numbers."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), sizes) as server:
        requests = Requests(server.url, server.token)
        memory = server.process.memory_info().rss
        found = {
            "load_before": round(os.getloadavg()[0], 1),
            "cores": os.cpu_count(),
            "versions": {name: version(name) for name in ("nasweave", "fastapi", "uvicorn", "sqlalchemy")},
            "ready_s": round(server.ready_s, 2),
            "memory_mb": round(memory / 1e6, 1),
            "runs": sizes.runs,
            "first_page_of_runs_ms": median_ms(requests, "/runs", query={"limit": 50}),
            "page_of_500_runs_ms": median_ms(requests, "/runs", query={"limit": 500}),
            "candidates": sizes.candidates,
            "all_candidates_ms": median_ms(requests, f"/runs/{WATCHED}/candidates", times=3),
            "front_ms": median_ms(requests, f"/runs/{WATCHED}/front", query={"budget.latency_ms": 0.5}, times=3),
            "chromium": in_chromium(server),
            "watching": watching(server, sizes.pages, sizes.seconds),
            "submitting": submitting(server, sizes.clients),
        }
        found["memory_at_the_end_mb"] = round(server.process.memory_info().rss / 1e6, 1)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0, help="for which pages watch")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    as_json = arguments.json
    del arguments.json
    found = measure(Sizes(**vars(arguments)))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
