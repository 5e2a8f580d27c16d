"""Puts PyScript, MicroPython and the Connect SDK into a page: stock packages of npm, none of their lines changed.

    head = add_runtime(files, modules, python, cached, uses_sdk=True, eager=True, notes=notes)      # the tags for the head

There are two ways, and the page's Python runs under both:

- bundled: one script, made by esbuild from the packages' own sources. `@pyscript/core` exports them for bundlers ("exports"
  in its package.json). Whole modules of it that the page cannot reach are replaced by stubs (`_STUBS`): they would be a
  third of the bytes before the first value is shown. The page's Python comes as one ROMFS image of bytecode.
- published: PyScript's and MicroPython's files as npm has them, and the page's Python as source, a file each: what
  docs.pyscript.net shows, and slower. It is taken where a version of a package is not as the first way needs it, so that
  no update of a package can stop a team's build; `notes` then has a line that says so.

docs/startup.md has the figures.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mpremote.romfs import VfsRomWriter

from ops.errors import UserError
from ops.site import npm

PYSCRIPT = "@pyscript/core"
MICROPYTHON = "@micropython/micropython-webassembly-pyscript"
# The sources of the `pyscript` Python package (docs.pyscript.net/latest/api), below node_modules.
PACKAGE = f"{PYSCRIPT}/src/stdlib/pyscript"
# The page's first module: its script imports it and calls start().
MAIN_MODULE = "main"
# Where the page's Python finds its files: MicroPython mounts the ROMFS image there.
_ROM = "/rom"

_NO_WORKERS = 'throw new Error("this build has no workers");'
# Modules replaced by a stub, by their path below node_modules.
_STUBS = {
    # The policy allows no worker; this module is the text of one, a third of the kernel.
    "polyscript/esm/worker/xworker.js": f"export default () => {{ {_NO_WORKERS} }};",
    "polyscript/esm/worker/class.js": f"export default () => function () {{ {_NO_WORKERS} }};",
    # The page runs MicroPython.
    "polyscript/esm/interpreter/pyodide.js": 'export default { type: "pyodide" };',
    # The page's files come as one image: no files that PyScript fetches, no zip archives, no packages from an index.
    "polyscript/esm/interpreter/_utils.js": "const nothing = () => undefined; export const createProgress = () => nothing,"
    " writeFile = nothing, fetchFiles = nothing, fetchPaths = nothing, fetchJSModules = nothing;",
    f"{PYSCRIPT}/src/fetch.js": "export const robustFetch = (...asked) => fetch(...asked), getText = (got) => got.text();",
    "polyscript/esm/3rd-party/zip.js": "export {};",
    "polyscript/esm/3rd-party/toml.js": "export {};",
    "polyscript/esm/python/mip.js": 'export default "";',
    "polyscript/esm/interpreter/_remote_package.js": "export default () => [];",
    # An iframe of another site may mount no folder. Core opens an IndexedDB for it as it loads, which raises two page errors
    # where the browser denies storage to such an iframe.
    "polyscript/esm/interpreter/_nativefs.js": "export const initializeNativeFS = () => undefined;",
    f"{PYSCRIPT}/src/fs.js": 'export const NAMESPACE = "@pyscript.fs", ERROR = "this build mounts no folder";'
    " const refuse = async () => { throw new Error(ERROR); };"
    " export const idb = { has: refuse, get: refuse, set: refuse, delete: refuse }, getFileSystemDirectoryHandle = refuse;",
    # Editor, terminal, game, error banner: the page shows its own errors.
    f"{PYSCRIPT}/src/plugins.js": "export default {};",
    f"{PYSCRIPT}/src/plugins/codemirror.js": "export default {};",
    f"{PYSCRIPT}/src/plugins/donkey.js": "export {};",
    # The `pyscript` package as text, and its installation: a page that imports it has it in its image, as bytecode.
    f"{PYSCRIPT}/src/stdlib.js": 'export const stdlib = "", optional = "";',
}
# The same, for a page that does not import the `pyscript` package.
_STUBS_WITHOUT_PACKAGE = {
    # What `pyscript.storage` keeps its values in.
    "@webreflection/idb-map/index.js": "export default class {}",
    "@webreflection/idb-map/sync.js": "export default class extends Map {}",
    # Listeners named by HTML attributes (mpy-click): each element added would be searched for them.
    "polyscript/esm/listeners.js": "export const env = {}, listener = undefined, addAllListeners = () => undefined;",
    # A codec for what workers and the page send each other.
    "reflected-ffi/src/direct/index.js": "export const encode = undefined, decode = undefined;",
}
# The packages whose sources are copied, so that the stubs can stand in for some of them.
_COPIED = (PYSCRIPT, "polyscript", "@webreflection/idb-map", "reflected-ffi")

# What the page uses of the Connect SDK: esbuild leaves out the rest. The global's name is known to pyapp/connect.py alone.
_SDK = """
import { AmazonConnectApp, AppContactScope } from "@amazon-connect/app";
import { AgentClient, ContactClient } from "@amazon-connect/contact";
import { VoiceClient } from "@amazon-connect/voice";
import { ConnectClient, sdkVersion } from "@amazon-connect/core";
globalThis.connectSDK =
  { AmazonConnectApp, AppContactScope, AgentClient, ContactClient, VoiceClient, ConnectClient, sdkVersion };
