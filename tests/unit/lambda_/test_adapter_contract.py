"""The contract of adapters can fail: each adapter here has one fault, and `pytest --adapter` finds it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.fixture_project import CHECKOUT
from tests.project import environment

pytestmark = pytest.mark.slow

# A team's adapter with a stage, as far as it is right: each fault changes one line of it.
_RIGHT = """
import threading
from customers import Customer, Customers, LookupFailed
from tests.adapters.stage import Stage
STATE = {"records": [], "fails": False, "hangs": None}
class Adapter(Customers):
    def __init__(self):
        self.closed = threading.Event()
    def find(self, identity, seconds):
        hangs = STATE["hangs"]
        if hangs:
            self.closed.wait(seconds)
            raise TimeoutError
        if STATE["fails"]:
            raise LookupFailed("no answer")
        value = identity.value.lower()
        found = [one for one in STATE["records"] if one[identity.kind].lower() == value]
        return [Customer(**one) for one in found]
    def close(self):
        self.closed.set()
def create(lookup):
    return Adapter()
class Directory(Stage):
    def open(self): STATE.update(records=[], fails=False, hangs=None)
    def fill(self, customers): STATE["records"] = list(customers)
    def fail(self): STATE["fails"] = True
    def hang(self): STATE["hangs"] = True
    def recover(self): STATE.update(fails=False, hangs=None)
"""
# name: (the line, what stands there instead, a test of the contract that has to fail)
_FAULTS = {
    "right": ("", "", ""),
    "prefix": ("== value]", ".startswith(value[:11])]", "number_that_nobody_has"),
    "everyone": ("== value]", "!= '']", "empty|nobody"),
    "pattern": (
        "== value]",
        "and __import__('fnmatch').fnmatch(one[identity.kind].lower(), value)]",
        "address_that_nobody_has",
    ),
    "first": ("for one in found]", "for one in found[:1]]", "everyone_who_shares"),
    "fieldless": ("Customer(**one)", "Customer(one['id'], one['name'])", "with_every_field"),
    "silent": ('raise LookupFailed("no answer")', "return []", "fails"),
    "talkative": ('"no answer"', 'f"no answer for {identity.value}"', "fails"),
    "printing": ("found = [", "print(identity.value); found = [", "logs_no_personal_data"),
    "none": ("Customer(**one)", "Customer(**{k: v or None for k, v in one.items()})", "every_value_is_a_string"),
    "deaf": ("self.closed.set()", "pass", "close_wakes"),
    "endless": ("self.closed.wait(seconds)", "self.closed.wait(12)", "find_ends_by_itself"),
}
_PLUGIN = """
import pytest, sys, types
from importlib.machinery import ModuleSpec
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    for name, source in {sources!r}.items():
        for place in ("adapters.", "tests.team.adapter_"):
            module = types.ModuleType(place + name)
            module.__spec__ = ModuleSpec(place + name, None)
            sys.modules[place + name] = module
        exec(source, sys.modules["adapters." + name].__dict__)
        sys.modules["tests.team.adapter_" + name].Directory = sys.modules["adapters." + name].Directory
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return the tests of the contract that failed, by adapter."""
    folder = tmp_path_factory.mktemp("contract")
    sources = {}
    for name, (line, instead, _) in _FAULTS.items():
        assert line in _RIGHT
        sources[name] = _RIGHT.replace(line, instead, 1) if line else _RIGHT
    (folder / "faulty_adapters.py").write_text(_PLUGIN.format(sources=sources), "utf-8")
    named = [option for name in _FAULTS for option in ("--adapter", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "faulty_adapters", "-q", "--tb=no", *named],
        cwd=CHECKOUT,
        env=environment(PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert " passed" in done.stdout
    found: dict[str, set[str]] = {name: set() for name in _FAULTS}
    for test, parameters in re.findall(r"^FAILED \S+::(\w+)\[(\S+)\]", done.stdout, re.MULTILINE):
        for name in set(re.split(r"[-\]]", parameters)) & _FAULTS.keys():
            found[name].add(test)
    return found


@pytest.mark.parametrize("name", _FAULTS)
def test_each_fault_is_found_and_a_right_adapter_passes(failed: dict[str, set[str]], name: str) -> None:
    expected = _FAULTS[name][2]
    if expected:
        assert [test for test in failed[name] if re.search(expected, test)], failed[name]
    else:
        assert failed[name] == set()


def test_an_adapter_without_a_stage_is_told_what_to_write() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--adapter", "ldap", "-q"],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "write tests/team/adapter_ldap.py" in done.stderr
    assert "dynamodb, http, sample" in done.stderr
