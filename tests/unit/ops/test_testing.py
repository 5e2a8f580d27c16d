"""Cards are shown without a browser: what each kind of result reads like, and what a failing test says of the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from popdesk.desk import Unanswered
from popdesk.questions import QUESTIONS

from ops.errors import UserError
from ops.settings import ROOT, Settings, load_settings
from ops.site.sample import sample_answers
from ops.testing.page import SampleDesk, ShownPage, load_cards, show_cards

Desks = Callable[..., SampleDesk]
Shows = Callable[[SampleDesk], ShownPage]


def test_the_shipped_cards_show_the_sample_desk(sample_desk: Desks, request: pytest.FixtureRequest) -> None:
    show: Shows = request.getfixturevalue("show_cards")
    page = show(sample_desk())
    assert page.card("Agent name").text == "Alex Rivera"
    assert page.card("Channel").text == "Voice connect:Telephony"
    assert page.card("Phone number or e-mail").text == "+1 206 555 0100"
    assert page.card("In queue since").text == "12:00:00"
    assert page.card("Time in this state").text == "1:01"
    assert page.card("Channel concurrency").text == "Chat 2 · Task 1 · Voice 1"
    state = page.card("Agent state")
    assert (state.text, state.tone) == ("Available", "success")


def test_a_customer_of_the_sample_file_is_on_the_phone(sample_desk: Desks) -> None:
    sample = sample_desk(customer="C-1002", attributes={"name": "Nik", "Tier": "gold"})
    given = asyncio.run(sample.desk.contact.attributes())
    assert given["Name"] == "Nik"
    assert given["Tier"] == "gold"
    assert given["contactUrlPath"].endswith("C-1002")
    assert asyncio.run(sample.desk.contact.phone_number()) == "+12065550101"


def test_a_field_of_the_teams_own_is_named_as_in_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "lambda" / "lookup" / "adapters" / "sample.json"
    file.parent.mkdir(parents=True)
    file.write_text('[{"id": "C-1", "name": "Ana", "phone": "+12065550100", "tier": "gold"}]', "utf-8")
    settings = load_settings().model_copy(update={"fields": {"tier": "loyaltyTier"}})
    for attributes, tier in ((None, "gold"), ({"tier": "none"}, "none"), ({"loyaltyTier": "none"}, "none")):
        sample = SampleDesk(settings, sample_answers(settings, "C-1", attributes, tmp_path))
        assert asyncio.run(sample.desk.customer.field("tier")) == tier


def test_every_question_has_an_answer(sample_desk: Desks) -> None:
    assert {name for name in sample_desk().answers if " " not in name} == set(QUESTIONS)


def test_what_is_not_there_is_named(sample_desk: Desks, request: pytest.FixtureRequest) -> None:
    with pytest.raises(UserError, match="C-9"):
        sample_desk(customer="C-9")
    with pytest.raises(ValueError, match=r"agent\.nam'"):
        sample_desk(answers={"agent.nam": ""})
    page: ShownPage = request.getfixturevalue("show_cards")(sample_desk())
    with pytest.raises(LookupError, match=r"'Agent nam'.*'Agent name'"):
        page.card("Agent nam")


def test_why_there_is_no_value_is_said_as_on_the_page(sample_desk: Desks, request: pytest.FixtureRequest) -> None:
    sample = sample_desk(
        refused=["User.Details.View"],
        answers={"contact.queue": Unanswered("timeout"), "agent.state": Unanswered("nothing"), "contact.channel": 7},
    )
    page: ShownPage = request.getfixturevalue("show_cards")(sample)
    refused = page.card("Agent name")
    assert refused.text.startswith("Needs User.Details.View")
    assert refused.tone == "warning"
    assert page.card("Queue").text == "No answer in time Retry"
    assert (page.card("Agent state").text, page.card("Agent state").tone) == ("–", "quiet")
    assert page.card("Channel").tone == "error"
    assert page.card("Routing profile").text == "Basic Routing Profile"


def test_a_card_that_fails_has_its_traceback_and_the_others_are_there(tmp_path: Path) -> None:
    page = _shown(
        tmp_path,
        '@card("Odd")\nasync def odd(desk):\n    return {}["tier"]\n'
        '@card("Spoilt")\nasync def spoilt(desk):\n    table = Table(["Order"], [["A-1"]])\n'
        '    table.rows.append(["A-2", "one cell too many"])\n    return table\n'
        '@card("Slow", later=True)\nasync def slow(desk):\n    await asyncio.sleep(0)\n'
        '    return Moment("2026-01-31T13:00:00+01:00")\n'
        '@card("Link")\nasync def link(desk):\n    return Link("Order", "https://crm.example.com/7")\n',
    )
    assert "KeyError: 'tier'" in page.card("Odd").error
    assert page.card("Odd").tone == "error"
    assert "row 2 has 2 cells for 1 columns" in page.card("Spoilt").error
    assert [card.text for card in page.cards[2:]] == ["12:00:00", "Order"]
    assert "Slow    12:00:00" in str(page)
    assert "cards.py" in str(page)


def test_personal_data_is_hidden_where_the_settings_hide_it(tmp_path: Path) -> None:
    settings = load_settings().model_copy(update={"mask_personal_data": True})
    cards = '@card("Name", personal=True)\nasync def name(desk):\n    return "Ana"\n'
    assert _shown(tmp_path, cards, settings).card("Name").text == "•••••• Show"


def _shown(folder: Path, cards: str, settings: Settings | None = None) -> ShownPage:
    python = folder / "pyapp"
    python.mkdir()
    (python / "cards.py").write_text(
        "import asyncio\nfrom popdesk import Link, Moment, Table, card\nimport helpers\n" + cards, "utf-8"
    )
    (python / "helpers.py").write_text("", "utf-8")
    settings = settings or load_settings()
    return show_cards(SampleDesk(settings, sample_answers(settings)), load_cards(folder))


@pytest.mark.slow
def test_a_failing_test_says_what_the_page_looked_like(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["ops.testing.plugin"]\n')
    pytester.makepyfile(
        "def test_name(sample_desk, show_cards):\n"
        "    assert show_cards(sample_desk()).card('Agent name').text == 'Kim'\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:playwright", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(
        ["*The page as text*", "Agent name * Alex Rivera", "Agent state * Available  [[]success[]]"]
    )
    assert result.ret == 1


@pytest.mark.slow
def test_the_documented_test_passes(pytester: pytest.Pytester) -> None:
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / "testing.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    pytester.makeconftest('pytest_plugins = ["ops.testing.plugin"]\n')
    pytester.makepyfile(block)
    pytester.runpytest_inprocess("-p", "no:playwright", "-p", "no:cacheprovider").assert_outcomes(passed=1)