"""
# What a page uses beside that which is its own service (pyapp/popdesk/service.py).
_SDK_OF_SERVICE = """
import { AmazonConnectService } from "@amazon-connect/app";
import { AppControllerClient } from "@amazon-connect/app-controller";
Object.assign(globalThis.connectSDK, { AmazonConnectService, AppControllerClient });
"""
# How the page's Python starts, by what PyScript and MicroPython offer for it:
# - `interpreter` of PyScript's config names a module that exports loadMicroPython. That is this very script, which the
#   browser has already: MicroPython's loader comes with it. It hands over the image as the ROM that loadMicroPython takes
#   (`romfs`), and both are fetched from the script's first line on. The fetch has a microtask of its own: Chromium notes where
#   a request comes from, and for one that the script's outermost function makes it parses the whole script again (8 ms).
# - One of core's hooks for workers is made with Function(), which the policy forbids.
# - A hook imports the page's Python as soon as the interpreter is ready. PyScript would go on to install the `pyscript`
#   package, which costs a quarter of the start-up, and to run the page's script: it never gets there. Where the page imports
#   the package, which then is in the image, it does, as soon as the HTML is complete: `current_target` and `display` need
#   what it sets up then.
_ENTRY = f"""
import {{ hooks }} from "{PYSCRIPT}";
import {{ loadMicroPython as load }} from "{MICROPYTHON}/micropython.mjs";

const config = JSON.parse(document.querySelector("script[type=mpy]").getAttribute("config"));
const image = Promise.resolve().then(() => fetch(config.romfs)).then((response) => response.arrayBuffer());
export const loadMicroPython = async (options) =>
  load({{ ...options, url: config.wasm, romfs: new Uint8Array(await image) }});

hooks.worker.onBeforeRunAsync.clear();
hooks.main.onReady.add(
  ({{ interpreter }}) => new Promise((resolve) => {{ START }})
);
"""
_START = f"interpreter.pyimport({json.dumps(MAIN_MODULE)}).start();"
_SCRIPT = f"import {MAIN_MODULE}; {MAIN_MODULE}.start()"
_START_WITH_PACKAGE = 'document.readyState === "loading" ? addEventListener("DOMContentLoaded", resolve) : resolve();'
# What `display` and `pyscript.web` show as HTML is a string. The policy still runs no script that stands in one.
_HTML_IN_STRINGS = 'globalThis.trustedTypes?.createPolicy("default", { createHTML: (text) => text });'
_PUBLISHED_ENTRY = 'import * as core from "CORE"; core.hooks?.worker?.onBeforeRunAsync?.clear();'
# Of the published PyScript: none of them is for a page that shows its own errors.
_PLUGINS = ("codemirror", "deprecations-manager", "donkey", "error", "py-editor", "py-game", "py-terminal")
# What the loader would import under Node.js.
_NODE_ONLY = ("node:module", "path", "url", "fs")
_BUNDLED = (
    "--bundle",
    "--minify-syntax",
    "--minify-whitespace",
    "--format=esm",
    "--preserve-symlinks",
    "--tsconfig-raw={}",  # not what lies above the folder for temporary files
    "--target=es2022",
    "--legal-comments=none",
    *(f"--external:{module}" for module in _NODE_ONLY),
    # What would run under Node.js alone.
    "--define:process=undefined",
    "--define:globalThis.process=undefined",
)
# terser makes the script smaller still: it leaves out the branches that are never taken, and Emscripten's hundred checks of
# itself in MicroPython's loader (`assert`), but for what they are given to work out.
_SMALL = ("--module", "--ecma=2022", "--compress=passes=3,pure_funcs=['assert']", "--mangle")
# Whether this MicroPython runs our bytecode from an image: its loader runs under Node.js too.
_PROBE = """
try {
  const { loadMicroPython } = await import(process.argv[1]);
  const python = await loadMicroPython({ romfs: new Uint8Array(Buffer.from(process.argv[2], "base64")) });
  process.stdout.write(String(python.pyimport("probe").VALUE));
} catch (error) {
  process.stdout.write(String(error).trim().split("\\n").at(-1));
}
"""
_PROBE_VALUE = "as compiled"

Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]
Tree = Mapping[str, bytes]


class Files(Protocol):
    """Where a build's files are put; each method returns the path below the site's root, with a hash in it."""

    def add(self, name: str, content: bytes) -> str:
        """Add a file."""

    def add_folder(self, name: str, tree: Tree) -> str:
        """Add files that name one another, below one folder; returns the folder's path."""


