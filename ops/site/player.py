"""Runs each card and action of a page once, on CPython, against a sample desk: ops/site/play.py starts it as its own process.

    python -I -B player.py pyapp < '{"roles": {"identity": "Contact...", ...}, "fields": {}, "answers": {}, "absent": []}'

The names are those of page_settings: of the attributes, and of the customer fields of the team's own. The answers are those
to all questions (ops/site/sample.py). `absent` are modules that the page cannot have, which are not used here either.

Writes one JSON object to stdout:

    {"cards": [{"id", "place": [title, id], "later", "line", "asks": [questions], "unanswered", "whole",
                "lines": ["cards.py", 10, 6]}],
     "actions": [{"id", "texts": [title, labels, ...], "card": id, "line", "asks", "unanswered", "whole", "lines"}],
     "permissions": {question: permission}, "unplayed": ["pyapp/cards.py:12 map: it uses js"],
     "problems": [["pyapp/cards.py:12", "KeyError: 'Tier'", "pyapp/cards.py:10 tier", 6]]}

A problem says where, what, and where its card stands with how many lines; "" and 0 for what is no card's. `lines` are the
file of a card or an action, its first line with its decorator's, and how many there are. What an action changes is among what
it asks, as "api POST tickets"; it is not sent anywhere. `unanswered` is what the sample has no answer to, of routes of the team's
own: what comes after such a question is not played. `whole` is whether nothing comes after it.

What a card uses of the browser (`js`, `pyscript`) is not here: it is not played. Waiting takes no time.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import inspect
import itertools
import json
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

# Seconds in which a card that only waits for its answers has returned.
_LIMIT = 2
# What a path of the API has in it where a value was not awaited: "<coroutine object", percent-encoded.
_IN_A_PATH = "%3Ccoroutine%20object"
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
    sys.set_coroutine_origin_tracking_depth(20)  # so that what is not awaited can be named
    for name in (*_OF_THE_BROWSER, "pyscript.web", "pyscript.ffi", "pyscript.media", "pyscript.fs", *absent):
        sys.modules[name] = _Browser(name)
    sleep = asyncio.sleep
    asyncio.sleep = lambda _, result=None: sleep(0, result)
    found: dict[str, Any] = {"cards": [], "actions": [], "permissions": {}, "unplayed": [], "problems": []}
    file = "cards"
    try:
        from popdesk import declaration, desk, handling, questions

        found["permissions"] = {name: questions.permission_for(name) for name in questions.QUESTIONS}
        found["permissions"] |= {
            f"{handling.QUESTION}{name}": handling.permission_for(name) for name in handling.COMMANDS
        }
        __import__("cards")
        actions = _actions(folder)
        file = "actions"
        if actions:
            __import__("actions")
    except _NotHere as error:
        found["unplayed"].append(f"{folder.name}/{file}.py: {error}")
        return found
    except BaseException as error:
        found["problems"].append(_duplicate(error, folder) or _problem(error, folder, file=file))
        return found
    for card in declaration.CARDS:
        play = _Play(answers)
        place = _place(card.ask, folder)
        found["cards"].append(
            {
                "id": card.id,
                "place": card.place_in_page(),
                "later": card.later,
                "line": place,
                "asks": play.asks,
                "unanswered": play.unanswered,
                "lines": _lines(card.ask, folder),
            }
        )

        def show(card: Any = card, play: _Play = play) -> Any:
            return card.ask(desk.Desk(play.ask, roles, fields))

        with _noted_numbers(play.asks):
            found["cards"][-1]["whole"] = _run(found, folder, place, card.ask, show)
    for action in actions.ACTIONS if actions else []:
        play = _Play(answers)
        place = _place(action.run, folder)
        found["actions"].append(
            {
                "id": action.id,
                "texts": _texts(action),
                "card": action.card,
                "line": place,
                "asks": play.asks,
                "unanswered": play.unanswered,
                "lines": _lines(action.run, folder),
            }
        )

        def act(action: Any = action, play: _Play = play) -> Any:
            return _acted(action, desk.Desk(play.ask, roles, fields, play.write))

        found["actions"][-1]["whole"] = _run(found, folder, place, action.run, act)
    return found


class _Play:
    """What a card or an action asks and changes, and what it is answered: `asks` are the questions' names.

    `unanswered` are those of them that the sample has no answer to.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.asks: list[str] = []
        self.unanswered: list[str] = []
        self._answers = answers

    async def ask(self, name: str) -> Any:
        """Return the sample's answer."""
        return self._answer(name)

    async def write(self, method: str, path: str, body: Any) -> Any:
        """Return the sample's answer to what is changed; what cannot be JSON raises TypeError here as it does in the page."""
        from popdesk import handling

        json.dumps(body)
        if path.startswith("contact/attributes/"):  # of any name: what comes behind it is to be seen too
            self._answers[f"api {method} {path}"] = None
        return self._answer(handling.QUESTION + path if method == handling.COMMAND else f"api {method} {path}")

    def _answer(self, name: str) -> Any:
        from popdesk import desk

        if _IN_A_PATH in name:
            raise TypeError("a 'coroutine' object is in the path")
        self.asks.append(name)
        if name not in self._answers:
            self.unanswered.append(name)
            raise desk.Unanswered(desk.NOTHING)
        return copy.deepcopy(self._answers[name])


