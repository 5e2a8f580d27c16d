"""A moto server in a process of its own, on a free loopback port, serving one request after the other.

What moto lacks stands in tests/aws/local_aws.py.

    with MotoServer() as server:
        boto3.client("s3", endpoint_url=server.url, ...)

One at a time, because moto checks If-Match and writes in two steps: S3 does both at once, and so does this server.
`python -m tests.aws.moto_server` is that process: it prints its address.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any

from ops.rehearse.moto_lambda import refuse_other_code
from tests.aws.local_aws import extend

_CLOCK = "/test-clock/"


class MotoServer:
    """The process, started and ended by `with`. `url` is its address, `certificate` the file of its CloudFront's."""

    def __init__(self, threaded: bool = False) -> None:
        self._arguments = ["threaded"] if threaded else []
        self.url = self.certificate = ""

    def __enter__(self) -> MotoServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.aws.moto_server", *self._arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url, _, self.certificate = self._process.stdout.readline().strip().partition(" ")
        if not self.url:
            raise RuntimeError("the moto server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def set_stack_status(self, name: str, status: str) -> None:
        """Put a stack into a state that moto does not reach by itself."""
        address = f"{self.url}/popdesk/stack-status?name={name}&status={status}"
        urllib.request.urlopen(urllib.request.Request(address, method="POST")).close()

    def reset(self) -> None:
        """Forget everything, as a new account, and have the right time."""
        self._post("/moto-api/reset")
        self.set_clock(0)

    def set_clock(self, days: float) -> None:
        """Have the server's clock be wrong by so many days: S3 writes that time to what it stores, and answers with it."""
        self._post(f"{_CLOCK}{days}")

    def _post(self, path: str) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", method="POST")).close()


def _mend_change_sets() -> None:
    """moto executes a change set without renewing the stack's outputs and parameters, and keeps the stack's other ones.

    Of the others AWS says: "CloudFormation deletes all change sets that are associated with the stack because they are no
    longer valid" (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html).
    """
    from moto.cloudformation.models import CloudFormationBackend

    execute: Any = CloudFormationBackend.execute_change_set

    def execute_and_renew(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        execute(self, change_set_name, stack_name)
        change_set = self.change_sets[change_set_name]
        stack = self.stacks[change_set.stack_id]
        stack.parameters = change_set.parameters
        stack.template_dict = change_set.template_dict
        stack.output_map = stack._create_output_map()
        for key in [key for key, other in self.change_sets.items() if other.stack_id == change_set.stack_id]:
            del self.change_sets[key]

    setattr(CloudFormationBackend, "execute_change_set", execute_and_renew)  # noqa: B010 (mypy: a method)


class _Clock:
    """The server's clock, which a test can set: see MotoServer.set_clock."""

    def __init__(self) -> None:
        from moto.s3 import models

        self.days = 0.0
        utcnow = getattr(models, "utcnow")  # noqa: B009 (mypy: the module imports it only)
        setattr(models, "utcnow", lambda: utcnow() + timedelta(days=self.days))  # noqa: B010 (mypy: a function)

    def wrap(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """Return the app with POST /test-clock/DAYS, which sets the clock."""

        def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if environ["PATH_INFO"].startswith(_CLOCK):
                self.days = float(environ["PATH_INFO"].removeprefix(_CLOCK))
                start_response("204 No Content", [])
                return []
            return app(environ, start_response)

        return wrapped


def _remember_modules() -> None:
    """moto lists the folders of its own package anew for each request, a third of the request's time: list them once."""
    from moto import backends

    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules


def _serve(threaded: bool) -> None:
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: object) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + clock.days * 86_400)

    clock = _Clock()
    _mend_change_sets()
    refuse_other_code()
    _remember_modules()
    default_user_config["lambda"] = {"use_docker": False}
    application, site = extend(DomainDispatcherApplication(create_backend_app))
    application = clock.wrap(application)
    server = make_server("127.0.0.1", 0, application, threaded=threaded, request_handler=Quiet)
    print(f"http://127.0.0.1:{server.server_port} {site.certificate}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(threaded="threaded" in sys.argv)
