"""The start-up benchmark: Popdesk and another app, in turn, in the local workspace, in a real browser, in one run.

    uv run --group bench python -m tests.bench.startup --peer DIR --rounds 9 --json startup.json

DIR is a built app (index.html and its files) that shows the same five values: the agent's name, state and routing profile,
the contact's queue and phone number. Each condition is measured for every app in turn, round by round, so that a ratio
holds when the machine's speed drifts, and each round in another order. A floor app that only speaks the protocol shows
the instrument's own cost.

Times are in ms from the iframe's navigation start (performance.timeOrigin) to the SDK's hello at the workspace, to the last
of the five values in the frame's document, and from a published event to the changed value. Bytes are those that went to
the browser, TLS included. The heap is JavaScript's after a collection, without WebAssembly's memory.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from ops.build import build_site
from ops.headers import response_headers
from ops.preview import Preview
from ops.settings import load_settings
from tests.bench.instrument import SHOWN, floor_app, observer
from tests.bench.network import FAST, Certificate, Network, Site, read_folder
from tests.chromium import launch_arguments

# Between two contacts: the last iframe's process ends meanwhile, which takes longer for a larger app.
PAUSE_MS = 300
# Between a workspace's opening and its first contact: the one before it is closed, and its processes end, meanwhile.
REST_MS = 1000
SLOW = Network(rate_mbit=20, round_trip_ms=40)
VALUES = ["Quillon Ashgrove", "Readying papers", "Tidewater Desk Profile", "BasicQueue", "+12065550173"]
AGENT, STATE, PROFILE, _, PHONE = VALUES
# What issue and docs/startup.md hold the ratios to: figure -> (stock PyScript, polyscript), at most, against the peer.
LIMITS = {
    "warm, shown, SDK 0 ms": (0.62, 0.46),
    "warm, shown, SDK 50 ms": (0.38, 0.33),
    "warm, hello, SDK 0 ms": (1.3, 1.0),
    "cold slow, shown, SDK 0 ms": (0.90, 0.72),
    "cold, bytes": (0.83, 0.76),
    "event to value, SDK 50 ms": (0.67, 0.67),
    "heap": (0.65, 0.55),
}
# How much later than the floor app's the first paint may be. It is one figure for all SDK latencies: the answers come later.
PAINT_AFTER_FLOOR_MS = 20


@dataclass
class Figures:
    """What was measured: figure -> app -> its values, one a round."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, figure: str, app: str, value: float | None) -> None:
        """Keep one value; None (not seen) is left out."""
        if value is not None:
            self.values.setdefault(figure, {}).setdefault(app, []).append(value)


class Lab:
    """The preview, its page in a browser context, and the apps' sites."""

    def __init__(self, browser: Browser, preview: Preview) -> None:
        self.browser = browser
        self.preview = preview

    @contextmanager
    def workspace(self) -> Iterator[Page]:
        """Open the workspace in a new browser context (a cold cache)."""
        context = self.browser.new_context()
        context.add_init_script(observer(VALUES))
        page = context.new_page()
        self.preview.forget_page()
        page.goto(self.preview.workspace_url)
        page.locator("html[data-ready=true]").wait_for()
        self.preview.command("agent", name=AGENT)
        self.preview.command("profile", name=PROFILE)
        try:
            yield page
        finally:
            self._close(context)

    def _close(self, context: BrowserContext) -> None:
        context.close()

    def open(self, page: Page, site: Site, name: str) -> tuple[str, Frame, dict[str, Any]]:
        """Offer a contact to the app at `site`; gives the contact, its frame and the times in ms."""
        self.preview.command("app", url=site.url, name=name)
        self.preview.command("state", name=STATE, kind="not_routable")
        page.evaluate("benchHellos.length = 0")
        # Nothing is asked of the browser until the values are there: the answer would be made on the app's time.
        with (
            page.expect_console_message(lambda message: message.text == SHOWN),
            page.expect_event("frameattached") as attached,
        ):
            contact = self.preview.command("offer", address=PHONE)["contactId"]
        frame = attached.value
        seen = frame.evaluate("bench.first")
        started = frame.evaluate("bench.started()")
        shown = frame.evaluate("bench.shown()")
        missing = [value for value in VALUES if _plain(value) not in shown]
        if missing:
            raise RuntimeError(f"{name}: {missing} are in the document and cannot be seen")
        times = {
            "hello": page.evaluate("benchHellos[0]") - started,
            "shown": max(seen.values()) - started,
            "paint": frame.evaluate("bench.paint()"),
        }
        return contact, frame, times

    def change(self, frame: Frame, state: str) -> float:
        """Publish a change of the agent's state; gives ms from the published message to the changed value."""
        frame.evaluate(f"void (globalThis.benchNext = bench.watch([{json.dumps(state)}]))")
        self.preview.command("state", name=state, kind="not_routable")
        seen = frame.evaluate("benchNext")
        sent = [
            entry["time"]
            for entry in self.preview.command("log", filter="publish", last=50)
            if entry["message"].get("type") == "publish" and state in json.dumps(entry["message"])
        ]
        return float(seen[state] - sent[-1])

    def clear(self, page: Page, contact: str) -> None:
        """End and clear the contact: its iframe goes, and the next app is not measured while the browser tidies up."""
        with page.expect_event("framedetached"):
            self.preview.command("finish", contact=contact)
        page.wait_for_timeout(PAUSE_MS)

    def heap(self, frame: Frame) -> float:
        """Give the JavaScript heap of the frame's process in bytes, after a collection."""
        session = frame.page.context.new_cdp_session(frame)
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        session.detach()
        return float(usage["usedSize"])


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isascii() and letter.isalnum())


