"""The page's one script: PyScript, stock or its kernel polyscript, with MicroPython's loader and the Connect SDK.

    runtime = make_runtime("pyscript", modules, cached, uses_sdk=True)
    runtime.script         # bytes of one JavaScript module, bundled by esbuild from the npm packages' own sources
    runtime.interpreter    # bytes of MicroPython's WebAssembly, as ops/wasm_calls.py and ops/wasm_loop.py change it
    runtime.tags(script="assets/start-HASH.js", interpreter="assets/micropython-HASH.wasm", pack=..., eager=True)

`@pyscript/core` exports its sources for bundlers ("exports" in its package.json), polyscript too. What this page cannot
reach is left out of the bundle (`_LEFT_OUT`, `_REPLACED`, `_CUT`, each with its reason): it would be a third of the bytes
before the first value is shown. docs/startup.md has the figures.
"""

from __future__ import annotations

import html
import inspect
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import wasm, wasm_calls, wasm_loop
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
    # Editor, terminal, game, error banner: the page shows its own trouble.
    "@pyscript/core/src/plugins.js": "export default {};",
    "@pyscript/core/src/plugins/codemirror.js": "export default {};",
    "@pyscript/core/src/plugins/donkey.js": "export {};",
    # The `pyscript` Python package: the page imports only `js` and `jsffi`, and it is never installed (see below).
    "@pyscript/core/src/stdlib/pyscript.js": "export default {};",
}

# Script types of one's own: stock PyScript defines its `mpy` with them, the kernel alone needs none.
_POLYSCRIPT_LEFT_OUT = {
    "polyscript/esm/custom.js": "export const CUSTOM_SELECTORS = [], customObserver = undefined, define = undefined,"
    " whenDefined = undefined, handleCustomType = undefined;",
}

# The module of the pack that the page imports.
BOOT_MODULE = "boot"
# How the page's Python starts under stock PyScript.
# - A default worker hook is made with Function(), which the CSP forbids.
# - Installing the `pyscript` package costs a quarter of the start-up: the page's Python starts as soon as the
#   interpreter is ready, and the step that would install it is never reached.
_PYSCRIPT_ENTRY = f"""
import {{ hooks }} from "@pyscript/core";
hooks.worker.onBeforeRunAsync.clear();
hooks.main.onReady.add(({{ interpreter }}) => {{
  interpreter.pyimport({json.dumps(BOOT_MODULE)});
  return new Promise(() => {{}});
}});
"""
_POLYSCRIPT_ENTRY = 'import "polyscript";'


@dataclass(frozen=True)
class Runtime:
    """What runs the page's Python: `script`, one JavaScript module, and `interpreter`, its WebAssembly."""

    name: str
    script: bytes
    interpreter: bytes

    def tags(self, script: str, interpreter: str, pack: str, eager: bool) -> list[str]:
        """Give the tags for the head that load it all at once and import the pack's module BOOT_MODULE.

        `script`, `interpreter` (a .wasm) and `pack` are paths below the site's root. An `eager` page's script waits for
        nothing: the style sheet and the rest of the HTML may come while the interpreter starts.

        In the head, since browsers look ahead for what is to be preloaded: a script that runs before the parser has come to
        the link, which it does not while it waits for a style sheet, takes the response, and the link then asks again.
        """
        # Where PyScript expects the loader's address stands the WebAssembly's: the loader is in the script.
        config: dict[str, object] = {"romfs": f"./{pack}"}
        if self.name == "pyscript":
            config["interpreter"] = f"./{interpreter}"
            kind = 'type="mpy"'
        else:
            # From the root: polyscript resolves it once against its own folder and once against the page.
            kind = f'type="micropython" version="/{interpreter}"'
        return [
            f'<script type="module" {"async " if eager else ""}src="./{script}"></script>',
            *(f'<link rel="preload" as="fetch" crossorigin href="./{path}">' for path in (pack, interpreter)),
            f"<script {kind} config='{html.escape(json.dumps(config))}'>import {BOOT_MODULE}</script>",
        ]


