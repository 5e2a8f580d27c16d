"""Attacks: bounded commands that do what broke Popdesk once; each has a smaller version among the tests."""

import sys

from ops.settings import ROOT

# As pytest's `pythonpath` (pyproject.toml): the Lambda's modules and the page's are at the top of their zip and folder.
sys.path += [str(ROOT / "lambda"), str(ROOT / "pyapp")]
