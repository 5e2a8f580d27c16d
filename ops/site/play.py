"""Plays a page's cards before the page is built: each is run once, on CPython, against a sample desk (ops/site/player.py).

    played = play_cards(Path("pyapp"), modules, settings, cached)
    played.first_questions      # -> ("agent.name", ..., "contact.attributes"): asked before the cards are imported
    played.skeleton             # -> [["Agent name", "agent_name"], ...]: the cards as the static page has them
    played.lines                # -> {"agent_name": "pyapp/cards.py:57 agent_name"}
    played.notes                # what the build has to say of them

A card that would break in the page stops the build, with its file and line. One that uses what only the browser has is not
played: it asks when its turn comes, and a note says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import UserError
from ops.settings import Settings
from ops.site.environment import tool_environment

_PLAYER = Path(__file__).parent / "player.py"
_LIMIT = 30  # seconds for all cards
# What the page asks for the customer's box, whatever its cards are.
_ATTRIBUTES = "contact.attributes"
# What helps, by what the exception says; of these, three are for cards of an earlier Popdesk.
_HINTS = {
    "'board'": "write `from popdesk import card`",
    "'desk'": "write `from popdesk import Unanswered`",
    "'values'": "write `from popdesk import Text`, and whatever else it imports",
    "[tool.popdesk.fields] has no field": 'add it to pyproject.toml: tier = "loyaltyTier"',
    "KeyError": "read a value that a contact may lack with .get()",
    "second card": "give each card's function a name of its own",
    "'needs'": "leave `needs=` out: it follows from what the card asks",
}
_HINT = "fix that line"

Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]


@dataclass(frozen=True)
class Played:
    """What is known of a page's cards before it runs."""

    first_questions: tuple[str, ...]
    skeleton: list[list[str]]
    lines: dict[str, str]
    notes: tuple[str, ...]


def play_cards(python: Path, modules: list[Path], settings: Settings, cached: Cache) -> Played:
    """Play the cards of the page whose Python is in `python`, these `modules`; what came of it is kept (ops/site/cache.py).

    Raises UserError for a card that would break in the page, and for cards that do not come to an end.
    """
    names = {"roles": settings.attributes.by_role(), "fields": settings.fields}
    given = json.dumps(names, sort_keys=True).encode()
    sources = [part for path in modules for part in (str(path.relative_to(python.parent)).encode(), path.read_bytes())]
    inputs = [_PLAYER.read_bytes(), sys.version.encode(), given, *sources]
    found = json.loads(cached("cards", inputs, lambda: _run(python, given)))
    notes = [f"{card}, so it was not played: it asks when its turn comes." for card in found["unplayed"]]
    first: list[str] = []
    for card in found["cards"]:
        first += [name for name in card["asks"] if not card["later"] and name not in [*first, _ATTRIBUTES]]
        needed = {found["permissions"].get(name, "") for name in card["asks"]} - {""}
        for permission in sorted(needed - set(settings.permissions)):
            notes.append(
                f"{card['line']}: it asks what needs {permission}, which [tool.popdesk] permissions does not list: it will show"
                " no value."
            )
    return Played(
        first_questions=(*first, _ATTRIBUTES),
        skeleton=[[card["title"], card["id"]] for card in found["cards"]],
        lines={card["id"]: card["line"] for card in found["cards"]},
        notes=tuple(notes),
    )


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
    if found["problem"]:
        where, reason = found["problem"]
        raise UserError(where, reason, next((hint for said, hint in _HINTS.items() if said in reason), _HINT))
    return done.stdout
