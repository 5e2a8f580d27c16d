"""`deploy.py check` without a browser: who may frame a page, what the log says, how bright a picture is, what follows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner

import ops.check  # noqa: F401  (the workspace's pure modules are on the path from here on)
from deploy import cli
from ops.check.framing import judge_framing
from ops.check.judge import Check, judge
from ops.check.observed import Observed, Opening, permissions_asked, read_opening
from ops.check.picture import brightness

WORKSPACE = "http://127.0.0.1:8000/"
URL = "http://localhost:3000/"
CSP = "Content-Security-Policy"


# -- framing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "connect", "here"),
    [
        ([], True, True),
        ([(CSP, "default-src 'self'")], True, True),
        ([(CSP, "frame-ancestors *")], True, True),
        ([(CSP, "frame-ancestors https:")], True, False),
        ([(CSP, "frame-ancestors http:")], True, True),
        ([(CSP, "frame-ancestors 'none'")], False, False),
        ([(CSP, "frame-ancestors")], False, False),
        ([(CSP, "frame-ancestors 'self'")], False, False),
        ([(CSP, "frame-ancestors https://acme.my.connect.aws")], True, False),
        ([(CSP, "Frame-Ancestors https://*.my.connect.aws:443")], True, False),
        ([(CSP, "frame-ancestors https://*.connect.aws")], True, False),
        ([(CSP, "frame-ancestors *.awsapps.com")], True, False),
        ([(CSP, "frame-ancestors https://acme.my.connect.aws:8443")], False, False),
        ([(CSP, "frame-ancestors https://my.connect.aws.evil.example")], False, False),
        ([(CSP, "frame-ancestors https://crm.example.com")], False, False),
        ([(CSP, "frame-ancestors http://127.0.0.1:8000")], False, True),
        ([(CSP, "frame-ancestors http://127.0.0.1:*")], False, True),
        ([(CSP, "frame-ancestors http://127.0.0.1:9000")], False, False),
        # Every policy must allow it, be it in a header of its own or after a comma.
        ([(CSP, "frame-ancestors *"), (CSP, "frame-ancestors 'none'")], False, False),
        ([(CSP, "frame-ancestors *, frame-ancestors https://a.awsapps.com")], True, False),
        # A policy that has the directive goes before X-Frame-Options.
        ([(CSP, "frame-ancestors *"), ("X-Frame-Options", "DENY")], True, True),
        ([("X-Frame-Options", "DENY")], False, False),
        ([("x-frame-options", "sameorigin")], False, False),
        ([("X-Frame-Options", "DENY, nonsense")], False, False),
        ([("X-Frame-Options", "ALLOW-FROM https://acme.my.connect.aws")], True, True),
    ],
)
def test_who_may_frame_a_page_is_as_browsers_have_it(headers: list[tuple[str, str]], connect: bool, here: bool) -> None:
    framing = judge_framing(headers, URL, WORKSPACE)
    assert (framing.connect, framing.here) == (connect, here)


# -- pictures ----------------------------------------------------------------------------------------------------------


def _png(lines: Sequence[Sequence[tuple[int, ...]]], filters: Sequence[int], colour: int = 2) -> bytes:
    """Return a PNG of these pixels; the line at each place has the filter (0 to 4) at that place of `filters`."""
    raw, step = b"", len(lines[0][0])
    above = bytes(len(lines[0]) * step)
    for kind, line in zip(filters, lines, strict=True):
        now = bytes(part for pixel in line for part in pixel)
        raw += bytes([kind])
        for at, value in enumerate(now):
            left = now[at - step] if at >= step else 0
            corner = above[at - step] if at >= step else 0
            estimate = left + above[at] - corner
            paeth = min((left, above[at], corner), key=lambda near, aim=estimate: abs(aim - near))  # type: ignore[misc]
            raw += bytes([(value - (0, left, above[at], (left + above[at]) // 2, paeth)[kind]) & 255])
        above = now
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_every_filter_of_png_gives_the_same_brightness() -> None:
    lines = [[(x * 40 % 256, y * 50 % 256, (x * y * 30) % 256) for x in range(6)] for y in range(5)]
    right = brightness(_png(lines, [0] * 5))
    assert 0.1 < right < 0.9
    for kinds in ([1] * 5, [2] * 5, [3] * 5, [4] * 5, [4, 3, 2, 1, 0]):
        assert brightness(_png(lines, kinds)) == pytest.approx(right)


def test_white_is_one_and_black_is_none() -> None:
    assert brightness(_png([[(255, 255, 255, 255)] * 3] * 2, [1, 2], colour=6)) == pytest.approx(1)
    assert brightness(_png([[(0, 0, 0)] * 3] * 2, [0, 4])) == 0
    with pytest.raises(ValueError, match="no PNG"):
        brightness(b"GIF89a")


# -- what was observed -------------------------------------------------------------------------------------------------


def _log(*messages: tuple[float, str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"time": time, "direction": way, "app": "App 1", "message": message} for time, way, message in messages]


def _request(time: float, command: str, namespace: str = "aws.connect.contact") -> tuple[float, str, dict[str, Any]]:
    return time, "up", {"type": "request", "namespace": namespace, "command": command, "requestId": command}


def _topic(time: float, key: str, namespace: str = "aws.connect.contact") -> tuple[float, str, dict[str, Any]]:
    return time, "up", {"type": "subscribe", "topic": {"namespace": namespace, "key": key}}


def _stage(time: float, stage: str) -> tuple[float, str, dict[str, Any]]:
    return time, "down", {"type": "appLifecycle", "stage": stage}


def _done(time: float, stage: str) -> tuple[float, str, dict[str, Any]]:
    return time, "up", {"type": "appLifecycleHandlerCompleted", "stage": stage}


HELLO: tuple[float, str, dict[str, Any]] = (1400.0, "up", {"type": "connect-app-host-init"})
ACKNOWLEDGE: tuple[float, str, dict[str, Any]] = (
    1401.0,
    "down",
    {"type": "acknowledge", "status": {"initialized": True, "startTime": {"$date": 1000.0}}},
)
FATAL = {"type": "closeApp", "isFatalError": True, "message": "broken"}
LIFE = _log(
    HELLO,
    ACKNOWLEDGE,
    _stage(1402, "create"),
    _request(1410, "agent/getName"),
    _request(1411, "agent/getName"),
    _request(1412, "contact/getAttributes"),
    _topic(1413, "contact/connected"),
    _topic(1414, "visualModeChange", "aws.connect.user"),
    _request(1415, "getVisualMode", "aws.connect.user"),
    _done(1502, "create"),
    _stage(9000, "destroy"),
    _done(9030, "destroy"),
)


def test_the_log_says_when_and_what() -> None:
    opening = read_opening(LIFE)
    assert (opening.hello_ms, opening.create_ms, opening.destroy_ms) == (400, 100, 30)
    asked = permissions_asked(opening)
    assert {name: [each.name for each in needs] for name, needs in asked.items()} == {
        "User.Details.View": ["agent/getName"],
        "Contact.Details.View": ["contact/connected"],
        "Contact.Attributes.View": ["contact/getAttributes"],
    }


def test_what_aws_lists_nowhere_needs_everything_and_what_nobody_answers_needs_nothing() -> None:
    refusal = {"type": "response", "requestId": "agent/getShoeSize", "isError": True, "errorKey": "handlerNotFound"}
    opening = read_opening(
        _log(_request(1, "contact/listParticipants"), _request(2, "agent/getShoeSize"), (3, "down", refusal))
    )
    assert list(permissions_asked(opening)) == ["*"]
    assert opening.unknown == ["aws.connect.contact agent/getShoeSize"]


# -- what follows ------------------------------------------------------------------------------------------------------


def _judged(observed: Observed, headers: list[tuple[str, str]] | None = None) -> dict[str, Check]:
    return {check.name: check for check in judge(judge_framing(headers or [], URL, WORKSPACE), observed, 5000)}


def _sound() -> Opening:
    opening = read_opening(LIFE)
    opening.text, opening.was_running = "Agent name", True
    return opening


def _observed(**changed: Any) -> Observed:
    refused = {name: _sound() for name in permissions_asked(_sound())}
    return Observed(main=_sound(), light=0.95, dark=0.1, axe=[], refused=refused, **changed)


def test_a_sound_app_has_no_findings() -> None:
    assert {check.state for check in _judged(_observed()).values()} == {"ok"}


def test_each_thing_that_is_wrong_is_a_finding_of_its_own() -> None:
    observed = _observed()
    observed.main.errors = ["ValueError: nobody catches this"]
    observed.main.destroy_ms = None
    observed.main.hello_ms = 6000
    observed.dark = 0.9
    observed.axe = ["region: ..."]
    checks = _judged(observed, [("X-Frame-Options", "DENY")])
    wrong = {name for name, check in checks.items() if check.state == "finding"}
    assert wrong == {"framing", "hello", "destroy", "theme", "accessibility", "errors"}
    assert all(checks[name].hint for name in wrong)


def test_an_app_that_never_says_hello_leaves_the_rest_open() -> None:
    checks = _judged(Observed(main=Opening()))
    assert {name for name, check in checks.items() if check.state == "finding"} == {"hello"}
    assert {name for name, check in checks.items() if check.state == "open"} == {
        "create",
        "destroy",
        "permissions",
        "theme",
        "accessibility",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fatal": "broken"}, "fatal error: broken"),
        ({"create_ms": None}, "create handler did not end"),
        ({"destroy_ms": None}, "destroy handler did not end"),
        ({"errors": ["TypeError"]}, "uncaught: TypeError"),
        ({"text": ""}, "its page is empty"),
        ({"responds": False}, "does not respond"),
        ({"closed": True}, "asked to be closed"),
    ],
)
def test_what_is_worse_without_a_permission_is_a_finding_of_that_permission(change: dict[str, Any], words: str) -> None:
    observed = _observed()
    for name, value in change.items():
        setattr(observed.refused["User.Details.View"], name, value)
    checks = _judged(observed)
    assert [name for name, check in checks.items() if check.state == "finding"] == ["without User.Details.View"]
    assert words in checks["without User.Details.View"].detail


def test_what_is_as_bad_with_every_permission_is_no_finding_of_one() -> None:
    observed = _observed()
    for opening in (observed.main, *observed.refused.values()):
        opening.errors, opening.destroy_ms, opening.text = ["TypeError"], None, ""
    found = [name for name, check in _judged(observed).items() if check.state == "finding"]
    assert found == ["destroy", "errors"]


def test_requests_that_are_not_made_after_a_refusal_are_noted() -> None:
    observed = _observed()
    without = observed.refused["User.Details.View"]
    without.asked = [asked for asked in without.asked if asked.permission != "Contact.Attributes.View"]
    check = _judged(observed)["without User.Details.View"]
    assert check.state == "note"
    assert "never asks for contact/getAttributes" in check.detail


def test_a_fatal_error_is_of_the_handler_that_raised() -> None:
    created = read_opening(_log(HELLO, ACKNOWLEDGE, _stage(1402, "create"), (1403, "up", FATAL)))
    destroyed = read_opening([*LIFE[:-1], *_log((9001, "up", FATAL))])
    for opening, name in ((created, "create"), (destroyed, "destroy")):
        checks = _judged(Observed(main=opening))
        found = [name for name, check in checks.items() if check.state == "finding"]
        assert found == [name]
        assert "broken" in checks[name].detail


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ftp://localhost/"], "neither http:// nor https://"),
        (["http://crm.example.com/"], "frames https only"),
        (["localhost:3000"], "neither http:// nor https://"),
        (["http://localhost:1/", "--sandbox", "allow-everything"], "has no flag 'allow-everything'"),
        (["http://localhost:1/", "--attribute", "tier"], "is not NAME=VALUE"),
        (["http://localhost:1/", "--timeout", "0"], "0.0 is not in the range"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_started(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(cli, ["check", *arguments])
    assert result.exit_code == 2
    assert words in result.output
