"""What is wrong with a request, in the four parts that every error of nasweave has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runs.store.secrets import redacted
from search_space.errors import PARTS, NasweaveError

__all__ = ["of_error", "of_validation", "parts"]

_LONGEST = 200
_BY_TYPE = {
    "extra_forbidden": ("a key of the schema", "leave it out; GET /api/v1/schema shows the keys"),
    "missing": ("a value", "give one"),
    "json_invalid": ("JSON", "mend the body of the request"),
    "string_pattern_mismatch": ("text of the pattern {pattern}", "correct it"),
}


def parts(*, parameter: str, expected: str, got: object, remedy: str) -> dict[str, str]:
    """Return a problem, without passwords and cut to what one reads."""
    texts = zip(PARTS, (parameter, expected, str(got), remedy), strict=True)
    return {name: redacted(" ".join(text.split()))[: 3 * _LONGEST] for name, text in texts}


def of_error(error: NasweaveError) -> dict[str, str]:
    """Return the parts of an error."""
    return parts(parameter=error.parameter, expected=error.expected, got=error.got, remedy=error.remedy)


def of_validation(errors: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the first of the errors that pydantic found."""
    error = errors[0]
    where = [str(part) for part in error.get("loc", ())]
    if len(where) > 1 and where[0] in ("body", "query", "path", "header"):
        where = where[1:]
    context = {name: str(value) for name, value in (error.get("ctx") or {}).items()}
    expected, remedy = _BY_TYPE.get(str(error.get("type")), (str(error.get("msg", "a legal value")), "correct it"))
    expected = expected.replace("{pattern}", context.get("pattern", ""))
    got = "nothing" if error.get("type") == "missing" else repr(error.get("input"))[:_LONGEST]
    if error.get("type") == "extra_forbidden":
        got = repr(where[-1] if where else "")
    return parts(parameter=".".join(where) or "body", expected=_plain(expected), got=got, remedy=remedy)


def _plain(message: str) -> str:
    """Return a message of pydantic as what was expected: ``Input should be 1 or more`` is ``1 or more``."""
    for begin in ("Input should be ", "Value error, ", "String should have ", "List should have "):
        if message.startswith(begin):
            return message[len(begin) :]
    return message
