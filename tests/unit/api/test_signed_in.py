"""The API where agents sign in: nobody asks without it, and the audit line has who it was."""

from __future__ import annotations

from pathlib import Path

from tests.unit.api.requests import KEY, Asks


def test_without_an_authorizer_in_front_nobody_may_ask(tmp_path: Path) -> None:
    asks = Asks(tmp_path, auth="oidc")
    answer = asks("GET", "customers/C-1001/cases")
    assert (answer.status, answer.json["title"]) == (401, "Not signed in")
    asks.subject = "user-alex"
    assert asks("GET", "customers/C-1001/cases").status == 200
    assert asks("GET", "customers/C-1001/cases", token="forged").status == 401  # the contact's token is wanted too


def test_the_audit_line_has_who_signed_in(tmp_path: Path) -> None:
    asks = Asks(tmp_path, auth="oidc")
    asks.subject = "user-alex"
    assert asks("POST", "customers/C-1001/notes", {"text": "x"}, KEY).status == 201
    assert asks.log[-1]["signed_in"] == "user-alex"
    assert asks.log[-1]["agent_id"] == "a-7"
    (tmp_path / "other").mkdir()
    without = Asks(tmp_path / "other")
    without("POST", "customers/C-1001/notes", {"text": "x"}, KEY)
    assert "signed_in" not in without.log[-1]
