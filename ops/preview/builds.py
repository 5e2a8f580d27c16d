"""What preview serves: the workspace's page, the app, and the contact flow with its Lambda; built again when a file changes.

    builds = Builds(load_settings, "http://127.0.0.1:8000", folder, tell=print, log=print, publish=pages.publish)
    builds.build_all()                     # raises UserError
    builds.rebuild({ROOT / "pyapp" / "cards.py"})
    builds.app.files["index.html"]

A build that fails leaves the last good one in place: its problem is published to the open pages, and it is built again
with the next change.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import secrets
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import watchfiles
from cases_adapters.sample import FILE_VARIABLE as SAMPLE_CASES
from cases_adapters.sample import SampleCases
from popdesk_api.contract import WRITES_FILE_VARIABLE
from token_signing import KEYS_VARIABLE, STACK_VARIABLE

from ops import API, LOOKUP
from ops.api_settings import Oidc
from ops.errors import UserError, in_one_line
from ops.flows import definitions as flows
from ops.flows.runner import INSTANCE, Runner
from ops.preview.jwt_authorizer import JwtAuthorizer
from ops.preview.local_api import LocalFunctions
from ops.preview.local_lambda import LocalLambda
from ops.settings import ROOT, Settings
from ops.site.api_zip import build_api_zip
from ops.site.build import Page, app_page, make_page
from ops.site.contents import Site
from ops.site.headers import response_headers
from ops.site.lambda_zip import LAMBDA_HANDLER, build_lambda_zip

if TYPE_CHECKING:
    from ops.preview.directory import Directory, RealCases  # they import botocore, which takes its time
    from ops.preview.local_provider import LocalProvider

SAMPLE_CUSTOMERS = LOOKUP / "adapters" / "sample.json"
SAMPLE_CASES_FILE = API / "cases_adapters" / "sample.json"
MAIN_FLOW = "local:main"
_QUEUE = f"{INSTANCE}/queue/local"
_PRINTS = Path(__file__).parent / "prints.py"  # a module of the page's
# In the order in which they are built.
_PARTS = ("flow", "api", "app", "workspace")
_WATCHED = ("web", "pyapp", "lambda", "ops", "pyproject.toml")


def workspace_page() -> Page:
    """Return the local agent workspace's page."""
    folder = ROOT / "web" / "workspace"
    return Page(
        web=folder,
        html="index.html",
        css="workspace.css",
        python=folder,
        settings={},
        uses_sdk=False,
    )


