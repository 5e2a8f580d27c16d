"""Click to done: how much the page adds to the API's own time when a form is sent.

    uv run python -m tests.bench.action [--rounds 20]

The real preview and the real page in Chromium, with the cards and the action "Create case" of pyapp/. Both times are the page's
own, in ms: from the click on the form's button to the words "done" in the page, and of the request for the case, from its
start to its end (Resource Timing). Their difference is what the page adds: 30 ms at most is the aim, on a machine that does
nothing else.
"""

from __future__ import annotations

import statistics

import click
from playwright.sync_api import sync_playwright

import tests.conftest as shared  # first: it decides which project `ops` is of
from tests.attack.exactly_once import Stage, api_preview
from tests.chromium import launch_arguments
from tests.fixture_project import CHECKOUT

LIMIT_MS = 30

# Clicks, and returns [ms until the page says that it is done, ms of the request, ms until it was sent].
_CLICK = """() => new Promise((resolve) => {
  const form = document.getElementById("form-create_case");
  const status = form.nextElementSibling.firstElementChild;
  performance.clearResourceTimings();
  const begun = performance.now();
  const observer = new MutationObserver(() => {
    if (!status.textContent.includes("done")) return;
    const all = performance.now() - begun;
    observer.disconnect();
    setTimeout(() => {
      const asked = performance.getEntriesByType("resource").find((each) => each.name.endsWith("/cases"));
      resolve([all, asked.responseEnd - asked.startTime, asked.startTime - begun]);
    }, 700);
  });
  observer.observe(status, { subtree: true, childList: true, characterData: true });
  form.querySelector("[type=submit]").click();
})"""


@click.command()
@click.option("--rounds", default=20, show_default=True)
def main(rounds: int) -> None:
    """Measure the page's part of an action."""
    ours = [(CHECKOUT / "pyapp" / name).read_text("utf-8") for name in ("cards.py", "actions.py")]
    with api_preview(*ours) as preview, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        workspace = shared.Workspace(preview, browser.new_page())
        workspace.open()
        stage = Stage(workspace)
        app = stage.begin("C-1001")
        times = []
        for number in range(rounds + 2):  # the first two warm up
            stage.button("Create case").click()
            stage.subject.fill(f"Round {number}")
            times.append(app.evaluate(_CLICK))
        browser.close()
    added = [all_ - asked for all_, asked, _ in times[2:]]
    middle = statistics.median(added)
    print(
        f"click to done {statistics.median(all_ for all_, _, _ in times[2:]):.0f} ms, the API's own "
        f"{statistics.median(asked for _, asked, _ in times[2:]):.0f} ms; the page's part: median {middle:.1f} ms "
        f"({min(added):.1f} to {max(added):.1f}; {statistics.median(sent for _, _, sent in times[2:]):.1f} of it before the "
        f"request is sent), at most {LIMIT_MS}{'' if middle <= LIMIT_MS else ' OVER'}"
    )


if __name__ == "__main__":
    main()
