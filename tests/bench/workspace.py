"""Measures the local agent workspace itself: `uv run python -m tests.bench.workspace [--contacts N] [--json FILE]`.

Four figures, each from the real page with the real SDK in Chromium:

- own time: from the flow's answer to the iframe in the page (the flow and the Lambda are not in it), as the workspace
  itself says and as the browser does (from the response's end to the iframe's navigation start);
- answers: how long an app waits for an answer of the workspace, from the SDK's request to its promise;
- burst: events published at once, in order and none lost, and how long the last one takes to arrive;
- heap: JavaScript's and MicroPython's after ten contacts offered and cleared, and after N.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import CDPSession, Frame, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.browser.hosting import PlainAppServer
from tests.chromium import launch_arguments

# Asks in turn, so that the figure is one question's way there and back; JavaScript, so that the app's own cost is small.
_ASK = """async count => {
  const client = new connectSDK.AgentClient(connectSDK.AmazonConnectApp.default), times = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now(); await client.getName(); times.push(performance.now() - before);
  }
  return times;
}"""
_ANSWERED = """() => performance.timeOrigin
  + performance.getEntriesByType("resource").filter(entry => entry.name.endsWith("/api/offer")).at(-1).responseEnd"""
_COLLECT_STATES = """() => {
  globalThis.states = [];
  new connectSDK.AgentClient(connectSDK.AmazonConnectApp.default).onStateChanged(async data => {
    states.push([data.state, performance.timeOrigin + performance.now()]);
  });
}"""
BUDGETS = {"own_ms": 50.0, "heap_growth": 0.05}


@click.command()
@click.option("--contacts", default=100, show_default=True, help="Contacts offered and cleared for the heap.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too.")
def main(contacts: int, file: Path | None) -> None:
    """Measure and print one table; exits with 1 when a figure misses its budget."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Preview(load_settings) as preview,
        PlainAppServer(Path(folder)) as plain,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        figures = _measure(preview, plain, browser.new_page(), contacts)
        browser.close()
    table = Table("figure", "measured", "wanted")
    wanted = {
        "own time, median": f"under {BUDGETS['own_ms']:.0f} ms",
        "response's end to iframe's start, median": f"under {BUDGETS['own_ms']:.0f} ms",
        f"JavaScript heap, {contacts} contacts against 10": f"within {BUDGETS['heap_growth']:.0%}",
        "burst in order, none lost": "1000 of 1000",
    }
    for name, value in figures["rows"]:
        table.add_row(name, value, wanted.get(name, ""))
    Console().print(table)
    if file:
        file.write_text(json.dumps(figures, indent=2), "utf-8")
    sys.exit(0 if figures["within"] else 1)


def _measure(preview: Preview, plain: PlainAppServer, page: Page, contacts: int) -> dict[str, Any]:
    preview.forget_page()
    page.goto(f"{preview.workspace_url}?app={plain.url}")
    page.locator("html[data-ready=true]").wait_for()
    cdp = page.context.new_cdp_session(page)
    own: list[float] = []
    for _ in range(10):
        own.append(_one_contact(preview))
    after_ten = read_heaps(preview, cdp)
    for _ in range(contacts - 10):
        own.append(_one_contact(preview))
    after_all = read_heaps(preview, cdp)

    starts: list[float] = []
    for _ in range(10):
        page.evaluate("performance.clearResourceTimings()")
        contact = preview.command("offer", customer="C-1001", accept=True)["contactId"]
        preview.command("until", app="running")
        frame = _shown_frame(page)
        starts.append(frame.evaluate("performance.timeOrigin") - page.evaluate(_ANSWERED))
        if len(starts) < 10:
            preview.command("finish", contact=contact)
    frame.evaluate(_ASK, 20)
    answers = frame.evaluate(_ASK, 300)
    frame.evaluate(_COLLECT_STATES)
    preview.command("until", request="agent/getName", count=1)
    before = page.evaluate("performance.timeOrigin + performance.now()")
    preview.command("burst", count=1000)
    page.wait_for_timeout(1000)
    states = frame.evaluate("states")
    in_order = [state for state, _ in states] == [f"Burst {number}" for number in range(1, 1001)]

    growth = {name: after_all[name] / after_ten[name] - 1 for name in after_ten}
    rows = [
        ("own time, median", f"{statistics.median(own):.1f} ms"),
        ("own time, worst", f"{max(own):.1f} ms"),
        ("response's end to iframe's start, median", f"{statistics.median(starts):.1f} ms"),
        ("response's end to iframe's start, worst", f"{max(starts):.1f} ms"),
        ("an answer, median", f"{statistics.median(answers):.2f} ms"),
        ("an answer, 99th of 100", f"{sorted(answers)[int(len(answers) * 0.99)]:.2f} ms"),
        ("burst in order, none lost", f"{len(states)} of 1000" + ("" if in_order else ", out of order")),
        ("burst, last event arrived", f"{states[-1][1] - before:.0f} ms" if states else "never"),
    ]
    labels = {"js": "JavaScript heap", "python": "MicroPython heap", "log": "the log's share of it"}
    for name, label in labels.items():
        rows.append(
            (
                f"{label}, {contacts} contacts against 10",
                f"{after_ten[name] / 1e6:.2f} -> {after_all[name] / 1e6:.2f} MB ({growth[name]:+.1%})",
            )
        )
    within = (
        max(statistics.median(own), statistics.median(starts)) < BUDGETS["own_ms"]
        and growth["js"] <= BUDGETS["heap_growth"]
        and in_order
    )
    return {"rows": rows, "within": within, "own_ms": own, "answer_ms": answers, "heap": [after_ten, after_all]}


def _one_contact(preview: Preview) -> float:
    contact = preview.command("offer", customer="C-1001", accept=True)["contactId"]
    preview.command("until", app="running", contact=contact)
    own = float(preview.command("look")["openedMs"])
    preview.command("finish", contact=contact)
    preview.command("until", app="gone", contact=contact)
    return own


def read_heaps(preview: Preview, cdp: CDPSession) -> dict[str, float]:
    """Return bytes in use once garbage is collected on both sides: what one lets go, the other must notice."""
    for _ in range(3):
        memory = preview.command("memory")
        cdp.send("HeapProfiler.collectGarbage")
    used = cdp.send("Runtime.getHeapUsage")
    return {"js": used["usedSize"], "python": memory["python"], "log": memory["log"]}


def _shown_frame(page: Page) -> Frame:
    frame = page.locator("iframe:visible").element_handle().content_frame()
    assert frame is not None
    frame.locator("li[data-name=done]").wait_for()
    return frame


if __name__ == "__main__":
    main()
