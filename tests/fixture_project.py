"""The project that the tests run: this checkout's code with settings, cards and sample customers of the tests' own.

    import tests.fixture_project  # isort: skip     before `ops` is imported: tests/conftest.py does

A team changes its `[tool.popdesk]`, its cards and its customers; no test of the framework may fail for that. So importing this
module makes a folder of links to the checkout in which the files of tests/fixtures/project stand in for the team's, and puts
it first on the path: `ops.settings.ROOT`, and with it whatever is built, copied or run, is that folder. What a team's own
files have to be is in tests/team, which reads `CHECKOUT`.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
_OWN = Path(__file__).resolve().parent / "fixtures" / "project"
_LEFT_OUT = {".git", ".venv", "__pycache__", "node_modules"}
_SETTINGS = re.compile(r"^\[tool\.popdesk[\].].*?(?=^\[(?!tool\.popdesk[\].])|\Z)", re.MULTILINE | re.DOTALL)


def with_settings(pyproject: str, settings: str) -> str:
    """Return the text of a pyproject.toml with the tables `[tool.popdesk]` of another one in place of its own."""
    return _SETTINGS.sub("", pyproject) + "\n" + "".join(_SETTINGS.findall(settings))


def _link(source: Path, target: Path, own: Path) -> None:
    """Make the folder `target`: the files of `own`, and links to what else is in `source`.

    A folder that has files of `own` has folders in it and no links to such, which `Path.rglob` would not follow.
    """
    target.mkdir()
    for entry in source.iterdir():
        if entry.name in _LEFT_OUT or (own / entry.name).is_file():
            continue
        if (own / entry.name).is_dir() or (entry.is_dir() and source != CHECKOUT):
            _link(entry, target / entry.name, own / entry.name)
        else:
            (target / entry.name).symlink_to(entry)
    for file in own.iterdir() if own.is_dir() else ():
        if file.is_file():
            shutil.copyfile(file, target / file.name)


def _make_project(folder: Path) -> Path:
    (CHECKOUT / "build").mkdir(exist_ok=True)  # shared: what takes long to build is kept there
    project = folder / "popdesk"
    _link(CHECKOUT, project, _OWN)
    settings = (_OWN / "pyproject.toml").read_text("utf-8")
    merged = with_settings((CHECKOUT / "pyproject.toml").read_text("utf-8"), settings)
    (project / "pyproject.toml").write_text(merged, "utf-8")
    # Python looks for modules beside a script's target, not beside a link to it.
    (project / "deploy.py").unlink()
    shutil.copyfile(CHECKOUT / "deploy.py", project / "deploy.py")
    return project


_FOLDER = tempfile.TemporaryDirectory(prefix="popdesk-tests-")
PROJECT = _make_project(Path(_FOLDER.name))
sys.path[:0] = [
    str(PROJECT),
    *(str(PROJECT / name) for name in ("pyapp", "web/workspace", "lambda/lookup", "lambda/api")),
]
