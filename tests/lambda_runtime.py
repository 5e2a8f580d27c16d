"""Start a Lambda's folder as Lambda does: in AWS's own runtime client, which asks a Runtime API for its invocations.

    with LambdaRuntime() as runtime:
        start = runtime.start(["build/lambda"], {}, event)      # a fresh process, its first call
        start.answer, start.init_ms, start.call_ms              # {"Name": ...}, 55.4, 1.7

The process is `awslambdaric`, the client in Lambda's Python images; the Runtime API is served here, on loopback, as far as
a first invocation needs it: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. `init_ms` and `call_ms` are
what a REPORT line calls Init Duration and Duration: from the start of the process to its asking for an invocation, and
from there to its answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ops.site.lambda_zip import LAMBDA_HANDLER
from tests.loopback import Loopback

AVAILABLE = find_spec("awslambdaric") is not None  # it is built for Linux, as Lambda is
# In Lambda's order: the function's own, the standard library, the runtime client's packages.
_RUN = """
import sys
sys.path[:] = {folders!r} + sys.path + [{packages!r}]
from awslambdaric.__main__ import main
main(["", {handler!r}])
"""
_LONGEST = 20  # seconds for a start; Lambda gives it ten


class Start(NamedTuple):
    """A fresh process and its first call, as the runtime reported them; `error` is its error message, "" if there is none."""

    answer: dict[str, Any]
    init_ms: float
    call_ms: float
    error: str
    printed: str


class LambdaRuntime(Loopback):
    """A Runtime API on loopback, and the processes that it starts, one at a time."""

    def __init__(self) -> None:
        super().__init__(_Server(("127.0.0.1", 0), _Api))

    def start(
        self,
        folders: list[str],
        environment: dict[str, str],
        event: dict[str, Any],
        handler: str = LAMBDA_HANDLER,
        packages: str = "",
    ) -> Start:
        """Start the handler in the first of `folders` in a new process and return its first answer to `event`.

        `packages` is the folder of what the runtime has beside it, this environment's where it is "".
        """
        spec = find_spec("awslambdaric")
        assert spec, "awslambdaric is not installed: uv sync, on Linux"
        assert spec.origin
        code = _RUN.format(folders=folders, packages=packages or str(Path(spec.origin).parent.parent), handler=handler)
        invocation = _Invocation(event)
        _Api.current = invocation
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", code],  # -B: /var/task is read-only
            env={
                **os.environ,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "popdesk",
                "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
                "LAMBDA_TASK_ROOT": folders[0],
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            answered = invocation.answered.wait(_LONGEST)
        finally:
            process.kill()
            printed, _ = process.communicate()
        if not answered:
            raise AssertionError(f"the runtime answered nothing in {_LONGEST} s: {printed}")
        return Start(
            invocation.answer if not invocation.error else {},
            (invocation.asked_at - started) * 1000,
            (invocation.answered_at - invocation.asked_at) * 1000,
            invocation.error,
            printed,
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
        # else: the process was killed while its connection was open, as every start ends


class _Invocation:
    def __init__(self, event: dict[str, Any]) -> None:
        self.body = json.dumps(event).encode()
        self.answered = threading.Event()
        self.asked_at = self.answered_at = 0.0
        self.answer: dict[str, Any] = {}
        self.error = ""


class _Api(BaseHTTPRequestHandler):
    """The Runtime API's three requests. Each start has one invocation; a request for a second one waits."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    current: _Invocation

    def do_GET(self) -> None:  # /2018-06-01/runtime/invocation/next
        invocation = _Api.current
        if invocation.asked_at:
            invocation.answered.wait()  # the process is about to be killed
            self.close_connection = True
            return
        invocation.asked_at = time.perf_counter()
        deadline = int((time.time() + 8) * 1000)
        self._answer(
            200,
            invocation.body,
            {
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Content-Type": "application/json",
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:111122223333:function:popdesk",
            },
        )

    def do_POST(self) -> None:  # .../invocation/ID/response, .../invocation/ID/error, .../init/error
        invocation = _Api.current
        invocation.answered_at = time.perf_counter()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/response"):
            invocation.answer = body
        else:
            invocation.error = json.dumps(body)
        self._answer(202, b"", {})
        invocation.answered.set()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass
