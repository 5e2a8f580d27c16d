"""A page that is killed at random moments while its agent writes the wrap-up: nothing of it may be lost, or saved twice.

    uv run python -m tests.attack.wrap_up [--kills 200] [--seed 1] [--way crash]

The real page in Chromium, in the local workspace. Each contact's wrap-up is typed in pieces; at a random moment the page is
killed (`WAYS`: its frame is loaded anew, its tab is closed, its process crashes), and the same contact opens again. What had
been typed a moment before (`MOMENT_MS`) must stand there. Now and then it is killed while it is being saved: tried again, it is
saved once. A cleared contact must leave nothing behind. Exits with 1 and the reason otherwise.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click
from playwright.sync_api import BrowserContext, Error, Frame, expect, sync_playwright

import tests.conftest as shared  # first: it decides which project `ops` is of
from ops.preview.scenario import Contact
from ops.preview.server import Preview
from ops.settings import Settings, load_settings
from tests.browser.hosting import OwnCardsServer
from tests.browser.kept_api import KeptApi
from tests.chromium import launch_arguments

WAYS = ("frame", "tab", "crash")
# What is typed later than this before a kill may still be on its way: it is encrypted, and the machine is busy.
MOMENT_MS = 400
CARDS = """
from popdesk import card


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()
"""
ACTIONS = """
from popdesk import Choice, Paragraph, action, wrap_up


@wrap_up(
    queues=["BasicQueue"],
    fields=[Choice("disposition", ["solved", "call back"], required=True), Paragraph("note", longest=4000)],
    required=True,
)
async def support(desk, disposition, note):
    await desk.contact.set_attribute("disposition", disposition)
    await desk.api.post("notes", {"text": note})


@wrap_up("Other wrap-up", queues=["Sales"], fields=[Paragraph("remark")])
async def sales(desk, remark):
    await desk.api.post("notes", {"text": remark})


@action("Clear it", when="acw")
async def clear(desk):
    await desk.workspace.clear()
"""
WORDS = ("late", "parcel", "invoice", "Zoë", "refund", "café", "call", "back", "😀", "at", "seven", "thanks")


class Failed(Exception):
    """What an attack has found."""


def serve(folder: Path, preview: Preview, api: KeptApi) -> OwnCardsServer:
    """Return the page with the wrap-up above, to be entered."""
    given = load_settings()
    settings = given.model_copy(
        update={
            "api": given.api.model_copy(update={"enabled": True, "attributes": ("disposition",)}),
            "permissions": (*given.permissions, "Contact.Details.Edit"),
        }
    )
    return OwnCardsServer(folder, CARDS, preview.workspace_url, settings, ACTIONS, api)


class Stage:
    """A workspace whose page is opened for a contact again and again, in tabs of one browser profile.

    `other_site`: the page's site is another than the workspace's.
    """

    def __init__(self, preview: Preview, context: BrowserContext, url: str, other_site: bool = False) -> None:
        self._preview = preview
        self._context = context
        # Playwright's browser denies a frame of another site its storage, as some companies' do; an agent's parts it by site.
        self._url = url if other_site else url.replace("localhost", "127.0.0.1")
        self._workspace: shared.Workspace | None = None
        self.contact: Contact | None = None

    @property
    def workspace(self) -> shared.Workspace:
        """Return the workspace that is open."""
        assert self._workspace
        return self._workspace

    def open(self, contact_id: str, acw: bool = True, **others: str) -> Frame:
        """Return the page's frame, for this contact in a workspace of its own: in after-contact work, or connected."""
        if self._workspace is None:
            page = self._context.new_page()
            page.set_default_timeout(30_000)
            self._workspace = shared.Workspace(self._preview, page)
            self._workspace.open()
            self._workspace.desk.command("app", url=self._url, name="Popdesk")
            self._workspace.desk.grant("Contact.Details.Edit")
        attributes = {"popdeskToken": f"token-of-{contact_id}", "customerId": "C-1001"}
        desk = self.workspace.desk
        self.contact = desk.offer(customer="C-1001", contact=contact_id, attributes=attributes, **others)
        self.contact.wait_until_running()
        self.contact.accept()
        if acw:
            self.contact.end()
        return self.frame()

    def close(self) -> None:
        """Close the workspace's tab."""
        if self._workspace:
            self._workspace.page.close()
            self._workspace = None

    def frame(self) -> Frame:
        """Return the frame of the page that is shown, once it has its wrap-up."""
        page = self.workspace.page
        element = page.locator("iframe:visible").element_handle()
        assert element
        frame = element.content_frame()
        assert frame
        expect(frame.locator("[data-about=support]").first).to_be_visible(timeout=30_000)
        return frame

    def kill(self, way: str, contact_id: str, acw: bool = True) -> Frame:
        """Kill the page in one of `WAYS`; return the frame of the one that opens next for this contact."""
        page = self.workspace.page
        if way == "frame":
            frame = page.locator("iframe:visible").element_handle().content_frame()
            assert frame
            with page.expect_event("framenavigated"), suppress(Error):
                frame.evaluate("location.reload()")
            return self.frame()
        if way == "crash":
            self._crash()
        page.close()
        self._workspace = None
        return self.open(contact_id, acw)

    def _crash(self) -> None:
        """End the processes of the browser's pages as the system does where memory is short. (Page.crash never answers.)"""
        browser = self._context.browser
        assert browser
        processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        with self.workspace.page.expect_event("crash"):
            for each in processes:
                if each["type"] == "renderer":
                    os.kill(each["id"], signal.SIGKILL)


