"""The local agent workspace's first module: the page's script imports it and calls start()."""

import gc
import sys

gc.threshold(1 << 18)  # bytes between two collections, as in the page (pyapp/main.py)
sys.path[:] = ["/rom", ".frozen"]  # there are no other files, and each look costs a call of JavaScript

from workspace import start

__all__ = ["start"]
