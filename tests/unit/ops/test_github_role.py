"""The role that GitHub's workflows release with: whom it trusts, that it allows what the policy does, and that AWS takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cfnlint.api import lint
from click.testing import CliRunner, Result

from deploy import cli
from ops.cli import cloud as cloud_commands
from ops.cloud.iam_policy import parts, policy, size
from ops.cloud.names import policy_names
from ops.settings import Settings, load_settings

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