class Builds:
    """The builds that are served. `problems` maps a part ("flow", "api", "app", "workspace") to why it could not be built.

    `settings_source` reads the settings, again for every build. `tell` gets a sentence for the terminal now and then, `log`
    each line that the Lambda logs, `publish(kind, data)` the events for the open pages. `directory` is asked for customers and
    `cases` for cases, the sample files where they are None. `api_environment` has what the API's function needs beside the key
    of the contact's token: that is made here, a new one each time. `app_url` is where the app is served. A page's files are
    replaced in one step: a request sees those of one build.
    """

    workspace: Site
    app: Site
    app_headers: dict[str, str]
    settings: Settings
    customers: list[dict[str, str]]
    runner: Runner

    def __init__(
        self,
        settings_source: Callable[[], Settings],
        workspace_origin: str,
        folder: Path,
        *,
        tell: Callable[[str], None],
        log: Callable[[str], None],
        publish: Callable[[str, dict[str, Any]], None],
        directory: Directory | None = None,
        cases: RealCases | None = None,
        api_environment: dict[str, str] | None = None,
        app_url: str = "",
    ) -> None:
        self._app_url = app_url
        self._tokens = {
            KEYS_VARIABLE: json.dumps({secrets.token_hex(4): secrets.token_hex(32)}),
            STACK_VARIABLE: "preview",
        }
        self._api_environment = {**self._tokens, **(api_environment or {})}
        self._source = settings_source
        self._origin = workspace_origin
        self._folder = folder
        self._tell = tell
        self._log = log
        self._publish = publish
        self._directory = directory
        self._cases = cases
        self._failed: set[str] = set()
        self.problems: dict[str, dict[str, str]] = {}
        self._lambda: LocalLambda | None = None
        self.api: LocalFunctions | None = None
        self.provider: LocalProvider | None = None

    def build_all(self) -> None:
        """Build every part. Raises UserError."""
        for part in _PARTS:
            self._build(part)

    def close(self) -> None:
        """End the Lambda: a contact that is in its flow gets an error."""
        if self._lambda is not None:
            self._lambda.close(now=True)
        if self.api is not None:
            self.api.close(now=True)
        if self.provider is not None:
            self.provider.close()

    def printed(self, text: str) -> None:
        """Show in the terminal what the page's Python has printed; what would be no character there is written out."""
        for line in text.splitlines():
            self._log("page: " + "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line))

    def _build(self, part: str) -> None:
        {
            "flow": self._build_flow,
            "api": self._build_api,
            "app": self._build_app,
            "workspace": self._build_workspace,
        }[part]()

    def _build_workspace(self) -> None:
        self.workspace = self._noted("workspace", make_page(workspace_page()))

    def _build_app(self) -> None:
        settings = self._read_settings()
        page = app_page(settings)
        told = {**page.settings, "prints": True}
        self.app = self._noted("app", make_page(dataclasses.replace(page, settings=told, more=(_PRINTS,))))
        self.app_headers = response_headers((self._origin,), settings.connect_origins())
        self.settings = settings

    def _noted(self, part: str, site: Site) -> Site:
        for note in site.notes:
            self._tell(f"{part}: {note}")
        return site

    def _build_flow(self) -> None:
        settings = self._read_settings()
        main = flows.main_flow(settings, lambda_arn="local:lambda", guide_flow_arn="local:guide", queue_arn=_QUEUE)
        guide = flows.guide_flow(settings, view_arn="local:view")
        wrong = [*flows.problems(main), *flows.problems(guide)]
        if wrong:
            raise UserError(
                "ops/flows/definitions.py", "Amazon Connect would refuse the flows: " + "; ".join(wrong), "fix them"
            )
        customers = self._directory.customers() if self._directory else json.loads(SAMPLE_CUSTOMERS.read_text("utf-8"))
        function = LocalLambda(
            build_lambda_zip(settings, self._folder / "lambda.zip", local=True),
            LAMBDA_HANDLER,
            self._log,
            partial(self._lookup_environment, settings),
        )
        try:
            function.start()
        except UserError:
            function.close()
            raise
        self.customers = customers
        self.runner = Runner(
            flows={MAIN_FLOW: main, "local:guide": guide},
            views={"local:view": flows.view(settings)},
            queues={_QUEUE: settings.aws.queue},
            applications={settings.name},
            invoke=function.invoke,
            secrets=settings.secret_attributes(),
        )
        old, self._lambda = self._lambda, function
        if old is not None:
            old.close()

    def _lookup_environment(self, settings: Settings) -> dict[str, str]:
        given = self._directory.environment(settings) if self._directory else {}
        return {**given, **self._tokens} if settings.api.enabled else given

    def _build_api(self) -> None:
        settings = self._read_settings()
        functions = None
        if settings.api.enabled:
            package = build_api_zip(settings, self._folder / "api.zip", local=True)
            functions = LocalFunctions(package, partial(self._api_variables, settings), self._log)
            try:
                functions.start()
            except UserError:
                functions.close()
                raise
        old, self.api = self.api, functions
        if old is not None:
            old.close()

    def _api_variables(self, settings: Settings) -> dict[str, str]:
        """Return the environment of the API's function: its files are in this preview's folder."""
        return {
            **self._api_environment,  # Amazon Connect is preview's own: any credentials will do for it
            **(self._directory.environment(settings) if self._directory else {}),
            **(self._cases.environment(settings) if self._cases else {}),
            **settings.api.environment,
            **self._tokens,
            SAMPLE_CASES: str(self._folder / "cases.sqlite"),
            WRITES_FILE_VARIABLE: str(self._folder / "writes.sqlite"),
        }

    def _with_provider(self, settings: Settings) -> Settings:
        """Return the settings with preview's own identity provider, where agents sign in."""
        if not settings.api.enabled or settings.api.auth != "oidc":
            return settings
        oidc = settings.api.oidc
        if self.provider is None:
            self.provider = _provider(oidc.client_id, oidc.audience, self._app_url)
        own = {name: getattr(self.provider, name) for name in ("issuer", "authorization_endpoint", "token_endpoint")}
        given = {"client_id": self.provider.client.client_id, "audience": self.provider.audience}
        # Not validated: it is on loopback, without TLS.
        local = Oidc.model_construct(**{**dict(oidc), **own, **given})
        return settings.model_copy(update={"api": settings.api.model_copy(update={"oidc": local})})

    def authorizer(self) -> JwtAuthorizer | None:
        """Return what checks the agents' access tokens, None where they do not sign in."""
        if self.provider is None or self.settings.api.auth != "oidc":
            return None
        oidc = self.settings.api.oidc
        return JwtAuthorizer(oidc.issuer, oidc.audience, oidc.scopes, self.provider.keys)

    def sample_cases(self) -> SampleCases | None:
        """Return the sample cases, which the API's function keeps, for the sample CRM; None where it keeps none."""
        if not self.settings.api.enabled or self.settings.api.cases != "sample":
            return None
        return SampleCases(str(self._folder / "cases.sqlite"), str(SAMPLE_CASES_FILE))

    def _read_settings(self) -> Settings:
        settings = self._source()
        # A directory's customers have their pages in the CRM of the settings.
        settings = self._directory.settings(settings) if self._directory else settings.with_local_crm(self._origin)
        settings = self._with_provider(self._cases.settings(settings) if self._cases else _with_sample_cases(settings))
        if settings.lookup.adapter != "sample" and not self._directory:
            self._tell(
                f'lookup.adapter is "{settings.lookup.adapter}"; preview looks customers up in the sample file'
                f" (--adapter {settings.lookup.adapter} asks the real directory)"
            )
            settings = settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"adapter": "sample"})})
        return settings

    # -- changes -----------------------------------------------------------------------------------------------------------

    def watch(self, stop: threading.Event) -> None:
        """Build again what changes, until `stop` is set."""
        try:
            folders = [ROOT / name for name in _WATCHED]
            for changes in watchfiles.watch(*folders, stop_event=stop, watch_filter=_Sources(), debounce=200):
                self.rebuild({Path(path) for _, path in changes}, stop.is_set)
        except (OSError, RuntimeError) as error:  # the system's limit of watched files
            self._tell(f"changes cannot be watched ({error}): start preview again after a change")

    def rebuild(self, changed: set[Path], is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Build again what the changed files (absolute paths) belong to, and what failed before; reload the open pages.

        Once `is_stopped()`, no further part is built, and what becomes of this one is not said: an interrupt ends its programs.
        """
        parts = {_part(path) for path in changed}
        wanted = self._failed | (parts & set(_PARTS)) | ({"flow", "api", "app"} if "settings" in parts else set())
        told: list[dict[str, str]] = []  # a mistake in the settings is every part's
        built = []
        for part in _PARTS:
            if part in wanted and not is_stopped() and self._rebuild(part, told, is_stopped):
                built.append(part)
        if is_stopped():
            return
        # The workspace reads the settings as it starts.
        for part in ["workspace"] if "settings" in parts and built else built:
            self._publish("reload", {"what": part})
        if "tools" in parts:
            self._tell("a file of ops/ changed: start preview again to use it")

    def _rebuild(self, part: str, told: list[dict[str, str]], is_stopped: Callable[[], bool]) -> bool:
        try:
            if part == "flow":
                importlib.reload(flows)
            self._build(part)
        except Exception as error:  # whatever is wrong in a file that is being edited
            if is_stopped():
                return False
            self._failed.add(part)
            self.problems[part] = problem = _problem(error)
            if problem not in told:
                told.append(problem)
                self._tell(in_one_line(**problem))
                self._publish("problem", problem)
            return False
        if is_stopped():
            return True
        self._failed.discard(part)
        if self.problems.pop(part, None) and not self.problems:
            self._publish("fixed", {})
        self._tell(f"{part} rebuilt")
        return True


def _provider(client_id: str, audience: str, app_url: str) -> LocalProvider:
    try:
        from ops.preview.local_provider import LocalProvider
    except ImportError as error:
        reason = f'auth = "oidc" is tried with preview\'s own identity provider, which needs {error.name}'
        raise UserError("preview", reason, "install the development packages: uv sync") from None
    provider = LocalProvider(client_id, audience, app_url)
    provider.start()
    return provider


class _Sources(watchfiles.DefaultFilter):
    """What a person edits: not what builds and tools write."""

    ignore_dirs = (*watchfiles.DefaultFilter.ignore_dirs, ".mypy_cache", ".ruff_cache")
    _suffixes = frozenset({".py", ".html", ".css", ".json", ".toml", ".svg"})

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        return super().__call__(change, path) and Path(path).suffix in self._suffixes


def _with_sample_cases(settings: Settings) -> Settings:
    """Return the settings with cases in a file of this preview: what is tried here is written nowhere else."""
    return settings.model_copy(update={"api": settings.api.model_copy(update={"cases": "sample"})})


def _part(path: Path) -> str:
    """Return which part a changed file belongs to."""
    inside = path.relative_to(ROOT).as_posix()
    if inside == "pyproject.toml":
        return "settings"
    if inside.startswith("lambda/api/"):
        return "api"
    if inside.startswith("lambda/") or inside == "ops/flows/definitions.py":
        return "flow"
    if inside.startswith("web/workspace/"):
        return "workspace"
    if inside.startswith("web/crm/"):
        return "crm"
    return "tools" if inside.startswith("ops/") else "app"


def _problem(error: Exception) -> dict[str, str]:
    """Return {"subject", "reason", "hint"} of what went wrong in a build: with the place in our files, where it has one."""
    if isinstance(error, UserError):
        return {"subject": error.subject, "reason": error.reason, "hint": error.hint}
    subject = "the build"
    if isinstance(error, SyntaxError) and error.filename:
        subject = f"{_shown(error.filename)}:{error.lineno}"
    else:
        ours = [
            frame for frame in traceback.extract_tb(error.__traceback__) if _shown(frame.filename) != frame.filename
        ]
        if ours:
            subject = f"{_shown(ours[-1].filename)}:{ours[-1].lineno}"
    return {"subject": subject, "reason": f"{type(error).__name__}: {error}", "hint": "fix what was changed last"}


def _shown(filename: str) -> str:
    path = Path(filename)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else filename
