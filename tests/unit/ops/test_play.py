"""The build plays the cards: what they ask, need and break is known before the page is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.settings import ROOT, load_settings
from ops.site import play
from ops.site.build import app_page, build_page
from ops.site.forms import read_pack
from ops.site.play import Played, play_cards
from tests.unit.ops.players import OwnCache, copy_package

pytestmark = pytest.mark.slow

_HEAD = "from popdesk import Text, Unanswered, card\n"
_CARD = '@card("{title}")\nasync def {name}(desk):\n    return await desk.agent.name()\n'


def _python(folder: Path, **modules: str) -> Path:
    """Write a page's own modules into a folder: cards.py and what it imports, beside the shipped package."""
    python = folder / "pyapp"
    copy_package(python)
    for name, source in modules.items():
        (python / f"{name}.py").write_text(source, "utf-8")
    return python


def _play(folder: Path, **modules: str) -> Played:
    python = _python(folder, **modules)
    return play_cards(python, sorted(python.rglob("*.py")), load_settings(), OwnCache(folder / "cache"))


def _problem(folder: Path, **modules: str) -> UserError:
    with pytest.raises(UserError) as caught:
        _play(folder, **modules)
    return caught.value


def test_what_the_cards_ask_is_known_in_their_order_and_the_attributes_come_last(tmp_path: Path) -> None:
    played = _play(
        tmp_path,
        cards=_HEAD + '"""desk.agent.arn() in a text is no question."""\n'
        "async def helper(desk):\n    c = desk.contact\n    return (await c.queue())['name']\n"
        '@card("Several")\nasync def several(desk):\n'
        "    return await desk.contact.attribute('identity') + await helper(desk)\n"
        '@card("ARN", later=1 == 1)\nasync def arn(desk):\n    return (await desk.agent.arn())\n'
        '@card("Name")\nasync def name(desk):\n    return await desk.agent.name()\n'
        '@card("Again")\ndef again(desk):\n    return desk.agent.name()\n',
    )
    assert played.first_questions == ("contact.queue", "agent.name", "contact.attributes")
    assert played.skeleton == [["Several", "several"], ["ARN", "arn"], ["Name", "name"], ["Again", "again"]]
    assert played.notes == ()


def test_where_each_card_stands_is_told_to_the_page(tmp_path: Path) -> None:
    more = "import popdesk\n" + _CARD.format(title="Team", name="team").replace("@card", "@popdesk.card")
    cards = "from popdesk import card\nimport more\n" + _CARD.format(title="Name", name="agent_name")
    python = _python(tmp_path, cards=cards, more=more, other="this is not imported\n")
    page = app_page(load_settings(), python)
    assert page.settings["card_lines"] == {
        "agent_name": "pyapp/cards.py:4 agent_name",
        "team": "pyapp/more.py:3 team",
    }
    assert page.python == python


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_second_card_of_one_name_is_refused_with_both_lines(tmp_path: Path, elsewhere: bool) -> None:
    first, second = _CARD.format(title="Queue", name="queue"), _CARD.format(title="Other queue", name="queue")
    cards = f"from popdesk import card\n{first}"
    refused = _problem(
        tmp_path,
        cards=f"{cards}from more import *\n" if elsewhere else cards + second,
        more="from popdesk import card\n" + second,
    )
    assert "second card called queue" in refused.reason
    assert refused.subject == ("pyapp/more.py:3" if elsewhere else "pyapp/cards.py:6")
    assert "pyapp/cards.py:3" in refused.reason


BROKEN = {
    "raises": ("    return {}[await desk.agent.name()]\n", "pyapp/cards.py:4", "KeyError"),
    "cannot be drawn": ("    made = {}\n    return made\n", "pyapp/cards.py:3", "TypeError: A card cannot show a dict"),
    "forgets its await": (
        "    made = desk.agent.name()\n    return Text(made)\n",
        "pyapp/cards.py:4",
        "desk.agent.name() is asked for and not awaited: line 5 uses its value",
    ),
    "asks what is not there": ("    return await desk.agent.shoe_size()\n", "pyapp/cards.py:4", "shoe_size"),
}


