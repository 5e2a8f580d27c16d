"""The local agent workspace's first module: the page's script imports it and calls start()."""

import gc
import sys

gc.threshold(1 << 18)  # bytes between two collections; MicroPython's own 16 KB are for a smaller machine
sys.path[:] = ["/rom", ".frozen"]  # there are no other files, and each look costs a call of JavaScript

from workspace import start

__all__ = ["start"]
