"""What becomes of an action's form: what was typed, whether it is under way, what came of it. Pure.

    forms = Forms(ACTIONS, new_key)
    form = forms.forms[0]
    form.open()                          # closed -> open; its idempotency key is made here
    form.type("subject", "Invoice")
    if form.submit():                    # its values were checked, and what was to be confirmed was
        await perform(form, desk, ...)   # busy -> done or failed
    forms.clear()                        # the contact is gone, and with it what was typed

A form is `closed`, `open`, `asking` (for its confirmation), `busy`, `done`, `failed`, `undoing` or `undone`. It is started from
`open`, `asking` and `failed` alone, so that no second click starts it twice. Its key stays until it is done: what is tried
again after an answer that was lost is known to the server by it (draft-ietf-httpapi-idempotency-key-header).
"""

import asyncio

from popdesk.actions import as_options
from popdesk.board import to_be_awaited
from popdesk.desk import FAILED, TIMED_OUT, Unanswered
from popdesk.values import drawable

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from popdesk.actions import Action
    from popdesk.desk import Desk

    Write = Callable[[str, str, Any], Awaitable[Any]]
    Wrong = tuple[str, dict[str, Any]]

CLOSED = "closed"
OPEN = "open"
ASKING = "asking"
BUSY = "busy"
DONE = "done"
FAILURE = "failed"
UNDOING = "undoing"
UNDONE = "undone"

# Under way: nothing else may begin.
UNDER_WAY = (BUSY, UNDOING)

# An action that has not returned after so many seconds has failed: each of its requests ends before that.
PATIENCE = 60

# How many writes of one action have a key of their own.
_MOST_WRITES = 256


class Form:
    """One action's form. `new_key()` returns 30 random hexadecimal digits."""

    def __init__(self, action: "Action", new_key: "Callable[[], str]") -> None:
        self.action = action
        self._new_key = new_key
        self.clear()

    def clear(self) -> None:
        """Forget everything, also what is still to come of a run."""
        self.state = CLOSED
        self.key = ""
        self.typed: "dict[str, Any]" = {}  # field's name -> what was typed
        self.options: "dict[str, list[tuple[str, str]]]" = {}  # of Choice and Choices, once they are known
        self.wrong: "dict[str, Wrong]" = {}  # field's name -> what is wrong with it
        self.problem = ""  # why it failed, in words of the API or the action
        self.kind = ""  # the same as a reason of `Unanswered`
        self.permission = ""  # the one that is lacking, where that is why
        self.uncertain = False  # whether it may have been done although it failed
        self.result: "Any" = None  # what is shown when it is done
        self._values: "dict[str, Any]" = {}
        self._known: "list[str]" = []  # names of the fields that have their defaults
        self._run = getattr(self, "_run", 0) + 1

    # -- what the agent does ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open it: anew with another key where it was done, otherwise with what was typed."""
        if self.state in (DONE, UNDONE):
            self.clear()
        if self.state == CLOSED:
            self.key = self.key or self._new_key()
            self.state = FAILURE if self.uncertain else OPEN

    def close(self) -> None:
        """Close it, and keep what was typed. What may have been done keeps its key too."""
        if self.state in (OPEN, ASKING, FAILURE):
            self.state = CLOSED
            self.wrong = {}
            if not self.uncertain:
                self.key = self.kind = self.problem = ""

    def discard(self) -> None:
        """Close it, and forget what was typed and its key."""
        if self.state not in UNDER_WAY:
            self.clear()

    def type(self, name: str, raw: "Any") -> None:
        """Keep what is typed. What may have been done is not changed any more: its key stands for these values."""
        if self.state in (OPEN, FAILURE, ASKING) and not self.uncertain:
            self.typed[name] = raw
            self.wrong.pop(name, None)
            if self.state == FAILURE:
                self.kind = self.problem = ""
            self.state = OPEN

    def submit(self) -> bool:
        """Return whether it is to be done now: not while it is under way, nor with wrong values or unconfirmed."""
        if self.state not in (OPEN, ASKING, FAILURE):
            return False
        if not self.uncertain:
            self._check()
            if self.wrong:
                self.state = OPEN
                return False
            if self.action.confirm and self.state != ASKING:
                self.state = ASKING
                return False
        self.state = BUSY
        self.kind = self.problem = ""
        return True

    def undo(self) -> bool:
        """Return whether it is to be undone now."""
        if self.state != DONE or not self.action.undo:
            return False
        self.state = UNDOING
        self.kind = self.problem = ""
        return True

    def take_back(self) -> None:
        """Answer the confirmation with no."""
        if self.state == ASKING:
            self.state = OPEN

    # -- its values ---------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        self.wrong, self._values, self.problem = {}, {}, ""
        for field in self.action.fields:
            value, wrong = field.read(self.typed.get(field.name))
            if wrong is None and field.options and value:
                known = [each for each, _ in self.options.get(field.name, [])]
                picked = value if isinstance(value, list) else [value]
                if [each for each in picked if each not in known]:
                    wrong = ("form.required", {})
            if wrong:
                self.wrong[field.name] = wrong
            else:
                self._values[field.name] = value

    async def fill(self, desk: "Desk") -> None:
        """Ask for defaults and options. What was typed meanwhile stays, and what has come is not asked again.

        Raises Unanswered, or whatever a team's function raises, for the first that does not come.
        """
        run = self._run
        for field in self.action.fields:
            if field.options:
                options = as_options(await _result(field.options, desk))
                if run != self._run:
                    return
                self.options[field.name] = options
            if field.name in self._known:
                continue
            default = await _result(field.default, desk)
            if run != self._run:
                return
            self._known.append(field.name)
            if field.name not in self.typed:
                self.typed[field.name] = field.shown(default)

    # -- what comes of it ---------------------------------------------------------------------------------------------

    def succeeded(self, run: int, result: "Any") -> None:
        """Take the result of run `run`. A run that was given up may still succeed: it had the same key."""
        if run == self._run and self.state not in (DONE, UNDONE, UNDOING):
            self.state, self.result = DONE, result
            self.kind, self.problem, self.wrong = "", "", {}
            self.uncertain = False
            self.key = self._new_key()  # from now on of its undoing

    def failed(
        self, run: int, kind: str, problem: str, uncertain: bool, errors: "Any" = (), permission: str = ""
    ) -> None:
        """Take a failure of run `run`: errors are [{"field", "detail"}] of those fields that the API names."""
        if run != self._run or self.state != BUSY:
            return
        self.state, self.kind, self.problem, self.uncertain = FAILURE, kind, problem, uncertain
        self.permission = permission
        names = [field.name for field in self.action.fields if field.kind != "hidden"]
        for each in errors:
            if each["field"] in names and not uncertain:
                self.wrong[each["field"]] = (each["detail"], {})

    def undid(self, run: int, kind: str, problem: str) -> None:
        """Take what came of undoing: `kind` "" where it was undone."""
        if run == self._run and self.state == UNDOING:
            self.state, self.kind, self.problem = (DONE if kind else UNDONE), kind, problem


