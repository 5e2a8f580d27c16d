"""What a security profile lets agents see: the application, and the guides in which it opens or the service that opens it.

    grant(aws, settings, "Agent")     # -> True where the profile had to be changed
    withdraw(aws, settings)           # -> ["Agent"]: the profiles that granted the application until now

An agent sees the application where a security profile of theirs grants it, and the guide that opens it where one has the
permission `CustomViews.Access` ("Agent applications, custom views":
docs.aws.amazon.com/connect/latest/adminguide/security-profile-list.html). UpdateSecurityProfile replaces a whole
list, so lists are read, merged and written; a list that need not change is not sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.errors import UserError
from ops.settings import Settings

GRANT_TYPE = "THIRD_PARTY_APPLICATION"
GUIDES = "CustomViews.Access"
# Of one security profile: docs.aws.amazon.com/connect/latest/APIReference/API_UpdateSecurityProfile.html.
MOST_APPLICATIONS = 10
MOST_PERMISSIONS = 500

Application = dict[str, Any]  # Namespace, ApplicationPermissions, Type: as in Amazon Connect's API


@dataclass(frozen=True)
class Profile:
    """A security profile of the instance."""

    id: str
    name: str


def read_profiles(aws: Aws, settings: Settings) -> list[Profile]:
    """Return the instance's security profiles."""
    pages = aws.pages("connect", "list_security_profiles", InstanceId=settings.aws.instance_arn)
    return [
        Profile(str(found["Id"]), str(found["Name"])) for page in pages for found in page["SecurityProfileSummaryList"]
    ]


def read_applications(aws: Aws, settings: Settings, profile: Profile) -> list[Application]:
    """Return the applications that a security profile grants."""
    pages = aws.pages(
        "connect",
        "list_security_profile_applications",
        InstanceId=settings.aws.instance_arn,
        SecurityProfileId=profile.id,
    )
    return [application for page in pages for application in page["Applications"]]


def read_permissions(aws: Aws, settings: Settings, profile: Profile) -> list[str]:
    """Return the permissions of a security profile, by their API names."""
    pages = aws.pages(
        "connect",
        "list_security_profile_permissions",
        InstanceId=settings.aws.instance_arn,
        SecurityProfileId=profile.id,
    )
    return [str(permission) for page in pages for permission in page["Permissions"]]


def grants_application(applications: list[Application], namespace: str) -> bool:
    """Return whether these applications have ours among them, with access to it."""
    return any(
        application.get("Namespace") == namespace and "ACCESS" in application.get("ApplicationPermissions", [])
        for application in applications
    )


def grants_opening(
    settings: Settings, applications: list[Application], read_permissions: Callable[[], list[str]]
) -> bool:
    """Return whether a profile that grants the application also grants what opens it: guides, or the service."""
    if settings.opens == "service":
        return grants_application(applications, settings.service[1])
    return GUIDES in read_permissions()


def merged_applications(applications: list[Application], *namespaces: str) -> list[Application]:
    """Return a security profile's applications with ours among them; every other one stays as it is."""
    ours = [{"Namespace": name, "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE} for name in namespaces]
    return [*_others(applications, *namespaces), *ours]


def _others(applications: list[Application], *namespaces: str) -> list[Application]:
    return [application for application in applications if application.get("Namespace") not in namespaces]


def namespaces(settings: Settings, profile: str) -> tuple[list[str], list[str]]:
    """Return the namespaces that a profile is to grant, and those that it must not: an agent has the live page or the pilot's."""
    live = [settings.namespace, *([settings.service[1]] if settings.opens == "service" else [])]
    pilot = [settings.pilot_application[1], settings.pilot_service[1]]
    return (pilot, live) if settings.pilot and profile == settings.pilot else (live, pilot)


def grant(aws: Aws, settings: Settings, name: str, dry_run: bool = False) -> bool:
    """Let the security profile `name` grant the application and what opens it; return whether it had to be changed.

    The pilot's profile grants the pilot's, and no longer the live ones; every other profile the other way round.

    Raises UserError where there is no such profile, or where it has no place left for one more.
    """
    profiles = read_profiles(aws, settings)
    profile = next((found for found in profiles if found.name == name), None)
    if profile is None:
        names = ", ".join(sorted(found.name for found in profiles)) or "none"
        raise UserError(
            f"security profile {name!r}",
            f"the instance has no security profile of that name (it has: {names})",
            "name one of those",
        )
    applications = read_applications(aws, settings, profile)
    wanted, others = namespaces(settings, name)
    kept = _others(applications, *others)
    by_service = settings.opens == "service"
    permissions = [GUIDES] if by_service else read_permissions(aws, settings, profile)
    change: dict[str, Any] = {}
    if len(kept) < len(applications) or not all(grants_application(kept, namespace) for namespace in wanted):
        change["Applications"] = merged_applications(kept, *wanted)
    if GUIDES not in permissions:
        change["Permissions"] = [*permissions, GUIDES]
    for key, most in (("Applications", MOST_APPLICATIONS), ("Permissions", MOST_PERMISSIONS)):
        if len(change.get(key, ())) > most:
            raise UserError(
                f"security profile {name!r}",
                f"it has {most} {key.lower()}, the most that Amazon Connect allows; nothing was changed",
                "take one away from it in the Amazon Connect console, or name another profile",
            )
    if change and not dry_run:
        _update(aws, settings, profile, change)
    return bool(change)


def withdraw(aws: Aws, settings: Settings, dry_run: bool = False) -> list[str]:
    """Take the application, and its service, away from every security profile that has it; return their names.

    The permission for guides stays: it may serve others. An instance that is gone has no profiles.
    """
    try:
        profiles = read_profiles(aws, settings)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return []
        raise
    ours = (settings.service, settings.pilot_application, settings.pilot_service)
    found = _granting(aws, settings, profiles, settings.namespace, *(namespace for _, namespace in ours))
    for profile, others in found:
        if not dry_run:
            _update(aws, settings, profile, {"Applications": others})
    return [profile.name for profile, _ in found]


def granting_pilot(aws: Aws, settings: Settings) -> list[str]:
    """Return the names of the security profiles that grant the pilot's application or its service."""
    pilots = settings.pilot_application[1], settings.pilot_service[1]
    return [profile.name for profile, _ in _granting(aws, settings, read_profiles(aws, settings), *pilots)]


def _granting(
    aws: Aws, settings: Settings, profiles: list[Profile], *namespaces: str
) -> list[tuple[Profile, list[Application]]]:
    """Return those profiles that grant an application of these namespaces, each with the other applications that it grants."""
    found = []
    for profile in profiles:
        applications = read_applications(aws, settings, profile)
        others = _others(applications, *namespaces)
        if len(others) < len(applications):
            found.append((profile, others))
    return found


def _update(aws: Aws, settings: Settings, profile: Profile, change: dict[str, Any]) -> None:
    aws.call(
        "connect",
        "update_security_profile",
        SecurityProfileId=profile.id,
        InstanceId=settings.aws.instance_arn,
        **change,
    )
