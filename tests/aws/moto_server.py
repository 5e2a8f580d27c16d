"""The AWS of the tests: the rehearsal's (ops/rehearse/local_aws.py) in a process of its own, on a free loopback port.

    with MotoServer() as server:
        boto3.client("s3", endpoint_url=server.url, ...)

Whoever calls with the rehearsal's own access key (`server.caller`) has the policy of `iam-policy` and no more; other keys may
do everything. `python -m tests.aws.moto_server` is that process: it prints its address.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from ops.rehearse.local_aws import CALLER

_CONTROL = "/popdesk/"  # what follows is for the tests: no AWS has it


class MotoServer:
    """The process, started and ended by `with`. `url` is its address, `certificate` the file of its CloudFront's."""

    caller = CALLER

    def __init__(self) -> None:
        self.url = self.certificate = ""

    def __enter__(self) -> MotoServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.aws.moto_server"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url, _, self.certificate = self._process.stdout.readline().strip().partition(" ")
        if not self.url:
            raise RuntimeError("the local AWS did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def reset(self) -> None:
        """Forget everything, as a new account, and have the right time."""
        self._control("reset")

    def set_clock(self, days: float) -> None:
        """Have the server's clock be wrong by so many days: S3 writes that time to what it stores, and answers with it."""
        self._control("clock", days=days)

    def wait(self, _: float = 0.0) -> None:
        """Wait until CloudFormation has done what it was told: an `Events.pause` that no release polls long with."""
        self._control("wait")

    def let_fail(self, *failing: str, stuck: tuple[str, ...] = ()) -> None:
        """Let CloudFormation fail at resources of these names, and at taking back the changes of those that are `stuck`."""
        self._control("fail", failing=failing, stuck=stuck)

    def _control(self, what: str, **values: Any) -> None:
        request = urllib.request.Request(f"{self.url}{_CONTROL}{what}", json.dumps(values).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            defects = answer.read().decode()
        if defects:
            raise RuntimeError(f"a defect of ops/rehearse, in the test before this call:\n{defects}")


def _serve() -> None:
    from ops.cloud.iam_policy import policy
    from ops.cloud.names import policy_names
    from ops.rehearse.local_aws import LocalAws
    from tests.aws.account import ACCOUNT, QUEUE, deployable_settings

    class Controlled(LocalAws):
        def application(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            """Answer a request, one of the tests' own too."""
            if not environ["PATH_INFO"].startswith(_CONTROL):
                return super().application(environ, start)
            values = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            defects = "\n".join(self.defects).encode()
            self.defects.clear()
            what = environ["PATH_INFO"].removeprefix(_CONTROL)
            if what == "reset":
                self.reset()
            elif what == "wait":
                self.cloudformation.wait()
            elif what == "clock":
                self.days = values["days"]
            else:
                self.cloudformation.failing, self.cloudformation.stuck = map(set, (values["failing"], values["stuck"]))
            start("200 OK", [("Content-Length", str(len(defects)))])
            return [defects]

        def reset(self) -> None:
            """Forget everything; the instance's queue is the one of the tests' settings."""
            super().reset()
            self.connect.queue_arn = QUEUE

    settings = deployable_settings(queue="BasicQueue")
    document = policy(policy_names(settings, ACCOUNT), True)
    aws = Controlled(settings, document, functions_wait=True)
    aws.reset()
    print(f"{aws.url} {aws.cloudfront.certificate}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    _serve()