async def perform(
    form: Form,
    desk: "Callable[[Write], Desk]",
    write: "Callable[[str, str, Any, str], Awaitable[Any]]",
    defect: "Callable[[Exception], None]",
    undo: bool = False,
    seconds: float = PATIENCE,
) -> "list[str]":
    """Do what the form's action does, or undo it; return the paths that it has written to, also where it failed.

    `desk(write)` makes the desk that the action gets, `write(method, path, body, key)` is awaited for each of its writes,
    `defect(exception)` called for an error in the action's own code. Never raises.
    """
    run, values = form._run, form._values
    paths: "list[str]" = []
    key = form.key

    def write_with_key(method: str, path: str, body: "Any") -> "Awaitable[Any]":
        # The writes of one action are told apart by their order, which is the same when it is tried again.
        if len(paths) >= _MOST_WRITES:
            raise ValueError("one action writes " + str(_MOST_WRITES) + " times at most")
        paths.append(path)
        return write(method, path, body, key + "%02x" % (len(paths) - 1))

    kind, problem, permission, result = "", "", "", None
    uncertain = False
    errors: "Any" = ()
    try:
        made = (form.action.undo if undo else form.action.run)(desk(write_with_key), **values)  # type: ignore[misc]
        result = await asyncio.wait_for(_awaited(made), seconds)
        if not undo:
            result = drawable(result, "An action")
    except Unanswered as error:
        kind, problem = error.kind, error.reason
        uncertain = getattr(error, "uncertain", False)
        errors = getattr(error, "errors", ())
        permission = error.permission
    except asyncio.TimeoutError:
        kind, uncertain = TIMED_OUT, bool(paths)
    except Exception as error:
        defect(error)
        kind, problem = FAILED, type(error).__name__
        uncertain = bool(paths)  # what it wrote before it broke has been written
    if undo:
        form.undid(run, kind, problem)
    elif kind:
        form.failed(run, kind, problem, uncertain, errors, permission)
    else:
        form.succeeded(run, result)
    return paths


class Forms:
    """All forms of a page, for one contact."""

    def __init__(self, actions: "list[Action]", new_key: "Callable[[], str]") -> None:
        # A wrap-up has a form of its own kind (wrapping.py).
        self.forms = [getattr(each, "make_form", lambda key, each=each: Form(each, key))(new_key) for each in actions]
        self._contact = ""

    def form(self, action_id: str) -> Form:
        """Return an action's form. Raises LookupError where there is none."""
        for form in self.forms:
            if form.action.id == action_id:
                return form
        raise LookupError(action_id)

    def keep(self, contact_id: str, is_over: bool) -> bool:
        """Take which contact the page is for; return whether what was typed for one that is gone was forgotten."""
        if is_over or (self._contact and contact_id != self._contact):
            self.clear()
            self._contact = "" if is_over else contact_id
            return True
        self._contact = contact_id
        return False

    def clear(self) -> None:
        """Forget everything."""
        for form in self.forms:
            form.clear()


async def _result(given: "Any", desk: "Desk") -> "Any":
    return await _awaited(given(desk)) if callable(given) else given


async def _awaited(value: "Any") -> "Any":
    while to_be_awaited(value):
        value = await value
    return value
