"""All of Popdesk on one machine: the local agent workspace, the app, the contact flow, the Lambda and a sample CRM.

    with Preview(load_settings, port=0, app_port=0) as preview:     # 0: any free port
        preview.workspace_url       # "http://127.0.0.1:PORT/": the workspace; /crm/ the sample CRM; /api/ what the page asks
        preview.app_url             # "http://localhost:PORT/": the app, another site, as in production
        preview.command("offer", customer="C-1001")     # what the buttons do, for scenarios and tests (ops/preview/scenario.py)

Bound to the loopback addresses only. `watch=True` rebuilds on a change and reloads the page.
What is served is built in builds.py; the routes are in routes.py; open_pages.py sends events and commands to the page.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ops.preview.builds import Builds
from ops.preview.local_api import LocalApi
from ops.preview.local_connect import LocalConnect, local_connect_site
from ops.preview.open_pages import OpenPages
from ops.preview.routes import app_site, workspace_site
from ops.preview.serving import Serving
from ops.preview.sockets import listen, listen_to_both, port_of
from ops.settings import Settings

if TYPE_CHECKING:
    from ops.preview.directory import Directory, RealCases  # they import botocore, which takes its time
    from ops.preview.local_provider import LocalProvider  # it needs development packages

_REBUILD_SECONDS = 20.0  # for the rebuild that is under way when preview ends: its folder would go from under it


class Preview:
    """Everything, started and stopped together; a context manager.

    `settings_source` reads the settings, again on every change. `port` and `app_port`: 0 for any free one. `tell` gets
    a sentence for the terminal now and then, `log` each line that the Lambda logs. `directory` is asked for customers, `cases`
    for cases, the sample files if they are None. Raises UserError that names the ports that are taken, before anything is built.
    """

    def __init__(
        self,
        settings_source: Callable[[], Settings],
        *,
        port: int = 0,
        app_port: int = 0,
        watch: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        log: Callable[[str], None] = lambda _: None,
        directory: Directory | None = None,
        cases: RealCases | None = None,
    ) -> None:
        self._watch = watch
        self._sockets, self._app_sockets = listen_to_both(port, app_port)
        self.workspace_url = f"http://127.0.0.1:{port_of(self._sockets[0])}/"
        self.app_url = f"http://localhost:{port_of(self._app_sockets[0])}/"
        # It goes with this object or, where an interrupt comes while that is made or stopped, with the process.
        self._temporary = tempfile.TemporaryDirectory(prefix="popdesk-preview-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name)
        self._serving = Serving()
        self._pages = OpenPages(self._serving.loop, self.workspace_url)
        origin = self.workspace_url.rstrip("/")
        self.connect = connect = LocalConnect(self._set_attributes)
        self._connect_sockets = [listen("127.0.0.1", 0, "--port")]
        self._builds = Builds(
            settings_source,
            origin,
            self._folder,
            tell=tell,
            log=log,
            publish=self._pages.publish,
            directory=directory,
            cases=cases,
            api_environment=connect.environment(f"http://127.0.0.1:{port_of(self._connect_sockets[0])}"),
            app_url=self.app_url,
        )
        api = LocalApi(
            lambda: self._builds.api,
            self._builds.authorizer,
            lambda record: self._pages.publish("record", record),
        )
        site = workspace_site(self._builds, self._pages, connect, api, origin, self.app_url)
        self._serving.add(site, self._sockets)
        self._serving.add(app_site(self._builds, api), self._app_sockets)
        self._serving.add(local_connect_site(connect), self._connect_sockets)
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._builds.watch, args=(self._stopping,), name="watch", daemon=True)

    def __enter__(self) -> Preview:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Build everything and serve it. Raises UserError when the first build fails."""
        try:
            self._builds.build_all()
            self._serving.start()
        except BaseException:
            self.stop()
            raise
        if self._watch:
            self._watcher.start()

    def stop(self) -> None:
        """Stop serving, end the Lambda, remove what was built. A rebuild that is under way is waited for, for a while."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join(_REBUILD_SECONDS)
        self._builds.close()
        self._pages.stop()
        self._serving.stop()
        self._temporary.cleanup()

    def _set_attributes(self, contact_id: str, attributes: dict[str, str]) -> None:
        self._pages.publish("attributes", {"contactId": contact_id, "attributes": attributes})

    @property
    def provider(self) -> LocalProvider | None:
        """The identity provider that agents sign in with, None where they do not."""
        return self._builds.provider

    @property
    def customers(self) -> list[dict[str, str]]:
        """The sample customers, as the workspace offers them."""
        return self._builds.customers

    def app_files(self) -> list[str]:
        """Return the paths of the app's files as they are served now, e.g. "index.html"."""
        return sorted(self._builds.app.contents)

    def rebuild(self, changed: set[Path]) -> None:
        """Build again what the changed files (absolute paths) belong to, and what failed before; reload the open pages."""
        self._builds.rebuild(changed)

    def wait_for_page(self) -> None:
        """Wait, for as long as it takes, until a browser has the workspace open."""
        self._pages.wait_for_page()

    def forget_page(self) -> None:
        """Wait for a new page before the next command: the one that was open is being closed."""
        self._pages.forget_page()

    def command(self, command: str, /, *, seconds: float = 30.0, **arguments: Any) -> Any:
        """Let the page that was opened last do a command (web/workspace/commands/); return its result.

        Waits for a page to be open. Raises CommandFailed with the page's reason, or for an argument that is no JSON value;
        UserError when no page is open, or none answers, within `seconds`.
        """
        return self._pages.command(command, arguments, seconds)
