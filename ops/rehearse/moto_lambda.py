"""What moto's Lambda leaves out, for every moto server of this project.

refuse_other_code()      # once in a process, before it serves
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def refuse_other_code() -> None:
    """Let PublishVersion refuse where the function has other code than its CodeSha256 says: moto does not look at that.

    docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    from moto.awslambda.exceptions import InvalidParameterValueException
    from moto.awslambda.responses import LambdaResponse

    publish: Any = LambdaResponse.publish_version

    def check_and_publish(self: Any) -> Any:
        wanted = self._get_param("CodeSha256")
        function = self.backend.get_function(unquote(self.path.split("/")[-2]))
        if wanted and function.code_sha_256 != wanted:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST"
            )
        return publish(self)

    setattr(LambdaResponse, "publish_version", check_and_publish)  # noqa: B010 (mypy: a method)
