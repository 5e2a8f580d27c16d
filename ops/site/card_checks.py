"""Looks at a page's cards before the page does: what MicroPython has not, or reads as another thing, with line and remedy.

    for finding in find_mistakes({"pyapp/cards.py": source, ...}, names, page_modules):
        finding.where, finding.what, finding.instead    # "pyapp/cards.py:12", "MicroPython has no re.findall", "use ..."

Nothing is run: ops/site/play.py does that, and finds what depends on values. `names` is what the interpreter has
(ops/site/micropython.py); docs/python-in-cards.md lists what differs. A rule is here only where it is never wrong about code
that works.
"""

from __future__ import annotations

import ast
import builtins
import dis
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType

from ops.site.micropython import Names

# Modules of the browser's, which no Node.js has.
BROWSER_MODULES = ("js", "jsffi", "pyscript", "polyscript", "micropython")

_MODULES = {
    "typing": "leave it out: MicroPython skips annotations, and those in quotes need no import",
    "dataclasses": "write a class with __init__, or use collections.namedtuple",
    "enum": "use plain constants",
    "contextlib": "use try and finally, or try and except",
    "urllib": "use js.encodeURIComponent(text)",
    "decimal": "count in the smallest unit, with whole numbers",
    "zoneinfo": "return Moment(text): the page shows it in the agent's own zone",
    "unicodedata": "use popdesk.texts.fold(text)",
    "uuid": "use js.crypto.randomUUID()",
    "textwrap": "leave it out: the page wraps texts",
    "traceback": "use sys.print_exception(error)",
    "requests": "ask for it in the look-up Lambda: the page's policy lets it reach its own origin alone",
    "boto3": "ask for it in the look-up Lambda: the page has no AWS credentials",
}
# Of an earlier Popdesk.
_MODULES |= {
    "board": "write `from popdesk import card`",
    "desk": "write `from popdesk import Unanswered`",
    "values": "write `from popdesk import Text`, and whatever else it imports",
}
_NAMES = {
    "re.findall": "call search() again and again, on what is left of the text",
    "re.fullmatch": "use match() and end the pattern with $",
    "re.split": "use text.split()",
    "re.escape": "write the pattern out, or use `in` and replace()",
    "datetime.datetime.strptime": "use popdesk.texts.parse_time(text)",
    "asyncio.run": "make the card `async` and use await",
    "asyncio.timeout": "use asyncio.wait_for(coroutine, seconds)",
    "time.strptime": "use popdesk.texts.parse_time(text)",
    "TimeoutError": "write asyncio.TimeoutError",
    "FileNotFoundError": "write OSError",
    "ConnectionError": "write OSError",
    "PermissionError": "write OSError",
    "UnicodeDecodeError": "write UnicodeError",
    "UnicodeEncodeError": "write UnicodeError",
    "RecursionError": "write RuntimeError",
    "ModuleNotFoundError": "write ImportError",
    "format": 'use an f-string: f"{value:.2f}"',
    "ascii": "use repr(value)",
    "vars": "use value.__dict__",
}
_METHODS = {
    "title": "use popdesk.capital(text) on each word",
    "capitalize": "use popdesk.capital(text)",
    "casefold": "use popdesk.texts.fold(text)",
    "swapcase": "use upper() or lower()",
    "zfill": 'use f"{number:05d}"',
    "ljust": 'use f"{text:<10}"',
    "rjust": 'use f"{text:>10}"',
    "removeprefix": "use text[len(prefix):] where text.startswith(prefix)",
    "removesuffix": "use text[:-len(suffix)] where text.endswith(suffix)",
    "translate": "use replace()",
    "isnumeric": "use isdigit()",
    "isdecimal": "use isdigit()",
    "isalnum": "use isalpha() or isdigit() on each character",
    "findall": "call search() again and again, on what is left of the text",
    "finditer": "call search() again and again, on what is left of the text",
    "fullmatch": "use match() and end the pattern with $",
    "groups": "use group(1), group(2), ...",
    "groupdict": "use group(1), group(2), ...",
    "strftime": 'return Moment(when), or write f"{when.year}-{when.month:02d}"',
    "strptime": "use popdesk.texts.parse_time(text)",
    "is_integer": "compare with int(number)",
}
_ELSEWHERE = "leave it out: docs/python-in-cards.md lists what there is"
# Arguments that MicroPython's functions do not take by name: the call raises TypeError.
_KEYWORDS = {
    "json.dumps": ("indent", "sort_keys", "ensure_ascii", "default"),
    "re.sub": ("count", "flags", "string", "repl"),
    "zip": ("strict",),
    "print": ("flush",),
    "int": ("base",),
    "sum": ("start",),
    "round": ("ndigits",),
    "bytes": ("encoding", "errors"),
    ".split": ("sep", "maxsplit"),
    ".rsplit": ("sep", "maxsplit"),
    ".encode": ("encoding", "errors"),
    ".decode": ("encoding", "errors"),
}
_PATTERN_CALLS = ("re.match", "re.search", "re.compile", "re.sub")
# What MicroPython's `re` reads as other characters or refuses (docs.micropython.org/en/latest/library/re.html).
_PATTERN_PARTS = (
    (re.compile(r"\{\d*,?\d*\}"), "{m,n}", "repeat the part as often: \\d\\d for \\d{2}"),
    (re.compile(r"\\[bBAZ]"), "\\b, \\B, \\A and \\Z", "use ^ and $, or name the characters beside it: [^a-z]"),
    (re.compile(r"\\[tnrfvxu]"), "an escaped character", "write the pattern without r, so that Python reads it"),
    (re.compile(r"\\[1-9]"), "a group that is repeated", "compare group(1) and group(2)"),
    (re.compile(r"\(\?(?!:)"), "(?...), other than (?:...)", "use (...) and group(1)"),
)
_GROUPED = re.compile(r"(?:.?[<>=^]|(?!.?[<>=^]))[-+ ]?z?#?0?\d*[,_]")
_OF_A_DATE = re.compile(r"%[a-zA-Z]")
# Modules whose functions take values, and no coroutine to run it.
_TAKE_VALUES = ("popdesk", "json", "re", "math", "datetime", "time")
# Python's own functions that take any object, a coroutine too; those that use what is in a list; those that make lists.
_TAKE_OBJECTS = (
    "isinstance",
    "issubclass",
    "hasattr",
    "getattr",
    "callable",
    "type",
    "id",
    "next",
    "iter",
    "anext",
    "aiter",
)
_TAKE_VALUES_INSIDE = ("str", "repr", "print", "format", "sum", "min", "max")
_CONTAINERS = ("list", "tuple", "set", "dict", "zip", "reversed")
# What a coroutine itself has.
_OF_COROUTINES = ("send", "throw", "close")
# Where a value has to stand, other than in a call.
_USES = (
    ast.Expr,
    ast.Subscript,
    ast.Starred,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.UnaryOp,
    ast.IfExp,
    ast.If,
    ast.While,
    ast.For,
    ast.comprehension,
    ast.AugAssign,
    ast.Assert,
    ast.Raise,
)
_ASYNC_OF_ASYNCIO = ("asyncio.sleep", "asyncio.gather", "asyncio.wait_for")
_CANNOT_BE_DRAWN = (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp, ast.Lambda)
_DRAWN_INSTEAD = {
    "list": "return Table(columns, rows), or Group(values) for several values",
    "tuple": "return Group(values), or Text(text, rest=...) for a text with something quieter behind",
    "set": "return a text of it: ', '.join(sorted(values))",
    "dict": "return Pairs({...}), or one of its values",
    "lambda": "return what it returns",
}
_WITH_TONE = ("popdesk.Text", "popdesk.Badge", "popdesk.Note")
# The one file that the page has.
_FILES = ("/rom/settings.json",)
# What changes something: an action's, not a card's.
_CHANGES = ("post", "put", "patch", "delete", "set_attribute")
_STORES = {dis.opmap["STORE_NAME"], dis.opmap["STORE_GLOBAL"]}
_GLOBAL_NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_BUILTINS = frozenset(dir(builtins))
_OF_A_MODULE = frozenset({"__name__", "__file__", "__doc__", "__path__", "__package__", "__annotations__"})
# What helps with a name that is not defined, where nobody is known to have it.
UNDEFINED_HINT = "import it or give it a value first; is it spelt so?"


