"""The API's function: its size, its cold start, and what a request takes; docs/api.md has the figures.

    uv run python -m tests.bench.api_function [--rounds 10] [--calls 300] [--json FILE]

Cold is a fresh process of Lambda's own runtime client (tests/lambda_runtime.py): `init` is its import, `first` its first request,
the open cases of a customer, with the token verified and Amazon Connect asked (preview's stand-in). Warm is one process that is
asked again and again, to read and to create. The zip is the one of a release, for this Python, so that its .pyc are used.
"""

from __future__ import annotations

import compileall
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ops.flows.runner import Contact  # isort: skip  # `ops` puts the functions' folders on the path

import boto3
import click
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER
from rich.console import Console
from rich.table import Table
from token_signing import TokenSigner

from ops.preview.http_api import http_api_event
from ops.preview.local_api import LocalFunctions
from ops.preview.server import Preview
from ops.settings import Settings, load_settings
from ops.site.api_zip import API_HANDLER, build_api_zip
from tests.lambda_runtime import LambdaRuntime

_RUNTIME = (
    *("awslambdaric", "runtime_client", "snapshot_restore_py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"),
)
CONTACT = "b8f2a7c0-0000-4000-8000-000000000001"
CASES = b"/api/customers/C-1001/cases"


def _settings() -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})


def _size(package: Path) -> dict[str, float]:
    with zipfile.ZipFile(package) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    return {"zip_MB": package.stat().st_size / 1e6, "unpacked_MB": unpacked / 1e6}


def measure(rounds: int, calls: int) -> dict[str, Any]:
    """Return {"size": {...}, "cold": {...}, "warm": {...}}, megabytes and milliseconds."""
    settings = _settings()
    with Preview(lambda: settings) as preview, LambdaRuntime() as runtime, tempfile.TemporaryDirectory() as name:
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}  # Lambda sets both
        environment = {**region, **preview._builds._api_variables(settings)}
        with patch.dict(os.environ, environment):
            signer = TokenSigner("preview")
            signer.fetch_keys(5)
            token = signer.sign(CONTACT, ["C-1001"])
        preview.connect.offered(Contact(CONTACT, CONTACT, "VOICE", "", None, {}))

        def event(method: str, body: bytes = b"", key: str = "") -> dict[str, Any]:
            headers = {CONTACT_HEADER: token, "Content-Type": "application/json", IDEMPOTENCY_HEADER: key}
            sent = [(name.encode(), value.encode()) for name, value in headers.items() if value]
            return http_api_event(method, CASES, b"", sent, body)

        package = build_api_zip(settings, Path(name, "api.zip"), f"python{_version()}", local=True)
        folder = str(package.with_suffix(""))
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)
        packages = _runtimes_own(Path(name, "runtime"))
        inits, firsts = [], []
        for number in range(rounds + 1):
            start = runtime.start([folder], environment, event("GET"), API_HANDLER, packages)
            if start.error or start.answer["statusCode"] != 200:
                raise SystemExit(f"it failed: {start.error or start.answer} {start.printed}")
            if number:  # the first start fills the file cache and is left out
                inits.append(start.init_ms)
                firsts.append(start.call_ms)
        functions = LocalFunctions(package, lambda: environment, lambda _: None)
        functions.start()
        reads: list[float] = []
        writes: list[float] = []
        for number in range(calls):
            for times, asked in (
                (reads, event("GET")),
                (writes, event("POST", b'{"subject": "x"}', f"{number:032x}")),
            ):
                begun = time.perf_counter()
                answer = functions.invoke(asked, 30)
                times.append((time.perf_counter() - begun) * 1000)
                assert isinstance(answer.value, dict), answer.error
                assert answer.value["statusCode"] < 300, answer.value
        functions.close()
        released = build_api_zip(settings, Path(name, "released.zip"))
        return {
            "size": _size(released),
            "cold": {"init_ms": min(inits), "init_median_ms": statistics.median(inits), "first_ms": min(firsts)},
            "warm": {"read_ms": statistics.median(reads), "create_ms": statistics.median(writes)},
        }


def _runtimes_own(folder: Path) -> str:
    """Return a folder with what Lambda's runtime has, compiled, and nothing else of this environment: PyJWT would find more."""
    folder.mkdir()
    here = Path(boto3.__file__).parent.parent
    for module in _RUNTIME:
        for found in [*here.glob(module), *here.glob(f"{module}.py"), *here.glob(f"{module}.*.so")]:
            (folder / found.name).symlink_to(found)
    compileall.compile_dir(folder, quiet=1)
    return str(folder)


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@click.command()
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(1), help="Cold starts.")
@click.option("--calls", default=300, show_default=True, type=click.IntRange(1), help="Warm calls.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures to this file too.")
def main(rounds: int, calls: int, file: Path | None) -> None:
    """Measure the API's function and print a table."""
    result = measure(rounds, calls)
    if file:
        file.write_text(json.dumps(result, indent=1), "utf-8")
    table = Table("the API's function", "")
    for part in result.values():
        for key, value in part.items():
            table.add_row(key, f"{value:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
