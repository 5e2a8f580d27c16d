# The page's first Python, inlined into its HTML by the build: mounts app.pack, a read-only file system in MicroPython's
# own ROMFS format, works in it, and starts main. Its modules are found and run in memory, not through the browser's files.
import os

import vfs

with open("app.pack", "rb") as pack:
    vfs.mount(vfs.VfsRom(pack.read(os.stat("app.pack")[6])), "/app")
os.chdir("/app")

import main  # noqa: E402

main.start()
