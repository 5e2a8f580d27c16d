"""The role that GitHub's workflows release with: whom it trusts, that it allows what the policy does, and that AWS takes it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.session import Session
from cfnlint.api import lint
from click.testing import CliRunner, Result

from deploy import cli
from ops.cli import cloud as cloud_commands
from ops.cloud.iam_policy import parts, policy, size
from ops.cloud.names import policy_names
from ops.settings import ROOT, Settings, load_settings

INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"
LONGEST_TEMPLATE = 51_200  # bytes that CloudFormation takes without a bucket
Run = Callable[..., Result]


def _settings(environment: str = "prod", api: bool = True) -> Settings:
    settings = load_settings(environment="prod")
    return settings.model_copy(
        update={
            "environment": environment,
            "aws": settings.aws.model_copy(update={"instance_arn": INSTANCE}),
            "api": settings.api.model_copy(update={"enabled": api, "cases": "dynamodb"}),
        }
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `deploy.py iam-policy` with options; no client is made."""
    monkeypatch.setattr(cloud_commands, "open_aws", lambda _profile, _region: None)

    def command(*options: str, settings: Settings | None = None) -> Result:
        monkeypatch.setattr(cloud_commands, "load_settings", lambda **_: settings or _settings())
        return CliRunner().invoke(cli, ["iam-policy", *options])

    return command


def _template(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_jobs_of_one_environment_of_one_repository_are_trusted_and_nobody_else(run: Run) -> None:
    role = _template(run("--trust", "github:Example/desk.app"))["Resources"]["Role"]["Properties"]
    issuer = "token.actions.githubusercontent.com"
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"},
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": "sts.amazonaws.com",
                    f"{issuer}:sub": ["repo:Example/desk.app:environment:prod"],
                }
            },
        }
    ]


def test_other_environments_are_trusted_where_they_are_named(run: Run) -> None:
    named = ["--github-environment", "live", "--github-environment", "plan"]
    role = _template(run("--trust", "github:example/desk", *named))["Resources"]["Role"]["Properties"]
    condition = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:sub"] == [
        "repo:example/desk:environment:live",
        "repo:example/desk:environment:plan",
    ]


def test_the_numbers_of_a_newer_repository_are_in_its_subject(run: Run) -> None:
    role = _template(run("--trust", "github:example@123/desk@456"))["Resources"]["Role"]["Properties"]
    condition = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:sub"] == ["repo:example@123/desk@456:environment:prod"]


@pytest.mark.parametrize("api", [False, True])
def test_the_role_allows_what_the_policy_does(run: Run, api: bool) -> None:
    settings = _settings(api=api)
    result = run("--trust", "github:example/desk", settings=settings)
    resources = _template(result)["Resources"]
    attached = [name["Ref"] for name in resources["Role"]["Properties"]["ManagedPolicyArns"]]
    assert {*attached} == {*resources} - {"Role"}
    documents = [resources[name]["Properties"]["PolicyDocument"] for name in attached]
    assert documents == parts(policy(policy_names(settings, "123456789012"), api))
    assert all(size(document) <= 6_144 for document in documents)
    assert len(documents) <= 10  # managed policies of a role
    assert len(result.stdout.encode()) < LONGEST_TEMPLATE


@pytest.mark.slow
def test_cfn_lint_finds_nothing(run: Run) -> None:
    text = run("--trust", "github:example/desk").stdout
    # Newer than cfn-lint's copy of the actions; tests/aws/test_iam_policy.py holds it to botocore's model.
    assert [found for found in lint(text) if "'createtestcase' is not one of" not in str(found)] == []
    wrong = lint(text.replace('"AssumeRolePolicyDocument"', '"AssumeRole"'))
    assert any("AssumeRolePolicyDocument" in str(found) for found in wrong), "the lint is a real one"


@pytest.mark.parametrize(
    "trust",
    [
        *("example/desk", "github:", "github:desk", "github:example/", "github:/desk", "github:example/desk/tree"),
        *("github:https://github.com/example/desk", "gitlab:example/desk", "github:example/*", "github:*/desk"),
        *("github:example/..", "github:example/desk:environment:x", "github:exa mple/desk", "github:example/desk\n"),
        *("github:-example/desk", "GitHub:example/desk", "github:ex?mple/desk"),
        *("github:example@1/desk", "github:example/desk@1", "github:example@x/desk@1", "github:example@1/..@1"),
    ],
)
def test_another_form_of_repository_is_refused_in_words(run: Run, trust: str) -> None:
    result = run("--trust", trust)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "github:OWNER/REPO" in result.stderr


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--github-environment", "prod"], "prod", "give --trust"),
        (["--trust", "github:example/desk", "--part", "1"], "prod", "leave --part or --trust out"),
        (["--trust", "github:example/desk"], "", "give --env NAME"),
        (["--trust", "github:example/desk", "--github-environment", "*"], "prod", "--github-environment *"),
        (["--trust", "github:example/desk", "--github-environment", ""], "prod", "letters, digits"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_words(
    run: Run, options: list[str], environment: str, said: str
) -> None:
    result = run(*options, settings=_settings(environment))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("api", "said"), [(False, "this fits inside a role"), (True, "this fits neither inside a role")]
)
def test_the_whole_policy_says_where_it_fits(run: Run, api: bool, said: str) -> None:
    assert said in run(settings=_settings(api=api)).stderr