def measure(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, quick: bool) -> Figures:
    """Measure every condition, all apps in turn, `rounds` times."""
    figures = Figures()
    for latency in (0, 50):
        _warm(lab, sites, FAST, latency, rounds, figures)
    if not quick:
        _warm(lab, sites, SLOW, 0, rounds, figures, "warm slow")
        _kept(lab, sites, rounds, figures)
    for network, label in ((FAST, "cold"), (SLOW, "cold slow")):
        for latency in (0,) if quick else (0, 50):
            _cold(lab, sites, network, label, latency, rounds, figures)
    _heap(lab, sites, min(rounds, 5), figures)
    return figures


def _warm(
    lab: Lab,
    sites: dict[str, dict[Network, Site]],
    network: Network,
    latency: int,
    rounds: int,
    figures: Figures,
    label: str = "warm",
) -> None:
    with lab.workspace() as page:
        lab.preview.command("latency", ms=latency)
        for number in range(-2, rounds):  # the first two fill the caches
            for app, site in _in_turn(sites, number):
                contact, frame, times = lab.open(page, site[network], app)
                changed = lab.change(frame, f"Changed {app} {number + 2}")
                if number >= 0:
                    figures.add(f"{label}, shown, SDK {latency} ms", app, times["shown"])
                    figures.add(f"{label}, hello, SDK {latency} ms", app, times["hello"])
                    figures.add(f"{label}, first paint", app, times["paint"])
                    if label == "warm":
                        figures.add(f"event to value, SDK {latency} ms", app, changed)
                lab.clear(page, contact)


def _in_turn(sites: dict[str, dict[Network, Site]], number: int) -> list[tuple[str, dict[Network, Site]]]:
    """Give the apps in an order of their own for each round: no app is always the one after the peer, or the last."""
    items = list(sites.items())
    if number % 2:
        items.reverse()
    start = number // 2 % len(items)
    return items[start:] + items[:start]


def _kept(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, figures: Figures) -> None:
    for app, site in sites.items():
        with lab.workspace() as page:
            for number in range(-2, min(rounds, 8)):
                _, _, times = lab.open(page, site[FAST], app)
                if number >= 0:
                    figures.add("warm, earlier iframes kept, shown, SDK 0 ms", app, times["shown"])


def _cold(
    lab: Lab,
    sites: dict[str, dict[Network, Site]],
    network: Network,
    label: str,
    latency: int,
    rounds: int,
    figures: Figures,
) -> None:
    for number in range(rounds):
        for app, site in _in_turn(sites, number):
            with lab.workspace() as page:
                lab.preview.command("latency", ms=latency)
                page.wait_for_timeout(REST_MS)
                site[network].take_bytes()
                _, _, times = lab.open(page, site[network], app)
                figures.add(f"{label}, shown, SDK {latency} ms", app, times["shown"])
                figures.add(f"{label}, hello, SDK {latency} ms", app, times["hello"])
                figures.add(f"{label}, first paint", app, times["paint"])
                if latency == 0:
                    figures.add(f"{label}, bytes", app, site[network].take_bytes())


