"""Declares actions: the decorator, the fields of their forms, and the list that it fills. Pure.

    @action("Create ticket", fields=[Line("subject", required=True), Choice("priority", ["low", "high"])])
    async def create_ticket(desk, subject, priority):
        ticket = await desk.api.post("tickets", {"subject": subject, "priority": priority})
        return Link("Ticket " + ticket["id"], ticket["url"])

    ACTIONS                                # -> [Action]
    Line("subject").read(" Invoice ")      # -> ("Invoice", None): the value, and what is wrong with it

forms.py has what becomes of a form, view/forms.py draws it. docs/actions.md says what each field is for.
"""

from popdesk.values import capital

if False:
    from collections.abc import Callable, Sequence
    from typing import Any

    Run = Callable[..., Any]
    # What is wrong with a field: a key of the words with its values, or the words themselves.
    Wrong = tuple[str, dict[str, Any]] | None
    Read = tuple[Any, Wrong]

# What `when` may name: contact states (contact_state.py), that one customer has been found, that the action's card has a value.
STATES = ("connecting", "connected", "acw", "missed", "idle")
WHEN = ("customer", "card") + STATES

# How many characters a text has at most, where its field does not say.
LINE = 200
PARAGRAPH = 2000

_REQUIRED: "Wrong" = ("form.required", {})


class Field:
    """One field of a form: `name` is the function's parameter, `label` what the agent reads.

    `default` is a value or a function of the desk, which may be async. `check` is a function of the value that returns what is
    wrong with it in words, "" for nothing. `help` stands below the label.
    """

    kind = ""
    options: "Any" = ()

    def __init__(
        self,
        name: str,
        label: str = "",
        required: bool = False,
        default: "Any" = None,
        check: "Callable[[Any], str | None] | None" = None,
        help: str = "",
    ) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError('a field begins with its name: Line("subject")')
        self.name = name
        self.label = label or capital(name.replace("_", " "))
        self.required = required
        self.default = default
        self.check = check
        self.help = help

    def read(self, raw: "Any") -> "Read":
        """Return (value, None) of what was typed, or (None, what is wrong with it)."""
        if raw is None or raw == "":
            return (None, _REQUIRED) if self.required else (self._nothing(), None)
        value, wrong = self._value(raw)
        if wrong is None and self.check:
            said = self.check(value)
            wrong = (str(said), {}) if said else None
        return value, wrong

    def shown(self, value: "Any") -> "Any":
        """Return what stands in the form for a value: a text, for a Check whether it is set, for Choices a list."""
        return "" if value is None else str(value)

    def _nothing(self) -> "Any":
        return ""

    def _value(self, raw: "Any") -> "Read":
        return raw, None


class Line(Field):
    """A line of text, without the blanks around it."""

    kind = "line"
    _longest = LINE

    def __init__(self, name: str, label: str = "", longest: int = 0, **others: "Any") -> None:
        super().__init__(name, label, **others)
        self.longest = longest or self._longest

    def read(self, raw: "Any") -> "Read":
        """Return (text, None), or (None, what is wrong)."""
        return super().read(str(raw or "").strip())

    def _value(self, raw: str) -> "Read":
        if len(raw) > self.longest:
            return None, ("form.long", {"count": len(raw), "longest": self.longest})
        return raw, None


class Paragraph(Line):
    """Several lines of text."""

    kind = "paragraph"
    _longest = PARAGRAPH


class Number(Field):
    """A number from `least` to `most`; with `whole`, a whole one. Nothing is None."""

    kind = "number"

    def __init__(
        self,
        name: str,
        label: str = "",
        least: "float | None" = None,
        most: "float | None" = None,
        whole: bool = False,
        **others: "Any",
    ) -> None:
        super().__init__(name, label, **others)
        self.least = least
        self.most = most
        self.whole = whole

    def _nothing(self) -> "Any":
        return None

    def _value(self, raw: "Any") -> "Read":
        text = _decimal(str(raw))
        if not text or (self.whole and "." in text):
            return None, ("form.whole" if text and self.whole else "form.number", {})
        return _within(self, float(text) if "." in text else int(text))


