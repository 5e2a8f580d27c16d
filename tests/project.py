"""A copy of the project, for tests that edit it or run its commands as a person does.

    project = copy_project(tmp_path / "project")

It shares the installed npm packages with the checkout, and the build's cache unless `share_cache` is False.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from ops.settings import ROOT
from ops.site import npm
from ops.site.build import CACHE

_FILES = ("deploy.py", "pyproject.toml", "uv.lock", "uv.toml")
_COMPILED = ("ops", "tests")  # that are run, and are in no build


def copy_project(copy: Path, *more: str, share_cache: bool = True) -> Path:
    """Copy what the commands read, and `more` of the checkout's folders, into a new folder; return that."""
    npm.install_packages()
    copy.mkdir()
    for name in ("web", "pyapp", "lambda", "ops", *more):
        # What is compiled is as good in the copy: a module is known by its time and size, which are copied too.
        left_out = ["node_modules"] if name in _COMPILED else ["node_modules", "__pycache__"]
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*left_out))
    for name in _FILES:
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "web" / "node_modules").symlink_to(npm.MODULES)
    (copy / "build").mkdir()
    if share_cache:
        CACHE.mkdir(parents=True, exist_ok=True)
        (copy / "build" / "cache").symlink_to(CACHE)
    return copy


def environment(**changes: str) -> dict[str, str]:
    """Return the environment for a person's commands in a copy: nothing of AWS's, and `uv run` takes these packages."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UV", "PYTEST", "PYTHON"))
    }
    uv = {"UV_PROJECT_ENVIRONMENT": sys.prefix, "UV_NO_SYNC": "1", "UV_OFFLINE": "1"}
    return {**kept, **uv, "AWS_EC2_METADATA_DISABLED": "true", **changes}
