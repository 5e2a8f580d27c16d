"""What cards are made of: `from popdesk import card, Text, ...`.

    @card("Agent name")
    async def agent_name(desk):
        return await desk.agent.name()

It is imported before everything else of the page, and so imports little.
"""

from popdesk.declaration import card, section
from popdesk.desk import FAILED, NOTHING, REFUSED, TIMED_OUT, UNEXPECTED, Desk, Unanswered
from popdesk.values import Duration, Link, Moment, Pairs, Text, capital, from_arn, shown_phone

MYPY = False
if MYPY:
    from popdesk.actions import Amount, Check, Choice, Choices, Date, Hidden, Line, Number, Paragraph, action
    from popdesk.phone import Phone
    from popdesk.rich import Badge, Group, Money, Note, Progress, Since, Table, Timeline
    from popdesk.wrapping import wrap_up
else:

    def __getattr__(name: str) -> object:
        """Return what is imported when it is first asked for: rich.py's values, and what actions are made of.

        A page that names none of them does not carry them (ops/site/build.py). MicroPython asks here for the package's own
        modules too.
        """
        if not name.startswith("__"):
            module = _OTHERS.get(name) or ("actions" if name in _OF_ACTIONS else "rich")
            try:
                found = __import__("popdesk." + (module if name in __all__ else name), None, None, ("",))
                return getattr(found, name) if name in __all__ else found
            except ImportError:
                pass
        raise AttributeError("popdesk has no " + name)


_OTHERS = {"Phone": "phone", "wrap_up": "wrapping"}
# What actions.py has.
_OF_ACTIONS = ("Amount", "Check", "Choice", "Choices", "Date", "Hidden", "Line", "Number", "Paragraph", "action")

__all__ = (
    "FAILED",
    "NOTHING",
    "REFUSED",
    "TIMED_OUT",
    "UNEXPECTED",
    "Amount",
    "Badge",
    "Check",
    "Choice",
    "Choices",
    "Date",
    "Desk",
    "Duration",
    "Group",
    "Hidden",
    "Line",
    "Link",
    "Moment",
    "Money",
    "Note",
    "Number",
    "Pairs",
    "Paragraph",
    "Phone",
    "Progress",
    "Since",
    "Table",
    "Text",
    "Timeline",
    "Unanswered",
    "action",
    "capital",
    "card",
    "from_arn",
    "section",
    "shown_phone",
    "wrap_up",
)
