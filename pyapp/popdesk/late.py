"""Loads those modules of the page that no first value needs: only a page that has such modules has this one (ops/site/build.py).

await load_pack("./assets/late-0123456789ab.pack", ["popdesk.api", "popdesk.http"], 5.0)
"""

import asyncio
import sys

import js
import vfs  # type: ignore[import-not-found]

if False:
    from typing import Any


async def load_pack(url: str, modules: "list[str]", seconds: float) -> None:
    """Mount another image of the page's modules beside the first (main.py), and import those of the package that it has.

    Raises an exception where it does not come in that time.
    """

    async def fetched() -> "Any":
        return js.Uint8Array.new(await (await js.fetch(url)).arrayBuffer())

    content, image = await asyncio.wait_for(fetched(), seconds), bytearray()
    while len(image) < content.length:
        # Each byte is a call of JavaScript's: a part at a time, so that what the agent does is not kept waiting.
        image.extend(bytes(content.subarray(len(image), len(image) + 2048)))
        await asyncio.sleep(0)
    vfs.mount(vfs.VfsRom(image), "/late")
    sys.path.append("/late")
    for name in modules:
        # MicroPython looks for a package's modules in one folder.
        package = sys.modules[name.rpartition(".")[0]]
        kept, package.__path__ = package.__path__, "/late/" + package.__name__.replace(".", "/")  # type: ignore[assignment]
        try:
            __import__(name)
        finally:
            package.__path__ = kept
