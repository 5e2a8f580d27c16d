"""The cards and values that docs/cards.md shows: each is played as the build plays it."""

from __future__ import annotations

import re
from pathlib import Path

import popdesk
import pytest
from popdesk.actions import Field
from popdesk.values import Text, Value, drawable

from ops.settings import ROOT, load_settings
from ops.site.play import play_cards
from tests.unit.ops.players import OwnCache, copy_package

DOCS = (ROOT / "docs" / "cards.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
VALUES = re.findall(r"`([A-Z][a-z]+\(.*?\))`(?= |,|\.)", DOCS)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_file_of_cards_that_the_build_takes(tmp_path: Path, example: str) -> None:
    python = tmp_path / "pyapp"
    copy_package(python)
    (python / "cards.py").write_text(example, "utf-8")
    played = play_cards(python, sorted(python.rglob("*.py")), load_settings(), OwnCache(tmp_path / "cache"))
    assert len(played.skeleton) == example.count("@card(")
    assert played.notes == ()


@pytest.mark.parametrize("value", VALUES)
def test_a_value_can_be_drawn_as_it_is_written(value: str) -> None:
    names = {name: getattr(popdesk, name) for name in popdesk.__all__}
    made = eval(value, names)
    assert isinstance(drawable(made), Value)
    assert drawable(made) != Text("")


def test_every_value_is_shown() -> None:
    classes = {name for name in popdesk.__all__ if isinstance(getattr(popdesk, name), type)} - {"Desk", "Unanswered"}
    classes = {name for name in classes if not issubclass(getattr(popdesk, name), Field)}  # of actions: docs/actions.md
    assert classes == {value.partition("(")[0] for value in VALUES}
