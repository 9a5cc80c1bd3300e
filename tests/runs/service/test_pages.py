"""The pages in a real browser: no barrier that axe finds, nothing too wide, fronts as the server has them."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from runs.app.jobs.uploading import uploaded
from runs.service.server import bundles, uploads
from runs.service.server.access import COOKIE
from runs.service.server.application import guarded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
POINTS = "circle.point"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(asked, key, find, monkeypatch) -> Iterator[tuple[str, str]]:
    """Serve two runs, one with networks; returns the address and the session of a user."""
    find(key, 12)
    find(asked.as_("ann").post("/api/v1/runs", json={"name": "other", "task": "digits"}).json()["key"], 5)
    monkeypatch.setattr(uploads, "_answer", uploaded)  # in this process
    settings = replace(asked.service.settings, upload_bytes=10**6)
    service = replace(asked.service, settings=settings, uploads=uploads.Uploads(settings, asked.service.datasets))
    session = asked.service.tokens.make("session", owner="ann", scopes=["read", "submit"], seconds=600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(guarded(service), log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", session
        asked.service.feed.end()
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def page(chromium, site) -> Iterator[Any]:
    """Return a page of a user who has signed in; whatever its console says is an error, but for what is refused."""
    url, session = site
    context = chromium.new_context(base_url=url)
    context.add_cookies([{"name": COOKIE, "value": session, "url": url}])
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: None if "status of 422" in message.text else said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def test_no_page_has_a_barrier_or_is_wider_than_the_window(page, asked, key, finished_export):
    from axe_playwright_python.sync_playwright import Axe

    keys = ",".join(run["key"] for run in asked.as_("ann").get("/api/v1/runs").json()["runs"])
    export = f"/runs/{key}/exports/{finished_export(key)[0]}"
    for path in ("/", "/new", f"/runs/{key}", export, f"/compare?runs={keys}", "/devices"):
        for width, scheme in ((1400, "light"), (400, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.goto(path)
            if path == f"/runs/{key}" or "/compare" in path:
                page.locator(POINTS).first.wait_for()
            if path == "/new":
                page.locator("#upload > summary").click()
                page.locator("details.card > summary").click()
            found = Axe().run(page).response["violations"]
            serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
            assert not serious, (path, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


def test_the_front_of_the_page_is_that_of_the_server_whatever_the_limit(page, asked, key, find):
    find(key, 2, validation_error=0.0, validation_fraction=0.5)  # judged by half of the examples, so on no front
    page.goto(f"/runs/{key}")
    slider = page.get_by_label("Latency", exact=True)
    slider.wait_for()
    shown = set()
    for place in ("1000", "500", "100"):
        slider.fill(place)
        limit = float(page.evaluate("document.querySelector('#limit-latency_ms').dataset.limit ?? 'Infinity'"))
        query = {} if limit == float("inf") else {"budget.latency_ms": limit}
        front = asked.as_("ann").get(f"/api/v1/runs/{key}/front", params=query or {"budget.latency_ms": 1e6}).json()
        rows = page.locator("#networks-body button").evaluate_all("all => all.map(one => one.dataset.key)")
        assert set(rows) == {one["key"] for one in front["front"]}
        shown.add(len(rows))
    assert len(shown) == 3


def test_the_front_is_walked_with_the_keyboard_and_tells_the_layers(page, key):
    page.goto(f"/runs/{key}")
    page.get_by_label("Latency", exact=True).fill("1000")
    page.wait_for_function(f"document.querySelectorAll('{POINTS}').length > 2")
    page.locator(f"{POINTS}[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    name = page.evaluate("document.activeElement.dataset.key")
    page.locator(".tip .layers li").first.wait_for()
    page.keyboard.press("Enter")
    assert page.locator("#network-title").inner_text() == f"Network {name}"
    assert name in page.locator("#answer").inner_text()
    assert page.locator(f"{POINTS}[aria-pressed='true']").get_attribute("data-key") == name


def test_a_form_says_what_it_will_ask_for_and_where_it_is_wrong(page, asked):
    page.goto("/new")
    page.get_by_label("Latency").fill("0.5")
    page.locator("details.card > summary").click()
    page.get_by_label("Widths").fill("16, 24")
    command = page.locator("#command").inner_text()
    assert "task=digits budget.latency_ms=0.5" in command and "'choices.embed_dim=[16,24]'" in command
    widths = page.locator("#costs tbody tr", has_text="Width").locator("td")
    widths.filter(has_text="16 ").first.wait_for(timeout=60_000)
    assert [text.split()[0] for text in widths.all_inner_texts()[:3]] == ["16", "16", "24"]
    page.get_by_label("Size of the weights").fill("5")
    page.locator("#costs-problem:not([hidden])").wait_for()
    assert "budget.size_bytes" in page.locator("#costs-problem").inner_text()
    page.get_by_label("Widths").fill("4")
    page.get_by_role("button", name="Begin").click()
    page.locator("#problem:not([hidden])").wait_for()
    assert "choices.embed_dim" in page.locator("#problem").inner_text()
    assert len(asked.as_("ann").get("/api/v1/runs").json()["runs"]) == 2


def test_data_of_ones_own_is_uploaded_and_chosen(page, tmp_path):
    (tmp_path / "my flowers.csv").write_text("width,label\n" + "".join(f"{n % 7},{'ab'[n % 2]}\n" for n in range(60)))
    page.goto("/new")
    page.locator("#upload > summary").click()
    page.get_by_label("File", exact=True).set_input_files(str(tmp_path / "my flowers.csv"))
    page.get_by_label("Options", exact=True).fill("label=colour")
    page.get_by_role("button", name="Upload").click()
    page.locator("#upload-problem:not([hidden])").wait_for()
    assert "expected columns colour" in page.locator("#upload-problem").inner_text()
    page.get_by_label("Options", exact=True).fill("column_dropout=0")
    page.get_by_role("button", name="Upload").click()
    page.locator("#upload-facts li").first.wait_for()
    assert "dataset=my_flowers" in page.locator("#command").inner_text()


def test_a_bundle_is_written_downloaded_and_its_results_are_sent_back(page, tmp_path, monkeypatch):
    def write(module, asked, **limits):
        assert asked["document"]["device"]["threads"] == 2 and asked["document"]["task"] == "digits"
        path = Path(asked["folder"]) / "bundle.zip"
        path.write_bytes(b"zip" * 10**6)
        return {"done": str(path)}

    monkeypatch.setattr(bundles, "answer_of", write)
    page.goto("/devices")
    page.get_by_label("Threads").fill("2")
    page.get_by_role("button", name="Write the bundle").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download it (3.0 MB)").click()
    assert download.value.path().read_bytes() == b"zip" * 10**6
    (tmp_path / "results.jsonl").write_text("{}\n")
    page.get_by_label("The file results.jsonl").set_input_files(str(tmp_path / "results.jsonl"))
    page.get_by_role("button", name="Send the results").click()
    page.locator("#problem:not([hidden])").wait_for()
    assert "results" in page.locator("#problem").inner_text()


def test_a_run_that_waits_says_what_machines_lack(page, asked, key):
    asked.service.runners.join("r", host="bench", abilities={"cores": 1})
    asked.service.jobs.claim(runner="r", host="bench", lacks=lambda job: "the accelerator cpu")
    page.goto(f"/runs/{key}")
    page.locator("#waiting:not([hidden])", has_text="bench").wait_for()
    assert page.locator("#waiting").inner_text() == "Place 1 in the queue; bench lacks the accelerator cpu."
