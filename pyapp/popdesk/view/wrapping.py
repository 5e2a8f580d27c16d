"""Opens the wrap-up when it is due, keeps what is typed into it, and reminds of it: of pages alone that have one.

wrap_ups = WrapUps(forms, view, say, board.desk, fail, acting.draw)
wrap_ups.draw(state, token, True)    # with each change of the page's state; `token` is that of the look-up's answer
wrap_ups.why_not_clear()             # -> why the contact may not be cleared, "" where it may
"""

import asyncio
import json

from popdesk.desk import Unanswered
from popdesk.kept import DRAFTS, Kept, sweep
from popdesk.view.dom import by_id, element, write
from popdesk.wrapping import Clearing, WrapUp, wrap_up_for

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.desk import Desk
    from popdesk.forms import Forms
    from popdesk.page_state import PageState
    from popdesk.view.forms import FormsView

# The look-up's token where it has none: "-", and what str() makes of nothing.
_NO_TOKEN = ("", "-", "None")


class WrapUps:
    """The wrap-up of the page's contact."""

    def __init__(
        self,
        forms: "Forms",
        view: "FormsView",
        say: "Callable[..., str]",
        desk: "Callable[[], Desk]",
        fail: "Callable[[str, Exception], None]",
        redraw: "Callable[[PageState, bool], None]",
    ) -> None:
        self._forms = forms
        self._view = view
        self._say = say
        self._desk = desk
        self._fail = fail
        self._redraw = redraw  # acting.py's draw
        self._contact = ""
        self._form: "Any" = None  # a WrapUpForm, once it is known which
        self._kept: "Kept | None" = None
        self._opened = False
        self._state: "Any" = None
        self._has_customer = False
        self._clearing = Clearing()
        self._reminder = element("p", className="wrap-reminder", role="status", hidden=True)
        for form in forms.forms:
            if isinstance(form.action, WrapUp):
                form.action.here = False
        asyncio.create_task(sweep())

    def draw(self, state: "PageState", token: str, has_customer: bool) -> None:
        """Take the page's state: find the contact's wrap-up, open it when it is due, forget it with the contact."""
        self._state, self._has_customer = state, has_customer
        contact = state.contact
        if contact.now == "cleared" and self._kept:
            self._kept.remove()
            self._kept = None
        if contact.is_over or contact.now == "idle":
            self._reminder.hidden = True
            return
        if state.created and state.contact_id and state.contact_id != self._contact and token not in _NO_TOKEN:
            self._contact, self._opened, self._form, self._kept = state.contact_id, False, None, None
            asyncio.create_task(self._begin(state.contact_id, token))
        self._remind()

    async def _begin(self, contact_id: str, token: str) -> None:
        try:
            try:
                queue = (await self._desk().contact.queue())["name"]
            except Unanswered:
                queue = ""  # it was in none, or nobody says in which: the one for all is right
            if contact_id != self._contact:
                return
            found = wrap_up_for([form.action for form in self._forms.forms], queue)
            for each in self._forms.forms:
                if isinstance(each.action, WrapUp):
                    each.action.here = each.action is found
            if found is None:
                return
            form: "Any" = self._forms.form(found.id)
            kept = Kept(DRAFTS + contact_id + "." + found.id, token)
            text = await kept.load()
            if contact_id != self._contact or self._state.contact.is_over:
                return
            self._form, self._kept = form, kept
            if text:
                form.restore(json.loads(text))
            form.changed = self._keep
            if form.typed:
                self._keep()
            if form.draft().get("typed"):
                # The page was closed half way: whatever state it hears of, what was typed is to be seen.
                self._view.open_by_itself(form)
            self._remind()
            self._redraw(self._state, self._has_customer)
        except Exception as error:
            self._fail("wrap-up", error)

    def _keep(self) -> None:
        form, kept = self._form, self._kept
        if kept:
            draft = form.draft()
            kept.put(json.dumps(draft) if draft else "")
        self._remind()

    def _remind(self) -> None:
        form, state = self._form, self._state
        due = bool(form) and state.contact.now == "acw"
        if due and not self._opened:
            self._opened = True
            if not form.saved:
                self._view.open_by_itself(form)
        reminder = self._reminder
        if due and not reminder.isConnected:
            by_id("acts").before(reminder)
        reminder.hidden = not due or form.saved
        if due and not form.saved:
            text = self._say("wrap.required" if form.action.required else "wrap.due")
            if self._kept and self._kept.works is False:
                text += " " + self._say("wrap.unsafe")
            write(reminder, text)

    def why_not_clear(self) -> str:
        """Return why the page may not clear the contact, in words; "" where it may."""
        key = self._clearing.why_not(self._form)
        return self._say(key) if key else ""
