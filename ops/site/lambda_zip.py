"""Pack the look-up Lambda, lambda/lookup/, into a reproducible zip with only what the handler needs.

    make_lambda_zip(load_settings())                                      # -> its bytes, which a release uploads
    build_lambda_zip(load_settings(), Path("build/popdesk-lambda.zip"))   # writes the same bytes to a file

The zip contains the handler's modules, the configured adapter with the modules that it imports, settings.json, the packages
of `lookup.packages`, and of phonenumberslite only the module that parses numbers, with its data. If this Python has the
runtime's minor version, each module has a .pyc, compiled `unchecked-hash` (PEP 552): Lambda's /var/task is read-only, so
without a .pyc every cold start would compile the modules again.
"""

from __future__ import annotations

import ast
import io
import json
import marshal
import re
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import distribution
from modulefinder import ModuleFinder
from pathlib import Path

from ops import LOOKUP
from ops.errors import UserError, all_of
from ops.files import map_os_errors, write_atomically
from ops.settings import ROOT, Settings, lambda_settings
from ops.site.card_checks import UNDEFINED_HINT, defined_names, undefined_names
from ops.site.environment import tool_environment
from ops.site.lambda_packages import lambda_packages

# What Lambda's Python runtime brings: its SDK and what that needs
# (docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-dependencies).
_OF_THE_RUNTIME = frozenset(
    {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "awslambdaric"}
)

# The template's function gets its runtime and handler from here.
LAMBDA_RUNTIME = "python3.13"
LAMBDA_HANDLER = "handler.handler"
# Set by the template: the name of a resource of the stack.
CUSTOMERS_TABLE_VARIABLE = "POPDESK_CUSTOMERS_TABLE"

LAMBDA_ZIP = ROOT / "build" / "popdesk-lambda.zip"  # where `deploy.py build` puts it
_TASK = "/var/task"  # where Lambda unpacks it: the file names in tracebacks
_PHONENUMBERS = (
    "phonemetadata.py",
    "phonenumber.py",
    "phonenumberutil.py",
    "re_util.py",
    "unicode_util.py",
    "util.py",
    "data",
)
# phonenumbers' own __init__ imports all of its modules: formatters, matchers, geocoders.
_PHONENUMBERS_INIT = '"""Only phonenumbers.phonenumberutil and its data are here: see ops/site/lambda_zip.py."""\n'
_SIGNING = "token_signing.py"  # only where the API is enabled
_JWT = ("algorithms.py", "api_jwk.py", "api_jws.py", "exceptions.py", "types.py", "utils.py", "warnings.py")
_JWT_INIT = '"""Only jwt.api_jws and what it imports are here: see ops/site/lambda_zip.py."""\n'
_ALTERNATIVE = re.compile(r"PHONE_ALT_FORMAT_")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip can contain


def build_lambda_zip(settings: Settings, out: Path, runtime: str = LAMBDA_RUNTIME, local: bool = False) -> Path:
    """Write the zip to the file `out` and return its path. Arguments and errors are those of `make_lambda_zip`."""
    write_atomically(out, make_lambda_zip(settings, runtime, local))
    return out


def make_lambda_zip(settings: Settings, runtime: str = LAMBDA_RUNTIME, local: bool = False) -> bytes:
    """Return the zip's bytes; nothing is written anywhere but into the build's cache.

    `runtime` is Lambda's name of the Python version; with `local` the packages are those for this machine, for preview. Raises
    UserError if the adapter is missing or imports what the Lambda has not, a module does not compile, or a package cannot be had.
    """
    with map_os_errors("the Lambda's zip"):
        signs = "token" in settings.attribute_names()
        files = _modules(settings.lookup.adapter, signs) | phonenumbers() | (_jwt() if signs else {})
    files["settings.json"] = json.dumps(lambda_settings(settings), indent=1, ensure_ascii=False).encode()
    packages = lambda_packages(settings.lookup.packages, "" if local else runtime)
    if both := {path.partition("/")[0] for path in files} & {path.partition("/")[0] for path in packages}:
        raise UserError(
            "lookup.packages", f"one of them has a {min(both)} too, as Popdesk has", "choose another package"
        )
    adapters = {f"lambda/lookup/{path}": content for path, content in files.items() if path.startswith("adapters/")}
    check_imports(adapters, files, packages, "lookup.packages")
    if compiles_for(runtime):
        modules = {path: content for path, content in (files | packages).items() if path.endswith(".py")}
        packages |= compiled(modules, needed=set(files))
    return pack(files | packages, smaller=not local)


