"""Measures a whole day in one workspace page: `uv run python -m tests.bench.day [--contacts N] [--hours H] [--json FILE]`.

A thousand contacts, one after the other, in eight hours of the page's own clock: each is offered, answered, popped by hand, ended
and cleared, with the real page, SDK, flow and Lambda in Chromium. The workspace's clock jumps between two contacts, so that
what waits there for minutes comes due as on a real day. Then the heaps of JavaScript and MicroPython may be no larger than
they were after the hundredth contact, but for five per cent.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from ops.preview.scenario import Desk
from ops.preview.server import Preview
from ops.settings import load_settings
from tests.bench.workspace import read_heaps
from tests.chromium import launch_arguments

GROWTH = 0.05
CUSTOMERS = ("C-1001", "C-1002", "C-1003", "C-1020")
CHANNELS = ("VOICE", "CHAT", "VOICE", "TASK")


# The workspace's clock and its timers, which `jump(ms)` puts forward. The apps' frames keep the real ones.
_CLOCK = """if (self === top) {
  const now = performance.now.bind(performance), set = self.setTimeout.bind(self), clear = self.clearTimeout.bind(self);
  const waiting = new Map();
  let ahead = 0;
  performance.now = () => now() + ahead;
  self.setTimeout = (call, delay = 0, ...given) => {
    const run = () => { waiting.delete(id); call(...given); }, id = set(run, delay);
    waiting.set(id, [performance.now() + delay, run]);
    return id;
  };
  self.clearTimeout = id => { waiting.delete(id); clear(id); };
  self.jump = ms => {
    ahead += ms;
    for (const [id, [due, run]] of [...waiting]) if (due <= performance.now()) { clear(id); run(); }
  };
}"""


@click.command()
@click.option("--contacts", default=1000, show_default=True, type=click.IntRange(20))
@click.option("--hours", default=8.0, show_default=True, help="How long the day is for the page.")
@click.option(
    "--warm", default=100, show_default=True, help="The contact after which the heaps are taken as they should stay."
)
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too.")
def main(contacts: int, hours: float, warm: int, file: Path | None) -> None:
    """Measure and print one table; exits with 1 when a heap has grown, or something was left behind."""
    warm = min(warm, contacts // 2)
    with Preview(load_settings) as preview, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        page = browser.new_page()
        started = time.monotonic()
        heaps, left = _live(preview, page, contacts, hours, warm)
        took = time.monotonic() - started
        browser.close()
    first, last = heaps[warm], heaps[contacts]
    growth = {name: last[name] / first[name] - 1 for name in ("js", "python")}
    table = Table("heap", *(f"after {number}" for number in heaps), f"grown since {warm}", "wanted")
    for name, label in (("js", "JavaScript"), ("python", "MicroPython"), ("log", "the log's share of it")):
        grown = f"{growth[name]:+.1%}" if name in growth else ""
        wanted = f"at most {GROWTH:+.0%}" if name in growth else ""
        table.add_row(label, *(f"{heap[name] / 1e6:.2f} MB" for heap in heaps.values()), grown, wanted)
    console = Console()
    console.print(table)
    console.print(f"{contacts} contacts in {hours:g} h of the page's clock, {took:.0f} s of this machine's")
    for what, count in left.items():
        console.print(f"left behind: {count} {what}")
    if file:
        file.write_text(json.dumps({"heaps": heaps, "growth": growth, "left": left}, indent=2), "utf-8")
    sys.exit(1 if left or max(growth.values()) > GROWTH else 0)


def _live(
    preview: Preview, page: Page, contacts: int, hours: float, warm: int
) -> tuple[dict[int, dict[str, float]], dict[str, int]]:
    """Return the heaps by the number of the contact after which they were taken, and what was left behind at the end."""
    page.add_init_script(_CLOCK)
    preview.forget_page()
    page.goto(preview.workspace_url)
    page.locator("html[data-ready=true]").wait_for()
    cdp = page.context.new_cdp_session(page)
    desk = Desk(preview.command, pace=0)
    heaps: dict[int, dict[str, float]] = {}
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for number in range(1, contacts + 1):
        _one(desk, page, number)
        page.evaluate("ms => jump(ms)", hours * 3_600_000 / contacts)
        if number in (warm, contacts) or number % 250 == 0:
            heaps[number] = read_heaps(preview, cdp)
    look = preview.command("look")
    left = {"contacts": len(look["contacts"]), "apps": len(look["apps"]), "iframes": page.locator("iframe").count()}
    left["page errors"] = len(errors)
    return heaps, {what: count for what, count in left.items() if count}


def _one(desk: Desk, page: Page, number: int) -> None:
    contact = desk.offer(customer=CUSTOMERS[number % 4], channel=CHANNELS[number % 4])
    contact.wait_until_running()
    contact.accept()
    with page.context.expect_page() as popped:
        page.frame_locator("iframe:visible").locator("#pop").click()
    popped.value.close()
    contact.end()
    contact.clear()
    page.locator("iframe").first.wait_for(state="detached")


if __name__ == "__main__":
    main()
