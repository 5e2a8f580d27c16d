"""Pack the look-up Lambda, lambda/lookup/, into a reproducible zip with only what the handler needs.

    make_lambda_zip(load_settings())                                      # -> its bytes, which a release uploads
    build_lambda_zip(load_settings(), Path("build/popdesk-lambda.zip"))   # writes the same bytes to a file

The zip contains the handler's modules, the configured adapter with the modules that it imports, settings.json, and of
phonenumberslite only the module that parses numbers, with its data. If this Python has the runtime's minor version, each
module has a .pyc, compiled `unchecked-hash` (PEP 552): Lambda's /var/task is read-only, so without a .pyc every cold start
would compile the modules again.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distribution
from modulefinder import ModuleFinder
from pathlib import Path

from ops import LOOKUP
from ops.errors import Trouble
from ops.settings import ROOT, Settings, lambda_settings

# The template's function gets its runtime and handler from here.
LAMBDA_RUNTIME = "python3.13"
LAMBDA_HANDLER = "handler.handler"
# Set by the template: the name of a resource of the stack.
CUSTOMERS_TABLE_VARIABLE = "POPDESK_CUSTOMERS_TABLE"

LAMBDA_ZIP = ROOT / "build" / "popdesk-lambda.zip"  # where `deploy.py build` and a release put it
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
_ALTERNATIVE = re.compile(r"PHONE_ALT_FORMAT_")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip can contain


def build_lambda_zip(settings: Settings, out: Path, runtime: str = LAMBDA_RUNTIME) -> Path:
    """Write the zip to the file `out` and return its path. Raises as `make_lambda_zip` does."""
    package = make_lambda_zip(settings, runtime)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_bytes(package)
    partial.replace(out)
    return out


def make_lambda_zip(settings: Settings, runtime: str = LAMBDA_RUNTIME) -> bytes:
    """Return the zip's bytes.

    `runtime` is Lambda's name of the Python version. Raises Trouble if the adapter is missing or a module does not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        _copy_modules(settings.lookup.adapter, stage)
        _copy_phonenumbers(stage)
        (stage / "settings.json").write_text(
            json.dumps(lambda_settings(settings), indent=1, ensure_ascii=False), "utf-8"
        )
        if compiles_for(runtime):
            _compile(stage)
        return _pack(stage)


def compiles_for(runtime: str) -> bool:
    """Return whether the runtime can use modules that this Python has compiled: the minor versions are the same."""
    return runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"


def _copy_modules(adapter: str, stage: Path) -> None:
    adapters = LOOKUP / "adapters"
    module, data = adapters / f"{adapter}.py", adapters / f"{adapter}.json"
    shown = f"lambda/lookup/adapters/{adapter}.py"
    if not module.is_file():
        raise Trouble(shown, f"lookup.adapter is {adapter!r} and its module is missing", "write it: docs/lambda.md")
    finder = ModuleFinder([str(LOOKUP)])
    try:
        finder.run_script(str(module))  # which runs nothing, but follows the imports in the compiled code
    except SyntaxError as error:
        raise Trouble(shown, f"line {error.lineno}: {error.msg}", "correct it") from None
    files = {*LOOKUP.glob("*.py"), adapters / "__init__.py"}
    for found in finder.modules.values():
        if found.__file__:  # type: ignore[attr-defined]  # it is None for built-in modules; typeshed does not know it
            files.add(Path(found.__file__))  # type: ignore[attr-defined]
    if data.is_file():
        files.add(data)
    for file in files:
        target = stage / file.relative_to(LOOKUP)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)


def _copy_phonenumbers(stage: Path) -> None:
    lite = distribution("phonenumberslite")
    source = Path(str(lite.locate_file("phonenumbers")))
    target = stage / "phonenumbers"
    target.mkdir()
    (target / "__init__.py").write_text(_PHONENUMBERS_INIT, "utf-8")
    for name in _PHONENUMBERS:
        if (source / name).is_dir():
            unneeded = shutil.ignore_patterns("*.pyi", "__pycache__", "alt_format_*")
            shutil.copytree(source / name, target / name, ignore=unneeded)
        else:
            shutil.copyfile(source / name, target / name)
    # The alternative formats serve to find numbers in running text: 45 modules that every cold start would import.
    tables = target / "data" / "__init__.py"
    kept = [line for line in tables.read_text("utf-8").splitlines(keepends=True) if not _ALTERNATIVE.search(line)]
    tables.write_text("".join(kept), "utf-8")
    licences = [file for file in lite.files or () if file.name == "LICENSE"]
    if licences:
        shutil.copyfile(str(lite.locate_file(licences[0])), target / "LICENSE")


def _compile(stage: Path) -> None:
    # In a new process with a fixed hash seed, because marshalled code depends on interned strings and the order of sets.
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    result = subprocess.run(
        [*command, "-s", str(stage), "-p", _TASK, str(stage)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise Trouble("lambda/lookup/", f"a module does not compile: {result.stdout.strip()}", "correct it")


def _pack(stage: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(path for path in stage.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(stage).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on every machine
            entry.external_attr = 0o100644 << 16  # Lambda reads it as another user
            archive.writestr(entry, file.read_bytes())
    return out.getvalue()
