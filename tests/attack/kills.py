"""Commands that are killed: releases, rollbacks, promotions, destroys; the live page is one whole release at every moment.

    uv run python -m tests.attack.kills [--release 80] [--rollback 50] [--promote 35] [--destroy 35] [--seed 1]

The real commands, in processes of their own, with the settings and cards of the tests, against the rehearsal's AWS
(ops/rehearse/local_aws.py). Each gets SIGKILL at a random moment, and is then run a second time, to its end. Meanwhile the live
page and the pilot's are fetched all the time, from CloudFront: the one that the command is for has to be one of the two releases
that it may be, the other one what it was, byte for byte, with every file of it in the bucket. Exits with 1 and the reason where
it is another, where a second run does not do what it should, or where a command shows a traceback.

Lives follow each other: an application is released for the first time, released again, also to its pilot, promoted, rolled
back, destroyed; each of these is killed first, as long as there are kills of its kind to do.
"""

from __future__ import annotations

import tests.fixture_project  # noqa: F401  # isort: skip

import hashlib
import http.client
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import brotli
import click
from botocore.exceptions import ClientError

from ops.cloud.bucket import ALIAS, PAGE, PILOT_ALIAS, SITE
from ops.cloud.iam_policy import policy
from ops.cloud.manifests import manifest_key
from ops.cloud.names import policy_names, stack_name
from ops.errors import CONFLICT, ROLLED_BACK
from ops.rehearse.connect import PROFILES
from ops.rehearse.local_aws import LocalAws
from ops.rehearse.rehearsal import instance_over
from ops.settings import ROOT, load_settings

_ENVIRONMENT = "prod"
_LONGEST = 600.0  # seconds that a command may take on a busy machine
_AT_A_CALL = 0.6  # the share of kills just after a call to AWS; the others come at any moment
_JUST_AFTER = 0.03  # seconds; a call is answered within them, or not yet
_MARK = re.compile(rb"<!-- release (\S+) -->\n\Z")
_NOTHING = ""  # is live
_LIVE, _PILOT = "Url", "PilotUrl"  # the stack's outputs with the pages' addresses


class Failed(Exception):
    """What an attack has found."""


@dataclass(frozen=True)
class Ran:
    """A command that was run: `code` is negative where it was killed; `after` is the last call that it made, "" for none."""

    code: int
    said: str
    seconds: float
    after: str


class Account:
    """An AWS account on this machine, and the commands that a team runs against it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        settings = load_settings(environment=_ENVIRONMENT)
        with_all = {"api": {"enabled": True, "cases": "dynamodb"}, "opens": "service", "pilot": PROFILES[0]}
        self._over = {**instance_over(settings), **with_all}
        settings = settings.model_copy(
            update={"aws": settings.aws.model_copy(update=instance_over(settings).get("aws", {}))}
        )
        names = policy_names(settings, settings.aws.instance_account)
        self.aws = LocalAws(settings, policy(names, api=True))
        self.stack = stack_name(settings)
        self._number = 0
        self._release_over: dict[str, Any] = {}
        self._takes: dict[str, tuple[float, int]] = {}  # command -> seconds, calls

    def change(self, stack: bool) -> None:
        """Change a setting that travels with the page, so that the next release is another one; with `stack`, its stack too."""
        self._number += 1
        self._release_over["request_timeout_ms"] = 4000 + self._number % 1000
        if stack:
            self._release_over["lookup"] = {"budget_ms": 2000 + self._number % 1000}

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs; none where there is none."""
        stack = self.aws.cloudformation.stack(self.stack)
        return {} if stack is None else stack.outputs

    def run(self, *words: str, kill: bool = False) -> Ran:
        """Run a command to its end, or until it is killed at a random moment. Raises Failed where it shows a traceback."""
        started, before = time.monotonic(), len(self.aws.calls)
        due = self._moment(words[0]) if kill else lambda _seconds, _calls: False
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ops.rehearse.command", json.dumps({**self._over, **self._release_over})),
                    *(*words, "--env", _ENVIRONMENT),
                ],
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
                | self.aws.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    seconds = time.monotonic() - started
                    if seconds > _LONGEST or due(seconds, len(self._made(before))):
                        break
                    time.sleep(0.002)
            finally:
                if killed := process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
            output.seek(0)
            said = output.read().decode(errors="replace")
        took, made = time.monotonic() - started, self._made(before)
        if killed and not kill:
            raise Failed(f"`{' '.join(words)}` has not ended after {_LONGEST:.0f} s:\n{said}")
        if "Traceback" in said:
            raise Failed(f"`{' '.join(words)}` shows a traceback:\n{said}")
        if code == 0:
            self._takes[words[0]] = took, len(made)
        return Ran(code, said, took, made[-1] if made else "")

    def _made(self, before: int) -> list[str]:
        return [made.what for made in self.aws.calls[before:] if not made.what.startswith("CloudFormation:")]

    def _moment(self, command: str) -> Callable[[float, int], bool]:
        """Return whether to kill now, by how many seconds have passed and how many calls were made.

        Most moments pass without a call, in the build and in waiting for a stack, and most can go wrong between two calls.
        """
        takes, calls = self._takes.get(command, (8.0, 40))
        if self._chance.random() >= _AT_A_CALL:
            after = self._chance.uniform(0, takes)
            return lambda seconds, _: seconds > after
        number, wait = self._chance.randint(1, calls), self._chance.uniform(0, _JUST_AFTER)
        reached: list[float] = []

        def due(seconds: float, made: int) -> bool:
            if made >= number and not reached:
                reached.append(seconds)
            return bool(reached) and seconds >= reached[0] + wait

        return due


