"""Declares cards: the decorator, and the list that it fills. Pure.

@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()

CARDS       # -> [Card]
"""


class Card:
    """A declared card: `title` in English, `personal` when it shows customer's data, `later` when it is not to be asked first.

    `place` is where the page draws it: "cards" for the list, any other name for a part of the page of its own. `slot` is the
    id of the element that its value stands in.
    """

    def __init__(self, title, personal, later, place, ask):
        self.id = ask.__name__
        self.slot = "card-" + self.id
        self.title = title
        self.personal = personal
        self.later = later
        self.place = place
        self.ask = ask


CARDS = []


def card(title, personal=False, later=False):
    """Declare the function below as a card; cards are shown in the order of their declarations.

    Raises TypeError where it stands without its title, ValueError for a second card of one name.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a card begins with its title: @card("Agent name")')

    def declare(ask):
        for each in CARDS:
            if each.id == ask.__name__:
                raise ValueError("two cards are called " + each.id + ': "' + each.title + '" and "' + title + '"')
        CARDS.append(Card(title, personal, later, "cards", ask))
        return ask

    return declare
