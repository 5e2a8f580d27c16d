# The page's first Python, inlined into its HTML by the build: MicroPython has mounted app.pack as its ROM, a read-only
# file system in its own format (ROMFS). Its modules are found and run in memory, not through the browser's files.
import os

os.chdir("/rom")

import main  # noqa: E402

main.start()
