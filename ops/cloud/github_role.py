"""The role that a GitHub Actions workflow assumes to release, without a stored key: a CloudFormation template.

    repository("github:example/desk")          # -> "example/desk"
    role_template(policies, account="123456789012", partition="aws", name="example/desk", environments=["prod"])

GitHub signs a token for the running job (OpenID Connect), and AWS gives the role's credentials for it. A job that runs in a
GitHub environment has the subject repo:OWNER/REPO:environment:NAME (docs.github.com/en/actions/reference/security/oidc), so the
people who have to approve that environment have approved before the role can be assumed. In repositories that were made,
renamed or moved since July 2026 it has the owner's and the repository's numbers too, repo:OWNER@ID/REPO@ID:...; a role that
names them does not trust whoever takes an old name. The account's OpenID Connect provider is made once, outside this template:
an account has one for each address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ops.errors import WRONG_SETTINGS, UserError

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"  # what aws-actions/configure-aws-credentials asks for, and AWS's guide
_PREFIX = "github:"
# Users' and organisations' names: letters, digits and hyphens; managed users' have an underscore too. No wildcard may get in.
_OWNER, _NAME, _ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}", r"(?!\.{1,2}(?:@|$))[A-Za-z0-9._-]{1,100}", r"@[0-9]{1,19}"
_REPOSITORY = re.compile(f"{_OWNER}/{_NAME}|{_OWNER}{_ID}/{_NAME}{_ID}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9._-]{1,255}")  # GitHub allows more; in the token's subject that would be encoded


def repository(trust: str) -> str:
    """Return OWNER/REPO of "github:OWNER/REPO", with both numbers where they are given.

    Raises UserError (exit code 2) for any other form.
    """
    name = trust.removeprefix(_PREFIX)
    if not trust.startswith(_PREFIX) or not _REPOSITORY.fullmatch(name):
        raise UserError(
            f"--trust {trust}",
            "this is not github:OWNER/REPO",
            "write github:example/desk for github.com/example/desk, or with both numbers github:example@123/desk@456",
            exit_code=WRONG_SETTINGS,
        )
    return name


def role_template(
    policies: Sequence[dict[str, Any]], account: str, partition: str, name: str, environments: Sequence[str]
) -> dict[str, Any]:
    """Return a template of the role, its managed policies and its ARN as the output RoleArn.

    `policies` are documents that each fit a managed policy, `name` is what `repository` returns, `environments` are GitHub
    environments.
    Raises UserError (exit code 2) for an environment's name that can be none.
    """
    for environment in environments:
        if not _ENVIRONMENT.fullmatch(environment):
            raise UserError(
                f"--github-environment {environment}",
                "here a name may have letters, digits, dots, hyphens and underscores only",
                "give the environment such a name on GitHub too",
                exit_code=WRONG_SETTINGS,
            )
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{ISSUER}"},
                "Condition": {
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": [f"repo:{name}:environment:{environment}" for environment in environments],
                    }
                },
            }
        ],
    }
    managed = {
        f"Policy{number}": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
        for number, document in enumerate(policies, start=1)
    }
    role = {
        "Description": f"Releases from GitHub: {name}",
        "AssumeRolePolicyDocument": trust,
        "ManagedPolicyArns": [{"Ref": policy} for policy in managed],
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The role that {name} releases with",
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}, **managed},
        "Outputs": {"RoleArn": {"Description": "AWS_ROLE_ARN on GitHub", "Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