def _heap(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, figures: Figures) -> None:
    for _ in range(rounds):
        for app, site in sites.items():
            with lab.workspace() as page:
                _, frame, _ = lab.open(page, site[FAST], app)
                figures.add("heap", app, lab.heap(frame))


def show(figures: Figures, console: Console) -> None:
    """Print the medians, their spread (min to max), the ratios to the peer, and how far the first paint is from the floor's."""
    apps = [app for app in ("floor", "peer", "stock", "polyscript") if any(app in of for of in figures.values.values())]
    table = Table(title="medians (min to max); ratio to the peer (at most)")
    table.add_column("figure")
    for app in apps:
        table.add_column(app, justify="right")
    for figure, of in figures.values.items():
        cells = []
        for app in apps:
            values = of.get(app, [])
            cell = "-"
            if values:
                scale = 1000 if figure.endswith(("bytes", "heap")) else 1
                middle = statistics.median(values) / scale
                cell = f"{middle:.0f} ({min(values) / scale:.0f} to {max(values) / scale:.0f})"
                if app in ("stock", "polyscript"):
                    cell += _compared(figure, app, of)
            cells.append(cell)
        table.add_row(figure, *cells)
    console.print(table)


def _compared(figure: str, app: str, of: dict[str, list[float]]) -> str:
    """Say how one of ours stands beside the peer, or the floor, and whether that is within its limit."""
    said = ""
    middle = statistics.median(of[app])
    if of.get("peer"):
        ratio = middle / statistics.median(of["peer"])
        said += f"  {ratio:.2f}"
        if figure in LIMITS:
            limit = LIMITS[figure][app == "polyscript"]
            said += f" ({limit:.2f}){'' if ratio <= limit else ' OVER'}"
    if "first paint" in figure and of.get("floor"):
        later = middle - statistics.median(of["floor"])
        said += f", floor {later:+.0f} ({PAINT_AFTER_FLOOR_MS:+}){'' if later <= PAINT_AFTER_FLOOR_MS else ' OVER'}"
    return said


@click.command()
@click.option(
    "--peer", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A built app to compare with."
)
@click.option("--rounds", default=9, show_default=True)
@click.option("--runtime", "runtimes", multiple=True, default=("pyscript", "polyscript"), help="Which of ours.")
@click.option("--quick", is_flag=True, help="Only the figures that have a limit.")
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write all values there.")
def main(peer: Path | None, rounds: int, runtimes: tuple[str, ...], quick: bool, out: Path | None) -> None:
    """Measure the start-up of Popdesk, beside a peer."""
    certificate = Certificate()
    with ExitStack() as stack:
        preview = stack.enter_context(Preview(load_settings))
        origin = preview.workspace_url.rstrip("/")
        headers = response_headers((origin,))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="popdesk-bench-")))
        apps: dict[str, tuple[dict[str, bytes], dict[str, str]]] = {"floor": (floor_app(), {})}
        if peer is not None:
            apps["peer"] = (read_folder(peer), {})
        for runtime in runtimes:
            settings = load_settings().with_local_crm(origin).model_copy(update={"runtime": runtime})
            name = "stock" if runtime == "pyscript" else runtime
            apps[name] = (read_folder(build_site(settings, folder / name).folder), headers)
        sites = {
            name: {network: stack.enter_context(Site(files, extra, network, certificate)) for network in (FAST, SLOW)}
            for name, (files, extra) in apps.items()
        }
        playwright = stack.enter_context(sync_playwright())
        arguments = launch_arguments(playwright)
        arguments["args"] += [f"--ignore-certificate-errors-spki-list={certificate.spki}"]
        browser = playwright.chromium.launch(**arguments)
        figures = measure(Lab(browser, preview), sites, rounds, quick)
        browser.close()
    show(figures, Console(width=190 if not sys.stdout.isatty() else None))
    if out is not None:
        out.write_text(json.dumps(figures.values, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
