"""The Lambda functions of the local AWS: the zips that were uploaded, run in processes of this machine.

    functions.invoke("arn:aws:lambda:...:function:popdesk-lookup:live", event, 5.0)      # -> ops.flows.runner.Answer
    functions.http_api(api_id, "GET", "/api/cases", headers, b"")                        # -> status, headers, body

What in a zip was compiled for Lambda's processor is replaced by this environment's own of the same package.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.errors import UserError
from ops.flows.runner import Answer
from ops.preview.http_api import SECONDS, failure, http_api_event, response
from ops.preview.local_lambda import LocalLambda

if TYPE_CHECKING:
    from ops.rehearse.local_aws import LocalAws

_NATIVE = re.compile(r"\.(so|pyd)$")


class Functions:
    """Runs the functions of an account; each version of one in a process of its own, started when it is first asked."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._running: dict[str, LocalLambda] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="popdesk-rehearsal-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self.log: list[str] = []

    def close(self) -> None:
        """End all processes."""
        for function in self._running.values():
            function.close(now=True)
        self._folder.cleanup()

    def invoke(self, arn: str, event: dict[str, Any], seconds: float) -> Answer:
        """Return what a function answers; `arn` may name an alias or a version."""
        return self._function(arn).invoke(event, seconds, arn)

    def start(self, arn: str) -> None:
        """Start a function's process, so that its first call need not wait. One that does not start says so when called."""
        with suppress(UserError):
            self._function(arn).start()

    def _function(self, arn: str) -> LocalLambda:
        client = self._aws.client("lambda")
        name, qualifier = arn.split(":")[6], [*arn.split(":"), ""][7]
        if qualifier and not qualifier.isdigit():
            qualifier = client.get_alias(FunctionName=name, Name=qualifier)["FunctionVersion"]
        found = client.get_function(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
        config = found["Configuration"]
        variables = {**config.get("Environment", {}).get("Variables", {}), **self._aws.environment_of_functions()}
        # With its environment: after a first release that failed, the same code is another function, with another secret.
        key = json.dumps([name, qualifier, config["CodeSha256"], variables], sort_keys=True)
        with self._lock:
            if key not in self._running:
                package = Path(self._folder.name) / f"{len(self._running)}.zip"
                package.write_bytes(for_this_machine(self._code(name, qualifier)))
                self._running[key] = LocalLambda(package, config["Handler"], self.log.append, lambda: variables)
            return self._running[key]

    def _code(self, name: str, qualifier: str) -> bytes:
        from moto.awslambda.utils import get_backend

        place = self._aws.place
        return bytes(get_backend(place.account, place.region).get_function(name, qualifier or None).code_bytes)

    def http_api(
        self, api: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return what an HTTP API answers: that of its route's integration."""
        client = self._aws.client("apigatewayv2")
        routes = client.get_routes(ApiId=api)["Items"]
        if not routes:
            return failure(404)
        if routes[0].get("AuthorizationType") == "JWT":
            return failure(401)
        integration = client.get_integration(ApiId=api, IntegrationId=routes[0]["Target"].rpartition("/")[2])
        path, _, query = target.partition("?")
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        event = http_api_event(method, path.encode("latin-1"), query.encode("latin-1"), raw, body)
        answer = self.invoke(integration["IntegrationUri"], event, SECONDS)
        return failure(500 if answer.again else 503) if answer.error else response(answer.value)


def for_this_machine(package: bytes) -> bytes:
    """Return a zip in which compiled packages are this environment's: Lambda's are for its own processor and Python."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    native = {name.partition("/")[0] for name in files if _NATIVE.search(name)}
    for folder in native:
        try:
            found = distribution(folder.replace("_", "-"))
        except PackageNotFoundError:
            continue  # then it fails to load, which says so
        files = {name: content for name, content in files.items() if not name.startswith(f"{folder}/")}
        for path in found.files or ():
            if path.parts[0] == folder:
                files[path.as_posix()] = Path(str(found.locate_file(path))).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
