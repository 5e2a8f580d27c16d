"""The workspace pages that are open in browsers: the events they are sent, and the commands they are asked to do.

    pages = OpenPages(loop, "http://127.0.0.1:8000/")
    pages.publish("reload", {"what": "app"})                    # to every page, from any thread
    pages.command("offer", {"customer": "C-1001"}, 30.0)        # to the page that was opened last; its result
    async for event in pages.events(()): ...                    # a page that opens /api/events

A command goes to one page only, so that a second tab does not do it once more.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ops.errors import UserError
from ops.preview.scenario import CommandFailed

_STOP = "stop"


@dataclass(eq=False)
class _OpenPage:
    """A page that listens to /api/events, and the commands it has not answered yet."""

    events: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    asked: set[str] = field(default_factory=set)


class OpenPages:
    """The open pages, at `url`. `loop` is the servers' event loop; the methods that say so may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self._loop = loop
        self._url = url
        self._pages: list[_OpenPage] = []
        self._waiting: dict[str, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._is_open = threading.Event()
        self._stopped = False

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Send an event to every page, soon. From any thread."""
        if not self._stopped:
            self._loop.call_soon_threadsafe(self._put, kind, as_json(data))

    def stop(self) -> None:
        """End every page's events. From any thread, and before the loop ends."""
        self.publish(_STOP, {})
        self._stopped = True

    def _put(self, kind: str, data: str) -> None:
        for page in self._pages:
            page.events.put_nowait((kind, data))

    async def events(self, problems: Iterable[dict[str, str]]) -> AsyncIterator[str]:
        """Yield the events of a page that has just opened (text/event-stream), beginning with the present problems."""
        page = _OpenPage()
        self._pages.append(page)
        for problem in problems:
            page.events.put_nowait(("problem", as_json(problem)))
        self._is_open.set()
        try:
            yield ": here\n\n"
            while True:
                kind, data = await page.events.get()
                if kind == _STOP:
                    return
                yield f"event: {kind}\ndata: {data}\n\n"
        finally:
            self._pages.remove(page)
            if not self._pages:
                self._is_open.clear()
            for number in page.asked:
                self._settle(number, CommandFailed("the page was closed or loaded anew before it was done"))

    # -- commands ----------------------------------------------------------------------------------------------------------

    def wait_for_page(self) -> None:
        """Wait, for as long as it takes, until a page is open. From any thread."""
        self._is_open.wait()

    def forget_page(self) -> None:
        """Wait for a new page before the next command: the one that was open is being closed. From any thread."""
        self._is_open.clear()

    def command(self, name: str, arguments: dict[str, Any], seconds: float) -> Any:
        """Let the page that was opened last do a command; return its result. From any thread but the loop's.

        Waits for a page to be open. Raises CommandFailed with the page's reason, or for an argument that is no JSON value;
        UserError when no page is open, or none answers, within `seconds`.
        """
        number = str(next(self._numbers))
        try:
            event = as_json({"id": number, "name": name, "args": arguments})
            event.encode()
        except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
            raise CommandFailed(f"{name} was not sent, an argument is no JSON value: {error}") from None
        if not self._is_open.wait(seconds):
            raise UserError("The workspace", "no browser has it open", f"open {self._url}")
        answer: Future[Any] = Future()
        self._waiting[number] = answer
        self._loop.call_soon_threadsafe(self._ask_last_page, number, event)
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._waiting.pop(number, None)
            reason = f"it did not do {name} within {seconds:g} s"
            raise UserError("The workspace", reason, "look at its page") from None

    def _ask_last_page(self, number: str, event: str) -> None:
        if not self._pages:
            self._settle(number, CommandFailed("the page was closed before it was asked"))
            return
        page = self._pages[-1]
        page.asked.add(number)
        page.events.put_nowait(("command", event))

    def answered(self, number: str, result: Any, error: str | None) -> None:
        """Take a page's answer to a command."""
        for page in self._pages:
            page.asked.discard(number)
        self._settle(number, result if error is None else CommandFailed(error))

    def _settle(self, number: str, result: Any) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None or waiting.done():
            return
        if isinstance(result, CommandFailed):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)


def as_json(value: Any) -> str:
    """Return a value as JSON for the page, in one line. Raises TypeError or ValueError for what JSON cannot hold.

    Nothing is escaped that need not be: MicroPython's json reads each half of an escaped surrogate pair by itself.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
