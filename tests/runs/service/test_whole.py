"""A newcomer's path: a server and its runner as processes, the programs of docs/service.md, and a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import nasweave as nw
from runs.service.client.connection import Connection
from runs.service.client.requests import TOKEN_VARIABLE
from runs.service.client.run import RemoteRun
from runs.service.client.shell import run_at
from runs.service.settings import TokenSettings
from runs.service.tokens import made
from runs.store.database import Database
from runs.store.service.jobs import Jobs
from search_space.errors import ConfigError

pytestmark = pytest.mark.timeout(900)

PAGE = Path(__file__).parents[3] / "docs" / "service.md"
BLOCKS = re.findall(r"<!-- run by CI -->\n```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
TINY: dict[str, Any] = {
    "search": {"method": "nasweave", "trials": 8},
    "choices": {
        "embed_dim": [16, 24],
        "depth": [1, 2],
        "head_dim": 8,
        "mixer": ["softmax", "identity"],
        "num_heads": [1],
        "channel_mixer": ["mlp"],
        "ratio": [1, 2],
        "precision": ["float", "w8a8"],
    },
    "training": {"steps": 20, "batch_size": 32},
    "profile": {"networks": 1, "time_budget": "4s"},
    "baselines": {"random": 2, "uniform": 1},
    "finalists": 2,
    "export": {"formats": ["onnx", "safetensors"], "measure": False},
    "time_budget": None,
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MAIN = "import sys; sys.argv[0] = 'nasweave'; from runs.app.cli import main; main()"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Give the folder of a server that runs, and the link that it printed."""
    folder = tmp_path_factory.mktemp("served")
    words = ["serve", "port=0", f"outputs={folder}/outputs"]
    process = subprocess.Popen([sys.executable, "-c", MAIN, *words], stdout=subprocess.PIPE, text=True, cwd=folder)
    assert process.stdout is not None
    try:
        yield folder, process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
        with Database.open(f"sqlite:///{folder}/outputs/nasweave.db") as database:
            for job in Jobs(database).active():
                if job.process is not None and psutil.pid_exists(job.process):
                    os.killpg(job.process, signal.SIGKILL)


@pytest.fixture(scope="module")
def service(served: tuple[Path, str]) -> Iterator[Connection]:
    folder, link = served
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN_VARIABLE, made(TokenSettings(outputs=f"{folder}/outputs")))
        yield nw.connect(link.partition("/sign-in")[0])


def test_the_program_of_the_page_runs(served, service, tmp_path, monkeypatch, capsys):
    """And what it submits is shortened: the rest is what a user does."""
    submit = Connection.submit
    monkeypatch.setattr(Connection, "submit", lambda self, document: submit(self, {**document, **TINY}))
    monkeypatch.chdir(tmp_path)
    ((_, program),) = [block for block in BLOCKS if block[0] == "python"]
    names: dict[str, Any] = {"URL": service._requests.url}
    exec(compile(program, PAGE.name, "exec"), names)
    run: RemoteRun = names["run"]
    assert capsys.readouterr().out.startswith("done\n")
    assert "search" in run.log() and len(run.candidates()) >= 8
    assert (names["folder"] / "manifest.json").is_file() and (names["folder"] / "model.onnx").is_file()
    assert run.read()["jobs"][0]["attempt"] == 1


def test_the_requests_of_the_page_are_answered(service, capsys):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (run,) = service.runs(state="done")
    ((_, program),) = [block for block in BLOCKS if block[0] == "bash"]
    environment = {**os.environ, "URL": service._requests.url, "KEY": run.key}
    answers = []
    for line in program.strip().splitlines():
        done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=True)
        answers.append(json.loads(done.stdout))
    me, check, made_run, page, front = answers
    assert [corner["name"] for corner in check["corners"]] == ["smallest", "middle", "largest"]
    assert me["scopes"] == ["read", "submit"] and front["front"]
    assert made_run["key"] in [one["key"] for one in page["runs"]] or service.run(made_run["key"]).state == "running"
    service.run(made_run["key"]).stop()
    with pytest.raises(ConfigError, match=r"budget\.size_bytes"):
        run_at([service._requests.url, "check", "task=digits", "budget.size_bytes=5"])
    assert "peak_activation_bytes" in capsys.readouterr().out


def test_a_newcomer_takes_a_network_home(served, service, tmp_path):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    (run,) = service.runs(state="done")
    url, link = service._requests.url, served[1]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(link)
        assert page.url == f"{url}/" and page.locator("#runs a").first.is_visible()

        page.get_by_role("link", name="New search").first.click()
        page.get_by_label("Name").fill("mine")
        page.get_by_label("Latency").fill("0.05")
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url(re.compile(r"/runs/\w{12}$"))
        mine = page.url.rpartition("/")[2]
        assert service.run(mine).read()["document"]["budget"]["latency_ms"] == 0.05
        page.get_by_role("button", name="Stop").click()
        page.locator("#run-state.stopped").wait_for(timeout=60_000)

        page.goto(f"{url}/runs/{run.key}")
        page.locator("circle.point").first.wait_for()
        before = page.locator("#answer").inner_text()
        slider = page.get_by_label("Latency", exact=True)
        slider.fill("300")
        assert page.locator("#answer").inner_text() != before
        slider.fill("1000")
        exported = service._requests.json("GET", f"/runs/{run.key}/exports")
        on_the_front = page.locator(", ".join(f"circle[data-key='{one['key']}']" for one in exported))
        on_the_front.first.press("Enter")
        page.locator("#zip").wait_for()
        with page.expect_download() as download:
            page.locator("#zip").click()
        download.value.save_as(tmp_path / "network.zip")
        browser.close()
    assert said == []
    with zipfile.ZipFile(tmp_path / "network.zip") as archive:
        archive.extractall(tmp_path)
        folder = tmp_path / archive.namelist()[0].partition("/")[0]
    command = [sys.executable, "bench.py", "--seconds", "0.05"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": ""})
