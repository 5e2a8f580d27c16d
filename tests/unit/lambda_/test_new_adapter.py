"""docs/lambda.md's example of a new adapter passes the project's own checks, is accepted by the settings and is packed.

tests/aws/test_lambda_aws.py runs the same example against S3.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.settings import ROOT
from tests.project import environment

pytestmark = pytest.mark.slow

ADAPTER = Path("lambda", "lookup", "adapters", "s3.py")
STAGE = Path("tests", "team", "adapter_s3.py")
_PACK = """
from pathlib import Path
from ops.settings import load_settings
from ops.site.lambda_zip import build_lambda_zip
build_lambda_zip(load_settings(), Path("lookup.zip"))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the example added and chosen, as the documentation says."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("lambda", "ops", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "docs" / "lambda.md").read_text("utf-8")
    example, stage = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (lookup, own) = re.findall(r"```toml\n\[tool\.popdesk\.lookup\]\n(.*?)\n\n(.*?)```", text, re.DOTALL)[0]
    shutil.copyfile(ROOT / "deploy.py", copy / "deploy.py")
    (copy / ADAPTER).write_text(example, "utf-8")
    (copy / STAGE).write_text(stage, "utf-8")
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    chosen, changes = re.subn(r'(?m)^adapter = "\w+".*$', lookup, pyproject)
    assert changes == 1
    (copy / "pyproject.toml").write_text(f"{chosen}\n{own}", "utf-8")
    return copy


@pytest.mark.parametrize("check", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_it_passes_the_projects_own_checks(project: Path, check: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *check, str(ADAPTER), str(STAGE)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_accept_it_and_the_zip_carries_it(project: Path) -> None:
    subprocess.run([sys.executable, "-c", _PACK], cwd=project, check=True)
    with zipfile.ZipFile(project / "lookup.zip") as archive:
        assert json.loads(archive.read("settings.json"))["lookup"]["s3"] == {
            "bucket": "directory",
            "key": "customers.json",
        }
        names = {name for name in archive.namelist() if name.startswith("adapters/") and name.endswith(".py")}
    assert names == {"adapters/__init__.py", "adapters/s3.py"}


@pytest.mark.thorough  # the contract itself is run with every adapter of the project
def test_it_passes_the_contract_of_adapters(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--adapter", "s3", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b4\d passed, 6 skipped", done.stdout), done.stdout
