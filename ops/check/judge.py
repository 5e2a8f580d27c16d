"""What follows from what was observed of an app: the findings. Pure.

    judge(framing, observed, timeout_ms)        # -> [Check("hello", "ok", "after 412 ms"), Check("theme", "finding", ...), ...]

A check is "ok", a "finding" (something to fix; the command's exit code is then 3), a "note" (worth knowing) or "open" (it
could not be examined because of something before it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.permissions import EVERYTHING
from ops.check.framing import Framing
from ops.check.observed import Asked, Observed, Opening, permissions_asked
from ops.site.headers import PRODUCTION_ANCESTORS
from protocol.apps import DESTROY_LIMIT

OK, FINDING, NOTE, OPEN = "ok", "finding", "note", "open"
# How much darker an app is seen in the dark theme, of 1 (white): a page of light grey on dark grey differs by more.
_DARKER = 0.25
_MOST = 5  # errors that are named; the rest is counted


@dataclass(frozen=True)
class Check:
    """One thing that was examined: its name, its state, what was seen, and for a finding what to do."""

    name: str
    state: str
    detail: str
    hint: str = ""


def judge(framing: Framing, observed: Observed, timeout_ms: float) -> list[Check]:
    """Return the checks in the order of an app's life. `timeout_ms` is how long the app may take to say hello."""
    main = observed.main
    checks = [_framing(framing), _hello(main, timeout_ms)]
    said_hello = main.hello_ms is not None
    checks.append(_create(main) if said_hello else _open("create", "the app never said hello"))
    checks.append(_destroy(main) if said_hello else _open("destroy", "the app never said hello"))
    checks += _permissions(observed)
    checks.append(_theme(observed))
    checks.append(_axe(observed))
    checks.append(_errors(main))
    if main.console:
        checks.append(Check("console", NOTE, _listed(main.console)))
    checks += _oddities(main)
    if observed.workspace:
        hint = "this is a defect of the local workspace, not of the app: please report it"
        checks.append(Check("workspace", NOTE, _listed(observed.workspace), hint))
    return checks


def _open(name: str, why: str) -> Check:
    return Check(name, OPEN, f"not examined: {why}")


def _framing(framing: Framing) -> Check:
    allow = f"let Amazon Connect frame it: Content-Security-Policy: frame-ancestors {' '.join(PRODUCTION_ANCESTORS)}"
    if framing.anybody:
        return Check("framing", OK, "any page may frame it", f"to keep others out: {allow}")
    if framing.connect:
        return Check("framing", OK, "Amazon Connect may frame it")
    if framing.machine:
        return Check(
            "framing", NOTE, f"only this machine's pages may frame it ({framing.header})", f"for a release, {allow}"
        )
    return Check("framing", FINDING, f"Amazon Connect may not frame it: {framing.header}", allow)


def _hello(main: Opening, timeout_ms: float) -> Check:
    if main.hello_ms is None:
        hint = "call AmazonConnectApp.init as soon as the page's script runs"
        return Check("hello", FINDING, f"the app did not say hello within {timeout_ms / 1000:g} s", hint)
    if main.hello_ms > timeout_ms:
        hint = "call AmazonConnectApp.init before anything slow, or register a longer InitializationTimeout"
        return Check("hello", FINDING, f"after {main.hello_ms:.0f} ms, later than {timeout_ms:.0f} ms", hint)
    return Check("hello", OK, f"after {main.hello_ms:.0f} ms")


def _create(main: Opening) -> Check:
    if main.fatal is not None and main.create_ms is None:
        hint = "catch what onCreate may raise: an exception out of it removes the app"
        return Check("create", FINDING, f"the app ended with a fatal error: {main.fatal}", hint)
    if main.create_ms is None:
        return Check(
            "create", FINDING, "its create handler did not end", "do not wait in onCreate for what may never come"
        )
    if main.fatal is not None and not main.fatal_in_destroy:
        return Check(
            "create", FINDING, f"after create the app ended with a fatal error: {main.fatal}", "handle that error"
        )
    if main.closed and not main.fatal_in_destroy:
        return Check("create", NOTE, f"done in {main.create_ms:.0f} ms; the app then asked to be closed")
    return Check("create", OK, f"done in {main.create_ms:.0f} ms")


def _destroy(main: Opening) -> Check:
    if not main.destroy_sent:
        return _open("destroy", "the app was gone" if main.closed else "it was never created")
    if main.destroy_ms is not None:
        return Check("destroy", OK, f"done in {main.destroy_ms:.0f} ms")
    why = f"a fatal error: {main.fatal}" if main.fatal_in_destroy else f"not done within {DESTROY_LIMIT / 1000:g} s"
    return Check("destroy", FINDING, f"its destroy handler failed: {why}", "let onDestroy return soon, and never raise")