_ENTRIES = {"pyscript": _PYSCRIPT_ENTRY, "polyscript": _POLYSCRIPT_ENTRY}
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
_MICROPYTHON = "@micropython/micropython-webassembly-pyscript"
_LOADER = f"{_MICROPYTHON}/micropython.mjs"
# The packages whose sources are copied, so that stubs can stand in for some of them.
_KERNEL = ("polyscript", "@webreflection/idb-map", "reflected-ffi", _MICROPYTHON)
_PACKAGES = {"pyscript": ("@pyscript/core", *_KERNEL), "polyscript": _KERNEL}
# What the interpreter asks of an operating system, where there are no files.
_SYSTEM_CALLS = (
    "chdir fstat64 getcwd getdents64 lstat64 mkdirat newfstatat openat poll renameat rmdir stat64 statfs64 unlinkat"
)
_NO_FILES = (
    f"...Object.fromEntries({json.dumps(_SYSTEM_CALLS.split())}.map(name=>['__syscall_'+name,()=>-44])),"
    "fd_close:()=>8,fd_read:()=>8,fd_seek:()=>8,fd_sync:()=>0,"
    "fd_write(fd,vector,count,written){"
    "let total=0;"
    "for(;count--;vector+=8){"
    "const start=HEAPU32[vector>>2],length=HEAPU32[vector+4>>2];"
    "HEAPU8.subarray(start,start+length).forEach(Module[1===fd?'stdout':'stderr']);"
    "total+=length}"
    "return HEAPU32[written>>2]=total,0},"
)
# Passages replaced in the sources: (path below node_modules, what stands there once, what stands there instead).
_REPLACED = (
    # The kernel imports MicroPython's loader from an address, as a script of its own: here it comes with this one.
    ("polyscript/esm/interpreters.js", "import(/* webpackIgnore: true */url)", f"import({json.dumps(_LOADER)})"),
    # The pack goes to MicroPython's memory, as the ROM that its loader takes, while the WebAssembly is being fetched. As a
    # file it would be fetched after that, and copied twice.
    (
        "polyscript/esm/interpreter/micropython.js",
        "loadMicroPython({ linebuffer: false, stderr, stdout, url })",
        "loadMicroPython({ linebuffer: false, stderr, stdout, url, romfs: fetch(config.romfs).arrayBuffer() })",
    ),
    (
        _LOADER,
        "if(void 0!==romfs){const romfs_addr=",
        "if(void 0!==options.romfs){const romfs=new Uint8Array(await options.romfs),romfs_addr=",
    ),
    # Emscripten's hundred checks of itself: esbuild leaves out what calls an empty function, but for what it is given to
    # work out (which may be more than a check). One of them asks the WebAssembly ten thousand times during the start.
    (
        _LOADER,
        'function assert(condition,text){condition||abort("Assertion failed"+(text?": "+text:""))}',
        "function assert(){}",
    ),
    (
        _LOADER,
        'assert(wasmTable.get(funcPtr)==func,"JavaScript-side Wasm function table mirror is out of date!"),',
        "",
    ),
    # Its file system, 500 lines: the page's Python has no files but the pack's, which the interpreter reads by itself. Any
    # other is not there (44, ENOENT); what Python prints goes to the console. terser leaves out what nothing leads to now
    # (an error class that extends another would be kept).
    (_LOADER, "ErrnoError:class extends Error{", "ErrnoError:class{"),
    (
        _LOADER,
        'constructor(errno){for(var key in super(runtimeInitialized?(errno=>UTF8ToString(_strerror(errno)))(errno):""),'
        "this.errno=errno,ERRNO_CODES)if(ERRNO_CODES[key]===errno){this.code=key;break}}",
        "",
    ),
    (_LOADER, "Module.PATH=PATH,Module.PATH_FS=PATH_FS,", ""),
    (_LOADER, ",Module.FS=FS;", ";"),
    (_LOADER, "Module.noFSInit||FS.initialized||FS.init(),TTY.init(),", ""),
    (_LOADER, "FS.ignorePermissions=!1,", ""),
    (
        _LOADER,
        '_abort_js:()=>abort("native code called abort()"),',
        f'_abort_js:()=>abort("native code called abort()"),{_NO_FILES}',
    ),
    ("polyscript/esm/interpreter/micropython.js", "        this.writeFile(interpreter, './mip.py', mip);\n", ""),
    # The page's script is one import. Done as such it needs no compiler: 74 functions of the WebAssembly that the browser
    # would have to compile for nothing else.
    (
        "polyscript/esm/interpreter/_python.js",
        "interpreter.runPythonAsync(dedent(code), ...args)",
        f"interpreter.pyimport({json.dumps(BOOT_MODULE)})",
    ),
    # Its exports as they are, not each in a function of its own.
    (_LOADER, "return function(wasmExports){", "return function(exported){wasmExports=exported;"),
    (
        _LOADER,
        "return(...args)=>{assert(runtimeInitialized",
        "return wasmExports[name];(...args)=>{assert(runtimeInitialized",
    ),
)
# Passages left out of the sources: (path below node_modules, how the passage begins, how what follows it begins).
_CUT = (
    # Emscripten's other checks: of the browser's version (the WebAssembly says itself what it needs), of names that
    # Python programs never use, of calls before the WebAssembly is there and of its exports.
    (_LOADER, "!function(){function humanReadableVersionToPacked", "var Module=moduleArg"),
    (_LOADER, '["writeI53ToI64",', 'var _fflush=makeInvalidEarlyAccess("_fflush")'),
    (_LOADER, "assert(void 0!==wasmExports.free,", 'Module._free=createExportWrapper("free"'),
    # Its file system (see _REPLACED).
    (_LOADER, "FS.createPreloadedFile=(", "void 0===globalThis.crypto&&"),
    (_LOADER, "__syscall_chdir:function(path){", "_abort_js:"),
    (_LOADER, "fd_close:function(fd)", "has_attr:function"),
    (
        "polyscript/esm/interpreter/micropython.js",
        "        const { FS, _module: { PATH, PATH_FS } } = interpreter;",
        "    },\n};",
    ),
    # The calls that ops/wasm_calls.py puts into the WebAssembly.
    (_LOADER, "invoke_i:function(index)", "js_check_existing:"),
    (_LOADER, "_emscripten_throw_longjmp:", "call0:function"),
)
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
# terser makes the script smaller still, by 2.2 kB in brotli: it leaves out the branches that are never taken.
_SMALL = ("--module", "--ecma=2022", "--compress=passes=3", "--mangle")
# Has Chromium compile all functions while it loads the script, on another thread; other browsers ignore it.
_COMPILED_EARLY = "//# allFunctionsCalledOnLoad\n"
Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]