@dataclass(frozen=True, order=True)
class Finding:
    """A mistake in a page's Python: `what` is wrong at `path`, line `line`, and what to write `instead`."""

    path: str
    line: int
    what: str
    instead: str
    module: str = ""  # that MicroPython lacks, "requests"

    @property
    def where(self) -> str:
        """Return its place, "pyapp/cards.py:12"."""
        return f"{self.path}:{self.line}"


def find_mistakes(sources: Mapping[str, str], names: Names | None, page_modules: Mapping[str, str]) -> list[Finding]:
    """Return the mistakes in `sources` (path -> source), in their order.

    `page_modules` are the sources of all modules that the page has, by their names ("popdesk.desk"). Without `names` it is not
    known what MicroPython has. A source that is no Python is the compiler's to name.
    """
    own = _Own(page_modules)
    found: set[Finding] = set()
    for path, source in sources.items():
        found.update(_Checker(path, source, names, own).find())
    return sorted(found)


def imported_modules(start: str, page_modules: Mapping[str, str]) -> list[str]:
    """Return the names of the page's modules that `start` brings in, itself first."""
    found = [start]
    for name in found:
        found += [each for each in _imports(_parsed(page_modules[name])) if each in page_modules and each not in found]
    return found


@lru_cache(maxsize=256)
def _imports(tree: ast.Module) -> tuple[str, ...]:
    """Return the names of the modules that a module may import, each once: "a.b" where it says `from a import b` too."""
    named: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(named))