@dataclass(frozen=True)
class PagePython:
    """A page's Python: path -> content, as MicroPython finds it below /rom. `package` is None where nothing imports it."""

    compiled: Tree
    sources: Tree
    package: Tree | None


class _NotAsKnown(Exception):
    """A package's version is not as the bundled way needs it."""


def add_runtime(
    files: Files,
    modules: Path,
    python: PagePython,
    compiled: Callable[[str], bytes],
    cached: Cache,
    *,
    uses_sdk: bool,
    service: bool = False,
    eager: bool,
    notes: list[str],
) -> list[str]:
    """Add what runs `python` to `files` and return the tags for the page's head.

    `modules` is web/node_modules; `compiled` compiles a line of Python to .mpy; `cached(kind, inputs, make)` keeps what is
    made under the hash of its inputs. A page that is a `service` too has more of the SDK. An `eager` page's script waits for
    nothing: the style sheet and the rest of the HTML may come while the interpreter starts. Raises UserError where neither
    way works.
    """
    sdk = (_SDK + (_SDK_OF_SERVICE if service else "")) if uses_sdk else ""
    try:
        return _add_bundled(files, modules, python, compiled, cached, sdk, eager)
    except _NotAsKnown as difference:
        versions = " and ".join(f"{name} {_version(modules, name)}" for name in (PYSCRIPT, MICROPYTHON))
        notes.append(
            f"{versions} are served as they are published, and the page starts slower: {difference}. To have the quick start"
            " again, put the versions of web/package.json and its lock file back, or take a newer Popdesk."
        )
        return _add_published(files, modules, python, cached, sdk, eager)


def _version(modules: Path, name: str) -> str:
    return str(json.loads((modules / name / "package.json").read_text("utf-8"))["version"])


def _tags(config: dict[str, object], code: str, script: str, eager: bool, preloaded: tuple[str, ...]) -> list[str]:
    """Return the tags: PyScript's config and code, the script that reads them, and what is fetched meanwhile.

    In the head, since browsers look ahead for what is to be preloaded: a script that runs before the parser has come to the
    link, which it does not while it waits for a style sheet, takes the response, and the link then asks again.
    """
    return [
        f"<script type=\"mpy\" config='{html.escape(json.dumps(config))}'>{code}</script>",
        f'<script type="module" {"async " if eager else ""}src="./{script}"></script>',
        *(f'<link rel="preload" as="fetch" crossorigin href="./{path}">' for path in preloaded),
    ]


# -- bundled -----------------------------------------------------------------------------------------------------------


def _add_bundled(
    files: Files,
    modules: Path,
    python: PagePython,
    compiled: Callable[[str], bytes],
    cached: Cache,
    sdk: str,
    eager: bool,
) -> list[str]:
    if python.package is not None and not python.package:
        raise _NotAsKnown(f"{PACKAGE}, which the page imports, cannot be compiled")
    lock = npm.lock_hash().encode()
    probe = compiled(f"VALUE = {_PROBE_VALUE!r}")
    cached("probe", [lock, probe, _PROBE.encode()], lambda: _probed(modules, romfs({"probe.mpy": probe})))
    stubs = _STUBS if python.package else _STUBS | _STUBS_WITHOUT_PACKAGE
    entry = (
        sdk
        + (_HTML_IN_STRINGS if python.package else "")
        + _ENTRY.replace("START", _START_WITH_PACKAGE if python.package else _START)
    )
    recipe = json.dumps([stubs, entry, _BUNDLED, _SMALL])
    made = cached("script", [lock, recipe.encode()], lambda: _bundle(entry, stubs, modules))
    script = files.add("start.js", made)
    image = files.add("app.pack", romfs({**python.compiled, **(python.package or {})}))
    wasm = files.add("micropython.wasm", (modules / MICROPYTHON / "micropython.wasm").read_bytes())
    config: dict[str, object] = {"interpreter": f"./{script}", "wasm": f"./{wasm}", "romfs": f"./{image}"}
    return _tags(config, _SCRIPT, script, eager, (image, wasm))


