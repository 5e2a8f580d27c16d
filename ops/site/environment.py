"""The environment of the programs that build: what they need of ours, and nothing else.

    subprocess.run([...], env=tool_environment(PYTHONHASHSEED="0"))      # esbuild, terser, mpy-cross, Python's compiler
    run([uv, "pip", "install", ...], env=uv_environment())                # uv, which asks PyPI or its mirror
    npm(["ci"], env=npm_environment(WEB))                                # npm, which asks its registry

They run code of packages, and none of them calls AWS: so they do not get the user's keys.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# Where programs and temporary files are; on Windows a process does not start without the others.
_TOOLS = ("PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")
# Where npm has its cache and its settings, and how it gets to its registry.
_NPM = (
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "PROXY",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
# npm reads its settings from such variables too (docs.npmjs.com/cli/using-npm/config).
_NPM_SETTING = "npm_config_"
# A variable that an .npmrc takes a value from: a token for a private registry.
_MENTIONED = re.compile(r"\$\{(\w+)\??\}")


def tool_environment(**more: str) -> dict[str, str]:
    """Return the environment of a program that builds from its input alone; `more` is added."""
    return {**_chosen(set(_TOOLS)), **more}


def npm_environment(folder: Path) -> dict[str, str]:
    """Return npm's environment in `folder`: its settings, proxies, and what the .npmrc files mention."""
    names = {*_TOOLS, *_NPM, *_mentioned(folder)}
    names |= {name.upper() for name in os.environ if name.lower().startswith(_NPM_SETTING)}
    return _chosen(names)


def uv_environment() -> dict[str, str]:
    """Return uv's environment: its settings (UV_...), where it has its cache, proxies."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("UV_")}
    return _chosen({*_TOOLS, *_NPM}) | settings


def _chosen(names: set[str]) -> dict[str, str]:
    """Return our variables of these names; lower-case ones too, as proxies are often named."""
    return {name: value for name, value in os.environ.items() if name.upper() in names}


def _mentioned(folder: Path) -> set[str]:
    own = next((value for name, value in os.environ.items() if name.lower() == f"{_NPM_SETTING}userconfig"), "")
    found: set[str] = set()
    for file in (folder / ".npmrc", Path(own) if own else Path("~/.npmrc").expanduser()):
        try:
            found |= {name.upper() for name in _MENTIONED.findall(file.read_text("utf-8", "replace"))}
        except OSError:
            continue  # there is none
    return found
