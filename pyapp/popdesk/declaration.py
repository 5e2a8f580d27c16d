"""Declares cards: the decorator, and the list that it fills. Pure.

@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()

CARDS       # -> [Card]
"""

if False:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from popdesk.desk import Desk

    Ask = Callable[[Desk], Any]
    Function = TypeVar("Function", bound=Callable[..., Any])


class Card:
    """A declared card: `title` in English, `personal` when it shows customer's data, `later` when it is not to be asked first.

    `place` is where the page draws it: "cards" for the list, any other name for a part of the page of its own. `slot` is the
    id of the element that its value stands in. Its own id is the name of its function, if there is no other.
    """

    def __init__(self, title: str, personal: bool, later: bool, place: str, ask: "Ask", id: str = "") -> None:
        self.id = id or ask.__name__
        self.slot = "card-" + self.id
        self.title = title
        self.personal = personal
        self.later = later
        self.place = place
        self.ask = ask


CARDS: "list[Card]" = []


def card(title: str, personal: bool = False, later: bool = False) -> "Callable[[Function], Function]":
    """Declare the function below as a card; cards are shown in the order of their declarations.

    Raises TypeError where it stands without its title, ValueError for a second card of one name.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a card begins with its title: @card("Agent name")')

    def declare(ask: "Function") -> "Function":
        for each in CARDS:
            if each.id == ask.__name__:
                raise ValueError("two cards are called " + each.id + ': "' + each.title + '" and "' + title + '"')
        CARDS.append(Card(title, personal, later, "cards", ask))
        return ask

    return declare