@contextmanager
def _noted_numbers(asks: list[str]) -> Iterator[None]:
    """Note among what a card asks that its numbers can be called."""
    from popdesk import phone

    drawn = phone.Phone.drawn

    def noted(self: Any) -> Any:
        asks.append("workspace dial")
        return drawn(self)

    phone.Phone.drawn = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        phone.Phone.drawn = drawn  # type: ignore[method-assign]


def _actions(folder: Path) -> Any:
    """Return popdesk/actions.py where the page has actions, None otherwise."""
    if not (folder / "actions.py").is_file():
        return None
    from popdesk import actions

    return actions


def _texts(action: Any) -> list[str]:
    """Return the texts of an action that a language may have words for."""
    texts = [action.title, action.confirm]
    for field in action.fields:
        texts += [field.label, field.help]
        if field.options and not callable(field.options):
            texts += [str(each[1] if isinstance(each, (list, tuple)) else each) for each in field.options]
    return [text for text in texts if text]


async def _acted(action: Any, desk: Any) -> Any:
    """Return what an action returns for a form that is filled in: with defaults, first options, something in the rest."""
    from popdesk.actions import as_options

    made = {"line": "text", "paragraph": "text", "number": 1, "amount": "1.00", "date": "2026-01-31", "check": True}
    values = {}
    for field in action.fields:
        options = field.options
        if callable(options):
            options = options(desk)
            while inspect.isawaitable(options):
                options = await options
        default = field.default(desk) if callable(field.default) else field.default
        while inspect.isawaitable(default):
            default = await default
        known = [value for value, _ in as_options(options)] if field.options else []
        value = made.get(field.kind, default)
        if field.kind == "choices":
            value = known[:1]
        elif field.kind == "choice":
            value = known[0] if known else ""
        elif default not in (None, ""):
            value = default
        values[field.name] = value
    return action.run(desk, **values)


def _run(
    found: dict[str, Any], folder: Path, place: str, function: Callable[..., Any], play: Callable[[], Any]
) -> bool:
    """Play one card or action, and note what came of it. Return whether it was played to its end or to its last question."""
    from popdesk import desk, values

    try:
        values.drawable(asyncio.run(_value(play)))
    except desk.Unanswered as error:
        return _is_last(error, folder, function)
    except _NotHere as error:
        found["unplayed"].append(f"{place}: {error}")
    except TimeoutError:
        found["unplayed"].append(f"{place}: it had not returned after {_LIMIT} seconds")
    except AttributeError as error:
        if isinstance(error.obj, ModuleType):  # MicroPython's modules have names of their own
            found["unplayed"].append(f"{place}: {error}")
            return False
        found["problems"].append(_problem(error, folder, place, function))
    except BaseException as error:
        found["problems"].append(_problem(error, folder, place, function))
    return False


