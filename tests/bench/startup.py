"""The start-up benchmark: Popdesk and another app, in turn, in the local workspace, in a real browser, in one run.

    uv run --group bench python -m tests.bench.startup --peer DIR --rounds 9 --json startup.json

DIR is a built app (index.html and its files) that shows the same five values: the agent's name, state and routing profile,
the contact's queue and phone number. Each condition is measured for every app in turn, round by round, so that a ratio
holds when the machine's speed drifts, and each round in another order. A floor app that only speaks the protocol shows
the instrument's own cost.

Times are in ms from the iframe's navigation start (performance.timeOrigin) to the SDK's hello at the workspace, to the last
of the five values being visible in the frame, and from a published event to the changed value. Bytes are those that went to
the browser, TLS and the observer in the page (1 kB) included. The heap is JavaScript's after a collection, without
WebAssembly's memory. Ours with 50 cards is measured beside ours as it is; and all apps once more with the browser held to a
quarter of the processor, by a cgroup, where this machine lets the benchmark make one.

Playwright starts the browser and is not attached to what is measured: the contexts are opened by the browser's own protocol,
the workspace does what the preview tells it, and the apps tell what they saw (tests/bench/instrument.py).
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from ops.preview.server import Preview
from ops.rehearse.certificate import Certificate
from ops.settings import ROOT, load_settings
from ops.site.build import app_page, build_page, build_site
from ops.site.headers import response_headers
from tests.bench.instrument import CHANGED, floor_app, observed
from tests.bench.network import FAST, Network, Site, read_folder
from tests.bench.processor import NotAvailable, slowed
from tests.chromium import launch_arguments

# Between two contacts. Chromium keeps a closed iframe's process for 2 s, for the next one of its site: after SOON an app starts
# in the process that the one before it had, after LATER in a new one.
SOON = 0.3  # s
LATER = 2.5  # s
# Between a workspace's opening and its first contact: the one before it is closed, and its processes end, meanwhile.
REST = 1.0  # s
GONE_WITHIN = 30.0  # s, an iframe whose contact was finished
WINDOW = {"width": 1280, "height": 720}
SLOW = Network(rate_mbit=20, round_trip_ms=40)
VALUES = ["Quillon Ashgrove", "Readying papers", "Tidewater Desk Profile", "BasicQueue", "+12065550173"]
AGENT, STATE, PROFILE, _, PHONE = VALUES
OURS, FEW, MANY = "popdesk", "11 cards", "50 cards"
# The text of the last card of the app that has MANY of them.
LAST_CARD = "Every card is here"
# How many cards are put before the shipped ones, and what they return in turn.
MORE = 39
MIXED = (
    '"letters: " + str(len(name))',
    'Text(name, tone="success", rest="since 9:00")',
    'Badge("Gold", tone="warning")',
    'Money("1234.50", "EUR")',
    'Since("2026-01-31T12:00:00Z")',
    "Progress(60)",
    'Note("Ask for the PIN first.", tone="warning")',
    'Table(["Order", "Total"], [["A-" + str(row), row] for row in range(50)], caption="Orders")',
    'Timeline([("2026-01-31T12:00:00Z", "Order sent", "by post"), ("2026-01-30T12:00:00Z", "Ordered")])',
    'Group([Badge("Premium"), Money(12, "USD"), Text("overdue", tone="error")])',
)
SHARE = 0.25  # of the processor, for the browser in the figure that says so
# What docs/startup.md holds a ratio to: figure -> to which app, at most.
LIMITS = {
    "warm, shown, SDK 0 ms": ("peer", 0.58),
    "warm, shown, SDK 50 ms": ("peer", 0.31),
    "warm in a new process, shown, SDK 50 ms": ("peer", 0.4),
    "warm, hello, SDK 0 ms": ("peer", 1.2),
    "cold slow, shown, SDK 0 ms": ("peer", 0.75),
    "cold, bytes": ("peer", 0.81),
    "event to value, SDK 50 ms": ("peer", 0.05),
    "heap": ("peer", 0.52),
    "a quarter of the processor, shown, SDK 50 ms": ("peer", 0.45),
    "50 cards, shown, SDK 50 ms": (FEW, 1.15),
}
# How much later than the floor app's the first paint may be. It is one figure for all SDK latencies: the answers come later.
PAINT_AFTER_FLOOR_MS = 20


@dataclass
class Figures:
    """What was measured: figure -> app -> its values, one a round."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, figure: str, app: str, value: float) -> None:
        """Keep one value."""
        self.values.setdefault(figure, {}).setdefault(app, []).append(value)


