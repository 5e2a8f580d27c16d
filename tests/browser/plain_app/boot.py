# The page's first Python, inlined into its HTML by the build: unpacks app.pack beside itself and starts main.
import json

with open("app.pack", "rb") as pack:
    for name, size in json.loads(pack.readline()):
        with open(name, "wb") as module:
            module.write(pack.read(size))

import main

main.start()
