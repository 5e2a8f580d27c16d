"""The page's first Python: its script imports this module, and nothing else (ops/site/bundle.py).

MicroPython has mounted app.pack as its ROM, a read-only file system in its own format (ROMFS). Modules are looked for there
and among the frozen ones, and nowhere else: there are no other files, and each look costs a call of JavaScript.
"""

import sys

sys.path[:] = ["/rom", ".frozen"]

import main  # noqa: E402

main.start()
