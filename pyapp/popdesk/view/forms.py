"""Draws the actions: their buttons, the forms that open below them, and what came of each.

view = FormsView(forms, cards, say, fill, do)
view.offer("connected", True, lambda card: True)      # the buttons that make sense

`fill(form)` is awaited for a form's defaults, `do(form, undo)` for what it does. Fields are the browser's own elements. What is
under way, done or failed is written into an element that screen readers read out; the focus stays where it is, or goes where a
keyboard goes on: into a form that opens, to the first field that is wrong, back to the button of a form that closes.
"""

import asyncio

import js
from words import title

from popdesk.forms import ASKING, BUSY, CLOSED, DONE, FAILURE, OPEN, UNDER_WAY, UNDOING, UNDONE
from popdesk.values import LONGEST, shorten
from popdesk.view.dom import by_id, element, listen

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from popdesk.actions import Field
    from popdesk.forms import Form, Forms
    from popdesk.view.cards import Cards

    Say = Callable[..., str]

# Milliseconds in which what has just been done is not begun again: the second click of two that were meant as one.
_DOUBLE_CLICK = 700

_SHOWN = (OPEN, ASKING, BUSY, FAILURE)


def new_key() -> str:
    """Return 30 random hexadecimal digits."""
    numbers = js.crypto.getRandomValues(js.Uint8Array.new(15))
    return "".join(["%02x" % numbers[index] for index in range(15)])


class FormsView:
    """All actions of the page. `clicks` are its handlers for elements marked with data-do (view/dom.py)."""

    def __init__(
        self,
        forms: "Forms",
        cards: "Cards",
        say: "Say",
        fill: "Callable[[Form], Awaitable[None]]",
        do: "Callable[[Form, bool], Awaitable[None]]",
    ) -> None:
        self._forms = forms
        self._say = say
        self._fill = fill
        self._do = do
        self.clicks: "dict[str, Callable[[Any, Any], Any]]" = {
            "act": self._toggle,
            "act-close": lambda _, about: self._close(about),
            "act-back": lambda _, about: self._take_back(about),
            "act-discard": lambda _, about: self._discard(about),
            "act-fill": lambda _, about: self._ask_again(about),
            "act-undo": self._undo,
        }
        self._drawn = {form.action.id: _Drawn(form, cards, say, self._typed, self._submitted) for form in forms.forms}

    def offer(self, state: str, has_customer: bool, has_value: "Callable[[str], bool]") -> None:
        """Show the buttons of those that make sense; a form that is open stays, and what was typed.

        `has_value(card)` is whether the card of that id shows something.
        """
        for form in self._forms.forms:
            drawn, action = self._drawn[form.action.id], form.action
            drawn.offered = action.makes_sense(state, has_customer, has_value(action.card))
            drawn.draw()

    def open_by_itself(self, form: "Form") -> None:
        """Open a form that the agent has not asked for: others stay open, and the focus stays where it is."""
        if form.state not in UNDER_WAY:
            form.open()
            self._drawn[form.action.id].draw()
            self._ask_again(form.action.id)

    def forget(self) -> None:
        """Draw that nothing was typed."""
        for action_id in self._drawn:
            self._drawn[action_id].forget()

    # -- what the agent does ------------------------------------------------------------------------------------------

    def _toggle(self, event: "Any", about: str) -> None:
        form, drawn = self._forms.form(about), self._drawn[about]
        if form.state in UNDER_WAY or drawn.was_just_done():
            return
        if form.state in _SHOWN and drawn.has_form:
            self._close(about)
            return
        for other in self._forms.forms:  # one form at a time; what was typed in another is kept
            if other is not form:
                other.close()
                self._drawn[other.action.id].draw()
        form.open()
        if not drawn.has_fields:
            self._submit(form)
            return
        drawn.draw()
        drawn.focus_first()
        self._ask_again(about)

    def _close(self, about: str) -> None:
        self._forms.form(about).close()
        self._drawn[about].draw()

    def _discard(self, about: str) -> None:
        self._forms.form(about).discard()
        self._drawn[about].forget()

    def _take_back(self, about: str) -> None:
        form, drawn = self._forms.form(about), self._drawn[about]
        form.take_back()
        if not drawn.has_fields:
            form.close()
        drawn.draw()
        if drawn.has_fields:
            drawn.focus("submit")

    def _ask_again(self, about: str) -> None:
        asyncio.create_task(self._filled(self._forms.form(about)))

    async def _filled(self, form: "Form") -> None:
        await self._fill(form)
        self._drawn[form.action.id].draw()

    def _typed(self, form: "Form", name: str, raw: "Any") -> None:
        form.type(name, raw)
        self._drawn[form.action.id].draw()

    def _submitted(self, form: "Form") -> None:
        if not self._drawn[form.action.id].was_just_done():
            self._submit(form)

    def _submit(self, form: "Form") -> None:
        drawn = self._drawn[form.action.id]
        if form.state in UNDER_WAY:
            return
        if form.submit():
            drawn.draw()
            asyncio.create_task(self._done(form, False))
            return
        drawn.draw()
        if form.wrong:
            drawn.focus_wrong()
        elif form.state == ASKING:
            drawn.focus("back")

    def _undo(self, event: "Any", about: str) -> None:
        form, drawn = self._forms.form(about), self._drawn[about]
        if not drawn.was_just_done() and form.undo():
            drawn.draw()
            asyncio.create_task(self._done(form, True))

    async def _done(self, form: "Form", undo: bool) -> None:
        drawn = self._drawn[form.action.id]
        await self._do(form, undo)
        drawn.settled()
        drawn.draw()
        if form.wrong and form.state == FAILURE:
            drawn.focus_wrong()


