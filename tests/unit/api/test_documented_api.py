"""What docs/api.md shows: its routes are called, its settings are taken, and its table of routes and statuses is the API's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from popdesk_api.app import app

from ops.settings import PYPROJECT, ROOT, load_settings
from ops.testing.api import AskApi
from tests.unit.api.requests import KEY, Asks

DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
TESTS = re.findall(r"^def (test_\w+)", "\n".join(EXAMPLES), re.MULTILINE)
TOML = re.findall(r"^```toml\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def _routes() -> None:
    for number, example in enumerate(EXAMPLES):
        exec(compile(example, f"docs/api.md example {number}", "exec"), {"__name__": f"example_{number}"})


def test_the_route_of_five_lines_answers(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    assert asks("GET", "customers/C-1001/orders").json == [{"id": "4711", "customer": "C-1001", "contact": "c-1"}]
    assert asks("GET", "customers/C-1001/orders", query="most=0").json == []
    assert asks("GET", "customers/C-1002/orders").status == 403


def test_the_refund_is_done_once_and_needs_a_key(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    body = {"order": "4711", "cents": 500}
    assert asks("POST", "customers/C-1001/refunds", body).status == 400
    done = asks("POST", "customers/C-1001/refunds", body, KEY)
    assert (done.status, done.json["agent"]) == (201, "a-7")
    assert asks("POST", "customers/C-1001/refunds", body, KEY).json == done.json
    wrong = asks("POST", "customers/C-1001/refunds", {"order": "4711", "cents": "many"}, KEY[::-1])
    assert [error["field"] for error in wrong.json["errors"]] == ["cents"]


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_it_shows_passes(name: str, ask_api: AskApi) -> None:
    (example,) = (each for each in EXAMPLES if f"def {name}(" in each)
    shown: dict[str, Any] = {}
    exec(compile(example, "docs/api.md tests", "exec"), shown)
    shown[name](ask_api)


def test_a_test_of_a_route_is_told_why_it_failed(ask_api: AskApi, monkeypatch: pytest.MonkeyPatch) -> None:
    none: dict[str, Any] = {}
    monkeypatch.setattr("cases_adapters.sample.SampleCases.open_cases", lambda *_: none["C-1001"])
    answer = ask_api("GET", "customers/C-1001/cases")
    assert answer.status == 500
    assert "KeyError" in answer.error
    assert ask_api("GET", "customers/C-1001/history").error == ""


@pytest.mark.parametrize("lines", TOML)
def test_its_settings_are_taken(tmp_path: Path, lines: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{PYPROJECT.read_text('utf-8')}\n{lines}", "utf-8")
    assert load_settings(tmp_path / "pyproject.toml").api.enabled


def test_each_route_is_in_the_table_and_each_of_the_table_is_a_route() -> None:
    told = {
        (method, re.sub(r"\b(ID|CASE|NAME)\b", "*", path)) for method, path in re.findall(r"`([A-Z]+) (c[\w/]+)`", DOCS)
    }
    routes: Any = [*app._static_routes, *app._dynamic_routes]
    ours = {
        (route.method, re.sub(r"<\w+>", "*", route.path.removeprefix("/api/")))
        for route in routes
        if route.func.__module__.startswith("popdesk_api.")
    }
    assert told == ours


def test_the_problem_that_it_shows_is_the_apis(tmp_path: Path) -> None:
    answer = Asks(tmp_path)("POST", "customers/C-1001/cases", {"subject": ""}, KEY).json
    shown = re.findall(r"^```json\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
    assert eval(shown[0]) == answer
