"""The build reads the cards before the page does: each mistake has its line and what to write instead."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.settings import ROOT, load_settings
from ops.site.build import CACHE, app_page, compile_module
from ops.site.cache import Cache
from ops.site.card_checks import Finding, find_mistakes, imported_modules
from ops.site.micropython import Names, micropython_names
from tests.fixture_project import CHECKOUT

pytestmark = pytest.mark.slow

_HEAD = "import asyncio, datetime, json, re, time\nfrom popdesk import Link, Pairs, Text, card\n"


@pytest.fixture(scope="module")
def names() -> Names:
    found = micropython_names(Cache(CACHE))
    assert found is not None, "the interpreter does not say what it has"
    return found


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return _modules(ROOT / "pyapp")


def _modules(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path.read_text(
            "utf-8"
        )
        for path in folder.rglob("*.py")
    }


def _found(source: str, names: Names | None, sources: dict[str, str]) -> list[Finding]:
    return find_mistakes({"pyapp/cards.py": source}, names, {**sources, "cards": source})


MISTAKES = {
    "a module that is not there": ("import dataclasses", "no module dataclasses", "__init__"),
    "a part of a package that is not there": ("import urllib.parse", "no module urllib.parse", "encodeURIComponent"),
    "a name of a module": ("from re import findall", "no re.findall", "search()"),
    "a function of a module": ("x = re.fullmatch('a', 'a')", "no re.fullmatch", "end the pattern with $"),
    "a method of a module's class": ("x = datetime.datetime.strptime('', '')", "strptime", "parse_time"),
    "a name that popdesk has not": ("from popdesk import Textt", "popdesk has no Textt", "popdesk"),
    "a method of a text": ("x = 'gold'.title()", "no .title()", "capital"),
    "a method of whatever it is": (
        "def f(x):\n    return x['a'].removeprefix('b')",
        "no .removeprefix()",
        "startswith",
    ),
    "an exception": ("try:\n    pass\nexcept TimeoutError:\n    pass", "no TimeoutError", "asyncio.TimeoutError"),
    "a name that is not defined": ("def f():\n    return [tier for each in '']", "tier is not defined", "spelt"),
    "a value that was not imported": (
        "def f():\n    return Duration(1)",
        "Duration is not defined",
        "from popdesk import",
    ),
    "a type that was not imported": (
        "async def f(desk: Desk) -> 'Duration':\n    return 1",
        "the name Desk is not defined",
        "from popdesk import Desk",
    ),
    "a card that is not async": (
        '@card("A")\ndef a(desk):\n    return await desk.agent.name()',
        "not async",
        "write `async def`",
    ),
    "a forgotten await before a method": (
        "async def f(desk):\n    return desk.agent.name().upper()",
        "desk.agent.name() is asked for and not awaited",
        "await desk.agent.name(",
    ),
    "a forgotten await in a text": ('async def f(desk):\n    return f"{desk.contact.queue()}"', "not awaited", "await"),
    "a forgotten await in a value": ("async def f(desk):\n    return Text(desk.agent.name())", "not awaited", "await"),
    "a forgotten await of a card's own function": (
        "async def g():\n    pass\nasync def f():\n    g()",
        "g()",
        "await g(",
    ),
    "a forgotten await in an argument of the API": (
        'async def f(desk):\n    return await desk.api.get("customers/{id}", id=desk.customer.id())',
        "desk.customer.id() is asked for and not awaited",
        "write `await desk.customer.id()`",
    ),
    "a forgotten await in a body": (
        'async def f(desk):\n    await desk.api.post("a", {"names": [desk.agent.name()]})',
        "desk.agent.name() is",
        "write `await desk.agent.name()`",
    ),
    "a forgotten await in an argument of the workspace": (
        "async def f(desk):\n    await desk.workspace.dial(desk.contact.phone_number())",
        "phone_number() is",
        "await",
    ),
    "a forgotten await of the workspace": ("async def f(desk):\n    desk.workspace.hold()", "hold() is", "await"),
    "a forgotten await in a value's list": (
        'async def f(desk):\n    return Pairs([("A", desk.agent.name())])',
        "desk.agent.name() is",
        "await",
    ),
    "a forgotten await in a named argument": (
        'async def f(desk):\n    return Text("a", rest=desk.agent.name())',
        "desk.agent.name() is",
        "await",
    ),
    "a forgotten await in a module's value": (
        "import popdesk\nasync def f(desk):\n    return popdesk.Text(desk.agent.name())",
        "desk.agent.name() is",
        "await",
    ),
    "a forgotten await in a joined text": (
        'async def f(desk):\n    return ", ".join([desk.agent.name(), "a"])',
        "desk.agent.name() is",
        "await",
    ),
    "a forgotten await behind %": (
        'async def f(desk):\n    return "%s: %s" % ("a", desk.agent.name())',
        "desk.agent.name() is",
        "await",
    ),
    "a forgotten await in JSON": (
        "async def f(desk):\n    return json.dumps({'a': desk.agent.name()})",
        "name() is",
        "await",
    ),
    "a forgotten await in print": ("async def f(desk):\n    print(desk.agent.name())", "name() is", "await"),
    "a forgotten await in a comparison": (
        "async def f(desk):\n    return 'a' == desk.agent.name()",
        "name() is",
        "await",
    ),
    "a forgotten await in a sum": (
        "async def f(desk):\n    x = ''\n    x += desk.agent.name()\n    return x",
        "name() is",
        "await",
    ),
    "a forgotten await as a key": ("async def f(desk):\n    return {'a': 1}[desk.agent.name()]", "name() is", "await"),
    "a forgotten await in a loop of a list": (
        "async def f(desk):\n    return Text(str([x for x in desk.contact.attributes()]))",
        "attributes() is",
        "await",
    ),
    "a forgotten await of a condition": (
        "async def f(desk):\n    return 1 if desk.agent.name() else 2",
        "name() is",
        "await",
    ),
    "a forgotten await before a later use": (
        'async def f(desk):\n    who = desk.customer.id()\n    return await desk.api.get("a/{id}", id=who)',
        "desk.customer.id() is asked for and not awaited: line 5 uses its value",
        "write `await desk.customer.id()`",
    ),
    "a forgotten await in a later list": (
        'async def f(desk):\n    rows = [["a", desk.agent.name()]]\n    return Pairs(rows)',
        "desk.agent.name() is asked for and not awaited: line 5 uses its value",
        "await",
    ),
    "a wait that waits for nothing": ("async def f():\n    asyncio.sleep(1)", "asyncio.sleep()", "await"),
    "a dict": ('@card("A")\nasync def a(desk):\n    if desk:\n        return {"a": 1}', "cannot show a dict", "Pairs"),
    "a list": ('@card("A")\nasync def a(desk):\n    return [1 for _ in ""]', "cannot show a list", "Table"),
    "thousands": ("def f(n):\n    return f'{n:,.2f}'", "thousands' separator", "grouped"),
    "thousands to the right": ("def f(n):\n    return f'{n:>12,}'", "thousands' separator", "grouped"),
    "thousands by format()": ("x = '{0:,}'.format(1234)", "thousands' separator", "grouped"),
    "a date by its format": ("def f(n):\n    return f'{n:%H:%M}'", "formats no date", "Moment"),
    "a repeated part of a pattern": (r"x = re.match(r'\d{2}', '22')", "{m,n}", r"\d\d"),
    "the edge of a word": (r"x = re.search(r'\bgold\b', '')", r"\b", "^ and $"),
    "a named group": (r"x = re.compile('(?P<a>b)')", "(?...)", "group(1)"),
    "a time in UTC": ("x = datetime.datetime.fromisoformat('2026-01-31T12:00:00Z')", "Z", "parse_time"),
    "an argument's name": ("x = 'a,b'.split(',', maxsplit=1)", "maxsplit=", "without its name"),
    "an indent": ("x = json.dumps({}, indent=2)", "indent=", "leave it out"),
    "a text backwards": ("x = 'abc'[::-1]", "steps", "reversed"),
    "the same object": ("def f(x):\n    return x is 'gold'", "the same object", "write =="),
    "another object": ("def f(x):\n    return 2 is not x", "the same object", "write !="),
    "a tone that is none": ("def f():\n    return Text('a', tone='danger')", "no tone 'danger'", "error, info"),
    "a tone without its name": ("def f():\n    return Text('a', 'gold')", "no tone 'gold'", "success, warning"),
    "a file": ("def f():\n    return open('data.csv').read()", "no files", "look-up Lambda"),
    "a wait that stops the page": ("def f():\n    time.sleep(1)", "stops the whole page", "asyncio.sleep"),
    "several answers taken apart": (
        "async def f(desk):\n    a, b = asyncio.gather(desk.agent.name(), desk.agent.arn())\n    return a",
        "asyncio.gather() is asked for and not awaited",
        "await asyncio.gather(",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_each_mistake_is_found_with_its_line_and_remedy(what: str, names: Names, sources: dict[str, str]) -> None:
    source, reason, instead = MISTAKES[what]
    (found,) = _found(_HEAD + source + "\n", names, sources)
    assert reason in found.what
    assert instead in found.instead
    assert 3 <= found.line <= 2 + len(source.splitlines())


RIGHT = {
    "annotations of what is not there": "def f(x: 'Any', y: Strange = 1) -> typing.Any:\n    z: Other = 1\n    return z",
    "an import for annotations": "if False:\n    from typing import Any",
    "an import that may fail": "try:\n    import dataclasses\nexcept ImportError:\n    dataclasses = None",
    "what only the browser has": "import js\nfrom pyscript import fetch\nx = js.document.title()\ny = js.RegExp.new('a').flags()",
    "a question that is returned": '@card("A")\ndef a(desk):\n    return desk.agent.name()',
    "questions at once": "async def f(desk):\n    return await asyncio.gather(desk.agent.name(), desk.contact.queue())",
    "questions in a list": "async def f(desk):\n    x = [desk.agent.name()]\n    return await asyncio.gather(*x)",
    "a question that is awaited later": "async def f(desk):\n    x = desk.agent.name()\n    return (await x).upper()",
    "a task": "async def f(desk):\n    t = asyncio.create_task(desk.agent.name())\n    return await t",
    "a question with a limit": "async def f(desk):\n    return await asyncio.wait_for(desk.agent.name(), 1)",
    "questions in a dict of tasks": (
        "async def f(desk):\n    x = dict(a=desk.agent.name(), b=desk.agent.arn())\n"
        "    print(len(x))\n    return [await x[name] for name in x]"
    ),
    "questions in a comprehension": (
        "async def f(desk):\n    x = [desk.contact.attribute(each) for each in ('a', 'b')]\n"
        "    y = x + [desk.agent.name()]\n    return await asyncio.gather(*y)"
    ),
    "a question that a function of one's own takes": (
        "async def g(asked):\n    return await asked\nasync def f(desk):\n    return await g(desk.agent.name())"
    ),
    "a question that is awaited under its own name": (
        "async def f(desk):\n    x = desk.agent.name()\n    x = await x\n    return Text(x.upper())"
    ),
    "a question that is one of two": (
        "async def f(desk, x):\n    q = desk.agent.name() if x else desk.agent.arn()\n    return Text(await q)"
    ),
    "a question if there is nothing yet": "async def f(desk, x=None):\n    return await (x or desk.agent.name())",
    "a coroutine that is closed": (
        "async def f(desk):\n    x = desk.agent.name()\n    if x is not None:\n        x.close()\n    return isinstance(x, str)"
    ),
    "a generator that is one's own": (
        "async def g():\n    yield 1\nasync def f():\n    x = g()\n    return Text(str(x))"
    ),
    "a dict in a value": '@card("A")\nasync def a(desk):\n    return Pairs({"a": 1})',
    "a list of a function that is no card": "def f():\n    return [1]",
    "a method of one's own": "class A:\n    def title(self):\n        return 'a'\nx = A().title()",
    "the time's own strftime": "x = time.strftime('%Y', time.gmtime())",
    "formats that are read alike": "def f(n):\n    return f'{n:>8.2f}|{n:05d}|{n:+d}|{n:x}' + f'{n!r:,>8}'",
    "braces of a text": "x = re.match('[{]2[}]', '{2}')",
    "a name of a class, a loop, a handler": (
        "class A:\n    b = 1\n    c = b\nfor d in '':\n    print(d)\ntry:\n    pass\nexcept ValueError as e:\n    print(e)"
    ),
    "a global that a function sets": "def f():\n    global g\n    g = 1\n    return g",
    "all of another module": "from words import *\nx = something",
    "steps of a list": "x = [1, 2, 3][::-1]",
    "the same object as nothing": "def f(x):\n    return x is None or x is not True",
    "a tone of the data": "def f(x):\n    return [Text('a', tone=x), Text('a', tone=''), Text('a', 'info'), Text('a')]",
    "the file of the page": "x = open('/rom/settings.json')\ny = open(x)",
    "a method called open": "import js\nx = js.window.open('a')",
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_right_is_not_found(what: str, names: Names, sources: dict[str, str]) -> None:
    assert _found(_HEAD + RIGHT[what] + "\n", names, sources) == []


def test_all_of_the_page_s_own_python_is_right(names: Names, sources: dict[str, str]) -> None:
    assert find_mistakes({f"pyapp/{name}": source for name, source in sources.items()}, names, sources) == []
    team = _modules(CHECKOUT / "pyapp")
    assert find_mistakes({"pyapp/cards.py": team["cards"]}, names, team) == []


def test_the_cards_of_the_documentation_are_right(names: Names, sources: dict[str, str]) -> None:
    blocks = [
        block
        for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for block in re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        if "@card" in block
    ]
    assert blocks
    for block in blocks:
        whole = block if "import" in block else "from popdesk import *\n" + block
        assert _found(whole, names, sources) == [], block


def test_an_interpreter_that_says_nothing_stops_no_build(sources: dict[str, str]) -> None:
    assert _found("import dataclasses\n", None, sources) == []
    assert len(_found("import re\nx = re.match('a{2}', '')\n", None, sources)) == 1


def test_what_cards_bring_in_is_looked_at_and_nothing_else() -> None:
    page = {"cards": "import a\nfrom b import c\nimport json\n", "a": "from b import d", "b": "", "b.d": "", "main": ""}
    assert imported_modules("cards", page) == ["cards", "a", "b", "b.d"]


def test_a_build_says_all_mistakes_at_once(tmp_path: Path) -> None:
    python = tmp_path / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "more.py").write_text("def f(x):\n    match x:\n        case 1:\n            pass\n", "utf-8")
    (python / "help.py").write_text("import enum\n", "utf-8")
    (python / "cards.py").write_text(
        "from popdesk import card\nimport help\n\n"
        '@card("A")\nasync def a(desk):\n    return f"{1234:,}"\n\n'
        '@card("B")\nasync def b(desk):\n    return (await desk.agent.state())["Tier"]\n\n'
        '@card("C")\nasync def c(desk):\n    return nothing\n',
        "utf-8",
    )
    with pytest.raises(UserError) as caught:
        app_page(load_settings(), python)
    assert caught.value.subject == "5 mistakes"
    for line in (
        "pyapp/more.py:2: MicroPython cannot compile it: SyntaxError: invalid syntax. Write `if` and `elif`",
        "pyapp/help.py:1: MicroPython has no module enum. Use plain constants",
        "pyapp/cards.py:6: MicroPython leaves the thousands' separator of :, out. Return Money(amount, currency), or use",
        "pyapp/cards.py:10: KeyError: 'Tier'. Read a value that a contact may lack with .get()",
        "pyapp/cards.py:14: the name nothing is not defined",
    ):
        assert line in caught.value.reason


def test_a_permission_that_amazon_connect_does_not_know_stops_the_build(tmp_path: Path) -> None:
    python = tmp_path / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    questions = python / "popdesk" / "questions.py"
    source = questions.read_text("utf-8")
    questions.write_text(source.replace('"getName", "User.Details.View"', '"getName", "User.Detials.View"'), "utf-8")
    with pytest.raises(UserError, match=r"agent\.name needs 'User\.Detials\.View'.*User\.Details\.View") as caught:
        app_page(load_settings(), python)
    assert caught.value.subject == "pyapp/popdesk/questions.py"


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("def f(x):\n    match x:\n        case 1:\n            pass\n", "`elif`"),
        ("def f(a):\n    return {**a, 'b': 1}\n", "dict(a)"),
        ("def f(a):\n    return [*a, 1]\n", "list(a)"),
        ("def f(a, /):\n    return a\n", "leave the / out"),
        ("async def f(a):\n    return [b async for b in a]\n", "`async for` loop"),
    ],
)
def test_syntax_that_micropython_lacks_has_its_line_and_what_to_write(
    tmp_path: Path, source: str, instead: str
) -> None:
    module = tmp_path / "pyapp" / "more.py"
    module.parent.mkdir()
    module.write_text("x = 1\n" + source, "utf-8")
    with pytest.raises(UserError) as caught:
        compile_module(module, module.parent)
    assert re.fullmatch(r"pyapp/more\.py:[23]", caught.value.subject)
    assert instead in caught.value.hint


ACTIONS = {
    "a field that the function does not take": (
        '@action("New", fields=[Line("subject"), Line("note")])\nasync def new(desk, subject):\n    return subject',
        "new takes no note, which the form has a field for",
        "async def new(desk, subject, note)",
    ),
    "a parameter without a field": (
        '@action("New", [Line("subject")])\nasync def new(desk, subjekt, subject):\n    return subject',
        "new takes subjekt, which the form has no field for",
        'Line("subjekt")',
    ),
    "an action without the desk": ('@action("New")\ndef new():\n    return 1', "new takes no desk", "new(desk"),
    "what undoes it takes something else": (
        'async def back(desk):\n    return 1\n@action("New", [Line("a")], undo=back)\nasync def new(desk, a):\n    return a',
        "back takes no a",
        "async def back(desk, a)",
    ),
    "a forgotten await of the API": (
        '@action("New")\nasync def new(desk):\n    return desk.api.post("a")["id"]',
        "desk.api.post() is asked for and not awaited",
        "write `await desk.api.post(...)`",
    ),
    "a forgotten await of an attribute": (
        '@action("New")\nasync def new(desk):\n    desk.contact.set_attribute("a", "b")',
        "set_attribute() is asked for and not awaited",
        "await",
    ),
    "a value that cannot be drawn": (
        '@action("New")\nasync def new(desk):\n    return {"a": 1}',
        "an action cannot show a dict",
        "Pairs",
    ),
    "a card that changes something": (
        '@card("New")\nasync def new(desk):\n    return await desk.api.post("a")',
        "a card cannot post: it is run again and again",
        "docs/actions.md",
    ),
}


@pytest.mark.parametrize("case", ACTIONS)
def test_a_mistake_in_an_action_has_its_line_and_what_to_write(
    case: str, names: Names, sources: dict[str, str]
) -> None:
    code, what, instead = ACTIONS[case]
    source = "from popdesk import Line, action, card\n" + code
    found = find_mistakes({"pyapp/actions.py": source}, names, {**sources, "actions": source})
    assert [what in each.what and instead in each.instead for each in found] == [True], found
    assert 2 <= found[0].line <= source.count("\n") + 1


def test_an_action_that_works_is_left_alone(names: Names, sources: dict[str, str]) -> None:
    shipped = (CHECKOUT / "pyapp" / "actions.py").read_text("utf-8")
    other = (
        "from popdesk import Hidden, Line, action\n"
        'FIELDS = [Line("a")]\n'
        '@action("One", fields=FIELDS)\nasync def one(desk, a):\n    return a\n'
        '@action("Two", fields=[Line(name="a"), Hidden("b", default=1)])\n'
        'async def two(desk, **values):\n    return values["a"]\n'
        '@action("Three", fields=(Line("a"),))\nasync def three(d, *, a):\n    return a\n'
        'async def helper(desk):\n    return await desk.api.post("a")\n'
    )
    for source in (shipped, other):
        assert find_mistakes({"pyapp/actions.py": source}, names, {**sources, "actions": source}) == []