_FORGOTTEN_LATE = {
    "a value": (
        '    made = {}\n    made["a"] = desk.agent.name()\n    return Text(made["a"])\n',
        "desk.agent.name()",
        5,
    ),
    "a path": (
        "    made = {}\n    made['id'] = desk.customer.id()\n    return await desk.api.get('a/{id}', **made)\n",
        "desk.customer.id()",
        5,
    ),
    "a function of its own": (
        "    def who():\n        return desk.customer.id()\n    return await desk.api.get('a/{id}', id=who())\n",
        "desk.customer.id()",
        5,
    ),
}


@pytest.mark.parametrize("where", _FORGOTTEN_LATE)
def test_a_forgotten_await_is_named_with_its_call_and_line_where_it_shows_only_later(
    tmp_path: Path, where: str
) -> None:
    body, call, line = _FORGOTTEN_LATE[where]
    refused = _problem(tmp_path, cards=_HEAD + '@card("Broken")\nasync def broken(desk):\n' + body)
    assert refused.subject == "pyapp/cards.py:6"
    assert f"{call} in line {line} is not awaited" in refused.reason
    assert refused.hint == "write `await` where it is asked for"


@pytest.mark.parametrize("file", ["cards", "actions"])
def test_a_forgotten_await_in_an_argument_stops_the_build(tmp_path: Path, file: str) -> None:
    """Such a request would be for the customer "<coroutine object ...>"."""
    declared = "card" if file == "cards" else "action"
    source = (
        f'from popdesk import {declared}\n@{declared}("Cases")\nasync def cases(desk):\n'
        '    found = await desk.api.get("customers/{id}/cases", id=desk.customer.id())\n    return len(found["cases"])\n'
    )
    refused = _problem(tmp_path, **{"cards": "", file: source})
    assert (refused.subject, refused.reason) == (
        f"pyapp/{file}.py:4",
        "desk.customer.id() is asked for and not awaited",
    )
    assert refused.hint.startswith("write `await desk.customer.id()`")


@pytest.mark.parametrize("how", BROKEN)
def test_what_would_break_in_the_page_stops_the_build_with_its_line(tmp_path: Path, how: str) -> None:
    body, line, reason = BROKEN[how]
    refused = _problem(tmp_path, cards=_HEAD + '@card("Broken")\nasync def broken(desk):\n' + body)
    assert refused.subject == line
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("    made = [1]\n    return made\n", "Table(columns, rows)"),
        ("    return await desk.contact.queue()\n", 'queue["name"]'),
        ("    made = desk.contact.attributes()\n    return made.get('a')\n", "write `await desk.contact"),
        ("    return await desk.customer.tier()\n", 'desk.customer.field("tier")'),
        ("    return await desk.agent.nmae()\n", "docs/cards.md"),
        ("    from popdesk import Money\n    return Money('1,234.50', 'EUR')\n", 'Money("1234.50", "EUR")'),
    ],
)
def test_what_breaks_says_what_to_write(tmp_path: Path, body: str, hint: str) -> None:
    error = _problem(tmp_path, cards=_HEAD + '@card("A")\nasync def a(desk):\n' + body)
    assert hint in error.hint


def test_a_card_without_the_desk_is_told_how_a_card_begins(tmp_path: Path) -> None:
    error = _problem(tmp_path, cards=_HEAD + '@card("A")\nasync def a():\n    return 1\n')
    assert "async def name(desk)" in error.hint


def test_a_package_that_the_page_cannot_have_is_named_once_and_not_run(tmp_path: Path) -> None:
    """The player runs in the project's own environment: what stands there could ask the network."""
    body = '@card("A")\nasync def a(desk):\n    return requests.get("http://127.0.0.1:9/").text\n'
    error = _problem(tmp_path, cards="import requests\n" + _HEAD + body)
    assert (error.subject, error.reason) == ("pyapp/cards.py:1", "MicroPython has no module requests")