def _probed(modules: Path, image: bytes) -> bytes:
    """Return nothing. Raises _NotAsKnown unless this version's MicroPython takes an image and runs what we compile."""
    loader = (modules / MICROPYTHON / "micropython.mjs").as_uri()
    try:
        said = npm.run_module(_PROBE, loader, base64.b64encode(image).decode())
    except UserError as error:
        said = error.reason
    if said != _PROBE_VALUE:
        raise _NotAsKnown(f"its MicroPython does not run what mpy-cross compiles ({said.strip()})")
    return b""


def _bundle(entry: str, stubs: dict[str, str], modules: Path) -> bytes:
    """Return the script, bundled where copies of some packages have the stubs in them."""
    with _stage(entry, modules, _COPIED) as stage:
        for path, stub in stubs.items():
            source = stage / "node_modules" / path
            if not source.is_file():
                raise _NotAsKnown(f"there is no {path}")
            source.write_text(stub, "utf-8")
        try:
            bundle = npm.esbuild(*_BUNDLED, "entry.js", cwd=stage)
            return npm.terser(bundle, *_SMALL).encode()
        except UserError as error:
            reason = re.sub(rf"[^\"'\s]*{stage.name}/", "", error.reason)
            raise _NotAsKnown(f"{error.subject} cannot bundle it ({reason})") from None


def romfs(tree: Tree) -> bytes:
    """Return a ROMFS image of the files: MicroPython runs them where they lie.

    docs.micropython.org/en/latest/reference/romfs.html
    """
    image = VfsRomWriter()
    _fill(image, tree)
    return bytes(image.finalise())


def _fill(image: VfsRomWriter, tree: Tree) -> None:
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in sorted(tree.items()):
        folder, inside, rest = path.partition("/")
        if inside:
            folders.setdefault(folder, {})[rest] = content
        else:
            image.mkfile(path, content)
    for folder, below in folders.items():
        image.opendir(folder)
        _fill(image, below)
        image.closedir()


# -- published ---------------------------------------------------------------------------------------------------------


def _add_published(files: Files, modules: Path, python: PagePython, cached: Cache, sdk: str, eager: bool) -> list[str]:
    core = files.add_folder("pyscript", _published(modules / PYSCRIPT / "dist", "*.js"))
    loader = files.add_folder("micropython", _published(modules / MICROPYTHON, "micropython.*"))
    sources = files.add_folder("python", python.sources)
    allowed = "" if python.package is None else _HTML_IN_STRINGS
    entry = sdk + allowed + _PUBLISHED_ENTRY.replace("CORE", f"./{core.rpartition('/')[2]}/core.js")
    made = cached("script", [npm.lock_hash().encode(), entry.encode()], lambda: _bundle_published(entry, modules))
    script = files.add("start.js", made)
    config: dict[str, object] = {
        "interpreter": f"./{loader}/micropython.mjs",
        "plugins": [f"!{name}" for name in _PLUGINS],
        "files": {f"./{sources}/{path}": f"{_ROM}/{path}" for path in python.sources},
    }
    code = f'import sys; sys.path.insert(0, "{_ROM}"); {_SCRIPT}'
    return _tags(config, code, script, eager, (f"{loader}/micropython.wasm",))


def _published(folder: Path, pattern: str) -> dict[str, bytes]:
    tree = {path.name: path.read_bytes() for path in sorted(folder.glob(pattern)) if path.is_file()}
    if not tree:
        raise UserError(str(folder), f"this version of the package has no {pattern}", "put its version back")
    return tree


def _bundle_published(entry: str, modules: Path) -> bytes:
    with _stage(entry, modules) as stage:
        return npm.esbuild(*_BUNDLED, "--external:./pyscript-*", "entry.js", cwd=stage).encode()


# -- both --------------------------------------------------------------------------------------------------------------


@contextmanager
def _stage(entry: str, modules: Path, copied: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield a folder with the entry script and the packages, `copied` as copies of their sources, the others as links.

    esbuild runs in it, and so meets the same paths, which it writes into the script, on every machine.
    """
    with tempfile.TemporaryDirectory(prefix="popdesk-bundle-") as folder:
        stage = Path(folder)
        (stage / "entry.js").write_text(entry, "utf-8")
        for manifest in (*modules.glob("[!.]*/package.json"), *modules.glob("@*/*/package.json")):
            package = stage / "node_modules" / manifest.parent.relative_to(modules)
            if package.relative_to(stage / "node_modules").as_posix() in copied:
                shutil.copytree(
                    manifest.parent, package, ignore=shutil.ignore_patterns("dist", "types", "*.map", "*.wasm")
                )
            else:
                package.parent.mkdir(parents=True, exist_ok=True)
                package.symlink_to(manifest.parent, target_is_directory=True)
        yield stage
