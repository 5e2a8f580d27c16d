"""A team's own files: its settings are valid, its cards show something, its page builds, its Lambda answers.

Nothing here knows which settings or cards they are: change those, and these tests stay. What your cards are to show, and for
whom, belongs beside this file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.flows import definitions as flows
from ops.preview.local_lambda import LocalLambda
from ops.settings import Settings, load_settings
from ops.site.lambda_zip import LAMBDA_HANDLER
from ops.testing.page import SampleDesk, ShownPage
from tests.fixture_project import CHECKOUT
from tests.unit.lambda_.events import contact_event

PYPROJECT = CHECKOUT / "pyproject.toml"
ENVIRONMENTS = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["popdesk"].get("environments", {})


@pytest.mark.parametrize("environment", ["", *ENVIRONMENTS])
def test_the_settings_are_valid_in_every_environment(environment: str) -> None:
    settings = load_settings(PYPROJECT, environment)
    main = flows.main_flow(settings, lambda_arn="lambda", guide_flow_arn="guide", queue_arn="queue")
    assert flows.problems(main) == []


def test_every_card_shows_something_on_the_sample_desk(
    sample_desk: Callable[..., SampleDesk], show_cards: Callable[[SampleDesk], ShownPage]
) -> None:
    page = show_cards(sample_desk())
    assert page.cards, "pyapp/cards.py declares no card"
    assert [card.title for card in page.cards if card.error] == []


@pytest.mark.slow
def test_the_page_builds_with_every_file_that_it_names(team_build: Path) -> None:
    page = (team_build / "index.html").read_text("utf-8")
    named = re.findall(r'(?:href|src)="\./(assets/[^"]+)"', page)
    assert named
    assert [path for path in named if not (team_build / path).is_file()] == []


@pytest.mark.slow
def test_the_lambda_loads_its_adapter_and_answers_in_the_flows_terms(team_build: Path, team_settings: Settings) -> None:
    """It is asked for a contact without a number: no test asks a team's own CRM."""
    assert team_build.is_dir()
    with LocalLambda(CHECKOUT / "build" / "popdesk-lambda.zip", LAMBDA_HANDLER) as function:
        answer = function.invoke(contact_event(), 20)
    assert answer.error == ""
    assert isinstance(answer.value, dict)
    assert set(answer.value) <= set(team_settings.attribute_names().values())
    assert team_settings.attributes.status in answer.value