def test_cards_that_cannot_be_imported_are_named_with_what_to_write(tmp_path: Path) -> None:
    old = _problem(tmp_path / "old", cards="import json\nfrom board import card\n")
    assert old.subject == "pyapp/cards.py:2"
    assert old.hint == "write `from popdesk import card`"
    needs = _problem(tmp_path / "needs", cards=_HEAD + '@card("Name", needs="User.Details.View")\ndef name(_): ...\n')
    assert needs.subject == "pyapp/cards.py:2"
    assert "leave `needs=` out" in needs.hint
    broken = _problem(tmp_path / "broken", cards="def broken(:\n")
    assert broken.subject == "pyapp/cards.py:1"
    assert "SyntaxError" in broken.reason


def test_a_field_of_the_teams_own_is_played_empty_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    card = _HEAD + '@card("Tier")\nasync def tier(desk):\n    return await desk.customer.field("tier") or "none"\n'
    problem = _problem(tmp_path / "1", cards=card)
    assert (problem.subject, problem.hint) == ("pyapp/cards.py:4", 'add it to pyproject.toml: tier = "loyaltyTier"')
    assert "has no field 'tier' (it has: none)" in problem.reason
    python = _python(tmp_path / "2", cards=card)
    settings = load_settings().model_copy(update={"fields": {"tier": "loyaltyTier"}})
    played = play_cards(python, sorted(python.rglob("*.py")), settings, OwnCache(tmp_path / "cache"))
    assert (played.first_questions, played.notes) == (("contact.attributes",), ())


def test_an_answer_that_is_refused_or_nothing_is_no_defect(tmp_path: Path) -> None:
    cards = _HEAD + '@card("Odd")\nasync def odd(desk):\n    raise Unanswered("nothing")\n'
    assert _play(tmp_path, cards=cards).skeleton == [["Odd", "odd"]]


@pytest.mark.parametrize(
    "use", ["import js\n    return js.JSON.stringify(1)", "from pyscript import fetch\n    return await fetch('/')"]
)
def test_a_card_that_uses_the_browser_is_not_played_and_the_others_are(tmp_path: Path, use: str) -> None:
    cards = _HEAD + f'@card("Web")\nasync def web(desk):\n    {use}\n' + _CARD.format(title="Name", name="name")
    played = _play(tmp_path, cards=cards)
    assert played.first_questions == ("agent.name", "contact.attributes")
    assert played.skeleton == [["Web", "web"], ["Name", "name"]]
    (note,) = played.notes
    assert note.startswith("pyapp/cards.py:3 web: it uses ")


def test_cards_that_use_the_browser_as_they_are_imported_are_not_played(tmp_path: Path) -> None:
    played = _play(tmp_path, cards=_HEAD + "from js import document\ntitle = str(document.title)\n")
    assert (played.first_questions, played.skeleton) == (("contact.attributes",), [])
    assert "it uses js.document.title" in played.notes[0]


def test_a_card_that_waits_is_played_in_no_time_and_one_that_waits_for_ever_is_not(tmp_path: Path) -> None:
    cards = (
        _HEAD
        + "import asyncio\n"
        + '@card("Slow")\nasync def slow(desk):\n    await asyncio.sleep(3600)\n    return await desk.agent.name()\n'
        + '@card("Ever")\nasync def ever(desk):\n    await asyncio.Event().wait()\n'
    )
    played = _play(tmp_path, cards=cards)
    assert played.first_questions[0] == "agent.name"
    (note,) = played.notes
    assert "ever: it had not returned" in note


def test_cards_that_come_to_no_end_stop_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "_LIMIT", 2)
    refused = _problem(tmp_path, cards=_HEAD + "while True:\n    pass\n")
    assert refused.subject == "pyapp/cards.py"
    assert "did not come to an end" in refused.reason


def test_a_permission_that_the_settings_lack_is_named(tmp_path: Path) -> None:
    settings = load_settings().model_copy(update={"permissions": ("User.Status.View",)})
    python = _python(tmp_path, cards=_HEAD + _CARD.format(title="Name", name="agent_name"))
    (note,) = play_cards(python, sorted(python.rglob("*.py")), settings, OwnCache(tmp_path / "cache")).notes
    assert note.startswith("pyapp/cards.py:3 agent_name: it asks what needs User.Details.View")


