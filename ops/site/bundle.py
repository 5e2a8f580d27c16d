"""The page's one script and its interpreter: stock PyScript, MicroPython as its makers publish it, the Connect SDK.

    runtime = make_runtime(modules, cached, uses_sdk=True)
    runtime.script         # bytes of one JavaScript module, bundled by esbuild from the npm packages' own sources
    runtime.interpreter    # bytes of MicroPython's WebAssembly, as published
    runtime.tags(script="assets/start-HASH.js", interpreter="assets/micropython-HASH.wasm", pack=..., eager=True)

`@pyscript/core` exports its sources for bundlers ("exports" in its package.json). Modules of it that this page cannot
reach are replaced by stubs, whole files only (`_LEFT_OUT`, each with its reason): they would be a third of the bytes before
the first value is shown. No line of what is left is changed. docs/startup.md has the figures.
"""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.errors import Trouble
from ops.site import npm

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
    # Listeners named by HTML attributes (mpy-click): the page has none, and each element added would be searched for them.
    "polyscript/esm/listeners.js": "export const env = {}, listener = undefined, addAllListeners = () => undefined;",
    # A codec for what workers and the page send each other.
    "reflected-ffi/src/direct/index.js": "export const encode = undefined, decode = undefined;",
    # Editor, terminal, game, error banner: the page shows its own errors.
    "@pyscript/core/src/plugins.js": "export default {};",
    "@pyscript/core/src/plugins/codemirror.js": "export default {};",
    "@pyscript/core/src/plugins/donkey.js": "export {};",
    # The `pyscript` Python package: the page imports only `js` and `jsffi`, and it is never installed (see _ENTRY).
    "@pyscript/core/src/stdlib/pyscript.js": "export default {};",
}
# The packages whose sources are copied, so that the stubs can stand in for some of them.
_COPIED = ("@pyscript/core", "polyscript", "@webreflection/idb-map", "reflected-ffi")
_MICROPYTHON = "@micropython/micropython-webassembly-pyscript"

# The module of the pack that the page imports.
BOOT_MODULE = "boot"
# How the page's Python starts, by what PyScript and MicroPython offer for it:
# - `interpreter` of the page's config names a module that exports loadMicroPython. That is this very script, which the
#   browser has already: MicroPython's loader comes with it. It hands over the pack as the ROM that loadMicroPython takes
#   (`romfs`), and both are fetched from the script's first line on.
# - A default worker hook is made with Function(), which the CSP forbids.
# - Installing the `pyscript` package costs a quarter of the start-up: the page's Python starts as soon as the
#   interpreter is ready, and the step that would install it is never reached.
_ENTRY = f"""
import {{ hooks }} from "@pyscript/core";
import {{ loadMicroPython as load }} from "{_MICROPYTHON}/micropython.mjs";

const config = JSON.parse(document.querySelector("script[type=mpy]").getAttribute("config"));
const pack = fetch(config.romfs).then((response) => response.arrayBuffer());
export const loadMicroPython = async (options) =>
  load({{ ...options, url: config.wasm, romfs: new Uint8Array(await pack) }});

hooks.worker.onBeforeRunAsync.clear();
hooks.main.onReady.add(({{ interpreter }}) => {{
  interpreter.pyimport({json.dumps(BOOT_MODULE)});
  return new Promise(() => {{}});
}});
"""


@dataclass(frozen=True)
class Runtime:
    """What runs the page's Python: `script`, one JavaScript module, and `interpreter`, its WebAssembly."""

    script: bytes
    interpreter: bytes

    def tags(self, script: str, interpreter: str, pack: str, eager: bool) -> list[str]:
        """Return the tags for the head that load it all at once and import the pack's module BOOT_MODULE.

        `script`, `interpreter` (a .wasm) and `pack` are paths below the site's root. An `eager` page's script waits for
        nothing: the style sheet and the rest of the HTML may come while the interpreter starts.

        In the head, since browsers look ahead for what is to be preloaded: a script that runs before the parser has come to
        the link, which it does not while it waits for a style sheet, takes the response, and the link then asks again.
        The config is first: the script reads it as it starts.
        """
        config = {"interpreter": f"./{script}", "wasm": f"./{interpreter}", "romfs": f"./{pack}"}
        return [
            f"<script type=\"mpy\" config='{html.escape(json.dumps(config))}'>import {BOOT_MODULE}</script>",
            f'<script type="module" {"async " if eager else ""}src="./{script}"></script>',
            *(f'<link rel="preload" as="fetch" crossorigin href="./{path}">' for path in (pack, interpreter)),
        ]


# What the page uses of the Connect SDK: esbuild leaves out the rest. The global's name is known to pyapp/connect.py alone.
_SDK = """
export { AmazonConnectApp, AppContactScope } from "@amazon-connect/app";
export { AgentClient, ContactClient } from "@amazon-connect/contact";
export { VoiceClient } from "@amazon-connect/voice";
export { ConnectClient, sdkVersion } from "@amazon-connect/core";
"""
_SDK_ENTRY = """
import * as connectSDK from "./sdk.js";
globalThis.connectSDK = connectSDK;
"""
# What the loader would import under Node.js.
_NODE_ONLY = ("node:module", "path", "url", "fs")
_BUNDLED = (
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2022",
    "--legal-comments=none",
    *(f"--external:{module}" for module in _NODE_ONLY),
    # What would run under Node.js alone.
    "--define:process=undefined",
    "--define:globalThis.process=undefined",
)
# terser makes the script smaller still: it leaves out the branches that are never taken.
_SMALL = ("--module", "--ecma=2022", "--compress=passes=3", "--mangle")
# Has Chromium compile all functions while it loads the script, on another thread; other browsers ignore it.
_COMPILED_EARLY = "//# allFunctionsCalledOnLoad\n"
Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]


def make_runtime(modules: Path, cached: Cache, uses_sdk: bool) -> Runtime:
    """Return PyScript bundled from the npm packages in `modules` (web/node_modules), and MicroPython's WebAssembly.

    `cached(kind, inputs, make)` keeps what is made under the hash of its inputs.
    """
    entry = (_SDK_ENTRY if uses_sdk else "") + _ENTRY
    recipe = [_LEFT_OUT, _BUNDLED, _SMALL, _COMPILED_EARLY, _SDK, entry]
    inputs = [npm.lock_hash().encode(), json.dumps(recipe).encode()]
    script = cached("script", inputs, lambda: _bundle(entry, modules))
    return Runtime(script, (modules / _MICROPYTHON / "micropython.wasm").read_bytes())


def _bundle(entry: str, modules: Path) -> bytes:
    """Bundle in a copy of the packages' sources where the stubs stand in; their other packages come by NODE_PATH."""
    with tempfile.TemporaryDirectory(prefix="popdesk-runtime-") as folder:
        stage = Path(folder)
        for package in _COPIED:
            ignored = shutil.ignore_patterns("dist", "types", "*.map", "*.wasm")
            shutil.copytree(modules / package, stage / "node_modules" / package, ignore=ignored)
        for path, stub in _LEFT_OUT.items():
            source = stage / "node_modules" / path
            if not source.is_file():
                raise Trouble(
                    path, "this version of the package has no such file", "correct its name in ops/site/bundle.py"
                )
            source.write_text(stub, "utf-8")
        (stage / "sdk.js").write_text(_SDK, "utf-8")
        (stage / "entry.js").write_text(entry, "utf-8")
        bundle = npm.esbuild(*_BUNDLED, str(stage / "entry.js"), node_path=modules)
    return (_COMPILED_EARLY + npm.terser(bundle, *_SMALL)).encode()
