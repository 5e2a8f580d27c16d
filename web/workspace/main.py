"""The local agent workspace's first module: the page's script imports it and calls start()."""

import sys

sys.path[:] = ["/rom", ".frozen"]  # there are no other files, and each look costs a call of JavaScript

from workspace import start

__all__ = ["start"]
