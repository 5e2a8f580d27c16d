"""A team's own words, pyapp/words/own.py: read by the settings and the build, said by the page (shared_words.py)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.own_words import check_own_words, languages
from ops.settings import ROOT, Settings


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return a folder with our words, in which a test writes the team's."""
    shutil.copytree(ROOT / "pyapp" / "words", tmp_path / "words", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _write(python: Path, words: str) -> None:
    (python / "words" / "own.py").write_text(f'"""Words."""\n\n{words}\n', "utf-8")


def test_a_language_of_the_teams_own_is_a_language(python: Path) -> None:
    assert languages(python) == ("en", "es")
    _write(python, 'WORDS: "dict[str, dict[str, str]]" = {"fr": {"refresh": "Actualiser"}}')
    assert languages(python) == ("en", "es", "fr")
    (python / "words" / "own.py").unlink()
    assert languages(python) == ("en", "es")


def test_a_language_that_nobody_has_is_refused_in_the_settings() -> None:
    with pytest.raises(ValueError, match=r"'fr' is not a language of the page's words \(there are: auto, en, es"):
        Settings(environment="", language="fr")


def test_a_key_that_nothing_has_is_named(python: Path) -> None:
    _write(python, 'WORDS = {"en": {"refresh": "Look again", "refrsh": "Look", "Agent name": "Colleague"}}')
    (note,) = check_own_words(python, ["Agent name"])
    assert "'refrsh' (en)" in note


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('WORDS = {"en": {"doctor.sdk": "SDK {number}"}}', "placeholders that nothing fills in"),
        ('WORDS = {"en": {"refresh": "{"}}', "placeholders that nothing fills in"),
        ('WORDS = {"english": {"refresh": "Look"}}', "not a language code"),
        ('WORDS = {"en": "Look"}', "not a table of texts"),
        ('WORDS = {"en": {"refresh": 1}}', "not a table of texts"),
        ("WORDS = dict(en={})", "no WORDS"),
        ("OTHER = {}", "no WORDS"),
        ("WORDS = {", "line 3"),
    ],
)
def test_words_that_the_page_could_not_say_are_refused(python: Path, words: str, said: str) -> None:
    _write(python, words)
    with pytest.raises(UserError, match=said):
        check_own_words(python, [])
