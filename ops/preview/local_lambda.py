"""The real Lambda on this machine: the built zip, unpacked, its handler in a process of its own.

    with LocalLambda(Path("build/lambda.zip")) as function:
        function.invoke(event, 5.0)          # -> flow_runner.Answer

The process has the standard library, boto3 and the zip's files on its path and nothing else, so a module missing in the zip
shows here; of the environment it has next to nothing, and what `environment` returns. It is warm between calls, as in Lambda,
and is ended when a call runs over its time. What the handler prints (it logs no personal data) goes to `log`. One call at a
time.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from ops.errors import UserError
from ops.flows.runner import Answer
from ops.settings import ROOT

# Runs in the process: one event a line on stdin, one answer a line on the real stdout; the handler's prints go to stderr.
_WORKER = """
import importlib, json, os, sys, time, uuid
from importlib.machinery import PathFinder
folder, entry, packages = sys.argv[1:]
sys.path.insert(0, folder)
class Runtime:  # what Lambda's runtime has beside the standard library
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
            return PathFinder.find_spec(name, [packages])
sys.meta_path.append(Runtime)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.stdout.reconfigure(line_buffering=True)
class Context:
    function_name, function_version, memory_limit_in_mb = "popdesk-preview", "$LATEST", "256"
    def __init__(self, seconds, arn):
        self.invoked_function_arn = arn
        self.aws_request_id, self.deadline = str(uuid.uuid4()), time.monotonic() + seconds
    def get_remaining_time_in_millis(self): return max(0, int((self.deadline - time.monotonic()) * 1000))
module, name = entry.rsplit(".", 1)
handler = getattr(importlib.import_module(module), name)
print(json.dumps({"ready": True}), file=answers, flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = json.dumps({"value": handler(asked["event"], Context(asked["seconds"], asked["arn"]))})
    except Exception as error:
        where = error.__traceback__
        while where.tb_next is not None:
            where = where.tb_next
        place = os.path.basename(where.tb_frame.f_code.co_filename) + ":" + str(where.tb_lineno)
        missing = " (" + str(error.name) + ")" if isinstance(error, ModuleNotFoundError) else ""
        answer = json.dumps({"error": "the Lambda raised " + type(error).__name__ + missing + " at " + place})
    print(answer, file=answers, flush=True)
"""
# What of this process's environment the worker sees: Lambda has none of a developer's variables, credentials least.
_ENVIRONMENT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
_START_SECONDS = 20.0
_ARN = "arn:aws:lambda:us-east-1:111122223333:function:popdesk-preview"
_LINES = 100  # of what it has said last
_FRAME = re.compile(r'File "(.+)", line (\d+)')
_PACKAGES = str(Path(find_spec("boto3").origin or "").parent.parent)  # type: ignore[union-attr]  # it is installed


class LocalLambda:
    """Invokes the handler in the zip; a context manager. `log` gets each line that the handler prints.

    `environment` returns the process's own environment variables before each call. If they have changed, as credentials do
    that are renewed, the process is started anew. It may raise UserError. `python` is the folder of what is in the zip, for
    people.
    """

    def __init__(
        self,
        package: Path,
        handler: str,
        log: Callable[[str], None] = lambda _: None,
        environment: Callable[[], dict[str, str]] = dict,
        python: str = "lambda/lookup/",
    ) -> None:
        self._handler = handler
        self._python = python
        self._log = log
        self._environment = environment
        self._given: dict[str, str] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="popdesk-lambda-")
        with zipfile.ZipFile(package) as archive:
            archive.extractall(self._folder.name)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self._readers: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> LocalLambda:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, now: bool = False) -> None:
        """End the process and remove the unpacked files, after the call that is under way; `now`: it ends with an error."""
        if now:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        with self._lock:
            self._closed = True
            self._end()
            self._folder.cleanup()

    def start(self) -> None:
        """Start the process now, so that the first call finds it warm. Raises UserError when the zip cannot be loaded."""
        with self._lock:
            self._start()

    def invoke(self, event: dict[str, Any], seconds: float, arn: str = _ARN) -> Answer:
        """Call the handler with `event`; it may take `seconds`. `arn` is what it is called by, an alias's say."""
        with self._lock:
            try:
                process = self._start()
            except UserError as problem:
                return Answer(error=problem.reason)
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps({"event": event, "seconds": seconds, "arn": arn}) + "\n")
                process.stdin.flush()
                answer = json.loads(self._answers.get(timeout=seconds))
            except queue.Empty:
                self._end()
                return Answer(error=f"the Lambda did not answer within {seconds:.3g} s")
            except (BrokenPipeError, ValueError):
                self._end()
                return Answer(error="the Lambda's process ended", again=True)
            return Answer(answer.get("value"), answer.get("error", ""), again="error" in answer)

    def _start(self) -> subprocess.Popen[str]:
        if self._closed:
            raise UserError("The Lambda", "preview is ending, or has a newer one", "offer the contact again")
        given = self._environment()
        if self._process is not None and self._process.poll() is None:
            if given == self._given:
                return self._process
            self._end()
        self._given = given
        answers: queue.Queue[str] = queue.Queue()
        self._answers = answers
        # -I and -S: no user folder, no site-packages, so only what the zip carries is found.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _WORKER, self._folder.name, self._handler, _PACKAGES],
            cwd=self._folder.name,
            env={
                **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": given.get("AWS_REGION", "us-east-1"),  # Lambda sets both, boto3 reads this one
                "LAMBDA_TASK_ROOT": self._folder.name,
                "TZ": ":UTC",
                **given,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._process = process
        tail: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_answers, args=(process, answers), daemon=True),
            threading.Thread(target=self._read_log, args=(process, tail), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            first = answers.get(timeout=_START_SECONDS)
        except queue.Empty:
            first = ""
        if not first:
            self._end()
            reason = tail[-1].replace(f"{self._folder.name}{os.sep}", "") if tail else "it did not start"
            place = self._place(tail)
            raise UserError(
                place or "The Lambda",
                f"the handler cannot be loaded from the zip: {reason}",
                "correct that line" if place else f"correct {self._python}",
            )
        return process

    def _place(self, traceback: list[str]) -> str:
        """Return the last line of the project's own that a traceback leads through, "lambda/api/routes.py:3"; "" for none."""
        for said in reversed(traceback):
            found = _FRAME.match(said)
            if found and (path := Path(found[1])).is_relative_to(self._folder.name):
                inside = path.relative_to(self._folder.name)
                for python in (self._python, "lambda/lookup/"):  # the API's zip has modules of the look-up's
                    if (ROOT / python / inside).is_file():
                        return f"{python}{inside.as_posix()}:{found[2]}"
        return ""

    def _read_answers(self, process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            answers.put(line)
        answers.put("")

    def _read_log(self, process: subprocess.Popen[str], tail: list[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            tail.append(line.strip())
            del tail[:-_LINES]
            self._log(line.rstrip())

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for reader in self._readers:  # they end with the process: what it said last is still logged
                reader.join(2)
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._process = None
