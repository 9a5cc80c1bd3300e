"""Every document stands in the index and on the site, and every link of every document leads somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
AT_THE_ROOT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "index.md"])
def test_every_page_is_in_the_index_and_on_the_site(page):
    assert f"]({page})" in (DOCS / "index.md").read_text(), "docs/index.md lists every document"
    assert page in re.findall(r"^ +- ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", [*AT_THE_ROOT, *(f"docs/{page}" for page in PAGES), "benchmarks/README.md"])
def test_links_lead_somewhere(document):
    path = ROOT / document
    for target, _, name in (link.partition("#") for link in LINK.findall(path.read_text())):
        if ":" in target:
            continue
        found = path.parent / target if target else path
        assert found.exists(), f"{document} links {target}"
        if name:
            assert name in anchors(found), f"{document} links {target}#{name}"


def test_pre_commit_runs_what_ci_runs():
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    ci = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    assert len(hooks) == 4 and all(hook in ci for hook in hooks)


def test_the_newest_section_of_the_changelog_is_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.findall(r"^## \[?([\w.]+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert newest == version.partition(".dev")[0]


def test_the_map_names_files_that_are_there():
    page = (DOCS / "architecture.md").read_text()
    paths = re.findall(r"`((?:runs|hardware_profiles|predictors|supernet|search_space|tests|docs)/[\w./]*)`", page)
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).exists()] == []