@lru_cache(maxsize=256)
def _methods(tree: ast.Module) -> frozenset[str]:
    """Return the names of the methods of a module's classes."""
    return frozenset(
        each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def other_syntax(source: str, line: int) -> str:
    """Return what to write instead of what MicroPython cannot compile at `line` of `source`; "" where that is not known."""
    at_line = [
        node
        for node in ast.walk(_parsed(source))
        if getattr(node, "lineno", line + 1) <= line <= (getattr(node, "end_lineno", None) or 0)
    ]
    instead = ""
    for node in at_line:  # from the outside in: the innermost is the nearest
        if isinstance(node, ast.Match):
            instead = "write `if` and `elif` instead of `match`"
        elif isinstance(node, ast.TryStar):
            instead = "write `except` instead of `except*`"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node.args.posonlyargs:
            instead = "leave the / out of the function's arguments"
        elif isinstance(node, ast.Dict) and None in node.keys:
            instead = "write `b = dict(a)` and b.update(...) instead of {**a, ...}"
        elif isinstance(node, ast.List | ast.Tuple | ast.Set) and any(isinstance(e, ast.Starred) for e in node.elts):
            if not isinstance(getattr(node, "ctx", None), ast.Store):
                instead = "write list(a) + [...] instead of [*a, ...]"
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) and any(
            each.is_async for each in node.generators
        ):
            instead = "write an `async for` loop of its own instead"
    return instead


@lru_cache(maxsize=256)
def _parsed(source: str) -> ast.Module:
    """Return the tree of a source, kept for the next build: nobody may change it."""
    return _parse(source)


