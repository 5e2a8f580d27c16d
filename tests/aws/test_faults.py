"""Faults: a release and a rollback, once for each AWS call they make, with that call failing and with the process ended.

Each call is tried four ways: refused before it reaches AWS, done but its answer lost, the process ended before it, the
process ended after it. Every time the live page must be a whole release, old or new, and running again must finish the
job, page and Lambda. The processes that end are real ones (fork and os._exit).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from ops.cloud.aws import Aws
from ops.cloud.bucket import read_live
from ops.cloud.releases import ReleaseConflict, make_live, new_release, switch, upload
from ops.errors import UserError
from tests.aws.moto_server import MotoServer
from tests.aws.world import World, make_site, open_test_aws

Job = Callable[[World, Aws], None]
ENDED = 9
MOST_CALLS = 40  # a job that makes more is a job that never ends


def _release(number: int) -> Job:
    """Return the release of build `number`, with the other version of the Lambda than its neighbours."""
    return lambda world, aws: world.release_or_finish(aws, f"build {number}", _version(number))


def _version(number: int) -> str:
    return "12"[number % 2]


def _rollback(_: int) -> Job:
    """Return the rollback to the world's target."""

    def job(world: World, aws: Aws) -> None:
        world.rollback(world.target, aws)

    return job


class _At:
    """Does `what` at the call number `number` (from 1)."""

    def __init__(self, number: int, what: Callable[[], None]) -> None:
        self.number, self.what = number, what
        self.seen = 0
        self._lock = threading.Lock()

    def __call__(self, _service: str, _operation: str, _parameters: dict[str, Any]) -> None:
        with self._lock:
            self.seen += 1
            due = self.seen == self.number
        if due:
            self.what()


def _lose() -> None:
    raise ConnectionClosedError(endpoint_url="made up by the test")


def _end() -> None:
    os._exit(ENDED)


def _run_failing(world: World, job: Job, number: int, when: str) -> bool:
    """Run the job with that call failing; say whether it got that far."""
    aws = open_test_aws(world.url)
    fault = _At(number, _lose)
    setattr(aws, when, fault)
    try:
        job(world, aws)
    except ReleaseConflict:
        raise AssertionError("nobody else was there") from None
    except UserError:
        assert fault.seen >= number
    return fault.seen >= number


def _run_ending(world: World, job: Job, number: int, when: str) -> bool:
    """Run the job in a process that ends at that call; say whether it got that far."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            aws = open_test_aws(world.url)
            setattr(aws, when, _At(number, _end))
            job(world, aws)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, ENDED), "the job failed by itself"
    return code == ENDED


@pytest.mark.parametrize("when", ["before", "after"])
# A process that ends leaves more undone than a call that fails: that one is for the night.
@pytest.mark.parametrize("run", [pytest.param(_run_failing, marks=pytest.mark.thorough), _run_ending])
@pytest.mark.parametrize("make_job", [_release, _rollback])
def test_live_site_is_whole_whichever_call_fails(
    world: World, make_job: Callable[[int], Job], run: Callable[[World, Job, int, str], bool], when: str
) -> None:
    rolls_back = make_job is _rollback
    world.publish_lambda("second")
    world.target = world.release("first", lambda_version="1").id
    for number in range(1, MOST_CALLS):
        job = make_job(number)
        before = world.release(f"to go back from {number}", lambda_version="2").id if rolls_back else world.whole()
        got_there = run(world, job, number, when)
        live = world.whole()
        assert live, "the site is gone"
        if rolls_back:
            assert live in (world.target, before)
        job(world, world.aws)  # running again finishes it
        if rolls_back:
            assert world.whole() == world.target
        else:
            assert world.whole() != before
            assert f"<title>build {number}</title>".encode() in world.object("site/index.html")["Content"]
        assert world.live_lambda() == ("1" if rolls_back else _version(number))
        if not got_there:
            assert number > 5, "the job makes more calls than that"
            return
    raise AssertionError("the job never ends")


@pytest.mark.parametrize("when", ["before", "after"])
def test_first_release_is_whole_or_not_there(moto_server: MotoServer, tmp_path: Any, when: str) -> None:
    for number in range(1, MOST_CALLS):
        world = World(moto_server, tmp_path / str(number))
        world.publish_lambda("second")
        got_there = _run_ending(world, _release(1), number, when)
        world.whole()
        _release(1)(world, world.aws)
        assert world.whole()
        if not got_there:
            return
    raise AssertionError("the job never ends")


def test_lost_answer_of_the_switch_is_no_defeat(world: World) -> None:
    """The write arrived, its answer did not, and the retry is refused: it is still ours."""
    world.release("one")
    site = make_site("two")
    live = read_live(world.aws, world.place)
    release = new_release(site, live)
    upload(world.aws, world.place, release, site)

    def lose(_: str, operation: str, parameters: dict[str, Any]) -> None:
        if operation == "put_object" and parameters["Key"].endswith("index.html"):
            _lose()

    world.aws.after = lose
    assert switch(world.aws, world.place, release, live).release == release.id


@pytest.mark.thorough
def test_two_processes_race_for_the_switch_many_times(world: World) -> None:
    """Twenty races of two real processes over the same live release: one wins, the other says so, the site is whole."""
    world.release("zero")
    for number in range(20):
        live = read_live(world.aws, world.place)
        releases = []
        for racer in "ab":
            site = make_site(f"{number}{racer}")
            release = new_release(site, live, lambda_version="1")
            upload(world.aws, world.place, release, site)
            releases.append(release)
        gate_out, gate_in = os.pipe()
        children = []
        for release in releases:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    aws = open_test_aws(world.url)
                    aws.client("s3"), aws.client("lambda"), aws.client("cloudfront")
                    os.read(gate_out, 1)
                    make_live(aws, world.place, release, live)
                    code = 0
                except ReleaseConflict as overtaken:
                    code = overtaken.exit_code
                finally:
                    os._exit(code)
            children.append(child)
        os.write(gate_in, b"go")
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        os.close(gate_in)
        os.close(gate_out)
        assert sorted(codes) == [0, 4], codes
        assert world.whole() == releases[codes.index(0)].id
