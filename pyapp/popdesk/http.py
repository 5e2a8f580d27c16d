"""Sends requests to the page's own origin: the browser's fetch, with a time-out, and given up when the contact goes.

sender = Sender()
reply = await sender.send("GET", "/api/orders", {"Accept": "application/json"}, None, 8.0)      # api.Reply
sender.abort()
"""

import js
from jsffi import to_js

from popdesk.api import GONE, LATE, LONGEST, LOST, TOO_LONG, Reply
from popdesk.browser import callback, defined

if False:
    from typing import Any


class Sender:
    """Sends, and knows what is under way."""

    def __init__(self) -> None:
        self._open: "list[_Sent]" = []

    async def send(self, method: str, url: str, headers: "dict[str, str]", body: "str | None", seconds: float) -> Reply:
        """Return the answer, or a Reply that says why there is none. Never raises."""
        sent = _Sent()
        self._open.append(sent)
        timer = js.setTimeout(callback(lambda _: sent.give_up(LATE)), int(seconds * 1000))
        options: "dict[str, Any]" = {
            "method": method,
            "headers": headers,
            "cache": "no-store",
            "redirect": "error",
            "signal": sent.controller.signal,
        }
        if body is not None:
            options["body"] = body
        try:
            response = await js.fetch(url, to_js(options))
            content = await response.blob()
            too_long = int(content.size) > LONGEST
            text = TOO_LONG if too_long else str(await content.text())
            media_type = str(defined(response.headers.get("Content-Type")) or "").split(";")[0].strip().lower()
            after = str(defined(response.headers.get("Retry-After")) or "")
            if too_long:
                media_type = ""  # it is nothing that can be read
            return Reply(int(response.status), media_type, text, float(after) if _is_number(after) else None)
        except Exception:
            return Reply(lost=sent.lost or LOST)
        finally:
            js.clearTimeout(timer)
            self._open.remove(sent)

    def abort(self) -> None:
        """Give up all that is under way."""
        for sent in self._open:
            sent.give_up(GONE)


class _Sent:
    """One request: `lost` is why it was given up."""

    def __init__(self) -> None:
        self.controller = js.AbortController.new()
        self.lost = ""

    def give_up(self, why: str) -> None:
        self.lost = self.lost or why
        self.controller.abort()


def _is_number(text: str) -> bool:
    return text != "" and len(text) < 6 and all(character in "0123456789" for character in text)
