"""Check an adapter's own settings, `[tool.popdesk.lookup.NAME]`, against the class `Settings` of lambda/lookup/adapters/NAME.py.

Those of an adapter for cases, lambda/api/cases_adapters/NAME.py, are checked in the same way.

    class Settings:                          # in the adapter: names, types and defaults, nothing to import
        bucket: str
        key: str = "customers.json"

    check_adapter_settings(Path("lambda/lookup/adapters/s3.py"), {"bucket": "directory"})
    # -> {"bucket": "directory", "key": "customers.json"}, which `create` gets as lookup["s3"]

The class is read from the source and checked with pydantic here. The module is not imported: it may need packages that are in
the Lambda only. Types are those of the builtins, of typing and pydantic's `Field`, whatever the module itself imports.
"""

from __future__ import annotations

import ast
import typing
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

_KNOWN = {**vars(typing), "Field": Field}
_REASONS = {"missing": "the key is missing", "extra_forbidden": "there is no such setting"}


def has_settings(module: Path) -> bool:
    """Return whether the adapter declares settings of its own. Raises ValueError if the module is not Python."""
    return _declaration(module) is not None


def check_adapter_settings(module: Path, table: dict[str, Any]) -> dict[str, Any]:
    """Return `table` with the adapter's defaults, as plain JSON values.

    Raises ValueError that says which keys are wrong ("s3.bucket: ..."), or what is wrong with the declaration.
    """
    declaration = _declaration(module)
    if declaration is None:
        raise ValueError(f"{_shown(module)} declares no class Settings (docs/lambda.md)")
    model = _model(module, declaration)
    try:
        return model.model_validate(table).model_dump(mode="json")
    except ValidationError as error:
        problems = [
            ".".join([module.stem, *(str(part) for part in problem["loc"])])
            + ": "
            + _REASONS.get(problem["type"], problem["msg"])
            for problem in error.errors()
        ]
        raise ValueError("; ".join(problems)) from None


def _shown(module: Path) -> str:
    """Return the module's path from the project's folder: lambda/lookup/adapters/s3.py."""
    folder = "api/cases_adapters" if module.parent.name == "cases_adapters" else "lookup/adapters"
    return f"lambda/{folder}/{module.name}"


def _declaration(module: Path) -> str | None:
    """Return the source of the class with its fields alone; None where there is no such class, or no such module."""
    try:
        return _settings_class(module.read_bytes())
    except OSError:
        return None
    except SyntaxError as error:
        raise ValueError(f"{_shown(module)}, line {error.lineno}: {error.msg}") from None


@lru_cache(maxsize=64)
def _settings_class(source: bytes) -> str | None:
    """Return the class `Settings` of a module without its bases, decorators and methods, which do not matter."""
    body = ast.parse(source).body
    found = next((node for node in body if isinstance(node, ast.ClassDef) and node.name == "Settings"), None)
    if found is None:
        return None
    found.bases, found.keywords, found.decorator_list = [], [], []
    found.body = [node for node in found.body if isinstance(node, (ast.AnnAssign, ast.Expr, ast.Pass))]
    return "from __future__ import annotations\n" + ast.unparse(found)


@lru_cache(maxsize=64)
def _model(module: Path, declaration: str) -> type[BaseModel]:
    """Return a pydantic model with the fields of the class."""
    names = dict(_KNOWN)
    try:
        exec(compile(declaration, module.name, "exec"), names)
        hints = typing.get_type_hints(names["Settings"], names, include_extras=True)
        defaults = vars(names["Settings"])
        fields: dict[str, Any] = {name: (hint, defaults.get(name, ...)) for name, hint in hints.items()}
        return create_model("Settings", __config__=ConfigDict(extra="forbid", strict=True), **fields)
    except (NameError, TypeError, SyntaxError, AttributeError, ValueError, PydanticUserError) as error:
        raise ValueError(
            f"the class Settings of {_shown(module)} cannot be read: {error}. Use names, types and plain "
            'defaults: key: str = "customers.json"'
        ) from None
