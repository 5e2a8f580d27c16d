"""Runs each card of a page once, on CPython, against a sample desk: ops/site/play.py starts it as a process of its own.

    python -I -B player.py pyapp < '{"roles": {"identity": "Contact...", ...}, "fields": {}, "answers": {}, "absent": []}'

The names are those of page_settings: of the attributes, and of the customer fields of the team's own. The answers are those
to all questions (ops/site/sample.py). `absent` are modules that the page cannot have, which are not used here either.

Writes one JSON object to stdout:

    {"cards": [{"id", "place": [title, id], "later", "line", "asks": [questions]}], "permissions": {question: permission},
     "unplayed": ["pyapp/cards.py:12 map: it uses js"],
     "problems": [["pyapp/cards.py:12", "KeyError: 'Tier'", "pyapp/cards.py:10 tier", 6]]}

A problem says where, what, and where its card stands with how many lines; "" and 0 for what is no card's.

What a card uses of the browser (`js`, `pyscript`) is not here: it is not played. Waiting takes no time.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

# Seconds in which a card that only waits for its answers has returned.
_LIMIT = 2
# Modules that the page has and CPython has not.
_OF_THE_BROWSER = ("js", "jsffi", "pyscript", "micropython", "polyscript")


class _NotHere(BaseException):
    """A card uses what only the browser has."""


class _Browser(ModuleType):
    """Stands in for a module of the browser's, and for all that it holds: it can be imported, and not be used."""

    __path__ = []  # noqa: RUF012 so that `pyscript.web` can be imported

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Browser(f"{self.__name__}.{name}")

    def _use(self, *_: Any, **__: Any) -> Any:
        raise _NotHere(f"it uses {self.__name__}")

    __call__ = __bool__ = __iter__ = __await__ = __len__ = __str__ = __eq__ = __getitem__ = __setattr__ = _use
    __hash__ = None  # type: ignore[assignment]


def main(
    folder: Path, roles: dict[str, str], fields: dict[str, str], answers: dict[str, Any], absent: list[str]
) -> dict[str, Any]:
    """Return what came of the cards below `folder`, asked on a desk with these answers to all questions."""
    sys.path.insert(0, str(folder))
    for name in (*_OF_THE_BROWSER, "pyscript.web", "pyscript.ffi", "pyscript.media", "pyscript.fs", *absent):
        sys.modules[name] = _Browser(name)
    sleep = asyncio.sleep
    asyncio.sleep = lambda _, result=None: sleep(0, result)
    found: dict[str, Any] = {"cards": [], "permissions": {}, "unplayed": [], "problems": []}
    try:
        from popdesk import declaration, desk, questions, values

        found["permissions"] = {name: questions.permission_for(name) for name in questions.QUESTIONS}
        __import__("cards")
    except _NotHere as error:
        found["unplayed"].append(f"{folder.name}/cards.py: {error}")
        return found
    except BaseException as error:
        found["problems"].append(_duplicate(error, folder) or _problem(error, folder))
        return found
    for card in declaration.CARDS:
        asks: list[str] = []

        async def ask(name: str, asks: list[str] = asks) -> Any:
            asks.append(name)
            if name not in answers:
                raise desk.Unanswered(desk.NOTHING)
            return copy.deepcopy(answers[name])

        place = _place(card.ask, folder)
        found["cards"].append(
            {"id": card.id, "place": card.place_in_page(), "later": card.later, "line": place, "asks": asks}
        )
        try:
            values.drawable(asyncio.run(_value(card.ask, desk.Desk(ask, roles, fields))))
        except desk.Unanswered:
            continue
        except _NotHere as error:
            found["unplayed"].append(f"{place}: {error}")
        except TimeoutError:
            found["unplayed"].append(f"{place}: it had not returned after {_LIMIT} seconds")
        except AttributeError as error:
            if isinstance(error.obj, ModuleType):  # MicroPython's modules have names of their own
                found["unplayed"].append(f"{place}: {error}")
                continue
            found["problems"].append(_problem(error, folder, place, card.ask))
        except BaseException as error:
            found["problems"].append(_problem(error, folder, place, card.ask))
    return found


async def _value(ask: Callable[[Any], Any], desk: Any) -> Any:
    async def value() -> Any:
        result = ask(desk)
        while inspect.isawaitable(result):
            result = await result
        return result

    return await asyncio.wait_for(value(), _LIMIT)


def _place(function: Callable[..., Any], folder: Path) -> str:
    """Return where a function stands, "pyapp/cards.py:57 agent_name"."""
    lines, first = inspect.getsourcelines(function)
    below = next((number for number, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def "))), 0)
    path = Path(inspect.getsourcefile(function) or "").relative_to(folder.parent)
    return f"{path.as_posix()}:{first + below} {function.__name__}"


def _duplicate(error: BaseException, folder: Path) -> list[str | int] | None:
    """Return the problem of a second card of one name, which the decorator refuses; None for another."""
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    if last.f_code.co_name != "declare" or not isinstance(error, ValueError):
        return None
    second = last.f_locals["ask"]
    (first,) = (card.ask for card in sys.modules["popdesk.declaration"].CARDS if card.id == second.__name__)
    name, where = second.__name__, _place(first, folder).partition(" ")[0]
    return [
        _place(second, folder).partition(" ")[0],
        f"it is the second card called {name} (the first stands in {where})",
        "",
        0,
    ]


def _problem(
    error: BaseException, folder: Path, place: str = "", card: Callable[..., Any] | None = None
) -> list[str | int]:
    """Return where an exception was raised, as near to a card as its traceback leads, and which."""
    where = place.partition(" ")[0] or f"{folder.name}/cards.py"
    package = folder / "popdesk"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(folder) and not path.is_relative_to(package):
            where = f"{path.relative_to(folder.parent).as_posix()}:{frame.lineno}"
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        where = f"{Path(error.filename).relative_to(folder.parent).as_posix()}:{error.lineno}"
    lines = len(inspect.getsourcelines(card)[0]) if card else 0
    said = error.msg if isinstance(error, SyntaxError) else error  # its text says file and line once more
    return [where, f"{type(error).__name__}: {said}", place, lines]


if __name__ == "__main__":
    output, sys.stdout = sys.stdout, sys.stderr  # what a card prints is no part of it
    json.dump(main(Path(sys.argv[1]).resolve(), **json.load(sys.stdin)), output)
