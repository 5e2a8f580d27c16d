"""The rehearsal: a team's life with its application, each command as a person types it, against LocalAws.

    report = rehearse(environment, Faults(), tell)
    report.steps, report.problems, report.accesses

Every command is a process of its own (command.py) that reads the real settings and builds the real page and zips. What it made
is then served: pages come from the rehearsed CloudFront, the deployed flow is run, its look-up is the function from the uploaded
zip. After each command the live page is read from the bucket: it has to be one whole release, or not there yet.
"""

from __future__ import annotations

import difflib
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from botocore.session import Session
from popdesk_api.contract import PREFIX

from ops import LOOKUP
from ops.cloud.assets import check_assets
from ops.cloud.aws import Aws
from ops.cloud.bucket import PAGE, SITE, Place, page_is, read_live
from ops.cloud.deployment import has_pilot, place_of
from ops.cloud.iam_policy import policy
from ops.cloud.manifests import read_manifest
from ops.cloud.names import older_stack_name, partition, policy_names, stack_name
from ops.cloud.settings_check import check_deployable
from ops.cloud.stack import Stack
from ops.cloud.stack_template import render_template
from ops.errors import DIFFERENT, WRONG_SETTINGS, UserError, all_of
from ops.flows.runner import Answer, Contact, Outcome, Runner
from ops.preview.builds import MAIN_FLOW
from ops.rehearse import command
from ops.rehearse.agent import Agent
from ops.rehearse.connect import PROFILES
from ops.rehearse.local_aws import FUNCTION, Faults, LocalAws
from ops.rehearse.policy import Access
from ops.rehearse.template import parse
from ops.settings import ROOT, Settings, environment_names, load_settings
from ops.site.headers import PRODUCTION_ANCESTORS, response_headers

_ACCOUNT = "111122223333"
INSTANCE_ID = "11111111-2222-3333-4444-555555555555"
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")
_LONGEST = 1800.0  # seconds that a command may take
_TOKEN_SECONDS = 25.0  # until the look-up has its key
_RECORDS_SECONDS = 10.0  # until a page that is closed has told of itself
KILLED = -9
IN_A_BROWSER = "an agent takes a call, in a browser: the page from CloudFront"
# The look-up's adapters that ask nobody outside this machine; another would ask the team's own directory about a made-up call.
_ASK_NOBODY_ELSE = ("sample", "dynamodb")


@dataclass(frozen=True)
class Step:
    """A command that was run, or something that happened meanwhile (then `words` is empty)."""

    what: str
    words: tuple[str, ...] = ()
    exit_code: int = 0
    said: str = ""
    seconds: float = 0.0
    problem: str = ""


@dataclass
class Report:
    """What came of a rehearsal. `accesses` is what was asked for: by the commands, and by CloudFormation in their name."""

    stack: str
    steps: list[Step] = field(default_factory=list)
    accesses: list[tuple[str, Access]] = field(default_factory=list)
    refused: list[tuple[str, Access]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What was not right, a sentence each."""
        return [f"{step.what}: {step.problem}" for step in self.steps if step.problem]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "stack": self.stack,
            "problems": self.problems,
            "steps": [asdict(step) for step in self.steps],
            "accesses": [{"by": by, **asdict(access)} for by, access in self.accesses],
            "refused": [{"by": by, **asdict(access)} for by, access in self.refused],
        }


def rehearsed_environment(given: str) -> str:
    """Return the environment to rehearse: the one that is named, or the first of pyproject.toml's."""
    return given or next(iter(environment_names()), "")


def rehearse(environment: str, faults: Faults, tell: Callable[[str], None], first: bool = False) -> Report:
    """Return what came of a rehearsal; with `first`, of a first release alone. `tell` gets each step as it begins.

    Raises UserError where the settings cannot be deployed, or where a fault can never happen with them.
    """
    settings = load_settings(environment=environment)
    over = settings.aws.model_copy(update=instance_over(settings)["aws"])
    check_faults(settings.model_copy(update={"aws": over}), faults)
    return _Rehearsal(environment, faults, tell).run(first)


def check_faults(settings: Settings, faults: Faults) -> None:
    """Raise UserError (exit code 2) that names each fault which can never happen: a misspelt action or resource.

    The actions are those of the policy that `iam-policy` prints, the resources those of these settings' template.
    """
    document = policy(policy_names(settings, settings.aws.instance_account), settings.api.enabled)
    listed = (statement["Action"] for statement in document["Statement"])
    actions = sorted({action for each in listed for action in ([each] if isinstance(each, str) else each)})
    resources = list(parse(render_template(settings))["Resources"])
    wrong = []
    for action in faults.deny:
        if not _ACTION.fullmatch(action):
            wrong.append((f"--deny {action}", "an IAM action is SERVICE:Action", _near(action, actions)))
        elif not any(fnmatch.fnmatchcase(each.lower(), action.lower()) for each in actions):
            wrong.append(
                (f"--deny {action}", "the policy that a release has allows no such action", _near(action, actions))
            )
    for name in faults.fail:
        if name not in resources:
            wrong.append(
                (f"--fail {name}", "the template of these settings has no such resource", _near(name, resources))
            )
    if wrong:
        raise all_of([UserError(*each, exit_code=WRONG_SETTINGS) for each in wrong])


def _near(name: str, known: Sequence[str]) -> str:
    """Return which of the known names may have been meant, as a remedy; some of them where none is like it."""
    spelt = {each.lower(): each for each in known} | {each.partition(":")[2].lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), list(spelt), n=3, cutoff=0.6)
    near = list(dict.fromkeys(spelt[each] for each in found)) or [*known[:3], "..."]
    return f"name one such as {', '.join(near)}"