class _Drawn:
    """One action as it stands in the page."""

    def __init__(
        self,
        form: "Form",
        cards: "Cards",
        say: "Say",
        typed: "Callable[[Form, str, Any], None]",
        submitted: "Callable[[Form], None]",
    ) -> None:
        self._form = form
        self._cards = cards
        self._say = say
        self._typed = typed
        self._submitted = submitted
        self._done_at = -_DOUBLE_CLICK
        self._box: "Any" = None  # the form's element, once it was opened
        self._inputs: "dict[str, Any]" = {}  # field's name -> its element; of Choices the fieldset
        self._options: "dict[str, Any]" = {}  # field's name -> the options that stand in it
        self._said: "Any" = None  # what the outcome says now
        action = form.action
        self.offered = False
        self.has_fields = any(field.kind != "hidden" for field in action.fields)
        self.has_form = bool(action.confirm) or self.has_fields
        self._title = title(say, action.title)
        # A wrap-up's own button says what its reminder asks for.
        self._sends = say("wrap.save") if hasattr(action, "queues") else self._title
        self._button = self._new_button("act", self._title, "quiet-button")
        self._outcome = element("div", className="outcome")
        self._status = element("div", className="tone", role="status")
        self._after = element("p", className="form-buttons")
        self._outcome.append(self._status, self._after)
        if self.has_form:
            self._button.setAttribute("aria-controls", "form-" + action.id)
        self._place = place = _place(action.card)
        place.firstChild.append(self._button)
        place.append(self._outcome)
        listen(self._outcome, "keydown", _hold)
        listen(self._button, "keydown", _hold)

    def _new_button(self, do: str, text: str, look: str, type: str = "button") -> "Any":
        made = element("button", text, type=type, className=look)
        if do:
            made.dataset.do = do
            made.dataset.about = self._form.action.id
        return made

    # -- what is to be seen -------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the form as it is now."""
        form = self._form
        shown = self.has_form and form.state in _SHOWN
        # A form that is open, or has just come to something, is not taken away from under the agent's hands, nor is the focus.
        self._button.hidden = not (
            self.offered or shown or form.state in (BUSY, UNDOING) or self._button.isSameNode(js.document.activeElement)
        )
        if self.has_form:
            self._button.ariaExpanded = "true" if shown else "false"
        self._button.ariaBusy = "true" if form.state in UNDER_WAY else "false"
        if shown and self._box is None:
            self._make_form()
        if self._box is not None:
            had_focus = not self._box.hidden and bool(self._box.contains(js.document.activeElement))
            self._draw_form(shown)
            self._box.hidden = not shown
            if had_focus and not shown and not self._button.hidden:
                self._button.focus()
        self._draw_outcome(shown)
        place = self._place
        place.hidden = not place.querySelector("button:not([hidden]), .outcome[data-empty=no]")

    def forget(self) -> None:
        """Draw that nothing was typed and nothing came of it."""
        if self._box is not None:
            had_focus = bool(self._box.contains(js.document.activeElement))
            self._box.remove()
            self._box, self._inputs, self._options = None, {}, {}
            if had_focus:
                self._button.focus()
        self.draw()

    def was_just_done(self) -> bool:
        """Return whether a click belongs to the one that has just done it."""
        return bool(js.performance.now() < self._done_at + _DOUBLE_CLICK)

    def settled(self) -> None:
        """Note that what was under way has come to something."""
        self._done_at = js.performance.now() if self._form.state in (DONE, UNDONE) else -_DOUBLE_CLICK

    def _draw_outcome(self, shown: bool) -> None:
        """Say what came of it; nothing where that is said already, so that it is not read out again."""
        form, say = self._form, self._say
        now = (form.state, form.kind, form.problem, form.uncertain, form.result)
        if now == self._said:
            return
        self._said = now
        status, after = self._status, []
        status.dataset.tone = ""
        status.title = ""
        if form.state in UNDER_WAY:
            status.textContent = say("form.busy")
        elif form.state == DONE and not form.kind:
            self._draw_result()
        elif form.state == UNDONE:
            status.textContent = say("form.undone", title=self._title)
        elif form.kind and form.state in (FAILURE, OPEN, DONE):
            status.textContent = self._failure()
            status.dataset.tone = "error"
            if form.state == OPEN:
                after.append(self._new_button("act-fill", say("card.retry"), "quiet-button"))
        else:
            status.textContent = ""
        if form.action.undo and (form.state == DONE):
            undo = self._new_button("act-undo", say("form.undo"), "quiet-button")
            undo.ariaLabel = say("form.undo.what", title=self._title)
            after.append(undo)
        had_focus = bool(self._after.contains(js.document.activeElement))
        self._after.replaceChildren(*after)
        if had_focus:
            (after[0] if after else self._button).focus()
        # An element of a live region, and what it says, are there from the start; an empty one takes no space.
        self._outcome.dataset.empty = "" if form.state in (CLOSED,) else "no"

    def _draw_result(self) -> None:
        status, value = self._status, self._form.result
        said = element("span", self._say("form.done", title=self._title))
        shown = element("div" if value.rich else "span")
        status.replaceChildren(said)
        if getattr(value, "text", None) == "" and not getattr(value, "rest", ""):
            shown = None
        else:
            status.append(" ", shown)
            if not self._cards.fill(shown, "said-" + self._form.action.id, value, js.performance.now()):
                from popdesk.view import rich

                rich.draw(self._cards, shown, value, self._title, js.performance.now())
        status.dataset.tone = (shown is not None and str(shown.dataset.tone or "")) or "success"
        status.title = ""

    def _failure(self) -> str:
        form, say = self._form, self._say
        if form.kind == "problem":
            text = shorten(form.problem, LONGEST)
        elif form.kind == "refused":
            text = say("form.refused")
            if form.permission:
                text = say("card.refused", permission=form.permission) + ". " + say("card.refused.how") + "."
        elif form.kind == "nothing":
            text = say("form.nothing")
        elif form.kind == "timeout":
            text = say("form.timeout")
        elif form.kind == "down":
            text = say("card.down") if form.uncertain else say("form.down")
        elif form.uncertain and not form.problem:
            text = ""  # whether it failed is what nobody knows
        else:
            text = say("form.failed") + (" (" + form.problem + ")" if form.problem else "")
        if form.uncertain and form.state == FAILURE:
            # The API's own words may end without a full stop.
            text = (text + ("" if text[-1:] in ("", ".", "!", "?", "…") else ".") + " " + say("form.uncertain")).strip()
        return text if self.has_form else self._title + ": " + text

    # -- the form -----------------------------------------------------------------------------------------------------

    def _make_form(self) -> None:
        form, say = self._form, self._say
        action = form.action
        box = element("form", id="form-" + action.id, className="action-form", noValidate=True, ariaLabel=self._title)
        for field in action.fields:
            if field.kind != "hidden":
                box.append(self._new_field(field))
        ask = element("p", title(say, action.confirm) if action.confirm else "", className="ask", id="ask-" + action.id)
        buttons = element("p", className="form-buttons")
        self._buttons = {
            "submit": self._new_button("", self._sends, "main-button", "submit"),
            # The one that does it is not where the first click was: a double click is no answer.
            "back": self._new_button("act-back", say("form.back"), "quiet-button"),
            "yes": self._new_button("", say("form.yes", title=self._title), "main-button", "submit"),
            "close": self._new_button("act-close", say("form.close"), "quiet-button"),
            "discard": self._new_button("act-discard", say("form.discard"), "quiet-button"),
        }
        for name in ("back", "yes"):
            self._buttons[name].setAttribute("aria-describedby", "ask-" + action.id)
        for name in ("submit", "back", "yes", "close", "discard"):
            buttons.append(self._buttons[name])
        box.append(ask, buttons)
        self._ask = ask
        self._box = box
        listen(box, "input", self._input)
        listen(box, "submit", self._submit)
        listen(box, "keydown", _hold)
        self._place.insertBefore(box, self._outcome)

    def _new_field(self, field: "Field") -> "Any":
        say, action = self._say, self._form.action
        name = "field-" + action.id + "-" + field.name
        label = title(say, field.label)
        row = element("div", className="field")
        about = []
        if field.kind == "choices":
            row = element("fieldset", className="field")
            caption = element("legend", label)
            control = element("div", className="options", id=name)
        elif field.kind == "choice":
            caption, control = element("label", label, htmlFor=name), element("select", id=name)
        elif field.kind == "paragraph":
            caption, control = element("label", label, htmlFor=name), element("textarea", id=name, rows=3)
        else:
            kinds = {"check": "checkbox", "date": "date"}
            caption = element("label", label, htmlFor=name)
            control = element("input", id=name, type=kinds.get(field.kind, "text"), autocomplete="off")
            if field.kind in ("number", "amount"):
                control.inputMode = "decimal"
        if field.kind == "amount":
            caption.append(" ", element("small", getattr(field, "currency", "")))
        if not field.required and field.kind not in ("check", "choices"):
            caption.append(" ", element("small", say("form.optional")))
        control.dataset.field = field.name
        if field.kind != "choices":
            control.ariaRequired = "true" if field.required else "false"
        if field.kind == "check":
            row.className = "field check"
            row.append(control, caption)
        else:
            row.append(caption, control)
        if field.help:
            row.append(element("small", title(say, field.help), id=name + "-help"))
            about.append(name + "-help")
        row.append(element("p", id=name + "-wrong", className="wrong"))
        about.append(name + "-wrong")
        (row if field.kind == "choices" else control).setAttribute("aria-describedby", " ".join(about))
        self._inputs[field.name] = control
        return row

    def _draw_form(self, shown: bool) -> None:
        form = self._form
        asking, locked = form.state == ASKING, form.state in UNDER_WAY or form.uncertain
        self._box.ariaBusy = "true" if form.state in UNDER_WAY else "false"
        for field in form.action.fields:
            if field.kind != "hidden":
                self._draw_field(field, locked)
        self._ask.hidden = not asking
        buttons = self._buttons
        buttons["submit"].hidden = asking
        buttons["back"].hidden = buttons["yes"].hidden = not asking
        buttons["close"].hidden = asking
        buttons["discard"].hidden = not (form.state == FAILURE and form.uncertain)
        buttons["submit"].textContent = self._say("form.again") if form.state == FAILURE else self._sends
        for name in ("submit", "yes", "close"):
            buttons[name].ariaDisabled = "true" if form.state in UNDER_WAY else "false"

    def _draw_field(self, field: "Field", locked: bool) -> None:
        form, control = self._form, self._inputs[field.name]
        if field.options:
            self._draw_options(field, control)
        typed = form.typed.get(field.name)
        if field.kind == "choices":
            boxes = control.querySelectorAll("input")
            for index in range(boxes.length):
                boxes[index].checked = str(boxes[index].value) in (typed or [])
                boxes[index].ariaInvalid = "true" if field.name in form.wrong else "false"
        elif field.kind == "check":
            control.checked = bool(typed)
        elif str(control.value) != (typed or ""):
            control.value = typed or ""
        if field.kind in ("choices", "choice", "check"):
            # Disabled they would lose the focus; what is changed there is put back (Form.type, and above).
            control.ariaDisabled = "true" if locked else "false"
        else:
            control.readOnly = locked
        wrong = form.wrong.get(field.name)
        said = by_id(str(control.id) + "-wrong")
        if said:  # not yet in the page while the form is made
            said.textContent = self._words(wrong) if wrong else ""
        if field.kind != "choices":
            control.ariaInvalid = "true" if wrong else "false"

    def _words(self, wrong: "tuple[str, dict[str, Any]]") -> str:
        key, values = wrong
        return title(self._say, shorten(key, LONGEST)) if key[:5] != "form." else self._say(key, **values)

    def _draw_options(self, field: "Field", control: "Any") -> None:
        """Put the options in, when they are known or others."""
        form, say = self._form, self._say
        options = form.options.get(field.name)
        if field.name in self._options and self._options[field.name] == options:
            return
        self._options[field.name] = options
        made = []
        if field.kind == "choice":
            made.append(element("option", say("card.wait" if options is None else "form.choose"), value=""))
            for value, label in options or ():
                made.append(element("option", title(say, label), value=value))
        else:
            for number, (value, label) in enumerate(options or ()):
                box = element("input", type="checkbox", value=value, id=str(control.id) + "-" + str(number))
                box.dataset.field = field.name
                row = element("div", className="check")
                row.append(box, element("label", title(say, label), htmlFor=box.id))
                made.append(row)
        control.replaceChildren(*made)

    def _input(self, event: "Any") -> None:
        name = str(event.target.dataset.field)
        for field in self._form.action.fields:
            if field.name == name:
                self._typed(self._form, name, self._raw(field))

    def _raw(self, field: "Field") -> "Any":
        control = self._inputs[field.name]
        if field.kind == "check":
            return bool(control.checked)
        if field.kind != "choices":
            return str(control.value)
        boxes = control.querySelectorAll("input:checked")
        return [str(boxes[index].value) for index in range(boxes.length)]

    def _submit(self, event: "Any") -> None:
        event.preventDefault()
        self._submitted(self._form)

    # -- where the keyboard goes on -----------------------------------------------------------------------------------

    def focus_first(self) -> None:
        """Go into the form."""
        first = self._box.querySelector("input,select,textarea,button:not([hidden])")
        if first:
            first.focus()

    def focus_wrong(self) -> None:
        """Go to the first field that is wrong."""
        for field in self._form.action.fields:
            if field.name in self._form.wrong and field.name in self._inputs:
                control = self._inputs[field.name]
                (control.querySelector("input") or control if field.kind == "choices" else control).focus()
                return

    def focus(self, name: str) -> None:
        """Go to one of the form's buttons."""
        self._buttons[name].focus()


def _place(card: str) -> "Any":
    """Return the element for a card's actions, or for those of the customer's box: its first child is for the buttons."""
    slot = by_id("card-" + card) if card else None
    place = by_id("acts-" + card) if slot else by_id("acts")
    if not place:
        place = element("dd" if slot else "div", id="acts-" + card if slot else "acts", className="acts")
        (slot.parentNode if slot else by_id("hero")).append(place)
    if not place.firstChild:
        place.append(element("div", className="buttons"))
    return place


def _hold(event: "Any") -> None:
    """Let a key that is held down press a button once: Enter would press it again and again."""
    if event.repeat and event.key == "Enter" and str(event.target.tagName) != "TEXTAREA":
        event.preventDefault()
