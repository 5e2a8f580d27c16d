"""Packs the look-up Lambda: lambda/lookup/ -> one reproducible zip that holds only what the handler needs.

    make_lambda_zip(load_settings())                                      # its bytes: what a release uploads
    build_lambda_zip(load_settings(), Path("build/popdesk-lambda.zip"))   # the same, written; the same input, the same bytes

In it: the handler's modules with the chosen adapter's, settings.json, and of phonenumberslite the one module that
parses numbers, with its data. Where this Python has the runtime's minor version, each module has its .pyc beside it,
compiled `unchecked-hash` (PEP 552): Lambda's /var/task is read-only, so without it every cold start compiles all again.
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
from pathlib import Path

from ops import LOOKUP
from ops.errors import Trouble
from ops.settings import ROOT, Settings, lambda_settings

# The one place for the runtime: the template's function has it too.
LAMBDA_RUNTIME = "python3.13"
LAMBDA_HANDLER = "handler.handler"
# The environment variables that the template sets: names of resources that only the stack knows.
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
# phonenumbers' own __init__ imports all its modules: formatters, matchers, geocoders. The handler asks one of them.
_PHONENUMBERS_INIT = '"""Only phonenumbers.phonenumberutil and its data are here: see ops/site/lambda_zip.py."""\n'
_ALTERNATIVE = re.compile(r"PHONE_ALT_FORMAT_")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip knows


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

    `runtime` is Lambda's name of the Python it is for. Raises Trouble where a file it needs is missing.
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
    """Say whether this Python's compiled modules are the runtime's: the minor versions are the same."""
    return runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"


def _copy_modules(adapter: str, stage: Path) -> None:
    adapters = LOOKUP / "adapters"
    if not (adapters / f"{adapter}.py").is_file():
        raise Trouble(
            f"lambda/lookup/adapters/{adapter}.py",
            f"lookup.adapter is {adapter!r} and its module is missing",
            "write it: docs/lambda.md",
        )
    carried = [*LOOKUP.glob("*.py"), adapters / "__init__.py"]
    # The adapter's module and data, and what it keeps beside it under its name.
    carried += [*adapters.glob(f"{adapter}.*"), *adapters.glob(f"{adapter}_*.*")]
    for file in carried:
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
    # The alternative formats are for finding numbers in running text: 45 modules that every cold start would import.
    tables = target / "data" / "__init__.py"
    kept = [line for line in tables.read_text("utf-8").splitlines(keepends=True) if not _ALTERNATIVE.search(line)]
    tables.write_text("".join(kept), "utf-8")
    licences = [file for file in lite.files or () if file.name == "LICENSE"]
    if licences:
        shutil.copyfile(str(lite.locate_file(licences[0])), target / "LICENSE")


def _compile(stage: Path) -> None:
    # In a process of its own with a fixed hash seed: marshalled code depends on both what is interned and set order.
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    result = subprocess.run(
        [*command, "-s", str(stage), "-p", _TASK, str(stage)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise Trouble("lambda/lookup/", f"a module does not compile: {result.stdout.strip()}", "mend it")


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
