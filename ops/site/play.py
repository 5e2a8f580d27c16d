"""Looks at a page's cards and plays them before the page is built.

They are read for what MicroPython has not or reads as another thing (ops/site/card_checks.py), and each is run once, on
CPython (ops/site/player.py), against a sample desk (ops/site/sample.py).

    played = play_cards(Path("pyapp"), modules, settings, cached, errors)
    played.first_questions      # -> ("agent.name", ..., "contact.attributes"): asked before the cards are imported
    played.skeleton             # -> [["Agent name", "agent_name"], ...]: the cards as the static page has them
    played.lines                # -> {"agent_name": "pyapp/cards.py:57 agent_name"}
    played.actions              # -> ["create_ticket"], of the customer's box and of cards
    played.notes                # what the build has to say of them

A card that would break in the page stops the build; all that is wrong is said at once, each with its file and line. A card
that uses what only the browser has is not played: it asks when its turn comes, and a note says so. One that asks a route of the
team's own is played up to that question: a note says so where more comes behind it, until a test of the team's names it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.errors import UserError, all_of
from ops.settings import PERMISSIONS, Settings
from ops.site.card_checks import Finding, find_mistakes, imported_modules
from ops.site.environment import tool_environment
from ops.site.micropython import micropython_names
from ops.site.sample import sample_answers

_PLAYER = Path(__file__).parent / "player.py"
_LIMIT = 30  # seconds for all cards
# Of the page itself: its own tests look at it.
_OURS = ("popdesk.",)
# What the page asks for the customer's box, whatever its cards are.
_ATTRIBUTES = "contact.attributes"
# What the names of questions to the team's API begin with (popdesk/api.py), and of what the workspace does (popdesk/handling.py).
_API = "api "
_WORKSPACE = "workspace "
# Of an action that sets a contact attribute.
_SETS = "api PUT contact/attributes/"
# Permissions by which an application changes something: nobody wants them granted for nothing.
_CHANGING = ("User.Status.Edit", "User.Configuration.Edit", "Contact.Details.Edit")
# What helps, by what the exception says; `needs` is of an earlier Popdesk.
_HINTS = {
    "[tool.popdesk.fields] has no field": 'add it to pyproject.toml: tier = "loyaltyTier"',
    "KeyError": "read a value that a contact may lack with .get()",
    "second card": "give each card's function a name of its own",
    "A card cannot show a list": "return Table(columns, rows), or Group(values) for several values",
    "A card cannot show a tuple": "return Group(values), or Text(text, rest=...)",
    "A card cannot show a dict": 'return Pairs(...) of it, or one of its values: queue["name"]',
    "A card cannot show an async_generator": "collect the values in a list, and return a value of it",
    "'coroutine' object": "write `await` where it is asked for",
    "is not awaited": "write `await` where it is asked for",
    "is an await missing?": "write `await` where it is asked for",
    "await wasn't used with future": "write `await` before it",
    "takes 0 positional arguments but 1 was given": "a card is given the desk: write `async def name(desk)`",
    "'Customer' object has no attribute": 'a field of your own is asked for by `await desk.customer.field("tier")`',
    "'Contact' object has no attribute": "docs/cards.md lists what a card may ask",
    "'Agent' object has no attribute": "docs/cards.md lists what a card may ask",
    "'Desk' object has no attribute": "docs/cards.md lists what a card may ask",
    "Money's amount is a number": 'give the numerals alone, with a point: Money("1234.50", "EUR")',
    "second action": "give each action's function a name of its own",
    "'needs'": "leave `needs=` out: it follows from what the card asks",
}
_HINT = "fix that line"

Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]


@dataclass(frozen=True)
class Played:
    """What is known of a page's cards before it runs."""

    first_questions: tuple[str, ...]
    skeleton: list[list[Any]]  # [title, id], or [title, id, wide, section]
    lines: dict[str, str]
    notes: tuple[str, ...]
    actions: tuple[str, ...] = ()  # their ids, and those of the customer's box alone
    box_actions: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()  # of the actions, which a language may have words for
    # Lines of files below the page's folder that are not in the page: {"cards.py": [(first, count)]}.
    left_out: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    # The cards that ask the team's API, and their lines in the same form.
    held: tuple[str, ...] = ()
    held_lines: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


