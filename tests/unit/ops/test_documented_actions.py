"""The actions, fields and tests that docs/actions.md shows: each is taken as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import popdesk
import pytest
from popdesk.actions import WHEN, Field

from ops.settings import ROOT, load_settings
from ops.site.play import play_cards
from ops.testing.actions import load_actions
from ops.testing.page import SampleDesk, ShownPage
from tests.fixture_project import CHECKOUT
from tests.unit.ops.players import OwnCache, copy_package

DOCS = (ROOT / "docs" / "actions.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
FIELDS = re.findall(r"^\| `([A-Z][a-z]+\(.*?\))` \|", DOCS, re.MULTILINE)
_IMPORT = "from popdesk import Choice, Line, Link, Paragraph, action\n"


@pytest.mark.slow
@pytest.mark.parametrize("document", ["docs/actions.md", "README.md"])
def test_an_example_is_a_file_of_actions_that_the_build_takes(tmp_path: Path, document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    if document == "README.md" and not text.startswith("# Popdesk\n"):
        pytest.skip("a team has another one")
    (example,) = (
        each for each in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if "@action(" in each
    )
    python = tmp_path / "pyapp"
    copy_package(python)
    (python / "cards.py").write_text("", "utf-8")
    (python / "actions.py").write_text(example if "import" in example else _IMPORT + example, "utf-8")
    settings = load_settings()
    enabled = settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})
    modules = sorted(python.rglob("*.py"))
    played = play_cards(python, modules, enabled, OwnCache(tmp_path / "cache"))
    assert len(played.actions) == 1
    # It asks a route of its own.
    assert all("played up to its question to the API" in note for note in played.notes)
    # Without the API it is not in the page, and the build says so.
    without = play_cards(python, modules, settings, OwnCache(tmp_path / "cache"))
    assert without.actions == ()
    assert played.actions[0] in without.notes[0]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_made_as_it_is_written(field: str) -> None:
    names = {name: getattr(popdesk, name) for name in popdesk.__all__}
    assert isinstance(eval(field, names), Field)


def test_every_field_and_every_moment_is_named() -> None:
    classes = {name for name in popdesk.__all__ if isinstance(getattr(popdesk, name), type)}
    assert {name for name in classes if issubclass(getattr(popdesk, name), Field)} == {
        field.partition("(")[0] for field in FIELDS
    }
    assert [moment for moment in WHEN if f"`{moment}`" not in DOCS and f'"{moment}"' not in DOCS] == []


@pytest.fixture
def cases_desk(sample_desk: Callable[..., SampleDesk], cards_settings: Any) -> Callable[..., SampleDesk]:
    """Return `sample_desk` where the API is enabled, as the documented test assumes."""

    def make(customer: str, answers: dict[str, Any]) -> SampleDesk:
        settings = cards_settings.model_copy(update={"api": cards_settings.api.model_copy(update={"enabled": True})})
        sample = sample_desk(customer=customer, answers=answers)
        attributes = {**sample.answers["contact.attributes"], "customerId": customer, "popdeskToken": "sample"}
        return SampleDesk(settings, {**sample.answers, "contact.attributes": attributes})

    return make


def test_the_documented_test_passes(cases_desk: Callable[..., SampleDesk]) -> None:
    (code,) = (each for each in EXAMPLES if "def test_" in each)
    names: dict[str, Any] = {}
    exec(code, names)

    def show(sample: SampleDesk) -> ShownPage:
        return ShownPage((), tuple(load_actions(CHECKOUT)), sample)

    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test(lambda **given: cases_desk(**given), show)