# The AWS CLI's own command, which is no operation: docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy.
_CLI_DEPLOYS = {"stack-name", "template-file", "capabilities"}
# What every command of the AWS CLI takes, and the options of gh that the page uses: cli.github.com/manual/gh_api.
_CLI_TAKES = {"query"}
_GH = {"api": {"jq"}}


def _page() -> str:
    return (ROOT / "docs" / "pipeline.md").read_text("utf-8")


def _lines(program: str) -> list[list[str]]:
    """Return the words of each line of docs/pipeline.md that begins with a program, in a block or in a sentence."""
    found = re.findall(rf"^ *({program} .*)$|`({program} [^`\n]+)`", _page(), re.MULTILINE)
    return [shlex.split(block or sentence) for block, sentence in found]


def _options(words: list[str]) -> dict[str, str]:
    """Return the options among words with their values: {"url": "https://..."}."""
    names = [number for number, word in enumerate(words) if word.startswith("--")]
    return {words[number].removeprefix("--"): words[number + 1] for number in names}


def test_the_lines_of_the_page_that_are_not_ours_have_commands_and_options_that_there_are() -> None:
    """For the AWS CLI, whose commands are botocore's operations; no test runs these lines."""
    lines = _lines("aws")
    assert [words[1:3] for words in lines] == [
        ["iam", "create-open-id-connect-provider"],
        ["cloudformation", "deploy"],
        ["cloudformation", "describe-stacks"],
    ]
    for _, service, command, *words in lines:
        taken = _CLI_DEPLOYS
        if command != "deploy":
            model = Session().get_service_model(service)
            (operation,) = (name for name in model.operation_names if xform_name(name, "-") == command)
            taken = {xform_name(name, "-") for name in model.operation_model(operation).input_shape.members}
        assert _options(words).keys() <= taken | _CLI_TAKES, command
    for _, command, *words in _lines("gh"):
        assert _options(words).keys() <= _GH[command]


def test_the_lines_of_the_page_are_about_the_role_that_iam_policy_prints(run: Run) -> None:
    """Its provider and audience, the file that the line before has written, one stack, an output that is there."""
    provider, deploy, describe = (_options(words) for words in _lines("aws"))
    role = _template(run("--env", "prod", "--trust", "github:OWNER/REPO"))
    (statement,) = role["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    host = provider["url"].removeprefix("https://")
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{host}")
    assert statement["Condition"]["StringEquals"][f"{host}:aud"] == provider["client-id-list"]
    assert f" --trust github:OWNER/REPO >{deploy['template-file']}\n" in _page()
    assert deploy["stack-name"] == describe["stack-name"]
    # A named role or policy would need CAPABILITY_NAMED_IAM.
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert not [
        each for each in role["Resources"].values() if {"RoleName", "ManagedPolicyName"} & {*each["Properties"]}
    ]
    assert describe["query"] == "Stacks[0].Outputs"
    assert [*role["Outputs"]] == ["RoleArn"]
    assert "`AWS_ROLE_ARN`, the output of step 2" in _page()


def test_the_variables_and_the_tags_of_the_page_are_those_of_the_workflows() -> None:
    texts = {
        name: (ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8")
        for name in ("plan", "release", "rollback")
    }
    used = {name for text in texts.values() for name in re.findall(r"\bvars\.(\w+)", text)}
    assert used == {"AWS_ROLE_ARN", "AWS_REGION", "PLAN_ENVIRONMENT"}
    assert {*re.findall(r"`([A-Z]+_[A-Z_]+)`", _page())} & used == used
    release = yaml.safe_load(texts["release"])
    (tags,) = release[True]["push"]["tags"]  # YAML 1.1 reads the key `on` as true
    assert f"allow the tags `{tags}`" in _page()
    assert f"a tag `{tags}` for `prod`" in _page()
    assert re.search(rf"`git tag {tags.replace('*', '')}[0-9.]+ && git push origin v[0-9.]+`", _page())
    assert f"UV_PYTHON={release['jobs']['release']['env']['UV_PYTHON']}`" in _page()