def play_cards(
    python: Path, modules: list[Path], settings: Settings, cached: Cache, errors: Sequence[UserError] = ()
) -> Played:
    """Play the cards of the page whose Python is in `python`, these `modules`; what came of it is kept (ops/site/cache.py).

    `errors` are what is known to be wrong already. Raises UserError with these and all that is found: cards that would break
    in the page or mean another thing there, and cards that do not come to an end.
    """
    findings = _findings(python, modules, cached)
    mistakes = [UserError(each.where, each.what, each.instead) for each in findings]
    # What is neither MicroPython's nor of Python's library is not run: it may ask the network.
    absent = sorted({each.module for each in findings if each.module} - sys.stdlib_module_names)
    # As if there were an API: what asks it is found out, also where it is left out then.
    whole = settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})
    desk = {
        "roles": whole.attribute_names(),
        "fields": settings.fields,
        "answers": sample_answers(whole),
        "absent": absent,
    }
    given = json.dumps(desk, sort_keys=True).encode()
    sources = [part for path in modules for part in (str(path.relative_to(python.parent)).encode(), path.read_bytes())]
    inputs = [_PLAYER.read_bytes(), sys.version.encode(), given, *sources]
    try:
        found = json.loads(cached("cards", inputs, lambda: _run(python, given)))
    except UserError as error:
        raise all_of([*errors, *mistakes, error]) from None
    broken = [
        UserError(where, reason, _hint(reason))
        for where, reason, card, lines in found["problems"]
        if not any(error.subject == where or _within(error.subject, card, lines) for error in mistakes)
    ]
    unreadable = {error.subject.partition(":")[0] for error in broken if "SyntaxError" in error.reason}
    notes = [f"{card}, so it was not played: it asks when its turn comes." for card in found["unplayed"]]
    cards, actions, left_out = _without_api(found, notes, settings.api.enabled)
    wrong = [
        *(error for error in errors if error.subject.partition(":")[0] not in unreadable),
        *mistakes,
        *broken,
        *_unknown_permissions(python.name, found["permissions"]),
        *_unknown_cards(cards, actions),
    ]
    if wrong:
        raise all_of(wrong)
    first: list[str] = []
    for card in cards:
        first += [
            name
            for name in card["asks"]
            if not card["later"] and name not in [*first, _ATTRIBUTES] and not name.startswith((_API, _WORKSPACE))
        ]
    notes += _half_played([*cards, *actions], python.parent / "tests" / "team")
    notes += _attribute_notes(actions, settings.api.attributes)
    notes += _permission_notes(found["permissions"], cards, actions, settings.permissions)
    return Played(
        first_questions=(*first, _ATTRIBUTES),
        skeleton=[card["place"] for card in cards],
        lines={card["id"]: card["line"] for card in cards},
        notes=tuple(notes),
        actions=tuple(action["id"] for action in actions),
        box_actions=tuple(action["id"] for action in actions if not action["card"]),
        texts=tuple(text for action in actions for text in action["texts"]),
        left_out=left_out,
        held=tuple(card["id"] for card in cards if _is_held(card)),
        held_lines=_lines(card for card in cards if _is_held(card)),
    )


def _half_played(these: list[dict[str, Any]], tests: Path) -> Iterator[str]:
    """Yield one note of all cards and actions that ask a route of the team's own, to which the sample has no answer.

    Nothing is said of one that ends with its question, and of one that a test in the folder `tests` names.
    """
    half = [each for each in these if not each["whole"] and any(name.startswith(_API) for name in each["unanswered"])]
    named = _texts_of(tests) if half else set()
    half = [
        each for each in half if not named & {each["id"], each["place"][0] if "place" in each else each["texts"][0]}
    ]
    if half:
        lines = ", ".join(each["line"] for each in half)
        they, their, them = ("it was", "its", "it") if len(half) == 1 else ("they were", "their", "them")
        yield (
            f"{lines}: {they} played up to {their} question to the API; what comes after it was not checked."
            f" Show {them} in a test in tests/team, with an answer (docs/testing.md): this is said until a test names {them}."
        )


def _texts_of(tests: Path) -> set[str]:
    """Return the texts and names in the tests of a folder: a card or an action is named by its title or its function."""
    found: set[str] = set()
    for path in sorted(tests.rglob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # pytest says what is wrong with it
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.alias):
                found.add(node.name)
    return found


def _asks_api(each: dict[str, Any]) -> bool:
    return any(name.startswith(_API) for name in each["asks"])


def _is_held(card: dict[str, Any]) -> bool:
    """Return whether a card needs modules that come late."""
    return _asks_api(card) or any(name.startswith(_WORKSPACE) for name in card["asks"])


def _permission_notes(
    permissions: dict[str, str],
    cards: list[dict[str, Any]],
    actions: list[dict[str, Any]],
    listed: Sequence[str],
) -> Iterator[str]:
    """Yield what is to be said of permissions: those that are used and not listed, and those to change that nothing uses."""
    used: set[str] = set()
    for each in [*cards, *actions]:
        for needed in sorted({permissions.get(name, "") for name in each["asks"]} - {""}):
            either = needed.split(" or ")
            used |= {*either}
            if not {*either, "*"} & {*listed}:
                then = "it will show no value" if each in cards else "it will be refused"
                if each in cards and needed == permissions[f"{_WORKSPACE}dial"]:
                    then = "its number cannot be called"
                yield (
                    f"{each['line']}: it asks what needs {needed}, which [tool.popdesk] permissions does not list: {then}."
                )
    for permission in _CHANGING:
        if permission in listed and permission not in used:
            yield f"[tool.popdesk] permissions lists {permission}, which no card and no action uses: leave it out."


