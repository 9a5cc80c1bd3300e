"""``python -m runs.service.server.description``: the OpenAPI description of the interface, as it is checked in."""

from __future__ import annotations

import json

from runs.service.server.application import application

__all__ = ["described"]


def described() -> str:
    """Return the description as text; its version is that of the interface, not of the package."""
    schema = application(None).openapi()
    schema["info"]["version"] = "1"
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(described(), end="")