def check_imports(modules: dict[str, bytes], ours: Mapping[str, bytes], packages: Iterable[str], setting: str) -> None:
    """Raise UserError with all imports of what the Lambda has not, though this machine may, and all names that are not defined.

    `modules` has the sources by their path in the project, `ours` those of the zip by their path in it, `packages` the paths of
    its packages, to which `setting` adds. Of our own modules the names are looked for too. An import in a `try`, or below
    `if TYPE_CHECKING:`, may be missing.
    """
    names = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source
        for path, source in ours.items()
        if path.endswith(".py")
    }
    there = {path.partition("/")[0].partition(".")[0] for path in (*ours, *packages)}
    there |= _OF_THE_RUNTIME | sys.stdlib_module_names
    wrong = [
        UserError(f"{path}:{line}", reason, hint)
        for path, source in sorted(modules.items())
        for line, module, name in (_imported(ast.parse(source)) if path.endswith(".py") else ())
        for reason, hint in _missing(module, name, names, there, setting)
    ]
    wrong += [
        UserError(f"{path}:{line}", f"the name {name} is not defined", _where_it_is(name, names))
        for path, source in sorted(modules.items())
        for name, line in (undefined_names(source.decode("utf-8", "replace")) if path.endswith(".py") else ())
    ]
    if wrong:
        raise all_of(wrong)


def _missing(
    module: str, name: str, ours: Mapping[str, bytes], there: Collection[str], setting: str
) -> Iterator[tuple[str, str]]:
    """Yield why a module, or a name of it, cannot be imported, and what to do."""
    root = module.partition(".")[0]
    if root not in there:
        yield (
            f"it imports {module}, which the Lambda does not have",
            f"name its package in {setting}; where it serves annotations or the class Settings alone, "
            "import it below `if TYPE_CHECKING:`",
        )
    elif root not in ours:
        return
    elif module not in ours:
        known = ", ".join(sorted(each for each in ours if each.startswith(f"{root}."))) or root
        yield f"there is no module {module}", f"import one of these: {known}"
    elif name not in ("", "*") and f"{module}.{name}" not in ours:
        known_names = _names_of(ours[module])
        if known_names is not None and name not in known_names and "__getattr__" not in known_names:
            yield f"{module} has no {name}", f"look into {module.replace('.', '/')}.py for what it has; is it spelt so?"


def _where_it_is(name: str, ours: Mapping[str, bytes]) -> str:
    """Return what to write for a name that is not defined: where one of our modules or Python has it, its import."""
    for module, source in sorted(ours.items()):
        if name in _own_names(source):
            return f"import it: `from {module} import {name}`"
    if name in sys.stdlib_module_names:
        return f"import it: `import {name}`"
    return UNDEFINED_HINT


@lru_cache(maxsize=256)
def _own_names(source: bytes) -> frozenset[str]:
    """Return what a module offers to others: its functions, its classes and what it gives a value to, but for `_private` ones."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return frozenset(name for name in found if not name.startswith("_"))


@lru_cache(maxsize=256)
def _names_of(source: bytes) -> frozenset[str] | None:
    """Return the names that a module has, kept for the next import from it; None where it takes all of another's."""
    return defined_names(ast.parse(source))


