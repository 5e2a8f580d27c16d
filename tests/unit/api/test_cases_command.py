"""`pytest --cases NAME` as a person types it: the contract of adapters for cases with that one, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.fixture_project import CHECKOUT
from tests.project import environment

pytestmark = pytest.mark.slow


def _pytest(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=False)


def test_it_runs_the_contract_with_the_one_that_is_named() -> None:
    done = _pytest("--cases", "sample")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d passed", done.stdout), done.stdout
    assert "test_contract" not in done.stderr


def test_one_without_a_stage_is_told_what_to_write() -> None:
    done = _pytest("--cases", "ldap")
    assert done.returncode == 4
    assert "write tests/team/cases_ldap.py" in done.stderr
    assert "dynamodb, http, sample" in done.stderr
