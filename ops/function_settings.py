"""What the settings of both Lambda functions have: [tool.popdesk.lookup] and [tool.popdesk.api].

class Lookup(FunctionSettings): ...     # with environment, packages, allow and vpc, checked
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

# An environment variable of Lambda's, what Lambda itself sets, and how much there may be
# (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html); 500 bytes are left for ours.
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_LAMBDAS_OWN = (
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
)
_LONGEST_ENVIRONMENT = 4_096 - 500

Milliseconds = Annotated[int, Field(ge=1)]


def matching(pattern: str, wanted: str) -> AfterValidator:
    """Return a validator of a text that is wholly of a pattern. Another is refused in words: "'usa' is no ...".

    `wanted` goes on after the value: what it should be, with an example and where that is found. Pydantic's own
    `pattern=` would answer with the regular expression.
    """

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is {wanted}")
        return text

    return AfterValidator(check)


_Package = Annotated[
    str,
    matching("[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+", "not a package at one version: write it as name==1.2.3"),
]
_Action = Annotated[str, matching("[a-z0-9-]+:[A-Za-z0-9*]+", "no IAM action, such as secretsmanager:GetSecretValue")]
_Resource = Annotated[
    str, matching(r"\*|arn:[^\s]+", "neither an ARN, such as arn:aws:s3:::bucket/*, nor * for every resource")
]
_Subnet = Annotated[
    str,
    matching("subnet-([0-9a-f]{8}|[0-9a-f]{17})", "no subnet's id, such as subnet-0123456789abcdef0 (the VPC console)"),
]
_SecurityGroup = Annotated[
    str,
    matching("sg-([0-9a-f]{8}|[0-9a-f]{17})", "no security group's id, such as sg-0123456789abcdef0 (the VPC console)"),
]


class Table(BaseModel):
    """A table of the settings: no key that it does not have, and nothing changes once it is read.

    Pydantic builds its validator when it is first needed: a command that reads no settings starts without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Allow(Table):
    """What a function may do beyond what our own adapters need: IAM actions on resources."""

    actions: Annotated[tuple[_Action, ...], Field(min_length=1)]
    resources: Annotated[tuple[_Resource, ...], Field(min_length=1)]


class Vpc(Table):
    """The VPC that a function is in; the numbers are Lambda's own limits (API_VpcConfig)."""

    subnets: Annotated[tuple[_Subnet, ...], Field(min_length=1, max_length=16)]
    security_groups: Annotated[tuple[_SecurityGroup, ...], Field(min_length=1, max_length=5)]


class FunctionSettings(Table):
    """What a team's own code in a function needs: variables, packages from PyPI, permissions, a VPC."""

    environment: dict[str, str] = {}
    packages: tuple[_Package, ...] = ()
    allow: tuple[Allow, ...] = ()
    vpc: Vpc | None = None

    @field_validator("environment")
    @classmethod
    def _variables(cls, variables: dict[str, str]) -> dict[str, str]:
        wrong = []
        for name in variables:
            if not _VARIABLE.fullmatch(name):
                wrong.append(f"{name!r} is not a variable's name: letters, digits and _, two at least")
            if name in _LAMBDAS_OWN or name.startswith(("AWS_LAMBDA_", "POPDESK_")):
                wrong.append(f"{name} is set by Lambda or by Popdesk: choose another name")
        if wrong:
            raise ValueError("; ".join(wrong))
        if sum(len(name) + len(value.encode()) for name, value in variables.items()) > _LONGEST_ENVIRONMENT:
            raise ValueError(
                f"together they are longer than {_LONGEST_ENVIRONMENT:,} bytes, the most that Lambda takes"
            )
        return variables
