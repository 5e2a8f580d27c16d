"""A team's actions are run without a browser: forms as the page has them, and a desk that answers what they send."""

from __future__ import annotations

from pathlib import Path

import pytest
from popdesk.api import Problem

from ops.settings import load_settings
from ops.testing.actions import ShownAction, load_actions
from ops.testing.page import SampleDesk, ShownPage

ACTIONS = """
from popdesk import Choice, Line, Text, action


async def _orders(desk):
    return [(each["id"], each["id"]) for each in (await desk.api.get("orders"))["orders"]]


async def _restore(desk, order, why):
    await desk.api.post("orders/{id}/restore", id=order)


@action("Cancel order", fields=[Choice("order", _orders, required=True), Line("why")], confirm="Cancel it?", undo=_restore)
async def cancel(desk, order, why):
    await desk.api.delete("orders/{id}", {"why": why}, id=order)
    return Text("Order " + order)


@action("Broken", when="acw")
async def broken(desk):
    return (await desk.api.post("broken"))["id"]
"""


@pytest.fixture
def page(tmp_path: Path) -> ShownPage:
    (tmp_path / "pyapp").mkdir()
    (tmp_path / "pyapp" / "actions.py").write_text(ACTIONS, "utf-8")
    answers = {
        "contact.attributes": {"popdeskToken": "t"},
        "api orders": {"orders": [{"id": "A-7"}]},
        "api DELETE orders/A-7": None,
        "api POST orders/A-7/restore": Problem("problem", "Too late", 409),
        "api POST broken": {},
    }
    return ShownPage((), tuple(load_actions(tmp_path)), SampleDesk(load_settings(), answers))


def test_an_action_is_filled_in_confirmed_done_and_undone(page: ShownPage) -> None:
    action = page.action("Cancel order")
    assert action.submit().wrong == {"order": "Fill this in."}
    assert action.fill(order="A-7", why="wrong size").submit().state == "asking"
    assert action.sent == []
    assert action.submit().state == "done"
    assert action.text == "Order A-7"
    assert action.sent == [("DELETE", "orders/A-7", {"why": "wrong size"})]
    action.undo()
    assert (action.state, action.text) == ("done", "Too late")


def test_what_goes_wrong_is_told(page: ShownPage) -> None:
    action = page.action("Broken")
    assert [action.offered(), action.offered("acw")] == [False, True]
    assert repr(action) == "<ShownAction 'Broken' open>"
    assert action.submit().state == "failed"
    assert "KeyError" in action.error
    assert repr(action) == (
        "<ShownAction 'Broken' failed, text='It failed.', sent=[('POST', 'broken', None)], error=\"KeyError: 'id'\">"
    )
    with pytest.raises(LookupError, match="'Cancel order', 'Broken'"):
        page.action("Cancel")
    with pytest.raises(LookupError, match="there are: order, why"):
        page.action("Cancel order").fill(reason="x")
    with pytest.raises(LookupError, match="nothing to undo"):
        page.action("Cancel order").undo()


def test_what_the_desk_has_no_answer_for_is_named(page: ShownPage) -> None:
    assert page.sample
    answers = {name: value for name, value in page.sample.answers.items() if name != "api POST broken"}
    action = ShownAction(SampleDesk(page.sample.settings, answers), page.actions[1])
    assert "sample_desk(answers={'api POST broken'" in action.submit().error


def test_what_is_seen_of_an_action_is_printed_and_the_page_names_its_actions(page: ShownPage) -> None:
    action = page.action("Cancel order").fill(order="A-7").submit()
    assert repr(action) == "<ShownAction 'Cancel order' asking, values={'order': 'A-7', 'why': ''}>"
    assert str(page) == "Actions  Cancel order, Broken"


def test_an_api_that_is_down_is_said_in_the_pages_words(page: ShownPage) -> None:
    assert page.sample
    page.sample.answers["api POST broken"] = Problem("down", "", 503, True)
    assert page.action("Broken").submit().text.startswith("The service does not answer.")


def test_a_project_without_actions_has_none(tmp_path: Path) -> None:
    assert load_actions(tmp_path) == []
