"""PyScript for the page: one script, stock PyScript or polyscript (its kernel), and the MicroPython interpreter.

    runtime = make_runtime("pyscript", modules)
    runtime.script        # bytes of one JavaScript module, bundled by esbuild from the npm packages' own sources
    runtime.tags(script="assets/start-HASH.js", interpreter="assets/micropython-HASH", pack=..., boot=...)

`@pyscript/core` exports its sources for bundlers ("exports" in its package.json), polyscript too. What this page cannot
reach is left out of the bundle (`_LEFT_OUT`, each with its reason): it would be a third of the bytes before the first
value is shown. docs/startup.md has the figures.
"""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import npm
from ops.errors import Trouble

# Sources replaced by a stub, by their path below node_modules.
_LEFT_OUT = {
    # The page has no worker; this module is the text of one, a third of the kernel.
    "polyscript/esm/worker/xworker.js": 'export default () => { throw new Error("this build has no workers"); };',
    "polyscript/esm/worker/class.js": 'export default () => function () { throw new Error("this build has no workers"); };',
    # The page runs MicroPython.
    "polyscript/esm/interpreter/pyodide.js": 'export default { type: "pyodide" };',
    # The page's files come as one pack, without zip archives or packages from an index.
    "polyscript/esm/3rd-party/zip.js": "export {};",
    "polyscript/esm/python/mip.js": 'export default "";',
    "polyscript/esm/interpreter/_remote_package.js": "export default () => [];",
    "polyscript/esm/3rd-party/toml.js": "export {};",
    # The page stores nothing and mounts no folder. Core opens an IndexedDB as it loads, for its `fs` module alone: where
    # the browser denies storage to a cross-site iframe, that would raise two page errors.
    "polyscript/esm/interpreter/_nativefs.js": "export const initializeNativeFS = () => undefined;",
    "@webreflection/idb-map/index.js": "export default class {}",
    "@webreflection/idb-map/sync.js": "export default class extends Map {}",
    # A codec for what workers and the page send each other.
    "reflected-ffi/src/direct/index.js": "export const encode = undefined, decode = undefined;",
    # Editor, terminal, game, error banner: the page shows its own trouble.
    "@pyscript/core/src/plugins.js": "export default {};",
    "@pyscript/core/src/plugins/codemirror.js": "export default {};",
    "@pyscript/core/src/plugins/donkey.js": "export {};",
    # The `pyscript` Python package: the page imports only `js` and `jsffi`, and it is never installed (see below).
    "@pyscript/core/src/stdlib/pyscript.js": "export default {};",
}

# How the page's Python starts under stock PyScript.
# - A default worker hook is made with Function(), which the CSP forbids.
# - Installing the `pyscript` package costs a quarter of the start-up: the page's Python starts as soon as the
#   interpreter is ready, and the step that would install it is never reached.
_PYSCRIPT_ENTRY = """
import { hooks } from "@pyscript/core";
hooks.worker.onBeforeRunAsync.clear();
hooks.main.onReady.add(({ interpreter }, script) => {
  interpreter.runPython(script.textContent);
  return new Promise(() => {});
});
"""
_POLYSCRIPT_ENTRY = 'import "polyscript";'


@dataclass(frozen=True)
class Runtime:
    """What runs the page's Python: `script`, one JavaScript module, and the interpreter's two files by name."""

    name: str
    script: bytes
    interpreter: dict[str, bytes]

    def tags(self, script: str, interpreter: str, pack: str, boot: str) -> tuple[list[str], list[str]]:
        """Give the tags for the head and for the body that load it all at once and run `boot`.

        `script` and `pack` are paths below the site's root, `interpreter` the folder of the interpreter's files.
        """
        module, wasm = (f"{interpreter}/{name}" for name in _INTERPRETER)
        head = [
            f'<link rel="modulepreload" href="./{module}">',
            *(f'<link rel="preload" as="fetch" crossorigin href="./{path}">' for path in (wasm, pack)),
            f'<script type="module" src="./{script}"></script>',
        ]
        files = {f"./{pack}": "./app.pack"}
        if self.name == "pyscript":
            config = {"interpreter": f"./{module}", "files": files}
            return head, [f"<script type=\"mpy\" config='{html.escape(json.dumps(config))}'>\n{boot}</script>"]
        # From the root: polyscript resolves it once against its own folder and once against the page.
        return head, [
            f'<script type="micropython" version="/{module}" '
            f"config='{html.escape(json.dumps({'files': files}))}'>\n{boot}</script>"
        ]


_INTERPRETER = ("micropython.mjs", "micropython.wasm")
_ENTRIES = {"pyscript": _PYSCRIPT_ENTRY, "polyscript": _POLYSCRIPT_ENTRY}
# The packages whose sources are copied, so that stubs can stand in for some of them.
_KERNEL = ("polyscript", "@webreflection/idb-map", "reflected-ffi")
_PACKAGES = {"pyscript": ("@pyscript/core", *_KERNEL), "polyscript": _KERNEL}

Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]


def make_runtime(name: str, modules: Path, cached: Cache) -> Runtime:
    """Bundle the runtime `name` ("pyscript" or "polyscript") from web/node_modules at `modules`.

    `cached(kind, inputs, make)` keeps what is made under the hash of its inputs.
    """
    inputs = [npm.lock_hash().encode(), json.dumps([_LEFT_OUT, _ENTRIES[name]]).encode()]
    script = cached(name, inputs, lambda: _bundle(name, modules))
    folder = modules / "@micropython" / "micropython-webassembly-pyscript"
    source = folder / _INTERPRETER[0]
    small = cached("micropython", inputs[:1], lambda: npm.esbuild("--minify", "--target=es2022", str(source)).encode())
    return Runtime(name, script, {_INTERPRETER[0]: small, _INTERPRETER[1]: (folder / _INTERPRETER[1]).read_bytes()})


def _bundle(name: str, modules: Path) -> bytes:
    """Bundle in a copy of the packages' sources where the stubs stand in; their other packages come by NODE_PATH."""
    with tempfile.TemporaryDirectory(prefix="popdesk-runtime-") as folder:
        stage = Path(folder)
        for package in _PACKAGES[name]:
            ignored = shutil.ignore_patterns("dist", "types", "*.map")
            shutil.copytree(modules / package, stage / "node_modules" / package, ignore=ignored)
        for path, stub in _LEFT_OUT.items():
            target = stage / "node_modules" / path
            if path.startswith(_PACKAGES[name]):
                if not target.is_file():
                    raise Trouble(
                        path, "this version of the package has no such file", "mend _LEFT_OUT in ops/runtime.py"
                    )
                target.write_text(stub, "utf-8")
        (stage / "entry.js").write_text(_ENTRIES[name], "utf-8")
        return npm.esbuild(
            "--bundle",
            "--minify",
            "--format=esm",
            "--target=es2022",
            "--legal-comments=none",
            str(stage / "entry.js"),
            node_path=modules,
        ).encode()