class Lab:
    """The preview, and a browser that has its workspace open."""

    def __init__(self, browser: Browser, preview: Preview) -> None:
        self.browser = browser
        self.preview = preview
        self._browser = browser.new_browser_cdp_session()

    @contextmanager
    def workspace(self) -> Iterator[None]:
        """Open the workspace in a new browser context (a cold cache), with nobody attached to it."""
        context = self._ask("Target.createBrowserContext")["browserContextId"]
        self.preview.forget_page()
        self._ask("Target.createTarget", url=self.preview.workspace_url, browserContextId=context, **WINDOW)
        self._name_the_agent()
        try:
            yield
        finally:
            self._ask("Target.disposeBrowserContext", browserContextId=context)

    def open(self, site: Site, name: str) -> tuple[str, dict[str, float]]:
        """Offer a contact to the app at `site`; gives the contact, the times in ms and the bytes."""
        contact = self._offer(site, name)
        # Nothing is asked of the browser until the values are there: the answer would be made on the app's time.
        report = site.report()
        missing = [value for value in VALUES if _plain(value) not in report["shown"]]
        if missing:
            raise RuntimeError(f"{name}: {missing} are in the document and cannot be seen")
        if any(target["attached"] for target in self._targets()):
            raise RuntimeError(f"{name}: a debugger is attached, and its times are not those of an agent's browser")
        return contact, {
            "hello": self._last("connect-app-host-init")["time"] - report["started"],
            "shown": max(report["seen"][value] for value in VALUES) - report["started"],
            "all": max(report["seen"].values()) - report["started"],
            "paint": report["paint"],
            "bytes": report["bytes"],
        }

    def change(self, site: Site, state: str) -> float:
        """Publish a change of the agent's state; gives ms from the published message to the changed value.

        The page rests first: what it does after its first values (tables drawn, actions loaded) is no part of this.
        """
        time.sleep(REST)
        self.preview.command("state", name=state, kind="not_routable")
        seen = site.report()["seen"]
        return float(seen[CHANGED] - self._last("publish", state)["time"])

    def clear(self, contact: str, pause: float) -> None:
        """End and clear the contact; its iframe goes. Then wait for `pause` seconds: the browser tidies up meanwhile."""
        self.preview.command("finish", contact=contact)
        given_up = time.monotonic() + GONE_WITHIN
        while any(target["type"] == "iframe" for target in self._targets()):
            if time.monotonic() > given_up:
                raise RuntimeError(f"the iframe of a finished contact is still there after {GONE_WITHIN} s")
            time.sleep(0.02)
        time.sleep(pause)

    def heap(self, site: Site, name: str) -> float:
        """Open the app at `site`; gives its process's JavaScript heap in bytes, after a collection.

        The one figure that a debugger tells.
        """
        context = self.browser.new_context()
        page = context.new_page()
        self.preview.forget_page()
        page.goto(self.preview.workspace_url)
        self._name_the_agent()
        with page.expect_event("frameattached") as attached:
            self._offer(site, name)
        site.report()
        session = context.new_cdp_session(attached.value)
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        context.close()
        return float(usage["usedSize"])

    def process(self) -> int:
        """Return the browser's process id."""
        processes = self._ask("SystemInfo.getProcessInfo")["processInfo"]
        return next(int(each["id"]) for each in processes if each["type"] == "browser")

    def _name_the_agent(self) -> None:
        self.preview.command("agent", name=AGENT)
        self.preview.command("profile", name=PROFILE)

    def _offer(self, site: Site, name: str) -> str:
        self.preview.command("app", url=site.url, name=name)
        self.preview.command("state", name=STATE, kind="not_routable")
        return str(self.preview.command("offer", address=PHONE)["contactId"])

    def _last(self, kind: str, about: str = "") -> dict[str, Any]:
        """Return the last message of a type that names `about` in the workspace's log."""
        entries = self.preview.command("log", filter=kind, last=50)
        said = [one for one in entries if one["message"].get("type") == kind and about in json.dumps(one["message"])]
        return dict(said[-1])

    def _targets(self) -> list[dict[str, Any]]:
        return list(self._ask("Target.getTargets")["targetInfos"])

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return dict(self._browser.send(method, parameters))


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isascii() and letter.isalnum())


