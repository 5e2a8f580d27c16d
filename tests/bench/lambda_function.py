"""The Lambda beside the article's own function, in one run: cold start, warm call, memory, adapters.

    uv run python -m tests.bench.lambda_function [--rounds 15] [--json FILE]

Cold is a fresh process of Lambda's own runtime client (tests/lambda_runtime.py): its import and its first call, from the
process's start to the answer, which is what a caller waits for and what Lambda bills as Init Duration and Duration. Beside
it, in a bare Python, the import and the first call alone. Ours is the zip as a release packs it, with .pyc, unpacked; the
peers are compiled the same way. Rounds go through all of them in turn, so that a slow moment of the machine is everybody's,
and the ratios are of each one's fastest start: as timeit advises, what is slower is the machine's other work. The article's
function asks nobody; a second row has it with the one import that asking needs (urllib.request: half of such a start is the
standard library's). The HTTP adapter asks a local server, the DynamoDB adapter a moto server.
It exits with 1 where a ceiling is broken.
"""

from __future__ import annotations

import compileall
import http.client
import importlib.util
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import click
from moto.server import ThreadedMotoServer
from rich.console import Console
from rich.table import Table

from ops.settings import Settings, load_settings
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE, build_lambda_zip
from tests.lambda_runtime import LambdaRuntime
from tests.unit.lambda_.crm import MisbehavingCrm
from tests.unit.lambda_.events import contact_event

# The peer: the function that the article describes, written out again from its description. It takes the number that the
# flow gives, puts a + before it, prints it and answers. It looks nobody up.
ARTICLE = """
import json

def handler(event, context):
    print(json.dumps(event))
    number = "+" + event["Details"]["Parameters"]["CustomerPhoneInput"]
    print("number", number)
    return {
        "statusCode": 200,
        "CustomePhoneReturn": number,
        "Name": "Ana Silva",
        "ContactPhoneNumberOrEmail": number,
        "contactUrlPath": "https://crm.example.com/customers/" + number,
        "contactUrlWidth": "1000",
        "contactUrlHeight": "700",
    }
"""
# The same with the one import that it needs as soon as it does ask a CRM; it asks none, so only the import is in it.
ARTICLE_HTTP = "import urllib.request\n" + ARTICLE
POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
logger, metrics = Logger(service="popdesk"), Metrics(namespace="Popdesk", service="popdesk")

