"""docs/python-in-cards.md says what is: each line is tried on CPython and on MicroPython."""

from __future__ import annotations

import ast
import asyncio
import datetime
import importlib
import json
import re
from typing import Any

import pytest
from popdesk import capital
from popdesk.texts import fold, grouped, parse_time

from ops.settings import ROOT
from ops.site.build import compile_module
from ops.site.micropython import run_python

pytestmark = pytest.mark.slow

_TEXT = (ROOT / "docs" / "python-in-cards.md").read_text("utf-8")
_KNOWN: dict[str, Any] = {
    "capital": capital,
    "datetime": datetime,
    "fold": fold,
    "grouped": grouped,
    "json": json,
    "parse_time": parse_time,
    "re": re,
}
_HEAD = """
import asyncio, datetime, json, re, sys
sys.path.append("/rom")
from popdesk import capital
from popdesk.texts import fold, grouped, parse_time
"""


def _rows(title: str, columns: int) -> list[list[str]]:
    """Return the rows of the first table below a title, without its head."""
    below = _TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in below.splitlines() if line.startswith("| `")]
    return [row for row in rows if len(row) == columns]


def _code(cell: str) -> str:
    """Return the first code of a cell, "" for none. In a table a bar is written with a backslash."""
    found = re.search(r"`([^`]+)`", cell)
    return found[1].replace("\\|", "|") if found else ""


DIFFERENT = _rows("What differs silently", 4)
RAISING = _rows("What raises an error", 2)


@pytest.fixture(scope="module")
def micropython() -> dict[str, Any]:
    """Return what MicroPython makes of each expression in the tables: its value, or ["raises", the exception's name]."""
    expressions = [_code(cell) for row in [*DIFFERENT, *RAISING] for cell in (row[0], row[-1]) if _code(cell)]
    code = _HEAD + (
        f"results = {{}}\nfor text in {expressions!r}:\n"
        "    try:\n        results[text] = eval(text)\n"
        "    except Exception as error:\n        results[text] = ['raises', type(error).__name__]\n"
        "    print(json.dumps([text, results[text]]))\n"
    )
    return dict(json.loads(line) for line in run_python(code, _package()).splitlines())


def _package() -> dict[str, bytes]:
    python = ROOT / "pyapp"
    return {
        f"{path.relative_to(python).with_suffix('').as_posix()}.mpy": compile_module(path, python)
        for path in sorted((python / "popdesk").glob("*.py"))
    }


def test_there_are_lines_to_try() -> None:
    assert len(DIFFERENT) > 10
    assert len(RAISING) > 10


@pytest.mark.parametrize("row", DIFFERENT, ids=lambda row: row[0])
def test_what_differs_differs_as_it_says(row: list[str], micropython: dict[str, Any]) -> None:
    written, cpython, other, instead = row[0], _code(row[1]), _code(row[2]), _code(row[3])
    ours = eval(_code(written), _KNOWN)
    assert ours == ast.literal_eval(cpython)
    theirs = micropython[_code(written)]
    assert theirs == ast.literal_eval(other) if other else theirs != ours
    if instead:
        assert micropython[instead] == eval(instead, _KNOWN)


@pytest.mark.parametrize("row", RAISING, ids=lambda row: row[0])
def test_what_raises_raises_and_what_stands_beside_it_is_the_same(row: list[str], micropython: dict[str, Any]) -> None:
    written, instead = _code(row[0]), _code(row[1])
    assert micropython[written][0] == "raises"
    ours = eval(written, _KNOWN)
    assert eval(instead, _KNOWN) == micropython[instead]
    assert ours == eval(instead, _KNOWN) or instead.startswith("capital")


def test_the_modules_are_there_or_not_as_it_says() -> None:
    there, _, absent = _TEXT.split("Modules: ")[1].split("Of `asyncio`")[0].partition("Not there: ")
    modules = [re.findall(r"`(\w+)`", part) for part in (there, absent)]
    code = (
        "import json\nfound = []\n"
        f"for name in {modules[0] + modules[1]!r}:\n"
        "    try:\n        __import__(name)\n        found.append(name)\n    except ImportError:\n        pass\n"
        "print(json.dumps(found))\n"
    )
    assert json.loads(run_python(code)) == modules[0]
    assert len(modules[1]) > 10
    for name in modules[1]:
        importlib.import_module(name)


def test_asyncio_and_re_have_what_it_says() -> None:
    ours = [
        re.findall(r"`(\w+)`", part)
        for part in re.findall(r"Of `asyncio` there are(.*?)\. `re` has(.*?),\s+and", _TEXT, re.DOTALL)[0]
    ]
    code = (
        f"import asyncio, re\nprint([n for n in {ours[0]!r} if not hasattr(asyncio, n)],"
        f" [n for n in {ours[1]!r} if not hasattr(re, n)])"
    )
    assert run_python(code).strip() == "[] []"
    assert (len(ours[0]), len(ours[1])) == (6, 4)


def test_a_text_that_is_awaited_waits_for_ever_on_micropython() -> None:
    code = (
        "import asyncio\nasync def f():\n    await 'text'\n"
        "task = asyncio.create_task(f())\nawait asyncio.sleep(0.05)\nprint(task.done())\ntask.cancel()\n"
    )
    assert run_python(code).strip() == "False"

    async def awaits() -> None:
        await "text"  # type: ignore[misc]

    with pytest.raises(TypeError):
        asyncio.run(awaits())