def _imported(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield the line, module and name ("" for the module itself) of each import that has to be there."""
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from ((node.lineno, node.module, alias.name) for alias in node.names)
    elif isinstance(node, ast.If) and _never(node.test):
        for each in node.orelse:
            yield from _imported(each)
    elif not isinstance(node, ast.Try):
        for child in ast.iter_child_nodes(node):
            yield from _imported(child)


def _never(test: ast.expr) -> bool:
    """Return whether no interpreter runs what stands below this condition: `False`, or TYPE_CHECKING by any name."""
    if isinstance(test, ast.Constant):
        return not test.value
    return getattr(test, "id", "") == "TYPE_CHECKING" or getattr(test, "attr", "") == "TYPE_CHECKING"


def compiles_for(runtime: str) -> bool:
    """Return whether the runtime can use modules that this Python has compiled: the minor versions are the same."""
    return runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"


def _modules(adapter: str, signs: bool) -> dict[str, bytes]:
    adapters = LOOKUP / "adapters"
    module, data = adapters / f"{adapter}.py", adapters / f"{adapter}.json"
    shown = f"lambda/lookup/adapters/{adapter}.py"
    if not module.is_file():
        raise UserError(shown, f"lookup.adapter is {adapter!r} and its module is missing", "write it: docs/lambda.md")
    files = {*LOOKUP.glob("*.py"), adapters / "__init__.py"} - {LOOKUP / _SIGNING}
    try:
        for script in [module, *([LOOKUP / _SIGNING] if signs else [])]:
            finder = ModuleFinder([str(LOOKUP)])
            finder.run_script(str(script))  # which runs nothing, but follows the imports in the compiled code
            for found in finder.modules.values():
                if found.__file__:  # type: ignore[attr-defined]  # None for built-in modules; typeshed does not know it
                    files.add(Path(found.__file__))  # type: ignore[attr-defined]
    except SyntaxError as error:
        raise UserError(shown, f"line {error.lineno}: {error.msg}", "correct it") from None
    if data.is_file():
        files.add(data)
    return {file.relative_to(LOOKUP).as_posix(): file.read_bytes() for file in sorted(files)}


def _jwt() -> dict[str, bytes]:
    """Return the part of PyJWT that signs: its own __init__ imports urllib.request, for keys on the web."""
    pyjwt = distribution("pyjwt")
    source = Path(str(pyjwt.locate_file("jwt")))
    files = {f"jwt/{name}": (source / name).read_bytes() for name in _JWT}
    files["jwt/__init__.py"] = _JWT_INIT.encode()
    for file in pyjwt.files or ():
        if file.name == "LICENSE":
            files["jwt/LICENSE"] = Path(str(pyjwt.locate_file(file))).read_bytes()
    return files


def phonenumbers() -> dict[str, bytes]:
    """Return the module of phonenumberslite that parses numbers, with its data, {path: content}."""
    lite = distribution("phonenumberslite")
    source = Path(str(lite.locate_file("phonenumbers")))
    files = {"phonenumbers/__init__.py": _PHONENUMBERS_INIT.encode()}
    for name in _PHONENUMBERS:
        found = sorted((source / name).glob("*.py")) if (source / name).is_dir() else [source / name]
        for file in found:
            if not file.name.startswith("alt_format_"):
                files[f"phonenumbers/{file.relative_to(source).as_posix()}"] = file.read_bytes()
    # The alternative formats serve to find numbers in running text: 45 modules that every cold start would import.
    tables = files["phonenumbers/data/__init__.py"].decode().splitlines(keepends=True)
    files["phonenumbers/data/__init__.py"] = "".join(line for line in tables if not _ALTERNATIVE.search(line)).encode()
    licences = [file for file in lite.files or () if file.name == "LICENSE"]
    if licences:
        files["phonenumbers/LICENSE"] = Path(str(lite.locate_file(licences[0]))).read_bytes()
    return files


# Reads {path: source} and the paths that must compile from stdin, and writes {path of its .pyc: content} to stdout. A package
# may have files that do not compile: templates, tests of another Python. PEP 552: flags 1 is "unchecked hash".
_COMPILER = f"""
import importlib.util, marshal, sys
made = {{}}
modules, needed = marshal.load(sys.stdin.buffer)
for path, source in sorted(modules.items()):
    try:
        code = compile(source, "{_TASK}/" + path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        if path in needed:
            sys.exit(path + ": " + str(error))
        continue
    header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    made[importlib.util.cache_from_source(path)] = header + marshal.dumps(code)
marshal.dump(made, sys.stdout.buffer)
"""


def compiled(modules: dict[str, bytes], needed: set[str], where: str = "lambda/lookup/") -> dict[str, bytes]:
    """Return the .pyc of each module; one of `needed` that does not compile raises UserError."""
    # In a process of its own with a fixed hash seed: marshalled code depends on both what is interned and set order.
    result = subprocess.run(
        [sys.executable, "-P", "-S", "-c", _COMPILER],
        input=marshal.dumps((modules, needed)),
        env=tool_environment(PYTHONHASHSEED="0"),
        capture_output=True,
        check=False,
    )
    if result.returncode:
        said = result.stderr.decode("utf-8", "replace").strip()
        raise UserError(where, f"a module does not compile: {said}", "correct it there")
    made: dict[str, bytes] = marshal.loads(result.stdout)
    return {Path(path).as_posix(): content for path, content in made.items()}


def pack(files: dict[str, bytes], smaller: bool = True) -> bytes:
    """Return the zip of the files, {path: content}: the same bytes for the same files.

    `smaller` compresses them as far as it goes. A zip that is unpacked on this machine at once need not be.
    """
    out = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if smaller else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", compresslevel=9) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = how
            entry.create_system = 3  # Unix, on every machine
            entry.external_attr = 0o100644 << 16  # Lambda reads it as another user
            archive.writestr(entry, content)
    return out.getvalue()