class Amount(Number):
    """An amount of money in a currency (ISO 4217), from `least` to `most`: a text with a point, "19.90", as it was typed."""

    kind = "amount"

    def __init__(self, name: str, currency: str, label: str = "", **others: "Any") -> None:
        super().__init__(name, label, **others)
        self.currency = currency

    def _value(self, raw: "Any") -> "Read":
        text = _decimal(str(raw))
        if not text or len(text.partition(".")[2]) > 2:
            return None, ("form.amount", {})
        _, wrong = _within(self, float(text))
        return (None, wrong) if wrong else (text, None)


class Date(Field):
    """A day: a text, "2026-01-31"; from `least` to `most`, of the same form. Nothing is ""."""

    kind = "date"

    def __init__(self, name: str, label: str = "", least: str = "", most: str = "", **others: "Any") -> None:
        super().__init__(name, label, **others)
        self.least = least
        self.most = most

    def _value(self, raw: "Any") -> "Read":
        from popdesk.values import is_moment

        if not is_moment(str(raw) + "T00:00Z"):
            return None, ("form.date", {})
        if (self.least and raw < self.least) or (self.most and raw > self.most):
            return None, ("form.least" if self.least and raw < self.least else "form.most", _limits(self))
        return raw, None


class Choice(Field):
    """One of several: `options` are texts or (value, label), in a list or returned by a function of the desk, which may be async.

    Nothing is "".
    """

    kind = "choice"

    def __init__(self, name: str, options: "Any", label: str = "", **others: "Any") -> None:
        super().__init__(name, label, **others)
        self.options = options
        if not callable(options):
            as_options(options)

    def _value(self, raw: "Any") -> "Read":
        return raw, None


class Choices(Choice):
    """Several of several: a list of the options' values, in their order."""

    kind = "choices"

    def read(self, raw: "Any") -> "Read":
        """Return (values, None), or (None, what is wrong)."""
        return super().read(list(raw) if raw else "")

    def shown(self, value: "Any") -> "Any":
        """Return a list of texts."""
        return [str(each) for each in value or ()]

    def _nothing(self) -> "Any":
        return []


class Check(Field):
    """A check box: True or False. `required` asks for True, as a consent does."""

    kind = "check"

    def read(self, raw: "Any") -> "Read":
        """Return (whether it is set, None), or (None, what is wrong)."""
        return super().read(bool(raw) or "")

    def shown(self, value: "Any") -> "Any":
        """Return whether it is set."""
        return bool(value)

    def _nothing(self) -> "Any":
        return False


class Hidden(Field):
    """A value that the agent does not see: its default, as it is."""

    kind = "hidden"

    def read(self, raw: "Any") -> "Read":
        """Return (value, None)."""
        return raw, None

    def shown(self, value: "Any") -> "Any":
        """Return it as it is."""
        return value


class Action:
    """A declared action: `title` in English, its `fields`, and `run`, the function that does it.

    `card` is the id of the card that it stands on, "" for the customer's box. `confirm` is asked before it is done. `when` are
    names of WHEN: it is offered in the contact states among them (in each one with a contact, where there are none), and with
    "customer" only where one customer has been found, with "card" only while its card shows a value. `undo` takes what `run`
    takes, and undoes it.
    """

    def __init__(
        self,
        title: str,
        fields: "Sequence[Field]",
        run: "Run",
        card: str = "",
        confirm: str = "",
        when: "Sequence[str]" = (),
        undo: "Run | None" = None,
    ) -> None:
        self.id = run.__name__
        self.title = title
        self.fields = list(fields)
        self.run = run
        self.card = card
        self.confirm = confirm
        self.when = list(when)
        self.undo = undo

    def makes_sense(self, state: str, has_customer: bool, has_value: bool = True) -> bool:
        """Return whether it is offered in this contact state; `has_value` is whether its card shows something.

        What is for a call is offered while the page is `connecting` too: one that is opened during a call does not know that it
        is connected until the contact's next event, and an agent with a customer on the line would look for it in vain.
        """
        if ("customer" in self.when and not has_customer) or ("card" in self.when and not has_value):
            return False
        states = [each for each in self.when if each in STATES] or STATES[:-1]
        return state in states or (state == "connecting" and "connected" in states)


