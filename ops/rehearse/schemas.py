"""AWS's schemas of CloudFormation's resource types, as cfn-lint ships them, and its reference of IAM actions.

    value, problems = check("AWS::Logs::LogGroup", {"RetentionInDays": "30"})     # -> {"RetentionInDays": 30}, []
    permissions("AWS::Logs::LogGroup", "create")                                  # the actions that its handler calls
    resource_kinds("lambda:InvokeFunction")                                       # ["function"]

cfn-lint's own code is not imported, which takes seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import regex
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

_REGION = "us-east-1"  # the schemas of the types that we use are the same in all


@cache
def _data() -> Path:
    found = find_spec("cfnlint")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data"


@cache
def _files() -> dict[str, str]:
    return dict(json.loads((_data() / "schemas" / "providers" / f"{_REGION}.json").read_text("utf-8")))


@cache
def schema(kind: str) -> dict[str, Any]:
    """Return a type's schema. Raises KeyError for one that CloudFormation does not have."""
    return dict(json.loads((_data() / "schemas" / "resources" / f"{_files()[kind]}.json").read_text("utf-8")))


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """Yield what a pattern refuses: they are ECMA's, with classes such as \\p{L} that Python's `re` does not have."""
    if isinstance(value, str) and not regex.search(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = extend(Draft7Validator, {"pattern": _pattern})


@cache
def _validator(kind: str) -> Any:
    return _Validator(schema(kind))


def check(kind: str, properties: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the properties with the types that the schema wants, and what is wrong with them.

    As CloudFormation does, texts of numbers and booleans are taken as such, and numbers as texts.
    """
    whole = schema(kind)
    value = _convert(whole, whole, properties)
    wrong = [
        f"{'/'.join(map(str, error.absolute_path)) or 'the properties'}: {error.message[:300]}"
        for error in _validator(kind).iter_errors(value)
    ]
    wrong += [f"{name} cannot be set" for name in read_only(kind) if name in value]
    return value, wrong


def read_only(kind: str) -> set[str]:
    """Return the names of a type's properties that are its attributes and cannot be set."""
    return _names(schema(kind).get("readOnlyProperties", []))


def create_only(kind: str) -> set[str]:
    """Return the names of a type's properties whose change makes a new resource."""
    return _names(schema(kind).get("createOnlyProperties", []))


def conditional_create_only(kind: str) -> set[str]:
    """Return the names of a type's properties whose change may make a new resource."""
    return _names(schema(kind).get("conditionalCreateOnlyProperties", []))


def named_by(kind: str) -> str:
    """Return the property by which a template names a resource of a type; "" where AWS alone names it."""
    found = _names(schema(kind)["primaryIdentifier"]) - read_only(kind)
    return found.pop() if len(found) == 1 and found <= create_only(kind) else ""


def _names(pointers: list[str]) -> set[str]:
    return {pointer.removeprefix("/properties/") for pointer in pointers if pointer.count("/") == 2}


def _convert(whole: dict[str, Any], part: Any, value: Any) -> Any:
    while isinstance(part, dict) and "$ref" in part:
        target: Any = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    if not isinstance(part, dict):
        return value
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, dict):
        known = part.get("properties", {})
        return {name: _convert(whole, known.get(name), each) for name, each in value.items()}
    if isinstance(value, list):
        return [_convert(whole, part.get("items"), each) for each in value]
    if isinstance(value, str) and "string" not in kinds:
        if "boolean" in kinds and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if "integer" in kinds and re.fullmatch(r"-?\d+", value):
            return int(value)
        if "number" in kinds and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
    if isinstance(value, (int, float)) and kinds == ["string"]:
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def permissions(kind: str, handler: str) -> list[str]:
    """Return the IAM actions that a type's handler (create, read, update, delete) calls, each once."""
    named = schema(kind)["handlers"].get(handler, {}).get("permissions", [])
    tagging = (schema(kind).get("tagging") or {}).get("permissions", []) if handler in ("create", "update") else []
    return list({_as_known(action): None for action in [*named, *tagging]})


@cache
def _reference() -> dict[str, Any]:
    text = (_data() / "AdditionalSpecs" / "Policies.json").read_text("utf-8")
    return dict(json.loads(text))


def _as_known(action: str) -> str:
    service, _, name = action.partition(":")
    return f"{service}:{name[:1].upper()}{name[1:]}"


def resource_kinds(action: str) -> list[str]:
    """Return the kinds of resources on which an action can be allowed, in lower case; [] where it is on "*" alone.

    Raises KeyError for an action that AWS's service reference does not have.
    """
    service, _, name = action.lower().partition(":")
    return [kind.lower() for kind in _reference()[service]["Actions"][name].get("Resources", [])]
