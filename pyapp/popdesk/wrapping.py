"""Declares the wrap-up: what an agent writes down of a contact before it is cleared. Pure.

    @wrap_up(queues=["Support"], fields=[Choice("disposition", ["solved", "call back"], required=True), Paragraph("note")])
    async def support(desk, disposition, note):
        await desk.contact.set_attribute("disposition", disposition)

It is an action (actions.py) of a queue's contacts: offered during the call, opened by itself when after-contact work begins,
and what is typed is kept beyond the page (view/wrapping.py). docs/wrap-up.md says how it is used.
"""

from popdesk.actions import ACTIONS, Action, check_fields
from popdesk.forms import BUSY, DONE, Form
from popdesk.values import Text

if False:
    from collections.abc import Callable, Sequence
    from typing import Any

    from popdesk.actions import Field, Run

_WHEN = ("connecting", "connected", "acw")


class WrapUp(Action):
    """A declared wrap-up: of the contacts of `queues` by their names, of all others where there are none.

    `here` is whether it is this contact's. `required`: the page clears no contact without it.
    """

    def __init__(
        self, title: str, fields: "Sequence[Field]", run: "Run", queues: "Sequence[str]", required: bool
    ) -> None:
        super().__init__(title, fields, run, when=_WHEN)
        self.queues = list(queues)
        self.required = required
        self.here = True

    def makes_sense(self, state: str, has_customer: bool, has_value: bool = True) -> bool:
        """Return whether it is offered in this contact state."""
        return self.here and super().makes_sense(state, has_customer, has_value)

    def make_form(self, new_key: "Callable[[], str]") -> "WrapUpForm":
        """Return its form."""
        return WrapUpForm(self, new_key)


class WrapUpForm(Form):
    """A wrap-up's form. `changed()` is called when something else is to be kept of it."""

    saved = False

    @staticmethod
    def changed() -> None:
        """Do nothing: whoever keeps the draft puts another function here."""

    def clear(self) -> None:
        """Forget everything; what is kept stays."""
        super().clear()
        self.saved = False

    def type(self, name: str, raw: "Any") -> None:
        """Keep what is typed."""
        super().type(name, raw)
        self.changed()

    def submit(self) -> bool:
        """Return whether it is to be done now."""
        begins = super().submit()
        self.changed()
        return begins

    def open(self) -> None:
        """Open it; once it was saved, anew: that it was saved stays so."""
        saved = self.saved
        super().open()
        self.saved = saved

    def discard(self) -> None:
        """Close it, and forget what was typed."""
        saved = self.saved
        super().discard()
        self.saved = self.saved or saved
        self.changed()

    def succeeded(self, run: int, result: "Any") -> None:
        """Take the result."""
        super().succeeded(run, result)
        if self.state == DONE:
            self.saved = True
            self.changed()

    def failed(
        self, run: int, kind: str, problem: str, uncertain: bool, errors: "Any" = (), permission: str = ""
    ) -> None:
        """Take a failure."""
        super().failed(run, kind, problem, uncertain, errors, permission)
        self.changed()

    def draft(self) -> "dict[str, Any]":
        """Return what is to be kept of it, as JSON; {} for nothing. What may have been done is kept with its key and values."""
        kept: "dict[str, Any]" = {"saved": True} if self.saved else {}
        if self.typed and self.state != DONE:
            kept["typed"] = self.typed
            if self.state == BUSY or self.uncertain:
                kept["key"], kept["values"] = self.key, self._values
        return kept

    def restore(self, kept: "dict[str, Any]") -> None:
        """Take what was kept of it: tried again, what may have been done is done once, by its key."""
        self.saved = bool(kept.get("saved"))
        typed = kept.get("typed")
        if isinstance(typed, dict):
            for name in typed:
                if name not in self.typed:  # what is typed already is newer
                    self.typed[name] = typed[name]
            values = kept.get("values")
            if isinstance(values, dict):
                self.typed, self._values, self.key = typed, values, str(kept.get("key"))
                self.uncertain, self.kind = True, "timeout"
        elif self.saved:
            self.state, self.result = DONE, Text("")
            self.key = self._new_key()


def wrap_up(
    title: str = "Wrap-up",
    fields: "Sequence[Field]" = (),
    queues: "Sequence[str]" = (),
    required: bool = False,
) -> "Callable[[Run], Run]":
    """Declare the function below as a wrap-up; its parameters are the desk and the names of the fields.

    Raises TypeError for what is no title, field or list of queues, and ValueError where a queue has another wrap-up already.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a wrap-up begins with its title: @wrap_up("Wrap-up", fields=[...])')
    check_fields(title, fields)
    if isinstance(queues, str) or [each for each in queues if not isinstance(each, str) or not each]:
        raise TypeError('queues are a list of their names: queues=["Support"]')
    if not fields:
        raise ValueError("a wrap-up has fields: what the agent is to write down")

    def declare(run: "Run") -> "Run":
        for each in ACTIONS:
            if each.id == run.__name__:
                raise ValueError("two actions are called " + each.id + ': "' + each.title + '" and "' + title + '"')
            if isinstance(each, WrapUp):
                both = [queue for queue in queues if queue in each.queues]
                if both or (not queues and not each.queues):
                    name = "the queue " + both[0] if both else "all other queues"
                    raise ValueError("two wrap-ups are for " + name + ": " + each.id + " and " + run.__name__)
        ACTIONS.append(WrapUp(title, fields, run, queues, required))
        return run

    return declare


def wrap_up_for(actions: "Sequence[Action]", queue: str) -> "WrapUp | None":
    """Return the wrap-up of a queue's contacts: the one that names it, otherwise the one that names none; None without either."""
    found: "WrapUp | None" = None
    for each in actions:
        if isinstance(each, WrapUp):
            if queue and queue in each.queues:
                return each
            if not each.queues:
                found = each
    return found


class Clearing:
    """Whether the page may clear the contact: never without a required wrap-up, and at the second try without another one."""

    def __init__(self) -> None:
        self._reminded = False

    def why_not(self, form: "WrapUpForm | None") -> str:
        """Return the key of the words that say why not, "" where it may."""
        if form is None or form.saved:
            return ""
        if form.action.required:  # type: ignore[attr-defined]
            return "wrap.required"
        if self._reminded:
            return ""
        self._reminded = True
        return "wrap.remind"