def _parse(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # what it would say, a finding says
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


class _Own:
    """What the page's own modules define: their names, the methods of their classes, the questions of the desk.

    Only those modules are read that a card's code makes it look into: most of a page's are Popdesk's own.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.modules = set(sources)
        self.modules |= {name.rpartition(".")[0] for name in sources if "." in name}

    def _tree(self, module: str) -> ast.Module:
        return _parsed(self.sources.get(module, ""))

    def names(self, module: str) -> frozenset[str] | None:
        """Return the names that a module of the page has, none where there is no such; None where it takes all of another's."""
        return defined_names(self._tree(module))

    @cached_property
    def methods(self) -> frozenset[str]:
        """The names of the methods of the page's classes."""
        return frozenset[str]().union(*(_methods(self._tree(name)) for name in self.sources))

    @cached_property
    def tones(self) -> tuple[str, ...]:
        """The tones of a text."""
        return next(
            (
                ast.literal_eval(node.value)
                for node in self._tree("popdesk.values").body
                if isinstance(node, ast.Assign) and any(getattr(each, "id", "") == "TONES" for each in node.targets)
            ),
            (),
        )

    @cached_property
    def desk_methods(self) -> dict[str, frozenset[str]]:
        """What the desk is asked and does, by where a card finds it: desk.agent, .contact and .customer, .api, .workspace."""
        return {
            "questions": _async_methods(self._tree("popdesk.desk"), ""),
            "api": _async_methods(self._tree("popdesk.api"), "DeskApi"),
            "workspace": _async_methods(self._tree("popdesk.handling"), "DeskWorkspace"),
        }


def _async_methods(tree: ast.Module, owner: str) -> frozenset[str]:
    """Return the names of the `async` methods of a class of a module, of all of its classes where none is named."""
    return frozenset(
        each.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and owner in ("", node.name)
        for each in node.body
        if isinstance(each, ast.AsyncFunctionDef) and not each.name.startswith("_")
    )


@lru_cache(maxsize=256)
def defined_names(tree: ast.Module) -> frozenset[str] | None:
    """Return the names that a module has, kept for the next build; None where it takes all of another's."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


@lru_cache(maxsize=256)
def undefined_names(source: str) -> tuple[tuple[str, int], ...]:
    """Return the names, with their lines, that a module of Lambda's uses and neither it nor CPython has, kept for the next build.

    Nothing is said of a module that takes all of another's names, or makes names by exec or globals().
    """
    tree = _parse(source)
    if "popdesk_api.app" in _imports(tree):
        # Powertools reads the annotations of routes, which are not looked at as strings. Those of an adapter nobody has to read:
        # its class Settings needs no import for them (ops/adapter_settings.py).
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        ]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if defined_names(tree) is None or used & {"exec", "globals", "NameError"}:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            code = compile(tree, "a module", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return ()
    known = _BUILTINS | _OF_A_MODULE | _stored_names(code, in_classes=True)
    return tuple(dict.fromkeys((name, line) for name, line in _unstored_names(code) if name not in known))


def _stored_names(code: CodeType, in_classes: bool = False) -> set[str]:
    """Return the names that a module gives a value to, in its functions by `global`; `in_classes`: those of its classes too."""
    return {
        each.argval
        for part in _codes(code)
        if _STORES & {*part.co_code}  # most functions store no such name: they need not be taken apart
        for each in dis.get_instructions(part)
        if ((part is code or in_classes) and each.opname == "STORE_NAME") or each.opname == "STORE_GLOBAL"
    }


def _unstored_names(code: CodeType) -> Iterator[tuple[str, int]]:
    """Yield the names, with their lines, that a module looks up among its own and Python's, and gives no value to."""
    known = _stored_names(code)
    for part in _codes(code):
        steps = list(dis.get_instructions(part))
        here = {each.argval for each in steps if each.opname == "STORE_NAME"}
        for each in steps:
            if each.opname in _GLOBAL_NAMES and each.argval not in known and each.argval not in here:
                line = each.positions.lineno if each.positions and each.positions.lineno else part.co_firstlineno
                yield each.argval, line


class _Checker:
    """Looks at one module."""

    def __init__(self, path: str, source: str, names: Names | None, own: _Own) -> None:
        self._path = path
        self._source = source
        self._tree = tree = _parsed(source)
        self._names = names
        self._own = own
        self._found: list[Finding] = []
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._unused = {id(each) for node in ast.walk(tree) for each in _not_run(node)}
        self._nodes = [node for node in ast.walk(tree) if id(node) not in self._unused]
        self._imported = self._imports()  # name -> what it stands for: "datetime.datetime"
        self._coroutines = {
            node.name
            for node in tree.body
            if isinstance(node, ast.AsyncFunctionDef)
            and not any(isinstance(each, ast.Yield) for each in _inside(node))  # which makes it a generator
        }

    def find(self) -> list[Finding]:
        for node in self._nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._look_at_import(node)
            elif isinstance(node, ast.Attribute):
                self._look_at_attribute(node)
            elif isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
                for part in node.format_spec.values[:1]:
                    if isinstance(part, ast.Constant):
                        self._look_at_format(node, str(part.value))
            elif isinstance(node, ast.Call):
                self._look_at_call(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._look_at_function(node)
            elif isinstance(node, ast.Subscript):
                self._look_at_slice(node)
            elif isinstance(node, ast.Compare):
                self._look_at_comparison(node)
        self._look_for_undefined_names()
        return self._found

    def _say(self, node: ast.AST, what: str, instead: str, module: str = "") -> None:
        self._found.append(Finding(self._path, getattr(node, "lineno", 1), what, instead, module))

    # -- what there is --------------------------------------------------------------------------------------------------

    def _imports(self) -> dict[str, str]:
        found = {}
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    found[alias.asname or root] = alias.name if alias.asname else root
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def _look_at_import(self, node: ast.Import | ast.ImportFrom) -> None:
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        for module in modules:
            root = module.partition(".")[0]
            if not root or root in BROWSER_MODULES or root in self._own.modules or self._may_fail(node):
                continue
            if self._names is not None and root not in self._names.modules:
                self._say(node, f"MicroPython has no module {module}", _MODULES.get(root, _ELSEWHERE), root)
                return
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._look_at_name_of_module(node, node.module or "", alias.name)

    def _may_fail(self, node: ast.AST) -> bool:
        """Return whether an import stands in a `try`, or beside a `hasattr`: it is known that it may not be there."""
        while node in self._parents:
            node, inner = self._parents[node], node
            if isinstance(node, ast.Try) and inner in node.body:
                return True
            if isinstance(node, ast.If) and any(getattr(each, "id", "") == "hasattr" for each in ast.walk(node.test)):
                return True
        return False

    def _look_at_name_of_module(self, node: ast.AST, module: str, name: str) -> None:
        if name == "*":
            return
        if module in self._own.sources:
            known = self._own.names(module)
            if known is not None and name not in known and f"{module}.{name}" not in self._own.modules:
                self._say(node, f"{module} has no {name}", f"look into {module.replace('.', '/')}.py for what it has")
        elif (
            self._names is not None
            and module in self._names.modules
            and name not in self._names.modules[module]
            and not self._may_fail(node)
        ):
            self._say(node, f"MicroPython has no {module}.{name}", _NAMES.get(f"{module}.{name}", _ELSEWHERE))

    def _dotted(self, node: ast.AST) -> str:
        """Return what an expression names, "datetime.datetime.now"; "" for one that is no name."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            root = self._dotted(node.value)
            return f"{root}.{node.attr}" if root else ""
        return ""

    def _look_at_attribute(self, node: ast.Attribute) -> None:
        names, dotted = self._names, self._dotted(node)
        module, _, name = dotted.rpartition(".")
        root = node
        while isinstance(root.value, ast.Attribute):
            root = root.value
        if names is None or not isinstance(root.value, ast.Name) or root.value.id not in self._imported:
            return
        if module in names.modules and module not in self._own.modules:
            self._look_at_name_of_module(node, module, name)
        elif module in names.classes and name not in names.classes[module] and not name.startswith("__"):
            self._say(node, f"MicroPython has no {dotted}", _NAMES.get(dotted) or _METHODS.get(name, _ELSEWHERE))

    def _look_for_undefined_names(self) -> None:
        if self._names is None or defined_names(self._tree) is None:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                code = compile(_without_annotations(_parse(self._source)), self._path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            self._look_at_syntax_error(error)
            return
        known = self._names.builtins | _OF_A_MODULE
        # MicroPython skips annotations, and the build's own Python does not: said with all else that is wrong.
        inner = {name for part in _codes(code) for name in (*part.co_varnames, *part.co_cellvars)}
        stored = _stored_names(code)
        for name, line in _annotation_names(self._tree):
            if name in (self._own.names("popdesk") or ()) and name not in known | stored | inner:
                self._found.append(self._undefined(name, line))
        for name, line in _unstored_names(code):
            if name in known:
                continue
            if name in _BUILTINS:
                what, instead = f"MicroPython has no {name}", _NAMES.get(name, _ELSEWHERE)
                self._found.append(Finding(self._path, line, what, instead))
            else:
                self._found.append(self._undefined(name, line))

    def _undefined(self, name: str, line: int) -> Finding:
        instead = UNDEFINED_HINT
        if name in (self._own.names("popdesk") or ()):
            instead = f"import it: `from popdesk import {name}`"
        return Finding(self._path, line, f"the name {name} is not defined", instead)

    def _look_at_syntax_error(self, error: SyntaxError | ValueError) -> None:
        if isinstance(error, SyntaxError) and "'await' outside" in str(error.msg):
            self._found.append(
                Finding(self._path, error.lineno or 1, "an await in a function that is not async", "write `async def`")
            )

    # -- what is read as another thing ------------------------------------------------------------------------------------

    def _look_at_format(self, node: ast.AST, spec: str) -> None:
        if _GROUPED.match(spec):
            self._say(
                node,
                f"MicroPython leaves the thousands' separator of :{spec} out",
                "return Money(amount, currency), or use popdesk.texts.grouped(number, digits)",
            )
        elif _OF_A_DATE.search(spec):
            self._say(node, f"MicroPython formats no date by :{spec}", _METHODS["strftime"])

    def _look_at_call(self, node: ast.Call) -> None:
        called = self._dotted(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        text = node.func.value if isinstance(node.func, ast.Attribute) else None
        if method == "format" and isinstance(text, ast.Constant) and isinstance(text.value, str):
            for spec in re.findall(r"\{[^{}:]*:([^{}]*)\}", text.value):
                self._look_at_format(node, spec)
        if called in _PATTERN_CALLS and node.args:
            self._look_at_pattern(node.args[0])
        if called in ("datetime.datetime.fromisoformat", "datetime.time.fromisoformat"):
            self._say(
                node, "MicroPython's fromisoformat takes no time that ends in Z", "use popdesk.texts.parse_time(text)"
            )
        if called in ("time.sleep", "time.sleep_ms"):
            self._say(node, f"{called}() stops the whole page while it waits", "write `await asyncio.sleep(seconds)`")
        if called == "open" and node.args and not self._is_file_of_the_page(node.args[0]):
            self._say(node, "the page has no files", "put the data into a module, or ask for it in the look-up Lambda")
        self._look_at_tone(node, called)
        self._look_at_keywords(node, called, method)
        self._look_at_method(node, method)
        self._look_for_await(node)

    def _is_file_of_the_page(self, node: ast.AST) -> bool:
        """Return whether it is the page's own file, or a name that cannot be known here."""
        return not isinstance(node, ast.Constant) or node.value in _FILES

    def _look_at_tone(self, node: ast.Call, called: str) -> None:
        if called not in _WITH_TONE or not self._own.tones:
            return
        for given in [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "tone")]:
            tone = given.value if isinstance(given, ast.Constant) else ""
            if isinstance(tone, str) and tone and tone not in self._own.tones:
                self._say(given, f"there is no tone {tone!r}", f"write one of {', '.join(self._own.tones)}")

    def _look_at_comparison(self, node: ast.Compare) -> None:
        for operator, side in zip(node.ops, node.comparators, strict=True):
            texts = [each for each in (node.left, side) if isinstance(each, ast.Constant)]
            if isinstance(operator, ast.Is | ast.IsNot) and any(
                isinstance(each.value, str | bytes | int | float) and not isinstance(each.value, bool) for each in texts
            ):
                equal = "==" if isinstance(operator, ast.Is) else "!="
                self._say(node, "`is` asks whether it is the same object, not an equal one", f"write {equal}")

    def _look_at_keywords(self, node: ast.Call, called: str, method: str) -> None:
        for name in (called, f".{method}"):
            for keyword in node.keywords:
                if keyword.arg in _KEYWORDS.get(name, ()):
                    self._say(
                        node,
                        f"MicroPython's {name.lstrip('.')}() takes no {keyword.arg}=",
                        "leave it out"
                        if "." in name.strip(".") or name in ("zip", "print")
                        else "give it without its name",
                    )

    def _look_at_method(self, node: ast.Call, method: str) -> None:
        if self._names is None or method not in self._names.lacking_methods or method in self._own.methods:
            return
        root: ast.AST = node.func
        while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
            root = root.func if isinstance(root, ast.Call) else root.value
        if isinstance(root, ast.Name):
            imported = self._imported.get(root.id, "")
            if imported.partition(".")[0] in BROWSER_MODULES or imported in self._names.modules:
                return  # the browser's own, or a module's, which _look_at_attribute names
            if self._dotted(node.func).rpartition(".")[0] in self._names.classes:
                return
        self._say(node, f"MicroPython has no .{method}()", _METHODS.get(method, _ELSEWHERE))

    def _look_at_pattern(self, node: ast.AST) -> None:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return
        pattern = re.sub(r"\\\\", "", node.value)
        for part, what, instead in _PATTERN_PARTS:
            if part.search(pattern):
                self._say(node, f"MicroPython's re does not know {what}, as in {node.value!r}", instead)

    def _look_at_slice(self, node: ast.Subscript) -> None:
        step = node.slice.step if isinstance(node.slice, ast.Slice) else None
        if step is not None and isinstance(node.value, ast.Constant | ast.JoinedStr | ast.Tuple):
            self._say(node, "MicroPython's texts and tuples have no steps", 'use "".join(reversed(text))')

    # -- what is not awaited ----------------------------------------------------------------------------------------------

    def _makes_coroutine(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in self._coroutines
        return self._dotted(function) in _ASYNC_OF_ASYNCIO or self._is_of_the_desk(function)

    def _is_of_the_desk(self, function: ast.AST) -> bool:
        """Return whether it is a question or a command of the desk: desk.agent.name, desk.api.post."""
        if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Attribute)):
            return False
        owner = "questions" if function.value.attr in ("agent", "contact", "customer") else function.value.attr
        return function.attr in self._own.desk_methods.get(owner, ())

    def _look_for_await(self, node: ast.Call) -> None:
        """Find a coroutine that is used as if it were its value, or dropped: at once, or by the name that it is given."""
        if not self._makes_coroutine(node):
            return
        name = ast.unparse(node.func)
        written = f"{name}({'...' if node.args or node.keywords else ''})"
        instead = f"write `await {written}`, in an `async def`"
        if self._is_used_as_value(node):
            self._say(node, f"{name}() is asked for and not awaited", instead)
            return
        for use in self._later_uses(node):
            self._say(node, f"{name}() is asked for and not awaited: line {use.lineno} uses its value", instead)
            return

    def _later_uses(self, node: ast.Call) -> Iterator[ast.Name]:
        """Yield where a function uses as a value what it has given a name in one place alone, in the order of its lines."""
        outer: ast.AST = node
        while isinstance(self._parents.get(outer), ast.List | ast.Tuple | ast.Set | ast.Dict):
            outer = self._parents[outer]
        given = self._parents.get(outer)
        targets = given.targets if isinstance(given, ast.Assign) else [getattr(given, "target", None)]
        if (
            not isinstance(given, ast.Assign | ast.AnnAssign)
            or len(targets) != 1
            or not isinstance(targets[0], ast.Name)
        ):
            return
        name = targets[0].id
        function = self._parents.get(given)
        while function is not None and not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            function = self._parents.get(function)
        if function is None:
            return
        inner = list(ast.walk(function))
        named = [each for each in inner if isinstance(each, ast.Name) and each.id == name]
        if sum(not isinstance(each.ctx, ast.Load) for each in named) > 1 or any(
            (isinstance(each, ast.arg) and each.arg == name)
            or (isinstance(each, ast.Global | ast.Nonlocal) and name in each.names)
            or (isinstance(each, ast.ExceptHandler) and each.name == name)
            for each in inner
        ):
            return
        for each in sorted(named, key=lambda use: (use.lineno, use.col_offset)):
            if isinstance(each.ctx, ast.Load) and self._is_used_as_value(each, outer is not node):
                yield each

    def _is_used_as_value(self, node: ast.AST, inside: bool = False) -> bool:
        """Return whether a coroutine is used as its value, or dropped; False where that is not known.

        `inside`: the node is no coroutine, but a list or another value that has one in it.
        """
        parent = self._parents.get(node)
        if isinstance(parent, ast.keyword):
            node, parent = parent, self._parents[parent]
        if isinstance(parent, ast.FormattedValue):
            return True
        if isinstance(parent, ast.Call):
            if node is parent.func:
                return False
            called = self._dotted(parent.func)
            if called in _CONTAINERS and (inside or isinstance(node, ast.keyword)):
                return self._is_used_as_value(parent, True)
            return self._takes_values(parent, called, inside)
        if isinstance(parent, ast.List | ast.Tuple | ast.Set | ast.Dict):
            return self._is_used_as_value(parent, True)
        if isinstance(parent, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return self._is_used_as_value(parent, True)
        if (
            isinstance(parent, ast.NamedExpr)
            or (isinstance(parent, ast.Starred) and inside)
            or (isinstance(parent, ast.IfExp) and node is not parent.test)
            or (isinstance(parent, ast.BoolOp) and node is parent.values[-1])
        ):
            return self._is_used_as_value(parent, inside)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and isinstance(parent.left, ast.Constant):
            return True
        if inside:
            return False  # a list of coroutines has a length, parts, ...
        if isinstance(parent, ast.Attribute):
            return parent.attr not in _OF_COROUTINES
        if isinstance(node, ast.Name) and (
            isinstance(parent, ast.Expr)
            or (isinstance(parent, ast.Compare) and any(isinstance(each, ast.Is | ast.IsNot) for each in parent.ops))
        ):
            return False
        return isinstance(parent, _USES) or (
            isinstance(parent, ast.Assign) and any(isinstance(each, ast.Tuple | ast.List) for each in parent.targets)
        )

    def _takes_values(self, call: ast.Call, called: str, inside: bool) -> bool:
        """Return whether it is known that a call wants values, and no coroutines to run, also `inside` of lists and dicts."""
        function = call.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Constant | ast.JoinedStr):
            return True  # a text's: ", ".join(...)
        if self._is_of_the_desk(function):
            return True
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in self._imported:
            return called.partition(".")[0] in _TAKE_VALUES
        if called not in _BUILTINS or called in (defined_names(self._tree) or ()):
            return False
        return called in _TAKE_VALUES_INSIDE if inside else called not in _TAKE_OBJECTS

    # -- what cannot be drawn -----------------------------------------------------------------------------------------------

    def _look_at_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        what = "card" if any(self._is(each, "card") for each in node.decorator_list) else "action"
        if not any(self._is(each, what) for each in node.decorator_list):
            return
        for each in _inside(node):
            if isinstance(each, ast.Return) and isinstance(each.value, _CANNOT_BE_DRAWN):
                kind = type(each.value).__name__.removesuffix("Comp").lower()
                self._say(
                    each, f"{'a card' if what == 'card' else 'an action'} cannot show a {kind}", _DRAWN_INSTEAD[kind]
                )
            elif what == "card" and isinstance(each, ast.Call) and self._makes_coroutine(each):
                assert isinstance(each.func, ast.Attribute | ast.Name)
                if isinstance(each.func, ast.Attribute) and each.func.attr in _CHANGES:
                    self._say(
                        each,
                        f"a card cannot {each.func.attr}: it is run again and again",
                        "change something in an action (docs/actions.md)",
                    )
        for decorator in node.decorator_list:
            if what == "action" and isinstance(decorator, ast.Call) and self._is(decorator, "action"):
                self._look_at_action(node, decorator)

    def _look_at_action(self, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.Call) -> None:
        """Compare an action's fields with what its function takes, and with what the function takes that undoes it."""
        given = {each.arg: each.value for each in decorator.keywords}
        fields = given.get("fields", decorator.args[1] if len(decorator.args) > 1 else ast.List([]))
        names = _field_names(fields)
        if names is None:
            return
        functions = [node]
        undo = given.get("undo")
        if isinstance(undo, ast.Name):
            functions += [
                each
                for each in self._tree.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == undo.id
            ]
        for function in functions:
            taken = _parameters(function)
            if taken is None:
                continue
            if not taken:
                self._say(function, f"{function.name} takes no desk", f"write `async def {function.name}(desk, ...)`")
                continue
            for name in names:
                if name not in taken[1:]:
                    self._say(
                        function,
                        f"{function.name} takes no {name}, which the form has a field for",
                        f"write `async def {function.name}({', '.join([taken[0], *names])})`",
                    )
            for name in taken[1:]:
                if name not in names:
                    self._say(
                        function,
                        f"{function.name} takes {name}, which the form has no field for",
                        f'add Line("{name}") to its fields, or take {name} out',
                    )

    def _is(self, decorator: ast.AST, what: str) -> bool:
        """Return whether a decorator declares a card, or an action."""
        return isinstance(decorator, ast.Call) and self._dotted(decorator.func) in (f"popdesk.{what}", what)


