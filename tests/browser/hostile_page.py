"""A CRM's page that has turned on the agent: popped, it tries all it can to lead the workspace away.

    with HostilePage() as hostile:
        hostile.origin                # "http://127.0.0.1:PORT", for the allow-list
        hostile.url("7")              # pops as a customer's page would
        attack(page)                  # -> what each attempt came to: {"opener.parent.location": "TypeError", ...}

It tries as it loads too; after a click, as `attack` does it, browsers allow more.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Page

from tests.loopback import Loopback

LED_AWAY = "led-away"
# Names that the workspace's window and frames are given by the tests: a named window can be reached without an opener.
NAMES = ("workspace", "first", "second")

# The windows that a page with an opener can reach, and what it may do to one that is not its own.
_WINDOWS = (
    "opener",
    "opener.parent",
    "opener.top",
    "opener.parent.frames[0]",
    "opener.parent.frames[1]",
    "opener.opener",
)
_DEEDS = (
    f"WINDOW.location = '/{LED_AWAY}'",
    f"WINDOW.location = 'about:blank#{LED_AWAY}'",
    f"WINDOW.location.replace(location.origin + '/{LED_AWAY}')",
    f"WINDOW.location.href = 'javascript:location=\\'about:blank#{LED_AWAY}\\''",
    f"WINDOW.open(location.origin + '/{LED_AWAY}', '_self')",
    f"WINDOW.document.location = '/{LED_AWAY}'",
    "WINDOW.history.back()",
    "WINDOW.close()",
)
_ATTEMPTS = [deed.replace("WINDOW", window) for window in _WINDOWS for deed in _DEEDS]
_BY_NAME = [f"open(location.origin + '/{LED_AWAY}', '{name}')" for name in NAMES]


def _attempts(deeds: list[str]) -> str:
    """Return the script of attempts: each is tried, whatever came of those before it."""
    return "\n".join(
        f"try {{ {deed}; tried[{deed!r}] = 'done' }} catch (error) {{ tried[{deed!r}] = error.name }}" for deed in deeds
    )


_PAGE = f"""<!doctype html><title>Customer</title><h1>Customer</h1>
<form onsubmit="return false"><input aria-label="Note"><button id="attack">Save</button></form><script>
const tried = {{}};
{_attempts(_ATTEMPTS)}
document.querySelector("button").onclick = () => {{
{_attempts(_ATTEMPTS + _BY_NAME)}
}}</script>"""


def attack(page: Page) -> dict[str, str]:
    """Let the page try everything with a click behind it; return what each attempt came to."""
    page.locator("#attack").click()
    return dict(page.evaluate("tried"))


class HostilePage(Loopback):
    """Serves the page under every path, on an origin of its own; a context manager."""

    def __init__(self) -> None:
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), _Handler))
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def url(self, customer: str) -> str:
        """Return the page's URL for a customer."""
        return f"{self.origin}/customers/{customer}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve the page, or the one that others are led away to."""
        content = (f"<title>{LED_AWAY}</title>" if LED_AWAY in self.path else _PAGE).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