def instance_over(settings: Settings) -> dict[str, Any]:
    """Return what a rehearsal changes in the settings: an instance where there is none yet; no domain, as it is not here."""
    region = settings.aws.region
    made_up = f"arn:{partition(region)}:connect:{region}:{_ACCOUNT}:instance/{INSTANCE_ID}"
    aws = {"domain": "", "certificate_arn": ""} if settings.aws.domain else {}
    return {"aws": aws if settings.aws.instance_arn else {**aws, "instance_arn": made_up}}


class _Rehearsal:
    def __init__(self, environment: str, faults: Faults, tell: Callable[[str], None]) -> None:
        self._environment, self._faults, self._tell = environment, faults, tell
        self._over = command.merged(command.laid, instance_over(load_settings(environment=environment)))
        command.lay_over(self._over, environment)
        self._settings = load_settings(environment=environment)
        check_deployable(self._settings)
        account = self._settings.aws.instance_account
        document = policy(policy_names(self._settings, account), self._settings.api.enabled)
        self._aws = LocalAws(self._settings, document, partition(self._settings.aws.region))
        if self._settings.pilot:
            self._aws.connect.add_profile(self._settings.pilot)
        session = Session()
        session.set_credentials(FUNCTION, "rehearsal")
        self._looking = Aws(session, self._settings.aws.region, endpoint_url=self._aws.url)
        self._report = Report(stack_name(self._settings))
        # What reads pages here trusts the rehearsed CloudFront too.
        os.environ["SSL_CERT_FILE"] = str(self._aws.cloudfront.certificate)

    def run(self, first: bool) -> Report:
        try:
            if self._faults == Faults():
                self._without_faults(first)
            else:
                self._with_faults()
        finally:
            self._aws.close()
        for defect in self._aws.defects:
            self._report.steps.append(Step("the rehearsal itself", problem=f"this is a defect of it: {defect.strip()}"))
        seen: dict[tuple[str, Access], None] = {}
        for made in self._aws.calls:
            seen |= dict.fromkeys((made.what, access) for access in made.needs)
        self._report.accesses = list(seen)
        self._report.refused = [each for each in dict.fromkeys(self._aws.refused) if not self._may_be_refused(each[1])]
        return self._report

    def _may_be_refused(self, access: Access) -> bool:
        """Return whether a command asks for it and goes on without: for a stack of a version before 0.2 (cloud/stack.py)."""
        older = older_stack_name(self._settings)
        return access.action == "cloudformation:DescribeStacks" and f":stack/{older}/" in access.resource

    # -- the two kinds -------------------------------------------------------------------------------------------------

    def _without_faults(self, first: bool) -> None:
        stack = self._report.stack
        run = self._run
        run("nothing is there yet", "doctor", codes=(DIFFERENT,), says="stack")
        run("what a release would do", "plan", codes=(DIFFERENT,))
        run("the first release", "release", "--yes", says="Released")
        self._look_at_what_was_made()
        self._checked("the policy, for each resource's later changes", lambda: "; ".join(self._aws.handlers_may_not()))
        if first:
            return
        agents = next(name for name in PROFILES if name != self._settings.pilot)
        run("agents are let in", "doctor", "--grant", agents, says="now grants")
        if self._settings.pilot:
            self._pilot()
        run("all is well", "doctor")
        run("the first day's steps", "doctor", "--live", says="main flow calls the look-up")
        run("what is live", "status", says="drift           none")
        self._customers()
        changed = {
            "request_timeout_ms": self._settings.request_timeout_ms - 1,
            "lookup": {"budget_ms": self._settings.lookup.budget_ms - 1},
            "aws": {"log_retention_days": 60 if self._settings.aws.log_retention_days != 60 else 90},
        }
        run("a second release, of page and stack", "release", "--yes", says="Released", over=changed)
        run("both are known", "releases", says="live")
        run("back to the first", "rollback", "--yes", says="is live again")
        self._happens("a change of the stack fails, and AWS cannot take it back")
        self._aws.cloudformation.failing, self._aws.cloudformation.stuck = {"DurationAlarm"}, {"LookupLogs"}
        worse = command.merged(changed, {"lookup": {"budget_ms": self._settings.lookup.budget_ms - 2}})
        worse["aws"] = {"log_retention_days": 120}
        run("a release that gets stuck", "release", "--yes", codes=(1,), says="continue-rollback", over=worse)
        run("it is taken back", "continue-rollback", "--yes", says="UPDATE_ROLLBACK_COMPLETE", over=worse)
        self._aws.cloudformation.failing = set()
        run("a third release", "release", "--yes", says="Released", over=worse)
        self._happens("somebody deletes the live page by hand")
        self._aws.client("s3").delete_object(Bucket=self._outputs()["SiteBucket"], Key=SITE + PAGE)
        run("which is brought back", "rollback", "--yes", says="is live again", over=worse)
        self._happens("three weeks pass")
        self._aws.days = 21.0
        before = self._versions_and_zips()
        run("old releases would be pruned", "prune", "--keep", "1", "--dry-run", says="would go", over=worse)
        run("old releases are pruned", "prune", "--keep", "1", says="zips deleted", over=worse)
        self._checked("a version of each function is gone, and its zip", lambda: self._kept_problem(before))
        run("what is live, in the end", "status", over=worse)
        run(
            "all but the data is deleted",
            "destroy",
            "--confirm",
            stack,
            says="the next release takes them over",
            over=worse,
        )
        run("a release with the data that was kept", "release", "--yes", says="Released", over=worse)
        run("all is deleted", "destroy", "--confirm", stack, "--with-data", says="is gone", over=worse)
        run("nothing is left", "status", codes=(1,), says="it is not there", over=worse)
        self._check_nothing_is_left()

    def _with_faults(self) -> None:
        """Run a first release while things go wrong; then once more without: it has to finish."""
        self._aws.set_faults(self._faults)
        release = self._run("a first release", "release", "--yes", codes=(0, 1, 4, 5, KILLED))
        if self._aws.killed_before:
            self._happens(f"it was killed before {self._aws.killed_before}")
        for what in self._aws.not_met():
            self._report.steps.append(Step("a fault on purpose", problem=what))
        self._aws.set_faults(Faults())
        self._aws.cloudformation.wait()
        if release.exit_code == 0:
            self._happens("it got through all the same")
            self._look_at_what_was_made()
            return
        self._happens("what went wrong is over")
        stack = self._aws.cloudformation.stack(self._report.stack)
        if stack is not None and stack.status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
            self._run("as it says, first", "destroy", "--confirm", self._report.stack, says="is gone")
        self._run("the release again", "release", "--yes")
        self._look_at_what_was_made()

    def _pilot(self) -> None:
        """Release to the pilot, look at what its agents and all others see, promote; then let each go back on its own."""
        pilot, others, run = self._settings.pilot, self._live(), self._run
        tried = {"request_timeout_ms": self._settings.request_timeout_ms - 2}
        run("a release to the pilot", "release", "--pilot", "--yes", says="Released", over=tried)
        run("the pilot's agents are let in", "doctor", "--grant", pilot, says=self._settings.pilot_application[0])
        news = self._live(pilot=True)
        self._take_a_sample_call("one of the pilot's agents sees the new page", news, pilot=True)
        self._take_a_sample_call("all other agents see the old page", others)
        if "Api" in self._outputs():
            self._checked("the pilot's API refuses who has no token", lambda: self._api_problem("PilotUrl"))
            if self._settings.api.events.enabled:
                self._checked(
                    "each page told of itself under its own name", lambda: self._records_problem(others, news)
                )
        run("what is live, and what the pilot has", "status", says="pilot", over=tried)
        run("the pilot's files for everybody", "promote", "--yes", says="live for everybody", over=tried)
        self._checked("the live page is the pilot's, byte for byte", self._difference_of_the_pages)
        self._take_a_sample_call("all other agents see the new page", news)
        run("the pilot goes back", "rollback", others, "--pilot", "--yes", says="in the pilot", over=tried)
        run("the live page goes back", "rollback", "--yes", says=f"{others} is live again", over=tried)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _happens(self, what: str) -> None:
        self._tell(what)
        self._report.steps.append(Step(what))

    def _run(
        self, what: str, *words: str, codes: Sequence[int] = (0,), says: str = "", over: dict[str, Any] | None = None
    ) -> Step:
        """Run a command; look that it ends with one of `codes` and says what it should, in words, and that the page is whole."""
        line = [*words, *(["--env", self._environment] if self._environment else [])]
        self._tell(f"{what}: {' '.join(line)}")
        started = time.monotonic()
        code, said = self._process(line, command.merged(self._over, over or {}))
        seconds = round(time.monotonic() - started, 2)
        self._aws.cloudformation.wait()
        problems = []
        if code not in codes:
            problems.append(f"it ended with exit code {code}, not {' or '.join(map(str, codes))}")
        if "Traceback (most recent call last)" in said:
            problems.append("it showed a traceback")
        if says and says not in said and code != KILLED:
            problems.append(f"it did not say {says!r}")
        problems += self._live_problems()
        step = Step(what, tuple(line), code, said, seconds, "; ".join(problems))
        self._report.steps.append(step)
        return step

    def _process(self, line: list[str], over: dict[str, Any]) -> tuple[int, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AWS_") and not name.upper().endswith("_PROXY")
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.rehearse.command", json.dumps(over), *line],
            cwd=ROOT,
            env={**kept, **self._aws.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._aws.victim = lambda: process.pid
        try:
            said, _ = process.communicate(timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            said += f"\n(it was ended after {_LONGEST:.0f} s)"
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            self._aws.victim = lambda: None
        return process.returncode, said

    def _customers(self) -> None:
        """Import customers where the look-up's table has them."""
        with tempfile.TemporaryDirectory(prefix="popdesk-rehearsal-") as folder:
            file = Path(folder) / "customers.csv"
            file.write_text("id,name,phone,email\nC-1,Ana Silva,+12065550100,ana@example.com\n", "utf-8")
            line = ("customers", "import", str(file))
            self._run("customers are loaded", *line, says="1 customers loaded")
            if self._settings.lookup.adapter == "dynamodb":
                self._take_a_call("+12065550100", "Ana Silva")
            self._run("and again, without others", *line, "--delete-others", "--yes")

    # -- looking at it -------------------------------------------------------------------------------------------------

    def _outputs(self) -> dict[str, str]:
        stack = self._aws.cloudformation.stack(self._report.stack)
        return {} if stack is None else stack.outputs

    def _stack(self) -> Stack:
        stack = self._aws.cloudformation.stack(self._report.stack)
        return Stack(self._report.stack) if stack is None else Stack(stack.name, stack.status, outputs=stack.outputs)

    def _live(self, pilot: bool = False) -> str:
        """Return the id of the release that is live, or that the pilot has."""
        return read_live(self._looking, place_of(self._stack(), pilot)).release

    def _live_problems(self) -> list[str]:
        """Return what is wrong with the live release, and the pilot's, as it lies in the bucket: none may be half there."""
        stack = self._stack()
        if not stack.outputs:
            return []
        places = [place_of(stack), *([place_of(stack, pilot=True)] if has_pilot(stack) else [])]
        return [problem for place in places for problem in self._problems_at(place)]

    def _problems_at(self, place: Place) -> list[str]:
        try:
            live = read_live(self._looking, place)
            if not live.release:
                return []
            release = read_manifest(self._looking, place, live.release, live).release
            missing, damaged = check_assets(self._looking, place, release)
            if not page_is(self._looking, place, live, release.page):
                damaged.append(PAGE)
        except UserError as error:
            return [f"what is live cannot be read: {error}"]
        return [f"{path} of the live release is missing or damaged" for path in [*missing, *damaged]]

    def _look_at_what_was_made(self) -> None:
        """Look whether what was released is served: page and headers, flow and look-up, the API's refusal."""
        outputs = self._outputs()
        if "Url" not in outputs:
            return
        self._checked("the page, from CloudFront with its headers", lambda: self._page_problem(outputs["Url"]))
        if self._asks_nobody_else:
            self._checked("a call, through the deployed flow and the uploaded look-up", self._call_problem)
        else:
            self._happens(
                f"no call is looked up: that would ask your own directory (adapter {self._settings.lookup.adapter!r})"
            )
        self._take_a_sample_call()
        if "Api" in outputs:
            self._checked("the API behind CloudFront refuses who has no token", lambda: self._api_problem("Url"))

    def _checked(self, what: str, look: Callable[[], str]) -> None:
        self._tell(what)
        started = time.monotonic()
        problem = look()
        self._report.steps.append(Step(what, problem=problem, seconds=round(time.monotonic() - started, 2)))

    def _page_problem(self, url: str) -> str:
        status, headers, _ = fetch(url)
        expected = response_headers(PRODUCTION_ANCESTORS, self._settings.connect_origins())
        wrong = [name for name, value in expected.items() if headers.get(name.lower()) != value]
        return (
            "" if status == 200 and not wrong else f"it answers {status}; wrong headers: {', '.join(wrong) or 'none'}"
        )

    def _take_a_sample_call(self, what: str = IN_A_BROWSER, release: str = "", pilot: bool = False) -> None:
        sample = self._sample()
        name = sample["name"] if self._settings.lookup.adapter == "sample" else ""
        self._take_a_call(sample["phone"], name, what, release, pilot)

    def _take_a_call(
        self, number: str, name: str, what: str = IN_A_BROWSER, release: str = "", pilot: bool = False
    ) -> None:
        """Look at what an agent, or one of the pilot's, sees who takes a call from a number.

        It has to be the customer of this name, on a page of this release ("" for any).
        """
        try:
            with Agent(self._settings, self._aws, self._runner(), pilot) as agent:
                self._checked(what, lambda: agent.take_call(number, name, release))
        except UserError as error:
            self._happens(f"nobody looks at the page in a browser: {error}")

    def _call_problem(self) -> str:
        outcome = self.run_flow()
        if outcome.error is not None:
            return f"{outcome.error['subject']}: {outcome.error['reason']}"
        failed = [f"{step['id']}: {step['error']}" for step in outcome.steps if step["error"]]
        if failed:
            return "; ".join(failed)
        if outcome.queue is None or (self._settings.opens == "guide" and outcome.app is None):
            return "the contact is in no queue, or no guide opens the application"
        found = outcome.attributes.get(self._settings.attributes.status, "")
        if self._settings.lookup.adapter == "sample" and found != "200":
            return f"the look-up found nobody: its status is {found!r}"
        return self._token_problem()

    def _token_problem(self) -> str:
        """Return why the look-up's answer has no token for the API, "" where it has one or the page needs none.

        On a busy machine the look-up may not get its key in the time that it has: it asks again ten seconds later.
        """
        if not self._settings.api.enabled or self._settings.api.auth != "contact":
            return ""
        deadline = time.monotonic() + _TOKEN_SECONDS
        while len(self.run_flow().attributes.get(self._settings.attributes.token, "")) <= len("-"):
            if time.monotonic() > deadline:
                lines = [json.loads(line) for line in self._aws.functions.log if '"no_token"' in line]
                return f"the look-up's answer has no token: {lines[-1]['no_token'] if lines else 'it does not say why'}"
            time.sleep(1)
        return ""

    def run_flow(self) -> Outcome:
        """Return what becomes of a sample customer's call in the flow that was deployed."""
        endpoint = {"address": self._sample()["phone"], "type": "TELEPHONE_NUMBER"}
        contact = Contact("rehearsal-1", "rehearsal-1", "VOICE", "connect:Telephony", endpoint, {})
        return self._runner().run(MAIN_FLOW, contact)

    def _sample(self) -> dict[str, str]:
        sample = json.loads((LOOKUP / "adapters" / "sample.json").read_text("utf-8"))
        return dict(sample[0]) if sample else {"phone": "+12065550100", "name": ""}

    def _runner(self) -> Runner:
        """Return what runs the flows that were deployed, with the look-up that was uploaded."""
        outputs, connect = self._outputs(), self._aws.connect
        flows = {flow["Arn"]: json.loads(flow["Content"]) for flow in connect.flows.values()}
        views = {arn: json.loads(view["Content"]["Template"]) for arn, view in connect.views.items()}
        return Runner(
            flows={**flows, MAIN_FLOW: flows[outputs["MainFlowArn"]]},
            views={name: view for arn, view in views.items() for name in (arn, f"{arn}:$LATEST")},
            queues={connect.queue_arn: "queue"},
            applications={application["Name"] for application in self._aws.apps.applications.values()},
            invoke=lambda event, seconds: self._invoke(outputs["LookupArn"], event, seconds),
            secrets=self._settings.secret_attributes(),
        )

    @property
    def _asks_nobody_else(self) -> bool:
        return self._settings.lookup.adapter in _ASK_NOBODY_ELSE

    def _invoke(self, arn: str, event: dict[str, Any], seconds: float) -> Answer:
        if not self._asks_nobody_else:
            return Answer(error="a rehearsal does not ask your own directory")
        # The first one starts the process, on whatever machine this is: only what it answers is of interest here.
        return self._aws.functions.invoke(arn, event, max(seconds, 20.0))

    def _records_problem(self, live: str, pilot: str) -> str:
        """Return which page's record has not been written, with its alias and release, in the time that it may take."""
        wanted = {("live", live), ("pilot", pilot)}
        deadline = time.monotonic() + _RECORDS_SECONDS
        while wanted and time.monotonic() < deadline:
            lines = [json.loads(line) for line in self._aws.functions.log if '"message":"page"' in line]
            wanted -= {(line.get("alias"), line.get("release")) for line in lines}
            time.sleep(0.1)
        return f"no record of {sorted(wanted)}" if wanted else ""

    def _difference_of_the_pages(self) -> str:
        outputs = self._outputs()
        return "" if fetch(outputs["Url"])[2] == fetch(outputs["PilotUrl"])[2] else "they differ"

    def _api_problem(self, output: str) -> str:
        status, headers, body = fetch(f"{self._outputs()[output].rstrip('/')}{PREFIX}cases")
        if status == 401 and headers.get("cache-control", "no-store") == "no-store":
            return ""
        return f"it answers {status}: {body[:200]!r}"

    def _functions(self) -> list[str]:
        place = place_of(self._stack())
        return [function for function in (place.function, place.api) if function]

    def _versions_and_zips(self) -> tuple[set[str], set[str]]:
        """Return the functions' versions, as FUNCTION:NUMBER, and the keys of their zips."""
        client = self._aws.client("lambda")
        versions = {
            f"{function}:{each['Version']}"
            for function in self._functions()
            for each in client.list_versions_by_function(FunctionName=function)["Versions"]
        }
        stack = self._aws.cloudformation.stack(self._report.stack)
        assert stack is not None
        zips = self._aws.client("s3").list_objects_v2(Bucket=stack.parameters["ArtifactsBucket"])["Contents"]
        return versions, {each["Key"] for each in zips}

    def _kept_problem(self, before: tuple[set[str], set[str]]) -> str:
        """Return what is wrong with what a prune took: it has to be a version of each function, with its zip."""
        versions, zips = (then - now for then, now in zip(before, self._versions_and_zips(), strict=True))
        functions = self._functions()
        if {version.partition(":")[0] for version in versions} == set(functions) and len(zips) >= len(functions):
            return ""
        return f"gone are {', '.join(sorted(versions | zips)) or 'nothing'}"

    def _check_nothing_is_left(self) -> None:
        aws = self._aws
        buckets = [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]]
        functions = [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]]
        tables = aws.client("dynamodb").list_tables()["TableNames"]
        secrets = [each["Name"] for each in aws.client("secretsmanager").list_secrets()["SecretList"]]
        left = [*buckets, *functions, *tables, *secrets, *aws.apps.applications, *aws.connect.flows, *aws.connect.views]
        left += [*aws.connect.associations, *aws.connect.functions]
        problem = f"left over: {', '.join(left)}" if left else ""
        self._report.steps.append(Step("the account is as it was", problem=problem))


def fetch(url: str) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers (names in lower case) and the body of a page."""
    try:
        answer = urllib.request.urlopen(url, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