ACTIONS: "list[Action]" = []


def action(
    title: str,
    fields: "Sequence[Field]" = (),
    card: str = "",
    confirm: str = "",
    when: "str | Sequence[str]" = (),
    undo: "Run | None" = None,
) -> "Callable[[Run], Run]":
    """Declare the function below as an action; its parameters are the desk and the names of the fields.

    `card` is the name of a card's function. Raises TypeError where it stands without its title or with what is no field,
    ValueError for a second action or field of one name and for a `when` that is none of WHEN, or about a card it does not name.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('an action begins with its title: @action("Create ticket")')
    check_fields(title, fields)
    moments = [when] if isinstance(when, str) else list(when)
    for each in moments:
        if each not in WHEN:
            raise ValueError("when=" + repr(each) + " is none of " + ", ".join(WHEN))
    if "card" in moments and not card:
        raise ValueError('when="card" is for an action on a card: name it with card=')

    def declare(run: "Run") -> "Run":
        for each in ACTIONS:
            if each.id == run.__name__:
                raise ValueError("two actions are called " + each.id + ': "' + each.title + '" and "' + title + '"')
        ACTIONS.append(Action(title, fields, run, card, confirm, moments, undo))
        return run

    return declare


def check_fields(title: str, fields: "Sequence[Field]") -> None:
    """Raise TypeError for what is no field, ValueError for a second one of the same name."""
    names: "list[str]" = []
    for field in fields:
        if not isinstance(field, Field):
            raise TypeError('fields are of Line, Choice and the others: fields=[Line("subject")]')
        if field.name in names:
            raise ValueError("two fields of " + title + " are called " + field.name)
        names.append(field.name)


def as_options(options: "Any") -> "list[tuple[str, str]]":
    """Return options as (value, label), two texts. Raises TypeError for what is no list of texts or such pairs."""
    if not isinstance(options, (list, tuple)):
        raise TypeError('options are a list of texts or of (value, label): Choice("priority", ["low", "high"])')
    made: "list[tuple[str, str]]" = []
    for each in options:
        pair = each if isinstance(each, (list, tuple)) else (each, each)
        if len(pair) != 2 or not isinstance(pair[0], (str, int)) or not isinstance(pair[1], str) or pair[0] == "":
            raise TypeError("an option is a text or (value, label), and its value is not empty")
        made.append((str(pair[0]), pair[1]))
    return made


def _within(field: "Any", value: float) -> "Read":
    low = field.least is not None and value < field.least
    if low or (field.most is not None and value > field.most):
        return None, ("form.least" if low else "form.most", _limits(field))
    return value, None


def _limits(field: "Any") -> "dict[str, Any]":
    return {"least": field.least, "most": field.most}


def _decimal(raw: str) -> str:
    """Return a number as agents write it as Python does, "-1234.50"; "" for what may be read in two ways, or is none.

    A point or a comma is the decimal sign. 1,234 and 1.234 are a thousand to one agent and little more than one to another:
    where three digits follow, nothing but 0 may stand before them.
    """
    text = raw.strip().replace("−", "-")
    digits = text[1:] if text[:1] in ("-", "+") else text
    sign = "-" if text[:1] == "-" else ""
    whole, point, part = digits.replace(",", ".").partition(".")
    if not whole or (point and not part) or len(whole) > 15 or len(part) > 9 or (len(part) == 3 and whole != "0"):
        return ""
    for character in whole + part:  # another point is none of them
        if character not in "0123456789":
            return ""
    return sign + whole + point + part