def measure(
    lab: Lab, sites: dict[str, dict[Network, Site]], many: dict[Network, Site], rounds: int, quick: bool
) -> Figures:
    """Measure every condition, all apps in turn, `rounds` times. `many` is ours with MANY cards."""
    figures = Figures()
    for latency in (0, 50):
        _warm(lab, sites, FAST, latency, rounds, figures)
    _warm(lab, sites, FAST, 50, rounds, figures, "warm in a new process", LATER)
    if not quick:
        _kept(lab, sites, rounds, figures)
        _warm(lab, sites, SLOW, 0, rounds, figures, "warm slow")
    for network, label in ((FAST, "cold"), (SLOW, "cold slow")):
        for latency in (0,) if quick else (0, 50):
            _cold(lab, sites, network, label, latency, rounds, figures)
    _heap(lab, sites, min(rounds, 5), figures)
    _cards(lab, {FEW: sites[OURS], MANY: many}, rounds, figures)
    try:
        with slowed(lab.process(), SHARE):
            _warm(lab, sites, FAST, 50, rounds, figures, "a quarter of the processor")
    except NotAvailable as reason:
        print(f"The browser at a quarter of the processor is not measured: {reason}.")
    return figures


def _cards(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, figures: Figures) -> None:
    """Ours with many cards beside ours as it is: the same five values, and all of its cards."""
    with lab.workspace():
        lab.preview.command("latency", ms=50)
        for number in range(-2, rounds):
            for app, site in _in_turn(sites, number):
                contact, seen = lab.open(site[FAST], app)
                if number >= 0:
                    figures.add("50 cards, shown, SDK 50 ms", OURS if app == MANY else FEW, seen["shown"])
                    figures.add("50 cards, all shown, SDK 50 ms", OURS if app == MANY else FEW, seen["all"])
                lab.clear(contact, SOON)


def _warm(
    lab: Lab,
    sites: dict[str, dict[Network, Site]],
    network: Network,
    latency: int,
    rounds: int,
    figures: Figures,
    label: str = "warm",
    pause: float = SOON,
) -> None:
    with lab.workspace():
        lab.preview.command("latency", ms=latency)
        for number in range(-2, rounds):  # the first two fill the caches
            for app, site in _in_turn(sites, number):
                contact, seen = lab.open(site[network], app)
                changed = lab.change(site[network], f"{CHANGED} {app} {number + 2}")
                if number >= 0:
                    figures.add(f"{label}, shown, SDK {latency} ms", app, seen["shown"])
                    figures.add(f"{label}, hello, SDK {latency} ms", app, seen["hello"])
                    figures.add(f"{label}, first paint", app, seen["paint"])
                    if label == "warm":
                        figures.add(f"event to value, SDK {latency} ms", app, changed)
                lab.clear(contact, pause)


def _in_turn(sites: dict[str, dict[Network, Site]], number: int) -> list[tuple[str, dict[Network, Site]]]:
    """Return the apps in an order of their own for each round: no app is always the one after the peer, or the last."""
    items = list(sites.items())
    if number % 2:
        items.reverse()
    start = number // 2 % len(items)
    return items[start:] + items[:start]


def _kept(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, figures: Figures) -> None:
    """Each app while a page of it is open already: an earlier contact's, or its service's."""
    for app, site in sites.items():
        with lab.workspace():
            lab.preview.command("latency", ms=50)
            lab.open(site[FAST], app)
            for number in range(-2, rounds):
                time.sleep(LATER)
                contact, seen = lab.open(site[FAST], app)
                if number >= 0:
                    figures.add("warm, another page of it open, shown, SDK 50 ms", app, seen["shown"])
                lab.preview.command("finish", contact=contact)


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
            with lab.workspace():
                lab.preview.command("latency", ms=latency)
                time.sleep(REST)
                _, seen = lab.open(site[network], app)
                figures.add(f"{label}, shown, SDK {latency} ms", app, seen["shown"])
                figures.add(f"{label}, hello, SDK {latency} ms", app, seen["hello"])
                figures.add(f"{label}, first paint", app, seen["paint"])
                if latency == 0:
                    figures.add(f"{label}, bytes", app, seen["bytes"])


