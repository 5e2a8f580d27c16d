"""Who calls, and what IAM says they may: STS's GetCallerIdentity and IAM's simulator, with the rehearsal's own evaluator."""

from __future__ import annotations

from collections.abc import Callable

from ops.rehearse.policy import Access, Place, Policy
from ops.rehearse.protocol import Backend, Parameters


class Sts(Backend):
    """Everybody is the user "rehearsal"."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def get_caller_identity(self, _: Parameters) -> Parameters:
        return {
            "Account": self._place.account,
            "UserId": "AIDAREHEARSAL",
            "Arn": self._place.arn("iam", "user/rehearsal", ""),
        }


class Simulator(Backend):
    """IAM's SimulatePrincipalPolicy for the caller; `policy` returns what the caller has now."""

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy

    def simulate_principal_policy(self, asked: Parameters) -> Parameters:
        results = []
        for action in asked["ActionNames"]:
            by_resource = [
                {"EvalResourceName": resource, "EvalResourceDecision": self._decide(action, resource)}
                for resource in asked.get("ResourceArns", ["*"])
            ]
            decisions = {each["EvalResourceDecision"] for each in by_resource}
            results.append(
                {
                    "EvalActionName": action,
                    "EvalDecision": "allowed" if decisions == {"allowed"} else "implicitDeny",
                    "ResourceSpecificResults": by_resource,
                }
            )
        return {"IsTruncated": False, "EvaluationResults": results}

    def _decide(self, action: str, resource: str) -> str:
        return "allowed" if self._policy().allows(Access(action, resource)) else "implicitDeny"
