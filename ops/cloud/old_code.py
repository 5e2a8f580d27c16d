"""The functions' versions and zips that no release needs any more.

    code = read_code(aws, [place.function, place.api])     # each function's versions, and which of them aliases point at
    old = old_versions(code, needed, oldest)               # those that can go
    delete_versions(aws, old)                              # -> those that went
    read_old_zips(aws, stack, staying, oldest)             # -> the keys of the zips that can go

A version is never deleted while an alias points at it: AWS refuses that
(docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html). The lowest is the stack's own (LookupFirstVersion in
ops/cloud/template.yaml; after a `destroy` it is not 1: AWS uses no number twice). The newest of the old ones stays, and so do
the young: PublishVersion returns the last one where nothing has changed, so a release that is under way may have it before its
manifest says so.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from ops.cloud.artifacts import ZIPS, zip_key
from ops.cloud.aws import Aws, AwsError
from ops.cloud.stack import Stack, account_of, read_stack


@dataclass(frozen=True, order=True)
class Version:
    """A published version of a function; `zip`: the key of its code's zip. Its text is FUNCTION:NUMBER."""

    function: str
    number: int
    published: datetime
    zip: str

    def __str__(self) -> str:
        return f"{self.function}:{self.number}"


@dataclass(frozen=True)
class Code:
    """What is published: the versions, in order; `aliased`: those that aliases point at, as FUNCTION:NUMBER."""

    versions: tuple[Version, ...]
    aliased: frozenset[str]

    def without(self, gone: Collection[Version]) -> list[Version]:
        """Return the versions that stay where these go."""
        return [version for version in self.versions if version not in gone]


def read_code(aws: Aws, functions: Iterable[str]) -> Code:
    """Return what is published of these functions; an empty name is none."""
    versions: list[Version] = []
    aliased: set[str] = set()
    for function in filter(None, functions):
        for page in aws.pages("lambda", "list_versions_by_function", FunctionName=function):
            versions += [
                Version(
                    function,
                    int(item["Version"]),
                    datetime.fromisoformat(item["LastModified"]),
                    zip_key(b64decode(item["CodeSha256"])),
                )
                for item in page["Versions"]
                if item["Version"] != "$LATEST"
            ]
        # After the versions: an alias that was moved meanwhile is seen where it is now.
        for page in aws.pages("lambda", "list_aliases", FunctionName=function):
            for alias in page["Aliases"]:
                also = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})
                aliased |= {f"{function}:{number}" for number in (alias["FunctionVersion"], *also)}
    return Code(tuple(sorted(versions)), frozenset(aliased))


def old_versions(code: Code, needed: Collection[str], oldest: datetime) -> list[Version]:
    """Return the versions that were published before `oldest` and that nothing needs.

    `needed`: what the kept releases name, as FUNCTION:NUMBER.
    """
    found = []
    for function in sorted({version.function for version in code.versions}):
        own = [version for version in code.versions if version.function == function]
        old = [version for version in own if version.published < oldest]
        found += [
            version
            for version in old[:-1]  # without the newest of the old ones
            if version != own[0] and str(version) not in code.aliased and str(version) not in needed
        ]
    return found


def delete_versions(aws: Aws, versions: Iterable[Version]) -> list[Version]:
    """Delete versions and return those that went: not one that an alias was pointed at meanwhile, nor one that was gone."""
    deleted = []
    for version in versions:
        try:
            aws.call("lambda", "delete_function", FunctionName=version.function, Qualifier=str(version.number))
        except AwsError as error:
            if error.code not in ("ResourceConflictException", "ResourceNotFoundException"):
                raise
        else:
            deleted.append(version)
    return deleted


def read_old_zips(aws: Aws, stack: Stack, staying: Iterable[Version], oldest: datetime) -> list[str]:
    """Return the keys of the functions' zips that can go, of those in the stack's bucket for them.

    `staying`: the versions that stay. Their zips do too.
    """
    stored: dict[str, datetime] = {}
    where = {"Bucket": stack.parameters["ArtifactsBucket"], "ExpectedBucketOwner": account_of(aws, stack)}
    for page in aws.pages("s3", "list_objects_v2", Prefix=ZIPS, **where):
        stored |= {item["Key"]: item["LastModified"] for item in page.get("Contents", [])}
    # The stack after the listing: a release that has put its zip since then is seen to be under way.
    return old_zips(stored, read_stack(aws, stack.name), staying, oldest)


def old_zips(stored: dict[str, datetime], stack: Stack, staying: Iterable[Version], oldest: datetime) -> list[str]:
    """Return the keys of the zips that were written before `oldest` and are neither the stack's nor a staying version's.

    None of a stack that is being changed, or whose change failed: CloudFormation may go back to the zips that it had before.
    """
    if not stack.status.endswith("_COMPLETE"):
        return []
    kept = {*stack.parameters.values(), *(version.zip for version in staying)}
    return sorted(key for key, written in stored.items() if written < oldest and key not in kept)
