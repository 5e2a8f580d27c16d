"""What cards are made of: `from popdesk import card, Text, ...`.

    @card("Agent name")
    async def agent_name(desk):
        return await desk.agent.name()

It is imported before everything else of the page, and so imports little.
"""

from popdesk.declaration import card
from popdesk.desk import FAILED, NOTHING, REFUSED, TIMED_OUT, UNEXPECTED, Desk, Unanswered
from popdesk.values import Duration, Link, Moment, Pairs, Text, capital, from_arn, shown_phone

__all__ = (
    "FAILED",
    "NOTHING",
    "REFUSED",
    "TIMED_OUT",
    "UNEXPECTED",
    "Desk",
    "Duration",
    "Link",
    "Moment",
    "Pairs",
    "Text",
    "Unanswered",
    "capital",
    "card",
    "from_arn",
    "shown_phone",
)
