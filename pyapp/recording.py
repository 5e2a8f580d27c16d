"""Sends what the page tells of itself, once for its contact: main.py imports it when the first values are there.

    recording = Recording(settings["api"], CARDS, marks, lambda: token, state)
    recording.saw("orders", "timeout")
    recording.draw(state)          # sends, where it is due

Nothing waits for it, and it is not sent again if it is lost. `marks` are the page's,
{"hello": ms, "first_values": ms, "pop": ms, "popped": "opened"}, as far as there are any.
"""

import asyncio
import json

import js
from jsffi import to_js
from popdesk import browser
from popdesk.page_record import LATEST, PageRecord, is_due

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.declaration import Card
    from popdesk.page_state import PageState


class Recording:
    """One page's record, until it is sent. `token()` returns the contact's token, "" where there is none."""

    def __init__(
        self,
        api: "dict[str, Any]",
        cards: "list[Card]",
        marks: "dict[str, Any]",
        token: "Callable[[], str]",
        state: "PageState",
    ) -> None:
        self._url = api["events"]
        self._header = api["headers"]["contact"]
        self._marks = marks
        self._token = token
        self._record = PageRecord([card.id for card in cards], _release())
        self._contact_id = ""  # whose page this is; "" until the workspace has said it, or where there is no contact
        self._is_claimed = False  # whether no page before this one tells of the contact
        self._is_over = False
        self._is_sent = False
        js.window.addEventListener("pagehide", browser.callback(lambda _: self._send()))
        for card_id in state.outcomes:
            self.saw(card_id, state.outcomes[card_id].kind)
        self.draw(state)

    def saw(self, card_id: str, kind: str) -> None:
        """Take what came of a card."""
        self._record.saw(card_id, kind)

    def draw(self, state: "PageState") -> None:
        """Take the page's state: the record is due at the end of a conversation, or some minutes after its beginning."""
        if not self._contact_id and state.contact_id:
            self._contact_id = state.contact_id
            asyncio.create_task(self._claim())
        self._is_over = is_due(state.contact.now, 0)
        if self._is_over:
            self._send()

    async def _claim(self) -> None:
        """Keep that this page tells of the contact: a reload of the workspace makes another page, which says nothing."""
        kept = await browser.load_kept("recorded")
        if self._contact_id in kept:
            return
        await browser.save_kept("recorded", kept + [self._contact_id])
        self._is_claimed = True
        if self._is_over:
            self._send()
        await asyncio.sleep(LATEST)
        self._send()

    def _send(self) -> None:
        if self._is_sent or not self._is_claimed:
            return
        self._is_sent = True
        for name in self._marks:
            self._record.reached(name, self._marks[name])
        self._record.popped(self._marks.get("popped", ""), self._marks.get("pop", 0))
        headers = {"Content-Type": "application/json"}
        if self._token():
            headers[self._header] = self._token()
        options = {"method": "POST", "headers": headers, "body": json.dumps(self._record.as_json()), "keepalive": True}
        # It outlives the page. A rejection that nobody takes would be shown as the page's error.
        js.fetch(self._url, to_js(options)).catch(browser.callback(lambda _: None))


def _release() -> str:
    """Return the id that a release has written behind the page (ops/cloud/releases.py), "" in preview."""
    text = browser.defined(getattr(js.document.lastChild, "data", None))
    return str(text or "").replace("release", "").strip()
