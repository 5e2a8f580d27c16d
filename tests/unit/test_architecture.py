"""docs/architecture.md names what there is: each path in it exists, and each folder of code is in it."""

from __future__ import annotations

import re

import pytest

from ops.settings import ROOT

_TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
_PATHS = sorted(set(re.findall(r"\b(?:pyapp|lambda|web|ops|tests)/[\w./-]*", _TEXT)))


@pytest.mark.parametrize("path", _PATHS)
def test_each_path_named_exists(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("folder", ["ops", "web/workspace"])
def test_each_folder_is_named(folder: str) -> None:
    inside = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob("*/*.py")}
    assert len(inside) > 3
    for name in inside:
        assert f"| `{name}/` |" in _TEXT