def leftovers(frame: Frame) -> list[str]:
    """Return what is kept in the page's storage: each draft as it is written there."""
    return list(
        frame.evaluate(
            "Object.keys(localStorage).filter((name) => name.startsWith('popdesk.draft.'))"
            ".map((name) => name + ' ' + localStorage.getItem(name))"
        )
    )


def attack(stage: Stage, api: KeptApi, kills: int, chance: random.Random, ways: tuple[str, ...] = WAYS) -> int:
    """Kill the page so many times; return how many wrap-ups were saved. Raises Failed."""
    number = saved = 0
    while kills > 0:
        number += 1
        contact_id = f"contact-{number}"
        note = ""
        frame = stage.open(contact_id)
        for _ in range(min(kills, chance.randint(1, 4))):
            note = _type(frame, note, chance)
            kills -= 1
            way = chance.choice(ways)
            frame = stage.kill(way, contact_id)
            _expect_note(frame, note, way)
        frame.get_by_label("Disposition").select_option("solved")
        before = len(api.made)
        if kills > 0 and chance.random() < 0.5:
            kills -= 1
            api.lose = 10  # what it sends is done, and the page is killed before it hears of it
            frame.locator("#form-support [type=submit]:visible").click()
            stage.workspace.page.wait_for_timeout(chance.choice((0, 5, 20, 60, 200)))
            frame = stage.kill(chance.choice(ways), contact_id)
            api.lose = 0
        field = frame.get_by_label("Note")
        done = frame.locator(".outcome [role=status]").filter(has_text="Wrap-up: done.")
        expect(field.or_(done).first).to_be_visible(timeout=20_000)
        if field.is_visible():
            if field.input_value() != note:
                raise Failed(f"{contact_id}: killed while it was saved, the note is gone")
            frame.locator("#form-support [type=submit]:visible").click()
            expect(done).to_be_visible(timeout=20_000)
        made = [body for method, path, body in api.made[before:] if path == "notes"]
        if made != [{"text": note.strip()}]:
            raise Failed(f"{contact_id}: saved {made} where the note is {note!r}")
        saved += 1
        if any(re.search("|".join(WORDS), text) for text in leftovers(frame)):
            raise Failed(f"{contact_id}: the storage holds what was typed, for anybody to read")
        assert stage.contact
        stage.contact.clear()
        stage.workspace.desk.wait_for(lambda desk: desk["contacts"] == [], "no contact")
    return saved


def _type(frame: Frame, note: str, chance: random.Random) -> str:
    """Type some more into the note, key by key; return it."""
    field = frame.get_by_label("Note")
    field.focus()
    field.evaluate("(field) => field.setSelectionRange(field.value.length, field.value.length)")
    more = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 6))) + " "
    field.press_sequentially(more, delay=chance.choice((0, 3, 15)))
    time.sleep(MOMENT_MS / 1000 * (1 + chance.random()))
    return note + more


def _expect_note(frame: Frame, note: str, way: str) -> None:
    field = frame.get_by_label("Note")
    expect(field).to_be_visible(timeout=20_000)
    found = field.input_value()
    if found != note:
        raise Failed(f"after a kill ({way}) the note is {found!r} where {note!r} was typed; kept: {leftovers(frame)}")


def _settings() -> Settings:
    """Return preview's settings without the API: a contact that is offered again would get another token, as it never does."""
    given = load_settings()
    return given.model_copy(update={"api": given.api.model_copy(update={"enabled": False})})


@click.command(help=__doc__)
@click.option("--kills", default=200, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--way", "ways", multiple=True, type=click.Choice(WAYS), help="Only so; may be given again. Without it, in all."
)
def main(kills: int, seed: int, ways: tuple[str, ...]) -> None:
    """Run the attack."""
    api = KeptApi()
    began = time.monotonic()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder, Preview(_settings) as preview:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        with serve(Path(folder) / "site", preview, api) as server:
            stage = Stage(preview, browser.new_context(), server.url)
            try:
                saved = attack(stage, api, kills, random.Random(seed), ways or WAYS)
            except (Failed, AssertionError, Error) as error:
                click.echo(f"FAILED with seed {seed}: {error}")
                sys.exit(1)
            finally:
                browser.close()
    click.echo(f"{kills} kills, {saved} wrap-ups: none lost, each saved once ({time.monotonic() - began:.0f} s).")


if __name__ == "__main__":
    main()