class Watch:
    """Looks at a page all the time. `seen` are the releases that it was, one after the other; `output` has its address."""

    def __init__(self, account: Account, output: str) -> None:
        self._account, self._output = account, output
        self._s3 = account.aws.client("s3")
        self._tls = ssl.create_default_context(cafile=str(account.aws.cloudfront.certificate))
        self._connection: http.client.HTTPSConnection | None = None
        self._files: dict[str, dict[str, str]] = {}  # release -> its files: path -> SHA-256
        self._right: set[tuple[str, str, str]] = set()  # path, SHA-256, ETag of what was read and is right
        self._stop = threading.Event()
        self.seen: list[str] = []
        self.looks = 0
        self.wrong = ""

    @contextmanager
    def going(self) -> Iterator[None]:
        """Watch meanwhile."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set() and not self.wrong:
            try:
                self.look()
            except Failed as failed:
                self.wrong = str(failed)
            except Exception as error:
                self.wrong = f"the watch itself failed: {error!r}"
            self._stop.wait(0.04)

    def look(self) -> str:
        """Return what is live. Raises Failed where that is not whole."""
        live, page = self._page()
        self.looks += 1
        if not self.seen or self.seen[-1] != live:
            self.seen.append(live)
        if live and (problem := self._problem(live, page)) and self._page() == (live, page):
            raise Failed(f"release {live} is live, and {problem}")
        return live

    def forget(self) -> None:
        """Forget what was live before now."""
        del self.seen[:-1]

    def fetch_all(self, live: str) -> None:
        """Fetch every file of the live release, as a browser gets it. Raises Failed where one is not right."""
        for path, digest in self._files[live].items():
            status, headers, content = self._get("/" if path == PAGE else f"/{path}")
            if headers.get("content-encoding") == "br":
                content = brotli.decompress(content)
            if status != 200 or _digest(content) != digest:
                raise Failed(f"{path} of the live release {live} is not right: it answers {status}")

    def _page(self) -> tuple[str, bytes]:
        status, _, page = self._get("/")
        if status == 403:  # there is no distribution, or no page in the bucket
            return _NOTHING, b""
        found = _MARK.search(page)
        if status != 200 or found is None:
            raise Failed(f"the page answers {status}, and is no release's:\n{page[:300]!r}")
        return found[1].decode(), page

    def _problem(self, live: str, page: bytes) -> str:
        """Return what of a release is not there or not right, "" where it is whole."""
        bucket = self._account.outputs().get("SiteBucket", "")
        try:
            if live not in self._files:
                manifest = self._s3.get_object(Bucket=bucket, Key=manifest_key(live))["Body"].read()
                self._files[live] = dict(json.loads(manifest)["files"])
            files = self._files[live]
            if _digest(page) != files[PAGE]:
                return "the page is not what its manifest says"
            stored: dict[str, str] = {}
            for answer in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=SITE):
                stored |= {each["Key"].removeprefix(SITE): each["ETag"] for each in answer.get("Contents", [])}
            for path, digest in files.items():
                if path not in stored:
                    return f"{path} is not there"
                if path != PAGE and (path, digest, stored[path]) not in self._right:
                    answer = self._s3.get_object(Bucket=bucket, Key=SITE + path)
                    content = answer["Body"].read()
                    if answer.get("ContentEncoding") == "br":
                        content = brotli.decompress(content)
                    if _digest(content) != digest:
                        return f"{path} has other content"
                    self._right.add((path, digest, answer["ETag"]))
        except ClientError as error:
            return f"a part of it is not there: {error}"
        return ""

    def _get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for attempt in (1, 2):
            address = urlsplit(self._account.outputs().get(self._output, ""))
            if address.hostname is None or address.port is None:
                return 403, {}, b"there is no stack"
            if self._connection is None or self._connection.port != address.port:
                self._connection = http.client.HTTPSConnection(
                    address.hostname, address.port, timeout=60, context=self._tls
                )
            try:
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
            except ConnectionRefusedError:
                self._connection = None
                return 403, {}, b"the distribution is gone"
            except (OSError, http.client.HTTPException):
                self._connection = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Tally:
    """What was done: kills by command, after which call each came, and how often the page was looked at."""

    left: dict[str, int]
    kills: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    too_late: Counter[str] = field(default_factory=Counter)  # it had ended already
    looks: int = 0
    slow: int = 0  # releases that went back because a function did not start in time
    live_when_killed: Counter[str] = field(default_factory=Counter)


class Attack:
    """Kills commands. `say` gets a line for each."""

    def __init__(self, kills: dict[str, int], chance: random.Random, say: Callable[[str], None]) -> None:
        self._chance, self._say = chance, say
        self._account = Account(chance)
        self.tally = Tally(dict(kills))
        self._is = {_LIVE: _NOTHING, _PILOT: _NOTHING}  # the release that each page is

    def run(self) -> Tally:
        """Kill all that are to be killed. Raises Failed."""
        try:
            while any(self.tally.left.values()):
                self._life()
            if self._account.aws.defects:
                raise Failed(f"the rehearsal itself has a defect: {self._account.aws.defects[0]}")
        finally:
            self._account.aws.close()
        return self.tally

    def _life(self) -> None:
        left = self.tally.left
        lives = max(1, left["destroy"])
        history = [self._killed("release", "--yes")]
        for number in range(1, max(2, -(-left["release"] // lives))):
            self._account.change(stack=number % 2 == 0)
            history.append(self._killed("release", "--yes"))
        if left["promote"]:
            self._account.change(stack=False)
            tried = self._killed("release", "--pilot", "--yes", page=_PILOT)
            history.append(self._killed("promote", "--yes", then=tried))
        for _ in range(-(-left["rollback"] // lives)):
            then = self._chance.choice([each for each in history if each != self._is[_LIVE]])
            self._killed("rollback", then, "--yes", then=then)
        self._killed("destroy", "--confirm", self._account.stack, "--with-data", then=_NOTHING)
        self._account.change(stack=True)

    def _killed(self, *words: str, page: str = _LIVE, then: str | None = None) -> str:
        """Run a command, killed while it runs as long as there are kills of it left, and then to its end.

        Return what `page` is in the end. It has to be `then`; None: a new release.
        """
        command, tally = words[0], self.tally
        watches = {each: Watch(self._account, each) for each in (_LIVE, _PILOT)}
        words_of_it = f"`{' '.join(words)}`"
        with watches[_LIVE].going(), watches[_PILOT].going():
            if tally.left[command] > 0:
                ran = self._account.run(*words, kill=True)
                if ran.code < 0:
                    tally.left[command] -= 1
                    tally.kills[command] += 1
                    tally.after[f"{command}: {ran.after or 'no call yet'}"] += 1
                    old = watches[page].seen[-1:] in ([], [self._is[page]])
                    tally.live_when_killed["the old" if old else "the new"] += 1
                    words_of_it += f", killed after {ran.seconds:.2f} s and {ran.after or 'no call'}"
                else:
                    tally.too_late[command] += 1
            second = self._account.run(*words)
            while (remedy := self._remedy(second)) is not None:
                remedy(watches[page])
                second = self._account.run(*words)
        if second.code != 0:
            raise Failed(f"{words_of_it}: the second run ended with {second.code}:\n{second.said}")
        for each, watch in watches.items():
            tally.looks += watch.looks
            if watch.wrong:
                raise Failed(f"{words_of_it}: {each}: {watch.wrong}")
            was, live = self._is[each], watch.look()
            changes = each == page or then == _NOTHING
            right = live == then or (then is None and live != was) if changes else live == was
            if not right or watch.seen not in ([was, live], [live]):
                raise Failed(f"{words_of_it}: {each} was {was!r}, then {watch.seen}, and was to be {then!r}")
            if live:
                watch.fetch_all(live)
            self._is[each] = live
        if then == _NOTHING:
            self._check_nothing_is_left()
        else:
            self._check_functions()
        looks = " and ".join(str(watch.looks) for watch in watches.values())
        self._say(f"{words_of_it}, and again: {self._is[page] or 'nothing'}, looked at {looks} times")
        return self._is[page]

    def _remedy(self, ran: Ran) -> Callable[[Watch], None] | None:
        """Return what to do before a command that ended is run once more, as it says; None where it is done."""
        if ran.code == CONFLICT and "is changing it" in ran.said:  # the killed one's change of the stack is under way
            return lambda _: self._account.aws.cloudformation.wait()
        if ran.code == ROLLED_BACK and "TimeoutError" in ran.said:  # a busy machine took too long to start a function
            self.tally.slow += 1
            return Watch.forget
        return None

    def _check_functions(self) -> None:
        """Raise Failed where a function's alias is not at the version of the release that it belongs to."""
        outputs, aws = self._account.outputs(), self._account.aws
        for page, output, alias, key in (
            (_LIVE, "Function", ALIAS, "lambda_version"),
            (_LIVE, "Api", ALIAS, "api_version"),
            (_PILOT, "Api", PILOT_ALIAS, "api_version"),
        ):
            if release := self._is[page]:
                kept = aws.client("s3").get_object(Bucket=outputs["SiteBucket"], Key=manifest_key(release))["Body"]
                version = json.loads(kept.read())[key]
                found = aws.client("lambda").get_alias(FunctionName=outputs[output], Name=alias)["FunctionVersion"]
                if found != version:
                    raise Failed(f"{outputs[output]}:{alias} is at version {found}, release {release} has {version}")

    def _check_nothing_is_left(self) -> None:
        aws = self._account.aws
        left = [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]]
        left += [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]]
        left += aws.client("dynamodb").list_tables()["TableNames"]
        left += [*aws.apps.applications, *aws.connect.flows, *aws.connect.views, *aws.connect.associations]
        if left:
            raise Failed(f"left over by destroy: {', '.join(left)}")