def test_the_static_page_has_the_cards_in_their_order(tmp_path: Path) -> None:
    built = build_page(app_page(load_settings()), tmp_path / "dist")
    html = (built.folder / "index.html").read_text("utf-8")
    rows = re.findall(r'<div><dt>(.*?)</dt><dd id="card-(.*?)">…</dd></div>', html)
    assert [list(row) for row in rows] == app_page(load_settings()).settings["skeleton"]
    assert len(rows) == 11


def test_each_question_has_an_answer_in_the_sample_and_a_method_of_the_desk() -> None:
    from popdesk.handling import COMMANDS
    from popdesk.questions import QUESTIONS

    from ops.site.sample import ANSWERS

    desk = (ROOT / "pyapp" / "popdesk" / "desk.py").read_text("utf-8")
    asked = set(re.findall(r'_ask\("([a-z_.]+)"\)', desk))
    assert asked == set(QUESTIONS) == {name for name in ANSWERS if " " not in name} | {"contact.attributes"}
    # Of the workspace's commands, those are not offered by themselves that another one needs.
    commands = {name.partition(" ")[2] for name in ANSWERS if " " in name}
    assert commands == {*COMMANDS} - {"profile", "participants"}


def test_the_static_page_has_the_sections_and_the_wide_cards(tmp_path: Path) -> None:
    cards = (
        _HEAD.replace("card\n", "card, section\n")
        + 'section("A & B")\n'
        + '@card("Wide", wide=True)\ndef wide(desk): ...\n'
        + '@card("Narrow")\ndef narrow(desk): ...\n'
        + 'section("Orders")\n'
        + _CARD.format(title="Name", name="agent_name")
    )
    played = _play(tmp_path, cards=cards)
    assert played.skeleton == [
        ["Wide", "wide", True, "A & B"],
        ["Narrow", "narrow", False, "A & B"],
        ["Name", "agent_name", False, "Orders"],
    ]
    shutil.copytree(ROOT / "pyapp", tmp_path / "whole" / "pyapp", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "whole" / "pyapp" / "cards.py").write_text(cards, "utf-8")
    built = build_page(app_page(load_settings(), tmp_path / "whole" / "pyapp"), tmp_path / "dist")
    (pack,) = built.folder.glob("assets/app-*.pack")
    assert not [path for path in read_pack(pack.read_bytes()) if "rich" in path]
    html = (built.folder / "index.html").read_text("utf-8")
    assert '<dl id="cards" class="cards" aria-label="Contact and agent" hidden>\n</dl>\n' in html
    assert (
        '<h2 class="section">A &amp; B</h2>\n<dl class="cards" aria-label="A &amp; B">\n'
        '<div class="wide"><dt>Wide</dt><dd id="card-wide">…</dd></div>\n<div><dt>Narrow</dt><dd id="card-narrow">…</dd></div>\n'
        '</dl>\n<h2 class="section">Orders</h2>' in html
    )


def test_a_page_that_names_a_value_with_a_shape_carries_their_code(tmp_path: Path) -> None:
    python = tmp_path / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "more.py").write_text("import popdesk\n\nshow = popdesk.Badge\n", "utf-8")
    built = build_page(app_page(load_settings(), python), tmp_path / "dist")
    (pack,) = built.folder.glob("assets/app-*.pack")
    assert {"popdesk/rich.mpy", "popdesk/view/rich.mpy"} <= set(read_pack(pack.read_bytes()))


def test_a_section_without_a_title_is_refused_with_its_line(tmp_path: Path) -> None:
    refused = _problem(tmp_path, cards='from popdesk import card, section\n\nsection("")\n')
    assert refused.subject == "pyapp/cards.py:3"
    assert "a section has a title" in refused.reason


def test_a_value_that_cannot_be_drawn_is_named_with_its_line_and_place(tmp_path: Path) -> None:
    cards = _HEAD.replace("Text", "Table, Money") + (
        '@card("Orders")\nasync def orders(desk):\n    rows = [["A-7", 1], ["A-8"]]\n    return Table(["Order", "Items"], rows)\n'
    )
    refused = _problem(tmp_path, cards=cards)
    assert refused.subject == "pyapp/cards.py:5"
    assert "Table: row 2 has 1 cells for 2 columns" in refused.reason


