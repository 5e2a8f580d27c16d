"""What cards are made of: `from popdesk import card, Text, ...`.

    @card("Agent name")
    async def agent_name(desk):
        return await desk.agent.name()

It is imported before everything else of the page, and so imports little.
"""

from popdesk.declaration import card, section
from popdesk.desk import FAILED, NOTHING, REFUSED, TIMED_OUT, UNEXPECTED, Desk, Unanswered
from popdesk.rich import Badge, Group, Money, Note, Progress, Since, Table, Timeline
from popdesk.values import Duration, Link, Moment, Pairs, Text, capital, from_arn, shown_phone

__all__ = (
    "FAILED",
    "NOTHING",
    "REFUSED",
    "TIMED_OUT",
    "UNEXPECTED",
    "Badge",
    "Desk",
    "Duration",
    "Group",
    "Link",
    "Moment",
    "Money",
    "Note",
    "Pairs",
    "Progress",
    "Since",
    "Table",
    "Text",
    "Timeline",
    "Unanswered",
    "capital",
    "card",
    "from_arn",
    "section",
    "shown_phone",
)