def _heap(lab: Lab, sites: dict[str, dict[Network, Site]], rounds: int, figures: Figures) -> None:
    for _ in range(rounds):
        for app, site in sites.items():
            figures.add("heap", app, lab.heap(site[FAST], app))


def show(figures: Figures, console: Console) -> None:
    """Print the medians, their spread (min to max), the ratios, and how far the first paint is from the floor's."""
    apps = [app for app in ("floor", "peer", FEW, OURS) if any(app in of for of in figures.values.values())]
    table = Table(title=f"medians (min to max); ratio to the peer, or to {FEW} (at most)")
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
                if app == OURS:
                    cell += _compared(figure, of)
            cells.append(cell)
        table.add_row(figure, *cells)
    console.print(table)


def _compared(figure: str, of: dict[str, list[float]]) -> str:
    """Return how ours stands beside the other app, or the floor, and whether that is within its limit."""
    said = ""
    middle = statistics.median(of[OURS])
    other, limit = LIMITS.get(figure, (FEW if FEW in of else "peer", None))
    if of.get(other):
        ratio = middle / statistics.median(of[other])
        said += f"  {ratio:.2f}"
        if limit is not None:
            said += f" ({limit:.2f}){'' if ratio <= limit else ' OVER'}"
    if "first paint" in figure and of.get("floor"):
        later = middle - statistics.median(of["floor"])
        said += f", floor {later:+.0f} ({PAINT_AFTER_FLOOR_MS:+}){'' if later <= PAINT_AFTER_FLOOR_MS else ' OVER'}"
    return said


def _with_many_cards(folder: Path) -> Path:
    """Return a folder with the page's Python and MANY cards: MORE before the shipped ones, so that the five values come last."""
    python = folder / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    imports, first, shipped = (python / "cards.py").read_text("utf-8").partition("\n@card(")
    more = "\nfrom popdesk import Badge, Group, Money, Note, Progress, Since, Table, Timeline, section\n" + "".join(
        f"""
@card("Another {number}"{", wide=True" if "Table" in value else ""})
async def another_{number}(desk):
    name = await desk.agent.name()
    return {repr(LAST_CARD) if number == MORE else value}

"""
        for number, value in zip(range(1, MORE + 1), cycle(MIXED), strict=False)
    )
    (python / "cards.py").write_text(imports + "\n" + more + first + shipped, "utf-8")
    return python


@click.command()
@click.option(
    "--peer", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A built app to compare with."
)
@click.option("--rounds", default=9, show_default=True)
@click.option("--quick", is_flag=True, help="Only the figures that have a limit.")
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write all values there.")
def main(peer: Path | None, rounds: int, quick: bool, out: Path | None) -> None:
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
        settings = load_settings().with_local_crm(origin)
        apps[OURS] = (read_folder(build_site(settings, folder / OURS).folder), headers)
        with_many = build_page(app_page(settings, _with_many_cards(folder)), folder / MANY).folder
        sites = {
            name: {
                network: stack.enter_context(Site(*observed(files, extra, VALUES), network, certificate))
                for network in (FAST, SLOW)
            }
            for name, (files, extra) in apps.items()
        }
        many = {FAST: Site(*observed(read_folder(with_many), headers, [*VALUES, LAST_CARD]), FAST, certificate)}
        stack.enter_context(many[FAST])
        playwright = stack.enter_context(sync_playwright())
        arguments = launch_arguments(playwright)
        arguments["args"] += [f"--ignore-certificate-errors-spki-list={certificate.spki}"]
        browser = playwright.chromium.launch(**arguments)
        figures = measure(Lab(browser, preview), sites, many, rounds, quick)
        browser.close()
    show(figures, Console(width=190 if not sys.stdout.isatty() else None))
    if out is not None:
        out.write_text(json.dumps(figures.values, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
