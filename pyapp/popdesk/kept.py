"""Keeps drafts in the browser beyond the page, for as long as their contact is there, and readable for that long alone.

    kept = Kept("popdesk.draft.c-1.support", token)
    await kept.load()                   # -> the text that was kept, "" for none
    kept.put("...")                     # from now on this one; "" for none
    kept.remove()                       # the contact is gone

In localStorage, which outlives the page, its frame and its tab, and which browsers part by the site around the frame. What is
written there is encrypted (AES-GCM, Web Cryptography API) with a key made of the contact's token, which is an attribute of the
contact and is kept nowhere here: what a killed page leaves behind can be read with that contact alone. It is removed when the
contact is cleared, and by any later page once it is a day old (`sweep`). It leaves this machine in no case.
"""

import asyncio
import json

import js
from jsffi import to_js

from popdesk.browser import defined

if False:
    from typing import Any

DRAFTS = "popdesk.draft."
# Hours after which a draft that nobody has come back to goes.
_HOURS = 24

_try = getattr(js.Promise, "try")  # what throws in JavaScript rejects here: Python could not catch it
_apply = js.Reflect.get(js.Reflect, "apply")


async def _storage() -> "Any":
    return await _try(js.Reflect.get(js.Reflect, "get"), js.window, "localStorage")


async def _do(storage: "Any", method: str, *arguments: str) -> "Any":
    return await _try(_apply, js.Reflect.get(storage, method), storage, to_js(list(arguments)))


async def sweep() -> None:
    """Remove the drafts that are older than a day."""
    try:
        storage = await _storage()
        oldest = js.Date.new()
        oldest.setUTCHours(oldest.getUTCHours() - _HOURS)
        limit = str(oldest.toISOString())
        names = json.loads(str(js.JSON.stringify(js.Object.keys(storage))))
        for name in names:
            if name[: len(DRAFTS)] == DRAFTS and str(storage.getItem(name)).partition(" ")[0] < limit:
                await _do(storage, "removeItem", name)
    except Exception:
        return  # the browser denies the frame its storage: there is nothing to sweep


class Kept:
    """One draft. `works` is whether the browser keeps it: None until that is known."""

    def __init__(self, name: str, secret: str) -> None:
        self._name = name
        self._secret = secret
        self._key: "Any" = None
        self._next: "str | None" = None
        self._writes = False
        self._gone = False
        self.works: "bool | None" = None

    async def load(self) -> str:
        """Return the text that was kept, "" where there is none that can be read with this secret."""
        try:
            written = defined(await _do(await _storage(), "getItem", self._name))
            self.works = True
            if written is None:
                return ""
            content = js.Uint8Array.new(js.JSON.parse(str(written).partition(" ")[2]))
            options = _options(content.slice(0, 12))
            text = await js.crypto.subtle.decrypt(options, await self._get_key(), content.slice(12))
            return str(js.TextDecoder.new().decode(text))
        except Exception:
            self.works = bool(self.works)
            return ""  # denied, or another contact's

    def put(self, text: str) -> None:
        """Keep a text in the place of the last; it is written in a moment."""
        self._next = text
        if not self._writes and not self._gone:
            self._writes = True
            asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._next is not None and not self._gone:
                text, self._next = self._next, None
                if not text:
                    await _do(await _storage(), "removeItem", self._name)
                    continue
                number_used_once = js.crypto.getRandomValues(js.Uint8Array.new(12))
                key = await self._get_key()
                data = js.TextEncoder.new().encode(text)
                sealed = js.Uint8Array.new(await js.crypto.subtle.encrypt(_options(number_used_once), key, data))
                written = str(js.Date.new().toISOString()) + " " + _numbers(number_used_once, sealed)
                if not self._gone:
                    await _do(await _storage(), "setItem", self._name, written)
                    self.works = True
        except Exception:
            self.works = False
        finally:
            self._writes = False

    def remove(self) -> None:
        """Remove it for good: what is still on its way is not written any more."""
        self._gone = True
        asyncio.create_task(self._remove())

    async def _remove(self) -> None:
        try:
            await _do(await _storage(), "removeItem", self._name)
        except Exception:
            return  # denied: nothing is there

    async def _get_key(self) -> "Any":
        if self._key is None:
            subtle = js.crypto.subtle
            digest = await subtle.digest("SHA-256", js.TextEncoder.new().encode("popdesk.draft " + self._secret))
            self._key = await subtle.importKey("raw", digest, "AES-GCM", False, to_js(["encrypt", "decrypt"]))
        return self._key


def _options(number_used_once: "Any") -> "Any":
    options = js.Object.new()
    options.name, options.iv = "AES-GCM", number_used_once
    return options


def _numbers(*parts: "Any") -> str:
    """Return bytes as a JSON list: a text of theirs would end at its first 0 on its way from JavaScript to MicroPython."""
    listed = [getattr(js.Array, "from")(part) for part in parts]
    return str(js.JSON.stringify(listed[0].concat(*listed[1:])))
