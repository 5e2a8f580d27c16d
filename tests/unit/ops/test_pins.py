"""Every package of this environment is pinned, and the command that renews the pins writes what uv takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from ops.pins import constraints, direct_dependencies, name_of
from ops.settings import ROOT


def test_every_installed_package_is_pinned() -> None:
    pinned = {name_of(each) for each in [*direct_dependencies(ROOT), *constraints(ROOT)]}
    installed = {name_of(package.metadata["Name"]) for package in distributions()}
    assert installed - pinned - {"pip", "setuptools", "wheel", "popdesk"} == set()


def test_the_installed_versions_are_the_pinned_ones() -> None:
    pinned = [each.split(";")[0].strip() for each in [*direct_dependencies(ROOT), *constraints(ROOT)]]
    wanted: dict[str, set[str]] = {}
    for each in pinned:
        wanted.setdefault(name_of(each), set()).add(each.split("==")[1])
    for package in distributions():
        name = name_of(package.metadata["Name"])
        if name in wanted:
            assert package.version in wanted[name], name


def test_no_direct_dependency_is_left_open() -> None:
    assert [each for each in direct_dependencies(ROOT) if "==" not in each] == []


@pytest.mark.parametrize(
    "requirement", ["Ruamel.YAML==1.0", "ruamel_yaml==1.0 ; sys_platform == 'win32'", "ruamel.yaml[jinja2]==2"]
)
def test_names_are_compared_as_package_indexes_do(requirement: str) -> None:
    assert name_of(requirement) == "ruamel-yaml"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv on the path")
def test_a_project_that_cannot_be_resolved_is_said_in_a_sentence(tmp_path: Path) -> None:
    """The real command, in a copy whose pyproject.toml asks for two versions of one package."""
    for folder in ("ops", "lambda"):  # the settings are checked with the Lambda's own code
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    (tmp_path / "pyproject.toml").write_text(text.replace('"click==', '"click==0.1",\n    "click==', 1), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ops.pins"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.startswith("uv lock: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "uv.toml").exists()
