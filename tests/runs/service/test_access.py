"""Who may do what, from where; and what a browser is told not to do."""

from __future__ import annotations

import re

import pytest

from runs.service.server.access import COOKIE
from tests.runs.service.conftest import SMALL

PARTS = {"parameter", "expected", "got", "remedy"}


def test_a_stranger_sees_the_health_and_nothing_else(asked):
    schema = asked.browser.app._app.openapi()
    assert asked.browser.get("/health").json()["status"] == "ok"
    tried = 0
    for path, methods in schema["paths"].items():
        for method in methods:
            address = re.sub(r"\{\w+\}", "1", path)
            if address != "/health":
                answer = asked.browser.request(method, address, json={})
                assert answer.status_code == 401 and set(answer.json()) == PARTS, (method, path)
                tried += 1
    assert tried > 20


def test_a_page_asks_a_stranger_to_sign_in(asked):
    answer = asked.browser.get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 401 and "sign in" in answer.text


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        ("read", "GET", "/api/v1/runs", 200),
        ("read", "POST", "/api/v1/runs", 403),
        ("submit", "GET", "/api/v1/runs", 403),
        ("read,submit", "POST", "/api/v1/runners/a/drain", 403),
        ("admin", "GET", "/api/v1/tokens", 200),
        ("read,submit", "GET", "/api/v1/tokens", 403),
    ],
)
def test_scopes(asked, scopes, method, path, status):
    assert asked.as_("ann", scopes).request(method, path, json=SMALL).status_code == status


def test_a_run_is_changed_by_its_owner_or_an_administrator(asked, key):
    assert asked.as_("bob").post(f"/api/v1/runs/{key}/stop").status_code == 403
    assert asked.as_("bob").delete(f"/api/v1/runs/{key}").status_code == 403
    assert asked.as_("root", "admin").post(f"/api/v1/runs/{key}/stop").status_code == 202


def test_tokens_expire_are_revoked_and_stored_as_hashes(asked, tmp_path):
    old = asked.service.tokens.make("token", owner="ann", scopes=["read"], seconds=-1)
    assert asked.browser.get("/api/v1/me", headers={"Authorization": f"Bearer {old}"}).status_code == 401
    admin = asked.as_("root", "admin")
    made = admin.post("/api/v1/tokens", json={"owner": "eve", "scopes": ["read"]}).json()
    header = {"Authorization": f"Bearer {made['token']}"}
    assert asked.browser.get("/api/v1/me", headers=header).json()["owner"] == "eve"
    assert made["token"] not in admin.get("/api/v1/tokens").text
    asked.service.database.close()
    assert made["token"].encode() not in b"".join(p.read_bytes() for p in (tmp_path / "outputs").glob("nasweave.db*"))
    assert admin.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert asked.browser.get("/api/v1/me", headers=header).status_code == 401


def test_a_link_signs_in_once(asked):
    link = asked.service.tokens.make("link", owner="ann", scopes=["read"], seconds=60)
    assert asked.browser.get("/api/v1/me", headers={"Authorization": f"Bearer {link}"}).status_code == 401
    answer = asked.browser.get(f"/sign-in/{link}", follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie
    assert asked.browser.get("/").status_code == 200
    asked.browser.cookies.clear()
    assert asked.browser.get(f"/sign-in/{link}").status_code == 401


def test_signing_out_ends_the_session(asked):
    link = asked.service.tokens.make("link", owner="ann", scopes=["read"], seconds=60)
    asked.browser.get(f"/sign-in/{link}")
    session = asked.browser.cookies[COOKIE]
    asked.browser.post("/sign-out", follow_redirects=False)
    assert asked.browser.get("/api/v1/me", headers={"Cookie": f"{COOKIE}={session}"}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_another_name_of_the_server_is_refused(asked, host):
    answer = asked.browser.get("/health", headers={"Host": host})
    assert answer.status_code == 421 and set(answer.json()) == PARTS


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_changes_nothing(ann, key, method, origin):
    answer = ann.request(method, f"/api/v1/runs/{key}", headers={"Origin": origin}, json={"name": "x"})
    assert answer.status_code == 403 and answer.json()["parameter"] == "Origin"
    assert ann.get(f"/api/v1/runs/{key}").json()["name"] == "small"


def test_there_is_no_cors(ann, key):
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    for answer in (ann.options(f"/api/v1/runs/{key}", headers=asking), ann.get("/api/v1/runs", headers=asking)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_pages_permit_files_of_this_server_alone(asked, key, ann):
    for path in ("/", "/new", f"/runs/{key}", "/static/run.js", "/api/v1/runs", "/nothing"):
        answer = ann.get(path, headers={"Accept": "text/html"})
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if "html" in answer.headers["content-type"]:
            assert not re.search(r"<script(?![^>]*(?:src=\"/static/|type=\"application/json\"))", answer.text)
            assert not re.search(r"\s(?:style|on\w+)=", answer.text)


def test_a_report_runs_in_a_sandbox(asked, ann, key):
    run = asked.service.submissions.get(key)
    path = asked.service.folder(run.folder) / "report" / "index.html"
    assert ann.get(f"/api/v1/runs/{key}/report").status_code == 404
    path.parent.mkdir(parents=True)
    path.write_text("<script>parent.document.cookie</script>")
    policy = ann.get(f"/api/v1/runs/{key}/report").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;") and "allow-same-origin" not in policy
    assert "connect-src" not in policy and "default-src 'none'" in policy


def test_what_a_user_names_a_run_is_text_on_a_page(ann, asked):
    for path in (
        "/?cursor=99999999999999999999",
        "/runs/%3Cscript%3E",
        "/static/%2e%2e%2fstyle.css",
        "/static/..%2f..%2fpages%2froutes.py",
    ):
        answer = ann.get(path, headers={"Accept": "text/html"})
        assert answer.status_code in (404, 422) and "<script>" not in answer.text


def test_a_body_has_a_limit(ann):
    assert ann.post("/api/v1/runs", content=b"x" * (2**20 + 1)).status_code == 413
    chunks = (b"x" * 2**18 for _ in range(8))
    assert ann.post("/api/v1/runs", content=chunks).status_code in (400, 413)
