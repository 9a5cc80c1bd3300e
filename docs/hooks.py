"""Bring the documents at the root of the repository into the site, and keep links that lead out of it readable.

A hook of MkDocs (``mkdocs.yml`` names it). Documents link each other relatively, so that they work where the repository
is browsed; a link to a file that is no page of the site becomes the file's name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
BROUGHT_IN = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the documents of the root as pages."""
    for source, page in BROUGHT_IN.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Let the links of a page lead to pages of the site."""
    source = {page: source for source, page in BROUGHT_IN.items()}.get(page.file.src_uri)
    folder = "" if source else posixpath.dirname(posixpath.join("docs", page.file.src_uri))
    here = posixpath.dirname(page.file.src_uri)
    if source:  # pictures stand beside the pages
        markdown = markdown.replace("](docs/pictures/", "](pictures/")

    def rewritten(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if not target or ":" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target)) if not target.startswith("pictures/") else target
        inside = BROUGHT_IN.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(inside) is not None and (path in BROUGHT_IN or path.startswith("docs/")):
            return f"[{text}]({posixpath.relpath(inside, here or '.')}{anchor})"
        return text if path.rstrip("/") in text or text == target else f"{text} (`{path}`)"

    return LINK.sub(rewritten, markdown)
