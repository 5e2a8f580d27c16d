"""Errors of the API as problem details (RFC 9457), in words that the agent may read.

    raise Problem(404, "There is no such order.")       # in a route of a team's own too
    raise Problem(422, "Two fields are wrong.", errors=[{"field": "amount", "detail": "It is more than was paid."}])

No value of a request is in an answer that tells of an error, and no text of an exception but our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from popdesk_api.contract import PROBLEM

# What pydantic says is for programmers; these are the mistakes that a form lets through.
_WORDS = {
    "missing": "It is missing.",
    "string_too_short": "It is empty.",
    "extra_forbidden": "There is no such field.",
    "string_type": "It is not text.",
}


class Problem(Exception):
    """The request is answered with this status and these words; nothing was done.

    `errors` are the fields that are wrong, [{"field", "detail"}]; `retry_after` is how many seconds to wait before asking again.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str = "",
        errors: list[dict[str, str]] | None = None,
        retry_after: int = 0,
    ) -> None:
        super().__init__(title or HTTPStatus(status).phrase)
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = errors or []
        self.retry_after = retry_after

    def body(self) -> str:
        """Return the JSON of the answer."""
        document: dict[str, Any] = {"title": self.title, "status": self.status, "detail": self.detail}
        if self.errors:
            document["errors"] = self.errors
        return json.dumps(document, ensure_ascii=False)

    def headers(self) -> dict[str, str]:
        """Return the answer's headers beside its type."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}

    def answer(self) -> dict[str, Any]:
        """Return the whole answer as Lambda gives it to the HTTP API (payload format 2.0)."""
        headers = {"Content-Type": PROBLEM, **self.headers()}
        return {"statusCode": self.status, "headers": headers, "body": self.body(), "isBase64Encoded": False}


def invalid(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Return the problem of a request whose values are wrong; `errors` are those of pydantic (`ValidationError.errors()`)."""
    listed = list(errors)
    if any(error["type"] == "json_invalid" for error in listed):
        return Problem(400, "The request is not JSON.")
    return Problem(
        422, "Some values cannot be taken.", title="Invalid values", errors=[_field(error) for error in listed]
    )


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    # ("body", "subject"): where it was comes first; a field that a list has has its place.
    place = [str(part) for part in error["loc"]]
    field = ".".join(place[1:] if place[:1] in (["body"], ["query"], ["path"], ["header"]) else place)
    context = error.get("ctx") or {}
    if error["type"] == "string_too_long":
        return {"field": field, "detail": f"It is longer than {context['max_length']} characters."}
    if error["type"] in ("literal_error", "enum"):
        return {"field": field, "detail": f"It is not {context['expected']}."}
    if error["type"] in ("value_error", "assertion_error"):
        # A validator of a route's own: pydantic puts "Value error, " before its words.
        return {
            "field": field,
            "detail": str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, "),
        }
    return {"field": field, "detail": _WORDS.get(error["type"], str(error["msg"]))}
