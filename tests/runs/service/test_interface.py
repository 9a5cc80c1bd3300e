"""The interface as a whole: its checked-in description, and no request that the server fails at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.service.document.model import RunDocument
from runs.service.server.application import application
from runs.service.server.description import described

DESCRIPTION = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
PARTS = {"parameter", "expected", "got", "remedy"}
SCHEMA = application(None).openapi()


def test_the_description_is_that_of_the_server():
    written = DESCRIPTION.read_text()
    assert json.loads(written) == json.loads(described()), "python -m runs.service.server.description writes it"
    assert len(SCHEMA["paths"]) > 20


def test_every_end_point_says_what_it_does_and_how_it_refuses():
    for path, methods in SCHEMA["paths"].items():
        for method, declared in methods.items():
            assert declared["description"].endswith("."), (method, path)
            assert declared["responses"]["4XX"]["content"]["application/json"]["schema"], (method, path)


def test_neither_server_nor_runner_nor_client_imports_what_is_heavy():
    program = (
        "import sys, runs.service.server.application, runs.service.serving, runs.service.runner.loop;"
        "import runs.service.client.shell, runs.app.cli, runs.app.verbs.serve;"
        "runs.service.server.application.application(None).openapi();"
        "heavy = {'torch', 'optuna', 'sklearn', 'scipy', 'onnx', 'onnxruntime', 'pandas', 'hydra'};"
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------ any request

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["${oc.env:HOME}", "../..", "\x00", "a' OR 1=1 --", "9" * 40, "auto", "1", "0", "-1", "nan", "\ud83d"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
OPERATIONS = [
    (path, method, declared)
    for path, methods in SCHEMA["paths"].items()
    for method, declared in methods.items()
    if not path.endswith("/events")  # which never ends
]
KEYS = [name for name in RunDocument.model_fields]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a request to an end point: what its description knows, with values of any kind."""
    path, method, declared = draw(st.sampled_from(OPERATIONS))
    query = {}
    for parameter in declared.get("parameters", []):
        if parameter["in"] == "query" and draw(st.booleans()):
            query[parameter["name"]] = draw(TEXTS).encode(errors="replace").decode()
    filled = re.sub(r"\{\w+\}", lambda _: quote(draw(TEXTS).encode(errors="replace"), safe="") or "x", path)
    known = st.dictionaries(st.sampled_from([*KEYS, "key", "owner", "document"]), VALUES, max_size=4)
    body = draw(st.one_of(VALUES, known, known.map(lambda d: {"task": "digits", **d})))
    return {"method": method, "path": filled, "query": query, "body": body}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests())
def test_no_request_makes_the_server_fail(asked, request):
    client = asked.as_("root", "read,submit,admin")
    body = json.dumps(request["body"]).encode()
    answer = client.request(
        request["method"], request["path"], params=request["query"], content=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code < 500, (request, answer.text)
    if answer.status_code >= 400:
        told = answer.json()
        assert set(told) == PARTS and all(isinstance(text, str) and text for text in told.values()), (request, told)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/runs", "/runs/x/y", "/api/v1/runs/%00"])
def test_an_address_that_there_is_not_is_refused_in_four_parts(ann, path):
    answer = ann.get(path)
    assert answer.status_code in (404, 422) and set(answer.json()) == PARTS


def test_a_method_that_there_is_not_is_refused_in_four_parts(ann):
    answer = ann.put("/api/v1/runs")
    assert answer.status_code == 405 and set(answer.json()) == PARTS


def test_metrics_are_what_prometheus_reads(ann, key):
    lines = ann.get("/metrics").text.splitlines()
    assert 'nasweave_runs{state="queued"} 1' in lines and "nasweave_jobs_waiting 1" in lines
    assert all(re.fullmatch(r"# (?:HELP|TYPE) \w+ .+|\w+(?:\{\w+=\"\w+\"\})? [\d.e+]+", line) for line in lines)


def test_what_can_be_chosen_is_listed(ann):
    assert "digits" in ann.get("/api/v1/tasks").json() and "npz" not in ann.get("/api/v1/tasks").json()
    devices = {one["id"]: one for one in ann.get("/api/v1/devices").json()}
    assert devices["amd_epyc_2c_onnxruntime_t1_vit_tiny"]["setting"]["threads"] == 1
    assert set(ann.get("/api/v1/schema").json()["properties"]) == set(KEYS)
