"""The value of a card that is a number to be called: of pages alone that have one. Pure.

return Phone("+12065550100")        # view/dialing.py draws it, in the place of view/rich.py's values
"""

from popdesk.handling import dialable
from popdesk.values import Text, Value, as_text, shown_phone

if False:
    from typing import Any

    from popdesk.values import Readable


class Phone(Value):
    """A number to be called with a click, where [tool.popdesk] permissions has Contact.Details.Edit and it is granted.

    What is no number in E.164 ("+12065550100") is shown as it is; `text` is read instead of the number.
    """

    rich = True

    def __init__(self, number: "Readable", text: "Readable" = "") -> None:
        self.number: "Any" = number
        self.text: "Any" = text
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with the number as it is called; of what is none, a Text."""
        given, text = as_text(self.number, "Phone"), as_text(self.text, "Phone")
        self.number = dialable(given)
        self.text = text or shown_phone(self.number or given)
        return self if self.number else Text(text or given)
