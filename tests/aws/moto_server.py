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
import urllib.request
from types import TracebackType
from typing import Any

from tests.aws.local_aws import extend


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
        """Forget everything, as a new account."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()


def _mend_change_sets() -> None:
    """moto executes a change set without renewing the stack's outputs and parameters: do that after it."""
    from moto.cloudformation.models import CloudFormationBackend

    execute: Any = CloudFormationBackend.execute_change_set

    def execute_and_renew(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        execute(self, change_set_name, stack_name)
        change_set = self.change_sets[change_set_name]
        stack = self.stacks[change_set.stack_id]
        stack.parameters = change_set.parameters
        stack.template_dict = change_set.template_dict
        stack.output_map = stack._create_output_map()

    setattr(CloudFormationBackend, "execute_change_set", execute_and_renew)  # noqa: B010 (mypy: a method)


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

    _mend_change_sets()
    _remember_modules()
    default_user_config["lambda"] = {"use_docker": False}
    application, site = extend(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=threaded, request_handler=Quiet)
    print(f"http://127.0.0.1:{server.server_port} {site.certificate}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(threaded="threaded" in sys.argv)
