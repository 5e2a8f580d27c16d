"""Stands in for popdesk/connect.py in the page that `--in-browser` shows: the answers come from the page's settings.

It runs on MicroPython. All else of that page is the real one: its board, its view, its style sheet.
"""

import asyncio
import builtins
import json

from popdesk.desk import FAILED, REFUSED, Unanswered
from popdesk.questions import QUESTIONS, permission_for

if False:
    from collections.abc import Callable
    from typing import Any


def open(timeout_ms: int) -> "Workspace":
    """Return the workspace."""
    with builtins.open("/rom/settings.json") as file:
        return Workspace(json.load(file)["sample"])


class Workspace:
    """Answers questions from `sample`: {"answers": {question: answer}, "unanswered": {question: reason}, "refused": [...]}."""

    sdk_version = "sample"

    def __init__(self, sample: "dict[str, Any]") -> None:
        self._sample = sample
        self._granted = [permission_for(name) for name in QUESTIONS if permission_for(name) not in sample["refused"]]

    def send(self, name: str, answered: "Callable[[Any, Exception | None], None]") -> None:
        """Answer, in a task of its own."""
        asyncio.create_task(self._settle(name, answered))

    async def _settle(self, name: str, answered: "Callable[[Any, Exception | None], None]") -> None:
        sample, permission = self._sample, permission_for(name)
        if permission in sample["refused"]:
            answered(None, Unanswered(REFUSED, "", permission))
        elif name in sample["unanswered"]:
            answered(None, Unanswered(sample["unanswered"][name]))
        else:
            answered(sample["answers"][name], None)

    def ask_theme(self, answered: "Callable[[Any, Exception | None], None]") -> None:
        """Answer that there is no theme."""
        answered(None, Unanswered(FAILED))

    def log(self, level: str, message: str, data: "dict[str, str] | None" = None) -> None:
        """Write nothing."""

    def listen(self, on_news: "Callable[[str, Any], None]") -> None:
        """Tell that the page is for a contact."""
        on_news("contact", {"contactId": "c-1", "permissions": self._granted})