def handler(event, context):
    logger.info("customer look-up", outcome="found")
    metrics.add_dimension(name="outcome", value="found")
    metrics.add_metric(name="Calls", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
    return {}
"""

# What the caller typed: the slow way, through phonenumbers, for ours; the only way for the article's.
EVENT = contact_event(address=None, typed="12065550100")

_COLD = """
import sys
folders, event = {folders!r}, {event!r}
sys.path[:0] = folders
from time import perf_counter
started = perf_counter()
from handler import handler
handler(event, None)
print((perf_counter() - started) * 1000, file=sys.stderr)
"""
_WARM = """
import os, sys
sys.path[:0] = {folders!r}
from array import array
from time import perf_counter_ns
connections = 0
def count(name, arguments):
    global connections
    connections += name == "socket.connect"
sys.addaudithook(count)
sys.stdout = open(os.devnull, "w")
from handler import handler
event, calls = {event!r}, {calls!r}
def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1000
def run(n):
    for i in range(n):
        started = perf_counter_ns()
        answer = handler(event, None)
        times[i] = perf_counter_ns() - started
    assert answer["statusCode"] == "200" and answer["contactMatches"] == "1", answer["statusCode"]
times = array("q", bytes(8 * calls))
run(calls)
before, connected = memory(), connections
run(calls)
after, times = memory(), sorted(times)
print(times[len(times) // 2] / 1e6, times[len(times) * 99 // 100] / 1e6, after - before, connections, file=sys.stderr)
"""


class Candidate:
    """One thing to start: its name, the folders on its path, its environment."""

    def __init__(self, name: str, folders: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.folders = folders
        self.environment = environment
        self.runtime_ms: list[float] = []
        self.import_ms: list[float] = []

    def python(self, code: str) -> str:
        """Run `code` in a fresh process without site-packages and return its stderr."""
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", code],  # -B: /var/task is read-only
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.name} failed: {done.stderr}")
        return done.stderr

    def start_cold(self, runtime: LambdaRuntime) -> None:
        """Start it once in Lambda's runtime and once in a bare Python, and take its times."""
        start = runtime.start(self.folders, self.environment, EVENT)
        if start.error:
            raise SystemExit(f"{self.name} failed: {start.error}")
        self.runtime_ms.append(start.init_ms + start.call_ms)
        self.import_ms.append(float(self.python(_COLD.format(folders=self.folders, event=EVENT)).split()[-1]))

    def run_warm(self, calls: int) -> dict[str, float]:
        """Call it `calls` times in one process."""
        said = self.python(_WARM.format(folders=self.folders, event=EVENT, calls=calls)).split()
        median, p99, grown, connections = (float(value) for value in said[-4:])
        return {"median_ms": median, "p99_ms": p99, "grown_kB": grown, "connections": connections}


def _ours(folder: Path, adapter: str, url: str = "", minor: int = sys.version_info.minor) -> str:
    settings = load_settings()
    http = settings.lookup.http.model_copy(update={"url": url or settings.lookup.http.url})
    lookup = settings.lookup.model_copy(update={"adapter": adapter, "http": http})
    changed: Settings = settings.model_copy(update={"lookup": lookup})
    package = build_lambda_zip(changed, folder / f"{adapter}-{minor}.zip", f"python3.{minor}")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(package.with_suffix(""))
    return str(package.with_suffix(""))


def _peer(folder: Path, name: str, source: str) -> str:
    (folder / name).mkdir()
    (folder / name / "handler.py").write_text(source, "utf-8")
    compileall.compile_dir(folder / name, quiet=1)
    return str(folder / name)


@contextmanager
def _kept_alive(host: str, port: int) -> Iterator[str]:
    """Yield the address of a relay to moto that keeps connections open as AWS does; moto's own server closes each."""

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            moto = http.client.HTTPConnection(host, port)
            moto.request("POST", self.path, self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers))
            answer = moto.getresponse()
            body = answer.read()
            moto.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _make_table(endpoint: str) -> dict[str, str]:
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        CUSTOMERS_TABLE_VARIABLE: "customers",
    }
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    client = session.client("dynamodb", endpoint_url=endpoint)
    client.create_table(
        TableName="customers",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"pk": "phone#+12065550100", "sk": "C-1001", "name": "Ana Silva"}
    client.put_item(TableName="customers", Item={name: {"S": value} for name, value in item.items()})
    return environment


def measure(rounds: int) -> dict[str, Any]:
    """Run everything and return {"cold": {name: {...}}, "warm": {name: {...}}}, milliseconds and kB."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    with (
        tempfile.TemporaryDirectory() as name,
        MisbehavingCrm() as crm,
        LambdaRuntime() as runtime,
        _kept_alive(*moto.get_host_and_port()) as url,
    ):
        folder = Path(name)
        crm.customers = [{"id": "C-1001", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}]
        aws = _make_table(url)
        sample = Candidate("ours, sample file", [_ours(folder, "sample")], {})
        asking = Candidate("ours, HTTP CRM", [_ours(folder, "http", crm.url)], {})
        dynamodb = Candidate("ours, DynamoDB", [_ours(folder, "dynamodb")], aws)
        cold = [
            Candidate("the article's", [_peer(folder, "article", ARTICLE)], {}),
            Candidate("the article's, with HTTP", [_peer(folder, "article_http", ARTICLE_HTTP)], {}),
            sample,
            Candidate("ours, sample, no .pyc", [_ours(folder, "sample", minor=sys.version_info.minor + 1)], {}),
            asking,
            dynamodb,
        ]
        if importlib.util.find_spec("aws_lambda_powertools"):
            path = str(Path(importlib.util.find_spec("aws_lambda_powertools").origin or "").parent.parent)  # type: ignore[union-attr]
            compileall.compile_dir(Path(path) / "aws_lambda_powertools", quiet=1)
            site_packages = str(Path(boto3.__file__).parent.parent)
            cold.append(
                Candidate("Powertools alone", [_peer(folder, "powertools", POWERTOOLS), path, site_packages], {})
            )
        for _ in range(rounds + 1):
            for candidate in cold:
                candidate.start_cold(runtime)
        result: dict[str, Any] = {"cold": {}, "warm": {}}
        for candidate in cold:  # the first start of each fills the file cache and is left out
            result["cold"][candidate.name] = {
                "runtime_ms": min(candidate.runtime_ms[1:]),
                "median_ms": statistics.median(candidate.runtime_ms[1:]),
                "import_ms": min(candidate.import_ms[1:]),
            }
        result["warm"][sample.name] = sample.run_warm(10_000)
        result["warm"][asking.name] = asking.run_warm(2_000)
        result["warm"][dynamodb.name] = dynamodb.run_warm(300)
    moto.stop()
    return result


def show(result: dict[str, Any], console: Console) -> bool:
    """Print the table and return whether every ceiling holds."""
    cold = result["cold"]
    peers = list(cold)[:2]
    table = Table("cold, ms; (times the article's, times it with HTTP)")
    for column in ("in Lambda's runtime", "(its median)", "import + first call alone"):
        table.add_column(column, justify="right")
    for name, times in cold.items():
        cells = []
        for key in ("runtime_ms", "median_ms", "import_ms"):
            ratios = ", ".join(f"{times[key] / cold[peer][key]:.2f}" for peer in peers)
            cells.append(f"{times[key]:.1f} ({ratios})")
        table.add_row(name, *cells)
    console.print(table)
    warm = Table("warm", "call, ms (median)", "p99", "memory grown, kB", "connections")
    for name, values in result["warm"].items():
        warm.add_row(
            name,
            f"{values['median_ms']:.3f}",
            f"{values['p99_ms']:.3f}",
            f"{values['grown_kB']:.0f}",
            f"{values['connections']:.0f}",
        )
    console.print(warm)
    sample, http = result["warm"]["ours, sample file"], result["warm"]["ours, HTTP CRM"]
    article = cold[peers[0]]["runtime_ms"]
    checks = [
        ("cold, sample file, times the article's", cold["ours, sample file"]["runtime_ms"] / article, 2.5),
        ("cold, HTTP CRM, times the article's", cold["ours, HTTP CRM"]["runtime_ms"] / article, 2.5),
        ("cold, DynamoDB, times the article's", cold["ours, DynamoDB"]["runtime_ms"] / article, 3.0),
        ("warm call, sample file, ms", sample["median_ms"], 0.5),
        ("memory grown by 10,000 warm calls, kB", sample["grown_kB"], 100),
        ("connections of 4,000 calls, HTTP CRM", http["connections"], 1),
        ("connections of 600 calls, DynamoDB", result["warm"]["ours, DynamoDB"]["connections"], 1),
    ]
    for name, value, ceiling in checks:
        console.print(f"{'ok ' if value <= ceiling else 'NO '} {name}: {value:.2f} (at most {ceiling})")
    return all(value <= ceiling for _, value, ceiling in checks)


@click.command()
@click.option("--rounds", default=15, show_default=True, type=click.IntRange(1), help="Cold starts of each.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures to this file too.")
def main(rounds: int, file: Path | None) -> None:
    """Measure the Lambda beside the article's own function."""
    result = measure(rounds)
    if file:
        file.write_text(json.dumps(result, indent=1), "utf-8")
    if not show(result, Console(width=110)):
        sys.exit(1)


if __name__ == "__main__":
    main()
