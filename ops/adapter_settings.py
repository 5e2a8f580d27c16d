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
from pydantic_core import SchemaError

from ops.plain_reasons import plain_reason

_KNOWN = {**vars(typing), "Field": Field}
# The kinds of collections that no list of pyproject.toml is.
_NO_LISTS = ("tuple_type", "set_type", "frozen_set_type")


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
        reasons: dict[str, list[str]] = {}
        for problem in error.errors():
            path = _path(problem["loc"], problem["type"], table)
            reasons.setdefault(".".join([module.stem, *path]), []).append(_reason(problem, model))
        # A value of several types, `int | str`, has a reason for each.
        problems = [f"{key}: {' or '.join(dict.fromkeys(each))}" for key, each in reasons.items()]
        raise ValueError("; ".join(problems)) from None


def _path(loc: tuple[int | str, ...], kind: str, table: Any) -> list[str]:
    """Return the keys that lead to a wrong value, without what pydantic adds: which of the value's types it is about."""
    path: list[str] = []
    for part in loc:
        found = part in table if isinstance(table, dict) else isinstance(table, list) and isinstance(part, int)
        if not found:
            return [*path, str(part)] if kind == "missing" else path
        table = table[part]
        path.append(str(part))
    return path


def _reason(problem: Any, model: type[BaseModel]) -> str:
    """Return what is wrong, with the description that the adapter gives its setting."""
    if problem["type"] in _NO_LISTS and isinstance(problem["input"], list):
        return "a list of pyproject.toml is a list: declare it so in the class Settings, list[str]"
    field = model.model_fields.get(str(problem["loc"][0]))
    if not field or not field.description:
        return plain_reason(problem)
    # Who sets a value knows its name, and not what a regular expression means.
    pattern = problem["type"] == "string_pattern_mismatch"
    return f"{'it has not the right form' if pattern else plain_reason(problem)} ({field.description})"


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
    except SchemaError as error:
        # Pydantic's patterns know less than those of `re`: nothing that looks ahead or back.
        raise ValueError(
            f"a pattern in the class Settings of {_shown(module)} cannot be read: {str(error).rpartition('error: ')[2]}."
            " Write it without what it names, or check the value in `create`"
        ) from None
    except (NameError, TypeError, SyntaxError, AttributeError, ValueError, PydanticUserError) as error:
        raise ValueError(
            f"the class Settings of {_shown(module)} cannot be read: {error}. Use names, types and plain "
            'defaults: key: str = "customers.json"'
        ) from None
