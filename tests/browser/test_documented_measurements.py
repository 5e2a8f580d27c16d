"""The measurements and the attack that docs/api.md names run as a person types them, as small as they can be."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.fixture_project import CHECKOUT
from tests.project import environment

# `playwright`: it finds or installs the Chromium that the commands find then.
pytestmark = [pytest.mark.browser, pytest.mark.thorough, pytest.mark.usefixtures("playwright")]

# Each with its smallest options, and what it prints when it has come to its end.
SMALLEST = {
    "tests.attack.exactly_once": (["--forms", "2", "--at-once", "3"], "2 forms, "),
    "tests.bench.action": (["--rounds", "1"], "the page's part: median "),
    "tests.bench.api_function": (["--rounds", "1", "--calls", "2"], "create_ms"),
}


def test_each_that_is_documented_is_here() -> None:
    documented = re.findall(r"`uv run python -m (tests\.[\w.]+)`", (CHECKOUT / "docs" / "api.md").read_text("utf-8"))
    assert sorted(documented) == sorted(SMALLEST)


@pytest.mark.parametrize("module", SMALLEST)
def test_it_runs_to_its_end(module: str) -> None:
    options, says = SMALLEST[module]
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
