"""What moto's Lambda leaves out, for every moto server of this project.

prepare_lambda(lambda: 0.0)      # once in a process, before it serves; the clock is so many days ahead
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

_PAGE = 50  # docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html


def prepare_lambda(days: Callable[[], float]) -> None:
    """Let moto's Lambda do what it does otherwise than AWS. `days` returns how many days its clock is ahead."""
    _refuse_other_code()
    _use_no_number_twice()
    _keep_versions_of_aliases()
    _list_in_pages()
    _follow_clock(days)


def _refuse_other_code() -> None:
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


def _use_no_number_twice() -> None:
    """Let a version have the number behind the last one, also where versions were deleted: moto counts those that are there."""
    from moto.awslambda.models import LambdaStorage

    publish: Any = LambdaStorage.publish_version

    def publish_and_number(self: Any, name_or_arn: str, description: str = "") -> Any:
        function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        versions = self._functions[function.function_name]["versions"]
        before = list(versions)
        made = publish(self, name_or_arn, description)
        if made not in before:
            made.set_version(max([getattr(function, "last_version", 0), *(each.version for each in before)]) + 1)
            function.last_version = made.version
            self._arns |= {each.function_arn: each for each in versions}
        return made

    setattr(LambdaStorage, "publish_version", publish_and_number)  # noqa: B010 (mypy: a method)


def _keep_versions_of_aliases() -> None:
    """Let DeleteFunction refuse a version that an alias points at, and an alias: moto deletes either.

    docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html; the words are those that Lambda says.
    """
    from moto.awslambda.exceptions import ConflictException, InvalidParameterValueException
    from moto.awslambda.responses import LambdaResponse

    delete: Any = LambdaResponse.delete_function

    class ResourceConflict(ConflictException):
        def __init__(self, message: str) -> None:
            super(ConflictException, self).__init__("ResourceConflictException", message)

    def check_and_delete(self: Any) -> Any:
        qualifier = self._get_param("Qualifier", None)
        if qualifier:
            if not qualifier.isdigit():
                raise InvalidParameterValueException("Deletion of aliases is not currently supported.")
            aliases = self.backend.list_aliases(unquote(self.path.rsplit("/", 1)[-1]))
            named = [each.name for each in aliases if qualifier in _versions_of(each)]
            if named:
                raise ResourceConflict(
                    f"Unable to delete version because the following aliases reference it: [{', '.join(named)}]"
                )
        return delete(self)

    setattr(LambdaResponse, "delete_function", check_and_delete)  # noqa: B010 (mypy: a method)


def _versions_of(alias: Any) -> set[str]:
    """Return the versions that an alias sends calls to."""
    return {alias.function_version, *(alias.routing_config or {}).get("AdditionalVersionWeights", {})}


def _list_in_pages() -> None:
    """Let the listings have pages: moto answers with all there is, and leaves out Marker and MaxItems."""
    from moto.awslambda.responses import LambdaResponse

    def paged(name: str, items: str) -> None:
        whole: Any = getattr(LambdaResponse, name)

        def answer(self: Any) -> Any:
            found = whole(self)
            body = found[2] if isinstance(found, tuple) else found
            listed = json.loads(body)[items]
            start = int(self._get_param("Marker") or 0)
            end = start + min(_PAGE, int(self._get_param("MaxItems") or _PAGE))
            more = {"NextMarker": str(end)} if end < len(listed) else {}
            return 200, {}, json.dumps({items: listed[start:end], **more})

        setattr(LambdaResponse, name, answer)

    paged("list_versions_by_function", "Versions")
    paged("list_aliases", "Aliases")


def _follow_clock(days: Callable[[], float]) -> None:
    """Let LastModified be written in Lambda's form and by the clock of the account."""
    from moto.awslambda import models

    def now() -> str:
        moment = datetime.now().astimezone() + timedelta(days=days())
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000%z")

    setattr(models, "iso_8601_datetime_with_nanoseconds", now)  # noqa: B010 (mypy: the module imports it only)