def _attribute_notes(actions: list[dict[str, Any]], listed: Sequence[str]) -> Iterator[str]:
    """Yield which contact attributes actions set that the settings do not let them set."""
    for action in actions:
        for name in action["asks"]:
            attribute = name.removeprefix(_SETS)
            if attribute != name and attribute not in listed:
                yield (
                    f"{action['line']}: it sets the contact attribute {attribute}, which [tool.popdesk.api] attributes does not"
                    " list: the API will refuse it."
                )


def _lines(these: Iterable[dict[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """Return where cards or actions stand: {"cards.py": [(first line, count)]}."""
    found: dict[str, list[tuple[int, int]]] = {}
    for each in these:
        path, first, count = each["lines"]
        found.setdefault(path, []).append((first, count))
    return found


def _without_api(
    found: dict[str, Any], notes: list[str], enabled: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, list[tuple[int, int]]]]:
    """Return the cards and actions of a page, and which lines it goes without: those of what asks an API that there is not."""
    kept: dict[str, list[dict[str, Any]]] = {"cards": [], "actions": []}
    gone: list[dict[str, Any]] = []
    for kind, these in kept.items():
        for each in found[kind]:
            on_a_card_gone = each.get("card") in [other["id"] for other in gone]
            (these if enabled or not (_asks_api(each) or on_a_card_gone) else gone).append(each)
    if gone:
        names = ", ".join(each["id"] for each in gone)
        notes.append(f"[tool.popdesk.api] is not enabled, so what asks it is not in the page: {names}.")
    return kept["cards"], kept["actions"], _lines(gone)


def _unknown_cards(cards: list[dict[str, Any]], actions: list[dict[str, Any]]) -> list[UserError]:
    """Return what is wrong with the cards that actions name."""
    known = [card["id"] for card in cards]
    return [
        UserError(
            action["line"].partition(" ")[0],
            f"no card is called {action['card']!r}",
            f"card= names the function of a card ({', '.join(known) or 'there is none'}); without it, the customer's box has it",
        )
        for action in actions
        if action["card"] and action["card"] not in known
    ]


def _run(python: Path, given: bytes) -> bytes:
    command = [sys.executable, "-I", "-B", str(_PLAYER), str(python)]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=_LIMIT, check=False, env=tool_environment()
        )
    except subprocess.TimeoutExpired:
        reason = f"its cards, run once against a sample desk, did not come to an end in {_LIMIT} seconds"
        raise UserError(f"{python.name}/cards.py", reason, "look for a loop without an end") from None
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UserError(f"{python.name}/cards.py", f"its cards cannot be run: {said}", _HINT) from None
    return json.dumps(found).encode()


def _within(place: str, card: str, lines: int) -> bool:
    """Return whether "pyapp/cards.py:12" is in a card of so many lines that begins at "pyapp/cards.py:10 tier"."""
    (path, _, line), (card_path, _, first) = place.rpartition(":"), card.partition(" ")[0].rpartition(":")
    return path == card_path and int(first) <= int(line) < int(first) + lines


def _hint(reason: str) -> str:
    return next((hint for said, hint in _HINTS.items() if said in reason), _HINT)


def _findings(python: Path, modules: list[Path], cached: Cache) -> list[Finding]:
    """Return what is wrong in cards.py, actions.py and the team's modules that they import, as it is written."""
    sources = {path: path.read_text("utf-8", "replace") for path in modules}
    names = {path.relative_to(python).with_suffix("").as_posix().replace("/", "."): path for path in modules}
    page = {name.removesuffix(".__init__"): sources[path] for name, path in names.items()}
    if "cards" not in page:
        return []
    team = {name: source for name, source in page.items() if not (name + ".").startswith(_OURS)}
    brought = [name for start in ("cards", "actions") if start in page for name in imported_modules(start, team)]
    shown = {
        path.relative_to(python.parent).as_posix(): sources[path]
        for name, path in names.items()
        if name.removesuffix(".__init__") in brought
    }
    return find_mistakes(shown, micropython_names(cached), page)


def _unknown_permissions(folder: str, permissions: dict[str, str]) -> list[UserError]:
    """Return what is wrong with the permissions of popdesk/questions.py and handling.py, {question: permission}."""
    return [
        UserError(
            f"{folder}/popdesk/{'handling' if question.startswith(_WORKSPACE) else 'questions'}.py",
            f"{question} needs {permission!r}, which Amazon Connect does not know",
            f"write one of these: {', '.join(PERMISSIONS)}",
        )
        for question, permission in permissions.items()
        if {*permission.split(" or ")} - {*PERMISSIONS}
    ]
