"""Fetch the packages of `lookup.packages` and `api.packages` as wheels for Lambda's platform, or for this machine's preview.

    lambda_packages(("pymysql==1.1.1",), "python3.13")       # -> {"pymysql/__init__.py": b"...", ...}, from PyPI or its mirror
    lambda_packages(("pymysql==1.1.1",), "")                 # the same for this Python on this machine

uv chooses and installs them (docs.astral.sh/uv/reference/cli/#uv-pip-install), with the index of the user's own configuration
and of UV_... variables. Only wheels are taken, so that no code of a package runs here. What was fetched once is kept in the
build's cache: the next build, and each change in preview, asks no registry.
"""

from __future__ import annotations

import marshal
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.parser import Parser
from pathlib import Path

from ops.errors import UserError
from ops.settings import ROOT
from ops.site.cache import Cache
from ops.site.environment import uv_environment

# The template's function is on arm64; its runtime is Amazon Linux 2023, which has glibc 2.34
# (docs.aws.amazon.com/linux/al2023/ug/core-glibc.html).
LAMBDA_PLATFORM = "aarch64-manylinux_2_34"
CACHE = ROOT / "build" / "cache"
_SECONDS = 300
# Lambda's limit for a function's files (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), less our own.
_LONGEST = 250_000_000
_LEFT_OUT = re.compile(
    r"(^|/)__pycache__/|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json)$|^\.lock$"
)


def lambda_packages(
    packages: tuple[str, ...], runtime: str, setting: str = "lookup.packages", ours: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Return the files of the packages by their path in the zip, {} for no packages.

    `packages` are those of the setting; `ours` are what Popdesk itself needs there. `runtime` is Lambda's name of the Python
    version, "" for this Python on this machine. Raises UserError if uv is missing, a package has no wheel for the platform, or a
    package that they need is not among them: each must be pinned, so that the same settings are the same zip.
    """
    if not packages and not ours:
        return {}
    here = f"{sys.platform} {sys.implementation.cache_tag} {os.uname().machine if hasattr(os, 'uname') else ''}"
    target = f"{runtime} {LAMBDA_PLATFORM}" if runtime else here
    inputs = [target.encode(), *(package.encode() for package in sorted((*packages, *ours)))]
    kept = Cache(CACHE)("lambda-packages", inputs, lambda: marshal.dumps(_install(packages, runtime, setting, ours)))
    files: dict[str, bytes] = marshal.loads(kept)
    return files


def _install(packages: tuple[str, ...], runtime: str, setting: str, ours: tuple[str, ...]) -> dict[str, bytes]:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise UserError(setting, "uv, which fetches them, is not installed", "install it: pip install uv")
    with tempfile.TemporaryDirectory(prefix="popdesk-packages-") as folder:
        files = Path(folder, "files")
        command = [uv, "pip", "install", "--target", str(files), "--only-binary", ":all:", "--quiet", "--no-progress"]
        command += ["--python", sys.executable]
        if runtime:
            command += ["--python-version", runtime.removeprefix("python"), "--python-platform", LAMBDA_PLATFORM]
        try:
            done = subprocess.run(
                # In a folder of its own: this project's uv.toml pins what its tools need.
                [*command, *packages, *ours],
                cwd=folder,
                env=uv_environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise UserError(setting, f"the registry did not answer within {_SECONDS} s", "try again") from None
        if done.returncode:
            said = " ".join(done.stderr.split()) or "uv gave no reason"
            raise UserError(
                setting,
                f"uv cannot install them for {runtime or 'this machine'}: {said}",
                "choose versions that exist and have wheels for that platform",
            )
        if runtime:
            _check_all_named(packages, files, setting, ours)
        found = {
            file.relative_to(files).as_posix(): file.read_bytes() for file in sorted(files.rglob("*")) if file.is_file()
        }
    kept = {path: content for path, content in found.items() if not left_out(path)}
    if (size := sum(map(len, kept.values()))) > _LONGEST:
        raise UserError(setting, f"they have {size / 1e6:.0f} MB, and Lambda takes 250 MB", "leave some of them out")
    return kept


def left_out(path: str) -> bool:
    """Return whether a function has no use for a file of a package: what an installer notes, scripts, bytecode."""
    return path.startswith("../") or _LEFT_OUT.search(path) is not None


def _check_all_named(packages: tuple[str, ...], files: Path, setting: str, ours: tuple[str, ...]) -> None:
    """Raise UserError with the complete list if a package was installed that `packages` does not name."""
    named, known = ({_normalized(each.partition("==")[0]) for each in listed} for listed in (packages, ours))
    installed = {}
    for metadata in sorted(files.glob("*.dist-info/METADATA")):
        described = Parser().parsestr(metadata.read_text("utf-8"), headersonly=True)
        installed[_normalized(described["Name"])] = f"{described['Name']}=={described['Version']}"
    if missing := sorted(installed.keys() - named - known):
        complete = ", ".join(f'"{package}"' for name, package in sorted(installed.items()) if name not in known)
        raise UserError(
            setting,
            f"they need {', '.join(missing)}, which is not among them",
            f"name all of them: packages = [{complete}]",
        )


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