def make_runtime(name: str, modules: Path, cached: Cache, uses_sdk: bool) -> Runtime:
    """Bundle the runtime `name` ("pyscript" or "polyscript") from web/node_modules at `modules`.

    `cached(kind, inputs, make)` keeps what is made under the hash of its inputs.
    """
    entry = (_SDK_ENTRY if uses_sdk else "") + _ENTRIES[name]
    recipe = [_left_out(name), _REPLACED, _CUT, _BUNDLED, _SMALL, _COMPILED_EARLY, _SDK, entry]
    inputs = [npm.lock_hash().encode(), json.dumps(recipe).encode()]
    script = cached(name, inputs, lambda: _bundle(name, entry, modules))
    original = modules / _MICROPYTHON / "micropython.wasm"
    changed_by = [inspect.getsource(each).encode() for each in (wasm, wasm_calls, wasm_loop)]
    interpreter = cached("interpreter", [original.read_bytes(), *changed_by], lambda: _interpreter(original))
    return Runtime(name, script, interpreter)


def _bundle(name: str, entry: str, modules: Path) -> bytes:
    """Bundle in a copy of the packages' sources where the stubs stand in; their other packages come by NODE_PATH."""
    with tempfile.TemporaryDirectory(prefix="popdesk-runtime-") as folder:
        stage = Path(folder)
        for package in _PACKAGES[name]:
            ignored = shutil.ignore_patterns("dist", "types", "*.map", "*.wasm")
            shutil.copytree(modules / package, stage / "node_modules" / package, ignore=ignored)
        for path, stub in _left_out(name).items():
            _source(stage, path).write_text(stub, "utf-8")
        for path, old, new in _REPLACED:
            _replace(_source(stage, path), old, new)
        for path, begins, next_begins in _CUT:
            source = _source(stage, path)
            _replace(source, _passage(source, begins, next_begins), "")
        (stage / "sdk.js").write_text(_SDK, "utf-8")
        (stage / "entry.js").write_text(entry, "utf-8")
        bundle = npm.esbuild(*_BUNDLED, str(stage / "entry.js"), node_path=modules)
    return (_COMPILED_EARLY + npm.terser(bundle, *_SMALL)).encode()


def _left_out(name: str) -> dict[str, str]:
    stubs = {path: stub for path, stub in _LEFT_OUT.items() if path.startswith(_PACKAGES[name])}
    return stubs | (_POLYSCRIPT_LEFT_OUT if name == "polyscript" else {})


def _interpreter(original: Path) -> bytes:
    """Give MicroPython's WebAssembly as the page has it: quicker in its first second, the same in what it does."""
    try:
        module = wasm.Module.read(original.read_bytes())
        wasm_calls.keep_exceptions_inside(module)
        wasm_loop.split_main_loop(module)
    except wasm.Malformed as error:
        reason = f"this version of the package is not as ops/site/bundle.py knows it: {error}"
        raise Trouble(original.name, reason, "mend ops/wasm.py, ops/wasm_calls.py or ops/wasm_loop.py") from None
    return module.write()


def _passage(source: Path, begins: str, next_begins: str) -> str:
    _, found, tail = source.read_text("utf-8").partition(begins)
    passage, next_found, _ = tail.partition(next_begins)
    if not (found and next_found):
        raise Trouble(source.name, f"this version of the package has not the passage {begins!r}", "mend _CUT")
    return begins + passage


def _replace(source: Path, old: str, new: str) -> None:
    text = source.read_text("utf-8")
    if text.count(old) != 1:
        raise Trouble(
            source.name, f"this version of the package has not once the passage {old[:60]!r}", "mend _REPLACED or _CUT"
        )
    source.write_text(text.replace(old, new), "utf-8")


def _source(stage: Path, path: str) -> Path:
    source = stage / "node_modules" / path
    if not source.is_file():
        raise Trouble(path, "this version of the package has no such file", "mend its name in ops/site/bundle.py")
    return source
