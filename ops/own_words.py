"""Read and check a team's own words, pyapp/words/own.py: texts by language that go before ours.

    languages()                                    # -> ("en", "es"), and what own.py adds
    check_own_words(Path("pyapp"), ["Agent name"])  # -> notes for the build; raises UserError for a text that would break

The module is read, not imported: its WORDS is a literal, {language: {key or card title: text}}.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path
from string import Formatter
from typing import Any

from ops import ROOT
from ops.errors import UserError

OWN = "pyapp/words/own.py"
_LANGUAGE = re.compile("[a-z]{2}")  # ISO 639-1
_HINT = 'write it as WORDS = {"en": {"refresh": "Look again"}} (docs/words.md)'


def languages(python: Path = ROOT / "pyapp") -> tuple[str, ...]:
    """Return the codes of the page's languages, in order: ours, and those that the team's words add.

    Raises UserError as `check_own_words` does.
    """
    return tuple(sorted({"en", *_shipped(python), *own_words(python)}))


def _shipped(python: Path) -> set[str]:
    """Return our languages but English."""
    return {path.stem for path in (python / "words").glob("*.py") if _LANGUAGE.fullmatch(path.stem)} - {"en"}


def own_words(python: Path) -> dict[str, dict[str, str]]:
    """Return the team's words, {} where there is no such module. Raises UserError where it holds something else."""
    module = python / "words" / "own.py"
    if not module.is_file():
        return {}
    words = _words(module, OWN)
    for language, texts in words.items():
        if not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
            raise UserError(OWN, f"{language!r} is not a language code: two lower-case letters (ISO 639-1)", _HINT, 2)
        if not (isinstance(texts, dict) and all(isinstance(text, str) for pair in texts.items() for text in pair)):
            raise UserError(OWN, f"the value for {language!r} is not a table of texts", _HINT, 2)
    return words


def all_words(python: Path) -> dict[str, dict[str, str]]:
    """Return {language: {key: text}}, the team's before ours; of English the team's alone: ours are in the page already.

    Raises UserError as `own_words` does.
    """
    own = own_words(python)
    ours = {code: _words(python / "words" / f"{code}.py", f"pyapp/words/{code}.py") for code in _shipped(python)}
    return {"en": {}} | {code: {**ours.get(code, {}), **own.get(code, {})} for code in sorted({*ours, *own})}


def check_own_words(python: Path, titles: Collection[str]) -> list[str]:
    """Return a note for each text whose key is neither a word of ours nor one of the cards' `titles`.

    Raises UserError for a text whose {placeholders} are not those of ours: the page could not say it.
    """
    if not (own := own_words(python)):
        return []
    ours = _words(python / "words" / "en.py", "pyapp/words/en.py")
    notes = []
    for language, texts in own.items():
        for key, text in texts.items():
            if key not in ours:
                if key not in titles:
                    notes.append(
                        f"{OWN}: nothing is called {key!r} ({language}): no key of pyapp/words/en.py, no card's title"
                    )
            elif not _placeholders(text) <= _placeholders(ours[key]):
                known = ", ".join(f"{{{name}}}" for name in sorted(_placeholders(ours[key]))) or "none"
                raise UserError(
                    OWN,
                    f"{key!r} ({language}) has placeholders that nothing fills in: {text!r}",
                    f"use of these: {known}",
                )
    return notes


def _placeholders(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return {text}  # a brace that is not closed: none of ours


def _words(module: Path, shown: str) -> dict[str, Any]:
    try:
        body = ast.parse(module.read_bytes()).body
    except SyntaxError as error:
        raise UserError(shown, f"line {error.lineno}: {error.msg}", "fix that line", 2) from None
    for node in body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "WORDS" in ast.unparse(node).partition("=")[0]:
            try:
                found = ast.literal_eval(node.value or ast.Constant(None))
            except (ValueError, TypeError):
                break
            if isinstance(found, dict):
                return found
    raise UserError(shown, "it has no WORDS = {...} of plain texts", _HINT, 2)