def _field_names(fields: ast.AST) -> list[str] | None:
    """Return the names of fields that are written out; None where they cannot be known."""
    if not isinstance(fields, ast.List | ast.Tuple):
        return None
    names = []
    for field in fields.elts:
        if not isinstance(field, ast.Call):
            return None
        named = field.args[:1] or [each.value for each in field.keywords if each.arg == "name"]
        if not named or not isinstance(named[0], ast.Constant) or not isinstance(named[0].value, str):
            return None
        names.append(named[0].value)
    return names


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str] | None:
    """Return the names of a function's parameters; None where it takes any, or has defaults of its own."""
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.defaults or any(arguments.kw_defaults):
        return None
    optional = len(arguments.defaults)
    return (
        [each.arg for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
        if not optional
        else None
    )


def _annotation_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names in the annotations that Python works out as it defines functions, and their lines: not those in quotes."""
    dead = {id(each) for node in ast.walk(tree) if isinstance(node, ast.If) for each in _not_run(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or id(node) in dead:
            continue
        arguments = node.args
        taken = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for annotation in [*(each.annotation for each in taken if each), node.returns]:
            for each in ast.walk(annotation) if annotation else ():
                if isinstance(each, ast.Name):
                    yield each.id, each.lineno


def _inside(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function's own body, not those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _inside(child)


def _not_run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands below `if False:` and in annotations: no interpreter comes to it."""
    dead: list[ast.AST] = []
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value:
        dead = list(node.body)
    elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        dead = [node.annotation]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
        dead = [node.returns]
    for each in dead:
        yield from ast.walk(each)


class _Annotations(ast.NodeTransformer):
    """Takes annotations out."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(node.arg), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _without_annotations(tree: ast.Module) -> ast.Module:
    changed: ast.Module = ast.fix_missing_locations(_Annotations().visit(tree))
    return changed


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)