def test_one_note_names_all_that_was_played_up_to_its_question_to_the_api_alone(tmp_path: Path) -> None:
    """The row with too many cells is not seen: the sample has no answer of a route of the team's own."""
    card = (
        '@card("{name}")\nasync def {name}(desk):\n    found = await desk.api.get("customers/{{id}}/{name}", id="C-1001")\n'
        '    return Table(["A"], [[1, 2, found]])\n'
    )
    cases = '@card("Cases")\nasync def cases(desk):\n    return str(await desk.api.get("customers/{id}/history", id="C-1001"))\n'
    python = _python(tmp_path, cards="from popdesk import Table, card\n" + card.format(name="orders") + cases)
    settings = load_settings()
    settings = settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})

    def notes() -> tuple[str, ...]:
        return play_cards(python, sorted(python.rglob("*.py")), settings, OwnCache(tmp_path / "cache")).notes

    behind = (
        " played up to {0} question to the API; what comes after it was not checked."
        " Show {1} in a test in tests/team, with an answer (docs/testing.md): this is said until a test names {1}."
    )
    assert notes() == ("pyapp/cards.py:3 orders: it was" + behind.format("its", "it"),)
    with (python / "cards.py").open("a", encoding="utf-8") as file:
        file.write(card.format(name="refunds"))
    (python / "actions.py").write_text(
        'from popdesk import action\n@action("Ship")\nasync def ship(desk):\n    return (await desk.api.post("ship"))["id"]\n',
        "utf-8",
    )
    assert notes() == (
        "pyapp/cards.py:3 orders, pyapp/cards.py:10 refunds, pyapp/actions.py:3 ship: they were"
        + behind.format("their", "them"),
    )
    tests = tmp_path / "tests" / "team"
    tests.mkdir(parents=True)
    (tests / "test_broken.py").write_text("def (", "utf-8")
    (tests / "test_cards.py").write_text(
        "from cards import refunds\ndef test(sample_desk, show_cards):\n"
        '    """Of orders."""\n    show_cards(sample_desk()).action("Ship").submit()\n',
        "utf-8",
    )
    assert notes() == ("pyapp/cards.py:3 orders: it was" + behind.format("its", "it"),), "a docstring is about it"
    (tests / "test_orders.py").write_text('show("orders")', "utf-8")
    assert notes() == ()


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        ('await desk.api.post("ship")', False),
        (
            'if note:\n        await desk.api.post("ship/{id}", {"note": note},\n            id="7")\n    else:\n        pass',
            False,
        ),
        ('await desk.api.post("ship")\n    return Text("Shipped")', True),
        ('return await desk.api.post("ship")', True),
        ('for _ in range(2):\n        await desk.api.post("ship")', True),
        ('if note:\n        await desk.api.post("ship")\n    return None', True),
        ('await desk.api.post("ship", await desk.api.get("orders"))', True),
        ("await _ship(desk)", True),
        ('try:\n        await desk.api.post("ship")\n    except ValueError:\n        pass', True),
    ],
)
def test_nothing_is_said_of_an_action_that_ends_with_its_question(tmp_path: Path, body: str, noted: bool) -> None:
    """It was noted on every build, though nothing of it was left to check."""
    python = _python(tmp_path, cards="")
    (python / "actions.py").write_text(
        "from popdesk import Line, Text, action\n\n"
        'async def _ship(desk):\n    done = await desk.api.post("ship")\n    return done["id"]\n\n'
        f'@action("Ship", fields=[Line("note")])\nasync def ship(desk, note):\n    {body}\n',
        "utf-8",
    )
    settings = load_settings()
    settings = settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})
    played = play_cards(python, sorted(python.rglob("*.py")), settings, OwnCache(tmp_path / "cache"))
    assert played.actions == ("ship",)
    assert bool(played.notes) == noted
