"""The only modules that know the DOM: they fill the page's static HTML (web/index.html) and hear what the agent does.

dom.py has the small helpers; cards.py draws the cards and is there from the first value on; status.py and customer.py draw the
rest, once the first values are shown; window.py and errors.py are imported when they are needed. Everything that comes
from outside is put in as text (`textContent`, `title`), never as markup.
"""
