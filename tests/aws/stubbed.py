"""AWS's answers made up by a test, for what moto does not have: Connect, drift, the policy simulator.

    stubbed = Stubbed()
    stubbed["iam"].add_response("simulate_principal_policy", answer, expected_parameters)
    ...                          # code under test calls stubbed.aws
    stubbed.done()               # every answer was asked for

The answers are the test's own, but botocore's Stubber holds them, and the parameters of the calls, to AWS's models.
"""

from __future__ import annotations

from botocore.stub import Stubber

from tests.aws.world import open_test_aws


class Stubbed:
    """An Aws whose clients answer what a test says, in that order."""

    def __init__(self) -> None:
        self.aws = open_test_aws("http://127.0.0.1:1")
        self._stubbers: dict[str, Stubber] = {}

    def __getitem__(self, service: str) -> Stubber:
        if service not in self._stubbers:
            self._stubbers[service] = Stubber(self.aws.client(service))
            self._stubbers[service].activate()
        return self._stubbers[service]

    def done(self) -> None:
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()
