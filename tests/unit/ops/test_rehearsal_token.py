"""A look-up that answers without the API's token makes `deploy.py rehearse` fail, and the rehearsal says why.

The rehearsal's own check, with the call's outcome and the function's log given to it: nothing is released, so it takes no time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from call_log import write_call
from click.testing import CliRunner, Result
from flow_contract import NO_VALUE

from deploy import cli
from ops.flows.runner import Outcome
from ops.rehearse import rehearsal
from ops.rehearse.rehearsal import Report, _Rehearsal
from ops.settings import Settings, load_settings

_CALL = "a call, through the deployed flow and the uploaded look-up"
_WHY = "POPDESK_TOKEN_SECRET_ARN is not set"


def _logged(no_token: str) -> str:
    """Return the line that the look-up logs of a call."""
    out = io.StringIO()
    write_call(
        out, contact_id="", channel="VOICE", outcome="found", adapter="sample", milliseconds=1.0, no_token=no_token
    )
    return out.getvalue()


def _settings(**api: Any) -> Settings:
    settings = load_settings(environment="prod")
    return settings.model_copy(update={"api": settings.api.model_copy(update=api)})


class _Called(_Rehearsal):
    """A rehearsal of which everything is released: each call gets the next of these tokens, the last one again and again."""

    def __init__(self, settings: Settings, tokens: Sequence[str], log: Sequence[str]) -> None:
        self._settings = settings
        self._aws: Any = SimpleNamespace(functions=SimpleNamespace(log=list(log)))
        self._report = Report("popdesk-prod")
        self._tell = lambda _: None
        self._tokens = list(tokens)

    def run_flow(self) -> Outcome:
        token = self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]
        names = self._settings.attributes
        given = {names.token: token} if token else {}
        return Outcome({names.status: "200", **given}, queue={"name": "queue"}, app={"name": "Popdesk"})

    def run(self, _: bool) -> Report:
        self._checked(_CALL, self._call_problem)
        return self._report


def _rehearse(monkeypatch: pytest.MonkeyPatch, called: _Called) -> Result:
    monkeypatch.setattr(rehearsal, "_TOKEN_SECONDS", 0.0)
    monkeypatch.setattr(rehearsal, "rehearse", lambda *_, **__: called.run(False))
    return CliRunner().invoke(cli, ["rehearse", "--env", "prod", "--json"])


@pytest.mark.parametrize("token", ["", NO_VALUE])
@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([_logged("an earlier reason"), "a line that is no JSON", _logged(_WHY), _logged("")], _WHY),
        ([_logged("")], "it does not say why"),
        ([], "it does not say why"),
    ],
)
def test_a_look_up_without_a_token_makes_a_rehearsal_fail_and_it_says_why(
    monkeypatch: pytest.MonkeyPatch, token: str, log: list[str], why: str
) -> None:
    result = _rehearse(monkeypatch, _Called(_settings(enabled=True, auth="contact"), [token], log))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == [f"{_CALL}: the look-up's answer has no token: {why}"]


def test_a_token_that_comes_with_a_later_call_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the look-up has no key yet when the first call comes."""
    called = _Called(_settings(enabled=True, auth="contact"), [NO_VALUE, NO_VALUE, NO_VALUE, "a.b.c"], [_logged(_WHY)])
    monkeypatch.setattr("ops.rehearse.rehearsal.time.sleep", lambda _: None)
    monkeypatch.setattr(rehearsal, "_TOKEN_SECONDS", 25.0)
    assert called.run(False).problems == []


@pytest.mark.parametrize("api", [{"enabled": False}, {"enabled": True, "auth": "oidc"}])
def test_without_an_api_that_takes_it_no_token_is_missed(monkeypatch: pytest.MonkeyPatch, api: dict[str, Any]) -> None:
    result = _rehearse(monkeypatch, _Called(_settings(**api), [""], []))
    assert (result.exit_code, json.loads(result.stdout)["problems"]) == (0, [])
