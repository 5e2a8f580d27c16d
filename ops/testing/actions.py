"""Runs a project's actions against a sample desk, as the agent would: fills their forms in, submits, undoes.

    page = show_cards(sample_desk(customer="C-1001"))
    action = page.action("Create case").fill(subject="Late parcel").submit()
    action.text, action.sent      # "2042 Late parcel", [("POST", "customers/C-1001/cases", {"subject": "Late parcel", ...})]

The forms are the page's own (popdesk/forms.py). What an action sends is answered by the desk's answers, "api POST tickets" by
name; an exception among them stands for an answer that is no: `Problem("problem", "Too long", 422)` of popdesk/api.py.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.settings import ROOT
from ops.testing.page import SampleDesk, import_freshly, importable, in_a_thread
from ops.testing.texts import value_text

if TYPE_CHECKING:
    from popdesk.actions import Action


class ShownAction:
    """An action as the agent sees it, its form open.

    `state` is one of popdesk/forms.py ("open", "asking", "done", "failed", ...), `text` what is shown when it is done or why it
    failed, `wrong` what stands beside fields, by their names, `sent` all that was sent: [(method, path, body)].
    """

    def __init__(self, sample: SampleDesk, action: Action) -> None:
        from popdesk.forms import Form
        from words import words

        self._sample = sample
        self._form = Form(action, lambda: "0" * 30)
        self._say = words("en", "en")[0]
        self.sent: list[tuple[str, str, Any]] = []
        self.error = ""
        self._form.open()
        in_a_thread(lambda: self._form.fill(sample.desk))

    @property
    def state(self) -> str:
        """Return the form's state."""
        return self._form.state

    @property
    def values(self) -> dict[str, Any]:
        """Return what stands in the form, by the fields' names."""
        return dict(self._form.typed)

    @property
    def wrong(self) -> dict[str, str]:
        """Return what is wrong with fields, in the page's words."""
        return {
            name: self._say(key, **values) if key.startswith("form.") else key
            for name, (key, values) in self._form.wrong.items()
        }

    @property
    def text(self) -> str:
        """Return what is said of its outcome, "" while there is none."""
        form = self._form
        if form.state == "done" and not form.kind:
            return value_text(form.result, self._say)
        if form.kind == "problem":
            return form.problem
        if form.kind == "refused" and form.permission:
            return f"{self._say('card.refused', permission=form.permission)}. {self._say('card.refused.how')}."
        said = ("timeout", "refused", "nothing", "failed", "down")
        return self._say(f"form.{form.kind}") if form.kind in said else form.kind

    def __repr__(self) -> str:
        """Return what is to be seen of it, for pytest's report of a failed test."""
        told = {"values": self.values, "wrong": self.wrong, "text": self.text, "sent": self.sent}
        shown = "".join(f", {name}={value!r}" for name, value in told.items() if value)
        error = f", error={self.error.rstrip().rpartition(chr(10))[2]!r}" if self.error else ""
        return f"<ShownAction {self._form.action.title!r} {self.state}{shown}{error}>"

    def offered(self, state: str = "connected", customer: bool = True, card: bool = True) -> bool:
        """Return whether its button is there in this contact state.

        `customer` is whether one has been found, `card` whether the card that it stands on shows a value.
        """
        return self._form.action.makes_sense(state, customer, card)

    def fill(self, **typed: Any) -> ShownAction:
        """Fill fields in, as they are typed: numbers and dates as texts. Raises LookupError for a field that there is not."""
        names = [field.name for field in self._form.action.fields]
        for name, raw in typed.items():
            if name not in names:
                raise LookupError(f"its form has no field {name!r}; there are: {', '.join(names)}")
            self._form.type(name, raw)
        return self

    def submit(self) -> ShownAction:
        """Submit the form; where it asks for confirmation, a second time is yes."""
        if self._form.submit():
            self._perform(undo=False)
        return self

    def undo(self) -> ShownAction:
        """Undo it, once it is done."""
        if not self._form.undo():
            raise LookupError("there is nothing to undo: it is not done, or has no undo=")
        self._perform(undo=True)
        return self

    def _perform(self, undo: bool) -> None:
        from popdesk import handling
        from popdesk.forms import perform

        async def write(method: str, path: str, body: Any, _key: str) -> Any:
            self.sent.append((method, path, body))
            if method == handling.COMMAND:
                return await self._sample.answer(handling.QUESTION + path)
            return await self._sample.answer(f"api {method} {path}")

        def defect(error: Exception) -> None:
            self.error = "".join(traceback.format_exception(error))

        in_a_thread(lambda: perform(self._form, self._sample.desk_for, write, defect, undo))


def load_actions(project: Path = ROOT) -> list[Action]:
    """Return the actions that the project's pyapp/actions.py declares, freshly imported; none where there is no such file.

    Raises ModuleNotFoundError where it imports what only the browser has.
    """
    path = project / "pyapp" / "actions.py"
    if not path.is_file():
        return []
    with importable(project / "pyapp"):
        from popdesk import actions

        declared: list[Action] = []
        kept, actions.ACTIONS = actions.ACTIONS, declared
        try:
            import_freshly(path)
        finally:
            actions.ACTIONS = kept
        return declared