def worse_without(opening: Opening, main: Opening) -> str:
    """Return what the app did worse without a permission than with all of them, "" where nothing."""
    found = []
    if opening.fatal is not None and not opening.fatal_in_destroy:
        found.append(f"it ended with a fatal error: {opening.fatal}")
    elif opening.closed and not main.closed and not opening.fatal_in_destroy:
        found.append("it asked to be closed")
    elif main.create_ms is not None and opening.create_ms is None:
        found.append("its create handler did not end")
    elif main.responds and not opening.responds:
        found.append("its page does not respond")
    elif main.text and not opening.text:
        found.append("its page is empty")
    if new := [error for error in opening.errors if error not in main.errors]:
        found.append(f"uncaught: {_listed(new)}")
    if opening.destroy_sent and main.destroy_ms is not None and opening.destroy_ms is None:
        found.append("its destroy handler did not end")
    return "; ".join(found)


def no_longer_asked(opening: Opening, main: Opening, permission: str) -> list[Asked]:
    """Return the requests that need other permissions, and that the app makes only where it has this one too."""
    apart = ("", permission, EVERYTHING)
    requests = [asked for asked in main.asked if asked.kind == "request" and asked.permission not in apart]
    return [asked for asked in requests if asked not in opening.asked]


def _permissions(observed: Observed) -> list[Check]:
    asked = permissions_asked(observed.main)
    if observed.main.hello_ms is None:
        return [_open("permissions", "the app never said hello")]
    if not asked:
        return [Check("permissions", OK, "it asks for nothing that needs one")]
    checks = []
    for permission, needs in asked.items():
        opening = observed.refused.get(permission)
        name = f"without {permission}"
        for_what = f"asked for {_names(needs)}"
        if opening is None:
            checks.append(_open(name, f"the app did not run with all permissions ({for_what})"))
            continue
        lost = no_longer_asked(opening, observed.main, permission)
        then = f"\nand then never asks for {_names(lost)}, for which it has the permission" if lost else ""
        if worse := worse_without(opening, observed.main):
            hint = "handle a refused request like an answer; a refused subscription comes by provider.onError"
            checks.append(Check(name, FINDING, f"{worse} ({for_what}){then}", hint))
        elif lost:
            hint = "start requests that do not need each other together, and await each by itself"
            checks.append(Check(name, NOTE, f"it goes on ({for_what}){then}", hint))
        else:
            checks.append(Check(name, OK, f"it goes on ({for_what})"))
    if needs := asked.get(EVERYTHING, []):
        hint = "an administrator must grant everything (*) for these; ask for less where you can"
        checks.append(Check("permission *", NOTE, f"AWS lists no narrower permission for {_names(needs)}", hint))
    return checks


def _names(needs: Sequence[Asked]) -> str:
    return ", ".join(asked.name for asked in needs)


def _theme(observed: Observed) -> Check:
    if observed.light is None or observed.dark is None:
        return _open("theme", "the app was not there to be seen")
    seen = f"{observed.light:.0%} bright in the light theme, {observed.dark:.0%} in the dark one"
    if observed.light - observed.dark >= _DARKER:
        return Check("theme", OK, seen)
    hint = "subscribe to the user's visualModeChange (applyConnectTheme does), and paint the page's background in both"
    return Check("theme", FINDING, f"it does not follow the agent's theme: {seen}", hint)


def _axe(observed: Observed) -> Check:
    if observed.axe is None:
        return _open("accessibility", "the app was not there to be seen")
    if observed.axe:
        hint = "https://dequeuniversity.com/rules/axe/ explains each rule by its name"
        return Check("accessibility", FINDING, _listed(observed.axe, len(observed.axe)), hint)
    return Check("accessibility", OK, "axe finds nothing")


def _errors(main: Opening) -> Check:
    if not main.responds:
        return Check("errors", FINDING, "its page does not respond", "look for a loop without an end")
    if main.errors:
        return Check("errors", FINDING, _listed(main.errors), "catch these errors, or fix what raises them")
    return Check("errors", OK, "none uncaught")


def _oddities(main: Opening) -> list[Check]:
    odd = []
    if main.unknown:
        detail = f"the local workspace has no answer to: {', '.join(main.unknown)}"
        odd.append(
            Check("requests", NOTE, detail, "it knows the SDK's clients at 1.0.11; a real instance may know more")
        )
    if main.unreadable:
        odd.append(Check("messages", FINDING, _listed(main.unreadable), "send only what the SDK sends"))
    return odd


def _listed(lines: Sequence[str], most: int = _MOST) -> str:
    """Return the lines, each once, with the rest counted."""
    once = list(dict.fromkeys(lines))
    rest = [f"and {len(once) - most} more"] if len(once) > most else []
    return "\n".join([*once[:most], *rest])
