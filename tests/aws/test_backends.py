"""The rehearsal's own services are held to botocore's model: what they answer to, what they are asked, what they answer."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import OperationModel
from moto.core.utils import get_service_model

from ops.rehearse.cloudformation import CloudFormation
from ops.rehearse.cloudfront import CloudFront
from ops.rehearse.connect import AppIntegrations, Connect
from ops.rehearse.identity import Simulator, Sts
from ops.rehearse.protocol import Backend, Call, Parameters, operation_model

BACKENDS: tuple[tuple[type[Backend], str], ...] = (
    (AppIntegrations, "appintegrations"),
    (CloudFormation, "cloudformation"),
    (CloudFront, "cloudfront"),
    (Connect, "connect"),
    (Simulator, "iam"),
    (Sts, "sts"),
)


def _operations(backend: type[Backend]) -> set[str]:
    """Return a backend's operations: its public methods that get parameters and nothing else."""
    found = set()
    for name, method in inspect.getmembers(backend, inspect.isfunction):
        given = [each.annotation for each in inspect.signature(method).parameters.values()][1:]
        if not name.startswith("_") and given == ["Parameters"]:
            found.add(name)
    return found


@pytest.mark.parametrize(("backend", "service"), BACKENDS, ids=lambda each: getattr(each, "__name__", each))
def test_every_operation_is_one_of_botocore(backend: type[Backend], service: str) -> None:
    known = {xform_name(name) for name in get_service_model(service).operation_names}
    operations = _operations(backend)
    assert operations
    assert operations - known == set()


def test_every_backend_is_looked_at() -> None:
    assert {backend for backend, _ in BACKENDS} == set(_subclasses(Backend)) - {_MadeUp}


def _subclasses(kind: type[Backend]) -> list[type[Backend]]:
    return [each for child in kind.__subclasses__() for each in (child, *_subclasses(child))]


class _MadeUp(Backend):
    """Answers what a test says."""

    def __init__(self, answer: Parameters) -> None:
        self._answer = answer

    def describe_instance(self, _: Parameters) -> Parameters:
        return self._answer


def _call(**parameters: Any) -> Call:
    model: OperationModel = operation_model("connect", "DescribeInstance")
    return Call("key", "connect", model, "rest-json", parameters)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({}, b"InstanceId"), ({"InstanceId": 7}, b"InstanceId"), ({"InstanceId": "i", "Instance": "i"}, b"Instance")],
)
def test_what_the_model_does_not_let_a_client_ask_is_refused(parameters: Parameters, said: bytes) -> None:
    status, _, body = _MadeUp({"Instance": {}}).answer(_call(**parameters))
    assert status >= 400
    assert said in body


@pytest.mark.parametrize("instance", [{"InstanceStatus": "WELL"}, {"Id": 7}, {"Name": "not a member"}, "an instance"])
def test_an_answer_that_the_model_does_not_have_is_a_defect(instance: Any) -> None:
    with pytest.raises(ValueError, match="the answer to connect DescribeInstance"):
        _MadeUp({"Instance": instance}).answer(_call(InstanceId="i"))
