"""docs/settings.md lists every setting with its default, and the shipped file holds no more than it has to."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ops.settings import ROOT, Settings, load_settings

_DOCUMENT = (ROOT / "docs" / "settings.md").read_text("utf-8")
_ROW = re.compile(r"^\| `([\w.]+)` \| (.+?) \| ", re.MULTILINE)


def _defaults(model: BaseModel, path: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _defaults(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", json.loads(json.dumps(value))


def _documented() -> dict[str, Any]:
    return {
        key: tomllib.loads(f"value = {default.strip('`')}")["value"] if default.startswith("`") else None
        for key, default in _ROW.findall(_DOCUMENT)
    }


def test_every_setting_is_listed_with_its_default_and_no_other() -> None:
    defaults = dict(_defaults(Settings(environment="")))
    del defaults["environment"]  # --env, no setting
    assert _documented() == defaults
    assert len(_ROW.findall(_DOCUMENT)) == len(defaults)


def test_a_file_without_any_key_has_the_defaults(tmp_path: Any) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.popdesk]\n", "utf-8")
    assert load_settings(file) == Settings(environment="")
