"""Asks the page's own interpreter, MicroPython, under Node.js: what it has, and what it prints.

    names = micropython_names(cached)
    names.modules["re"]             # -> {"compile", "match", "search", "sub", ...}
    names.methods                   # -> names of all methods of its types: {"lower", "append", "total_seconds", ...}
    run_python("print(1 + 1)")      # -> "2"

Nothing about MicroPython is written down here: another version of the package answers for itself.
"""

from __future__ import annotations

import base64
import builtins
import datetime
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ops.errors import UserError
from ops.site import npm
from ops.site.bundle import MICROPYTHON, romfs

Cache = Callable[[str, list[bytes], Callable[[], bytes]], bytes]

# Prints as it comes, and leaves with the interpreter's exception as the reason.
_RUN = """
const { loadMicroPython } = await import(process.argv[1]);
const [code, image] = JSON.parse(Buffer.concat(await Array.fromAsync(process.stdin)).toString());
const romfs = image ? { romfs: new Uint8Array(Buffer.from(image, "base64")) } : {};
const python = await loadMicroPython({
  ...romfs, linebuffer: true, stdout: (line) => process.stdout.write(line + "\\n"),
});
try {
  await python.runPythonAsync(code);
} catch (error) {
  process.stderr.write("error: " + String(error).trim().split("\\n").at(-1));
  process.exit(1);
}
"""
# Modules that CPython has not, and the page uses.
_MICROPYTHONS_OWN = ("vfs",)
_ASK = """
import builtins, json, sys
modules, classes = {}, {}
for name in %s:
    try:
        module = __import__(name)
    except Exception:
        continue
    modules[name] = dir(module)
    for each in dir(module):
        if isinstance(getattr(module, each), type):
            classes[name + "." + each] = dir(getattr(module, each))
import re
methods = dir(re.compile("a")) + dir(re.match("a", "a"))
for each in classes:
    methods += classes[each]
print(json.dumps({"builtins": dir(builtins), "modules": modules, "classes": classes, "methods": methods}))
"""
# Types whose methods a card calls on a value, without naming the type.
_TYPES: tuple[Any, ...] = (
    *(each for each in vars(builtins).values() if isinstance(each, type) and not issubclass(each, BaseException)),
    *(re.Pattern, re.Match, datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)


@dataclass(frozen=True)
class Names:
    """The names that MicroPython has: `classes` by "module.Class", `methods` of all its types together."""

    builtins: frozenset[str]
    modules: dict[str, frozenset[str]]
    classes: dict[str, frozenset[str]]
    methods: frozenset[str]

    @cached_property
    def lacking_methods(self) -> frozenset[str]:
        """Return the public methods of CPython's types that no type of MicroPython's has."""
        ours = {name for each in _TYPES for name in dir(each) if not name.startswith("_")}
        return frozenset(ours - self.methods)


def micropython_names(cached: Cache) -> Names | None:
    """Return what this version of MicroPython has; None for a version that does not say it."""
    code = _ASK % sorted({*sys.stdlib_module_names, *_MICROPYTHONS_OWN} - {"antigravity", "this"})
    try:
        found = json.loads(
            cached("micropython", [npm.lock_hash().encode(), code.encode()], lambda: run_python(code).encode())
        )
    except (UserError, ValueError):
        return None
    return Names(
        builtins=frozenset(found["builtins"]),
        modules={name: frozenset(names) for name, names in found["modules"].items()},
        classes={name: frozenset(names) for name, names in found["classes"].items()},
        methods=frozenset(found["methods"]),
    )


def run_python(code: str, files: Mapping[str, bytes] | None = None) -> str:
    """Run `code`, in which `await` may stand, on MicroPython and return what it prints.

    `files` (path -> bytecode or data) are mounted as /rom, as in the page. Raises UserError with the last line of what it
    raises.
    """
    image = base64.b64encode(romfs(files)).decode() if files else ""
    with npm.packages() as modules:
        loader = (modules / MICROPYTHON / "micropython.mjs").as_uri()
        return npm.run_module(_RUN, loader, stdin=json.dumps([code, image]))
