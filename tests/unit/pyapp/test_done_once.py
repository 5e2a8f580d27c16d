"""A thousand forms, clicked twice and thrice, their answers lost, late and refused: each thing is done exactly once.

The form and the client are the page's own; the server keeps what it has done by its idempotency key, as the API does.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from popdesk import api as api_module
from popdesk.actions import Action, Line
from popdesk.api import LATE, LOST, Api, Reply
from popdesk.desk import Desk
from popdesk.forms import DONE, FAILURE, Form, perform

_SETTINGS = {
    "prefix": "/api/",
    "timeout_ms": 1000,
    "headers": {"contact": "X-Popdesk-Contact", "idempotency": "Idempotency-Key"},
}
_ROUNDS = 1_000


class _Server:
    """Does each key once, slowly; loses answers and is down as the dice say."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.made: list[str] = []
        self._kept: dict[str, str] = {}
        self._under_way: set[str] = set()

    async def request(self, method: str, url: str, headers: dict[str, str], body: str | None, seconds: float) -> Reply:
        """Answer as browser.fetch does, after the function behind it has run or not."""
        assert (method, url, seconds) == ("POST", "/api/tickets", 1.0)
        assert body is not None
        fate = self._dice.choice(["well", "lost before", "lost after", "late", "down", "gateway"])
        key = headers["Idempotency-Key"]
        if fate in ("lost before", "down"):
            return Reply(lost=LOST) if fate == "lost before" else Reply(503)
        if key in self._under_way:
            return Reply(409, "application/problem+json", json.dumps({"title": "Under way"}), 0.0)
        if key not in self._kept:
            self._under_way.add(key)
            doing = asyncio.ensure_future(self._do(key, body))
            if fate != "late":
                await doing
        if fate == "lost after":
            return Reply(lost=LOST)
        if fate == "gateway":
            return Reply(504, "text/html", "<p>Gateway</p>")
        if fate == "late":
            return Reply(lost=LATE)
        return Reply(201, "application/json", json.dumps({"id": self._kept[key]}))

    async def _do(self, key: str, body: str) -> None:
        await asyncio.sleep(0)
        self.made.append(json.loads(body)["subject"])
        self._kept[key] = str(len(self.made))
        self._under_way.discard(key)


async def _create(desk: Desk, subject: str) -> str:
    assert desk._write
    return str((await desk._write("POST", "tickets", {"subject": subject}))["id"])


async def _agent(form: Form, api: Api, dice: random.Random, subject: str) -> None:
    """Click until it is done, as an agent with a restless finger does."""

    async def nobody(name: str) -> Any:
        raise AssertionError(name)

    def defect(error: Exception) -> None:
        raise error

    running: list[asyncio.Future[list[str]]] = []
    form.open()
    form.type("subject", subject)
    for _ in range(500):
        for _ in range(dice.randint(1, 3)):
            if form.submit():
                running.append(
                    asyncio.ensure_future(perform(form, lambda write: Desk(nobody, {}, {}, write), api.call, defect))
                )
        form.type("subject", "another")  # it is under way, or may have been done: this is not taken
        if dice.random() < 0.3:
            form.close()
        await asyncio.gather(*running)
        if form.state == DONE:
            return
        assert form.state in (FAILURE, "closed")
        form.open()
    raise AssertionError("it was never done")


def test_each_thing_is_done_exactly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "PAUSE", 0)
    asyncio.run(_thousand_forms())


async def _thousand_forms() -> None:
    dice = random.Random(20)
    server = _Server(dice)
    api = Api(server.request, _SETTINGS)
    api.token = "t"
    keys = iter(f"{number:030x}" for number in range(10**6))
    for number in range(_ROUNDS):
        form = Form(Action("Create", [Line("subject")], _create), lambda: next(keys))
        await _agent(form, api, dice, str(number))
    await asyncio.sleep(0)
    assert server.made == [str(number) for number in range(_ROUNDS)]
