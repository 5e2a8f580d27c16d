"""The attack of tests/attack/exactly_once.py, small: each way to send a form once, and some requests at once."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.preview.server import Preview
from tests.attack.exactly_once import TIMEOUT_MS, WAYS, Stage, api_preview, ask_directly, send_forms
from tests.conftest import Workspace

pytestmark = pytest.mark.thorough

CARDS = """
from popdesk import card


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()


@card("How many", later=True)
async def count(desk):
    return len((await desk.api.get("customers/{id}/cases", id=await desk.customer.id()))["cases"])
"""
ACTIONS = """
from popdesk import Line, Text, action


@action("Create case", fields=[Line("subject", required=True)], when="customer")
async def create_case(desk, subject):
    made = await desk.api.post("customers/{id}/cases", {"subject": subject}, id=await desk.customer.id())
    return Text(made["id"] + " " + made["subject"])
"""


@pytest.fixture(scope="module")
def with_api() -> Iterator[Preview]:
    with api_preview(CARDS, ACTIONS, timeout_ms=TIMEOUT_MS) as preview:
        yield preview


@pytest.fixture
def stage(with_api: Preview, context: BrowserContext) -> Iterator[Stage]:
    workspace = Workspace(with_api, context.new_page())
    workspace.open()
    yield Stage(workspace)
    assert workspace.errors == []


def test_each_form_makes_one_case_however_it_is_sent_and_whatever_fails(stage: Stage) -> None:
    send_forms(stage, list(WAYS), lambda _text: None)
    assert stage.posts > len(WAYS)  # some were sent again


def test_one_key_makes_one_case_for_whoever_asks(stage: Stage) -> None:
    ask_directly(stage, 20, 2, random.Random(1))


# What stands in the page and where, but for what the API's card says.
_LAYOUT = """() => [...document.querySelectorAll("#hero, #hero *, dt, dd:not(#card-count)")]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.tagName, each.textContent, ...Object.values(each.getBoundingClientRect().toJSON())].join(" "))"""


@pytest.mark.parametrize("fault", ["down", "late"])
def test_with_the_api_down_or_late_the_page_is_what_it_is_with_it(stage: Stage, fault: str) -> None:
    app = stage.begin("C-1002")
    expect(app.locator("#card-count")).to_have_text(re.compile(r"^\d+$"))
    well = app.evaluate(_LAYOUT)
    stage.fault(fault, 30_000 if fault == "late" else None)
    app = stage.begin("C-1002")
    before = app.evaluate(_LAYOUT)
    expect(app.locator("#card-count")).to_have_text(re.compile("The service does not answer|No answer in time"))
    assert before == app.evaluate(_LAYOUT) == well
    expect(app.locator("#errors")).to_be_empty()
    stage.fault()
