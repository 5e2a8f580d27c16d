"""Pack the API's Lambda, lambda/api/, into a reproducible zip with only what its handler needs.

    make_api_zip(load_settings())                                   # -> its bytes, which a release uploads
    build_api_zip(load_settings(), Path("build/popdesk-api.zip"))   # writes the same bytes to a file

The zip contains the API's modules and the team's, the configured adapter with the modules that it imports, from lambda/lookup/
too, settings.json, Powertools, pydantic and PyJWT at the versions of pyproject.toml, and the packages of `api.packages`.
boto3 is the runtime's. Modules are compiled as the look-up's are (lambda_zip.py).
"""

from __future__ import annotations

import json
import marshal
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from modulefinder import ModuleFinder
from pathlib import Path

from ops import API, LOOKUP
from ops.errors import UserError
from ops.files import map_os_errors, write_atomically
from ops.settings import ROOT, Settings, api_settings
from ops.site.cache import Cache
from ops.site.lambda_packages import CACHE, lambda_packages, left_out
from ops.site.lambda_zip import LAMBDA_RUNTIME, check_imports, compiled, compiles_for, pack, phonenumbers

API_HANDLER = "popdesk_api.handler.handler"
API_ZIP = ROOT / "build" / "popdesk-api.zip"  # where `deploy.py build` puts it
_PYTHON = "lambda/api/"

# Powertools with its validation, PyJWT, and all that they need: each is in the environment that builds, at its version.
_PACKAGES = (
    "annotated-types",
    "aws-lambda-powertools",
    "jmespath",
    "pydantic",
    "pydantic-core",
    "pyjwt",
    "typing-extensions",
    "typing-inspection",
)


def build_api_zip(settings: Settings, out: Path, runtime: str = LAMBDA_RUNTIME, local: bool = False) -> Path:
    """Write the zip to the file `out` and return its path. Arguments and errors are those of `make_api_zip`."""
    write_atomically(out, make_api_zip(settings, runtime, local))
    return out


def make_api_zip(settings: Settings, runtime: str = LAMBDA_RUNTIME, local: bool = False) -> bytes:
    """Return the zip's bytes; nothing is written anywhere but into the build's cache.

    `runtime` is Lambda's name of the Python version; with `local` the packages are those of this environment, for preview.
    Raises UserError if the adapter is missing, a module does not compile or imports what the function has not, or a package
    cannot be had.
    """
    with map_os_errors("the API's zip"):
        files = _modules(settings.api.cases, settings.lookup.adapter) | phonenumbers()
    files["settings.json"] = json.dumps(api_settings(settings), indent=1, ensure_ascii=False).encode()
    # The look-up's adapter is asked here too, for the customers among whom an agent chooses.
    own = tuple(dict.fromkeys((*settings.api.packages, *settings.lookup.packages)))
    if local:
        packages = _installed() | lambda_packages(own, "", "api.packages")
    else:
        ours = tuple(f"{name}=={version(name)}" for name in _PACKAGES)
        packages = lambda_packages(own, runtime, "api.packages", ours)
    if both := {path.partition("/")[0] for path in files} & {path.partition("/")[0] for path in packages}:
        raise UserError("api.packages", f"one of them has a {min(both)} too, as Popdesk has", "choose another package")
    sources = {_shown(path): content for path, content in files.items() if not path.startswith("phonenumbers/")}
    check_imports(sources, files, packages, "api.packages")
    if compiles_for(runtime):
        modules = {path: content for path, content in (files | packages).items() if path.endswith(".py")}
        packages |= compiled(modules, set(files), _PYTHON)
    elif local:
        packages |= _compiled_here(packages)
    return pack(files | packages, smaller=not local)


def _compiled_here(packages: dict[str, bytes]) -> dict[str, bytes]:
    """Return the .pyc of the packages for this Python, kept in the build's cache.

    Each process of preview would compile them: it unpacks the zip to a folder of its own.
    """
    modules = {path: content for path, content in sorted(packages.items()) if path.endswith(".py")}
    inputs = [sys.version.encode(), *(part for path, content in modules.items() for part in (path.encode(), content))]
    kept = Cache(CACHE)("api-pyc", inputs, lambda: marshal.dumps(compiled(modules, set(), _PYTHON)))
    made: dict[str, bytes] = marshal.loads(kept)
    return made


def _modules(adapter: str, lookup: str) -> dict[str, bytes]:
    """Return what is in lambda/api/, of the adapters the configured one, and the look-up's modules that they import.

    `lookup` is the look-up's adapter, which comes with what it needs.
    """
    module, data = (API / "cases_adapters" / f"{adapter}.{kind}" for kind in ("py", "json"))
    if not module.is_file():
        reason = f"api.cases is {adapter!r} and its module is missing"
        raise UserError(f"lambda/api/cases_adapters/{adapter}.py", reason, "write it: docs/api.md")
    finder = ModuleFinder([str(API), str(LOOKUP)])
    files = {*API.glob("*.py"), *(API / "popdesk_api").rglob("*.py"), module, module.parent / "__init__.py"}
    files |= {LOOKUP / "adapters" / f"{lookup}.py", LOOKUP / "adapters" / "__init__.py"}
    for file in sorted(files):
        try:
            finder.run_script(str(file))  # which runs nothing, but follows the imports in the compiled code
        except SyntaxError as error:
            shown = _shown(file.relative_to(API if file.is_relative_to(API) else LOOKUP).as_posix())
            raise UserError(shown, f"line {error.lineno}: {error.msg}", "correct it") from None
    for found in finder.modules.values():
        if found.__file__:  # type: ignore[attr-defined]  # it is None for built-in modules; typeshed does not know it
            files.add(Path(found.__file__))  # type: ignore[attr-defined]
    files |= {file for file in (data, LOOKUP / "adapters" / f"{lookup}.json") if file.is_file()}
    return {
        file.relative_to(API if file.is_relative_to(API) else LOOKUP).as_posix(): file.read_bytes()
        for file in sorted(files)
    }


def _shown(path: str) -> str:
    """Return the path in the project of a file of the zip: lambda/api/routes.py."""
    return f"lambda/{'api' if (API / path).exists() else 'lookup'}/{path}"


def _installed() -> dict[str, bytes]:
    """Return the files of our packages as they are installed here, {path: content}."""
    files = {}
    for name in _PACKAGES:
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise UserError("the API's zip", f"the package {name} is not installed", "run: uv sync") from None
        for path in found.files or ():
            if not left_out(path.as_posix()):
                files[path.as_posix()] = Path(str(found.locate_file(path))).read_bytes()
    return files
