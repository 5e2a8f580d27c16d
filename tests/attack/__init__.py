"""Attacks: bounded commands that do what broke Popdesk once; each has a smaller version among the tests."""

import sys

from ops.settings import ROOT

# As pytest's `pythonpath` (pyproject.toml): the page's modules are at the top of their folder, as the Lambda's are, which
# `ops` has put on the path.
sys.path.append(str(ROOT / "pyapp"))