def _is_last(error: BaseException, folder: Path, function: Callable[..., Any]) -> bool:
    """Return whether a function ends with the question that had no answer, and does nothing with the answer."""
    frames = list(traceback.walk_tb(error.__traceback__))
    code = getattr(function, "__code__", None)
    for (frame, line), (inner, _) in itertools.pairwise(frames):
        if frame.f_code is code and Path(inner.f_code.co_filename).is_relative_to(folder / "popdesk"):
            lines, first = inspect.getsourcelines(function)
            (definition,) = ast.parse(textwrap.dedent("".join(lines))).body
            assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
            last = _last(definition.body, line - first + 1)
            if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Await):
                return False
            # It may be one of its parameters that was not answered: `post("ship", await desk.api.get("orders"))`.
            return not any(isinstance(each, ast.Await) for each in ast.walk(last.value.value))
    return False


def _last(body: list[ast.stmt], line: int) -> ast.stmt | None:
    """Return the statement at a line if it is the last one of a body, also at the end of an `if`; None if more comes."""
    last = body[-1]
    if not last.lineno <= line <= (last.end_lineno or line):
        return None
    if not isinstance(last, ast.If):
        return last
    return next((found for part in (last.body, last.orelse) if part and (found := _last(part, line))), None)


async def _value(play: Callable[[], Any]) -> Any:
    async def value() -> Any:
        result = play()
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


def _lines(function: Callable[..., Any], folder: Path) -> list[str | int]:
    """Return a function's file below `folder`, its first line with its decorators, and how many lines it has."""
    lines, first = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "").relative_to(folder)
    return [path.as_posix(), first, len(lines)]


def _duplicate(error: BaseException, folder: Path) -> list[str | int] | None:
    """Return the problem of a second card or action of one name, which the decorator refuses; None for another."""
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    if last.f_code.co_name != "declare" or not isinstance(error, ValueError):
        return None
    what = "card" if "ask" in last.f_locals else "action"
    second = last.f_locals["ask" if what == "card" else "run"]
    if what == "card":
        known = [card.ask for card in sys.modules["popdesk.declaration"].CARDS]
    else:
        known = [action.run for action in sys.modules["popdesk.actions"].ACTIONS]
    (first,) = (each for each in known if each.__name__ == second.__name__)
    name, where = second.__name__, _place(first, folder).partition(" ")[0]
    return [
        _place(second, folder).partition(" ")[0],
        f"it is the second {what} called {name} (the first stands in {where})",
        "",
        0,
    ]


def _problem(
    error: BaseException,
    folder: Path,
    place: str = "",
    card: Callable[..., Any] | None = None,
    file: str = "cards",
) -> list[str | int]:
    """Return where an exception was raised, as near to a card as its traceback leads, and which."""
    where = place.partition(" ")[0] or f"{folder.name}/{file}.py"
    package = folder / "popdesk"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(folder) and not path.is_relative_to(package):
            where = f"{path.relative_to(folder.parent).as_posix()}:{frame.lineno}"
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        where = f"{Path(error.filename).relative_to(folder.parent).as_posix()}:{error.lineno}"
    lines = len(inspect.getsourcelines(card)[0]) if card else 0
    said = error.msg if isinstance(error, SyntaxError) else error  # its text says file and line once more
    forgotten = _forgotten(error, folder) if "coroutine" in str(said) else ""
    return [where, f"{type(error).__name__}: {said}{forgotten}", place, lines]


def _forgotten(error: BaseException, folder: Path) -> str:
    """Return which call was not awaited and where it stands, ": desk.agent.name() in line 12 is not awaited"; "" if not known."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        held = list(frame.f_locals.values())
        for value in [*held, *(each for many in held if isinstance(many, dict) for each in many.values())]:
            if not inspect.iscoroutine(value) or inspect.getcoroutinestate(value) != inspect.CORO_CREATED:
                continue
            for file, line, _ in value.cr_origin or ():
                path = Path(file)
                if path.is_relative_to(folder) and not path.is_relative_to(folder / "popdesk"):
                    tree = ast.parse(path.read_text("utf-8"))
                    for node in ast.walk(tree):
                        name = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
                        if isinstance(node, ast.Call) and node.lineno == line and name == value.__name__:
                            return f": {ast.unparse(node.func)}() in line {line} is not awaited"
    return ""


if __name__ == "__main__":
    output, sys.stdout = sys.stdout, sys.stderr  # what a card prints is no part of it
    json.dump(main(Path(sys.argv[1]).resolve(), **json.load(sys.stdin)), output)