@click.command()
@click.option("--release", default=80, show_default=True, help="Releases to kill.")
@click.option("--rollback", default=50, show_default=True, help="Rollbacks to kill.")
@click.option("--promote", default=35, show_default=True, help="Promotions to kill.")
@click.option("--destroy", default=35, show_default=True, help="Destroys to kill.")
@click.option("--seed", default=1, show_default=True)
def main(release: int, rollback: int, promote: int, destroy: int, seed: int) -> None:
    """Kill commands, and run each again."""
    started = time.monotonic()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each command would compile all that it imports
    kills = {"release": release, "rollback": rollback, "promote": promote, "destroy": destroy}
    attack = Attack(kills, random.Random(seed), lambda line: print(line, flush=True))
    try:
        tally = attack.run()
    except Failed as failed:
        print(failed, file=sys.stderr)
        sys.exit(1)
    for what, number in sorted(tally.after.items()):
        print(f"{number:4} killed after {what}")
    killed = ", ".join(f"{number} {command}" for command, number in tally.kills.items())
    print(
        f"{tally.kills.total()} killed ({killed}), {tally.live_when_killed['the old']} before the switch and"
        f" {tally.live_when_killed['the new']} after it; the page was whole each of the {tally.looks:,} times that it was"
        f" looked at, and each second run finished ({tally.slow} once more,"
        f" on a slow machine); {(time.monotonic() - started) / 60:.0f} minutes"
    )


if __name__ == "__main__":
    main()
