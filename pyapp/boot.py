# The page's first Python, inlined into its HTML by the build: MicroPython has mounted app.pack as its ROM, a read-only
# file system in its own format (ROMFS). Modules are looked for there and among the frozen ones, and nowhere else: a look
# into the browser's files costs a JavaScript exception for each name that is not there.
import sys

sys.path[:] = ["/rom", ".frozen"]

import main  # noqa: E402

main.start()
