"""Declares cards: the decorator, and the list that it fills. Pure.

@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()

section("Orders")      # the title above the cards that follow
CARDS                  # -> [Card]
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
    id of the element that its value stands in. Its own id is the name of its function, if there is no other. `wide` takes the
    whole width; `section` is the title that it stands below, "" for none.
    """

    def __init__(
        self,
        title: str,
        personal: bool,
        later: bool,
        place: str,
        ask: "Ask",
        id: str = "",
        wide: bool = False,
        section: str = "",
    ) -> None:
        self.id = id or ask.__name__
        self.slot = "card-" + self.id
        self.title = title
        self.personal = personal
        self.later = later
        self.place = place
        self.ask = ask
        self.wide = wide
        self.section = section

    def place_in_page(self) -> "list[Any]":
        """Return what the static page has of it: [title, id], and where it is wide or in a section [..., wide, section]."""
        return [self.title, self.id] + ([self.wide, self.section] if self.wide or self.section else [])


CARDS: "list[Card]" = []
_section = [""]  # the title that the next cards stand below


def section(title: str) -> None:
    """Put a title above the cards that follow. Raises TypeError for what is no title."""
    if not isinstance(title, str) or not title:
        raise TypeError('a section has a title: section("Orders")')
    _section[0] = title


def card(
    title: str, personal: bool = False, later: bool = False, wide: bool = False
) -> "Callable[[Function], Function]":
    """Declare the function below as a card; cards are shown in the order of their declarations.

    `wide` gives it the page's whole width, as a Table needs it.

    Raises TypeError where it stands without its title, ValueError for a second card of one name.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a card begins with its title: @card("Agent name")')

    def declare(ask: "Function") -> "Function":
        for each in CARDS:
            if each.id == ask.__name__:
                raise ValueError("two cards are called " + each.id + ': "' + each.title + '" and "' + title + '"')
        CARDS.append(Card(title, personal, later, "cards", ask, "", wide, _section[0]))
        return ask

    return declare
