"""`python deploy.py --version`, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from ops.settings import ROOT

pytestmark = pytest.mark.slow


def test_the_version_is_that_of_pyproject_and_the_newest_of_the_changelog() -> None:
    done = subprocess.run(
        [sys.executable, "deploy.py", "--version"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Popdesk {version}\n", "")
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0].startswith(f"## {version} ")
