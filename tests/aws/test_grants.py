"""Security profiles: what is granted and taken away loses nobody else's application and no permission."""

from __future__ import annotations

from typing import Any

import pytest

from ops.cloud.grants import GRANT_TYPE, GUIDES, grant, merged_applications, withdraw
from ops.errors import UserError
from tests.aws.account import INSTANCE, deployable_settings
from tests.aws.stubbed import Stubbed

OTHER = {"Namespace": "somebody-elses", "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
OURS = {"Namespace": "popdesk", "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
SETTINGS = deployable_settings()
SERVED = SETTINGS.model_copy(update={"opens": "service"})
_IN_INSTANCE = {"InstanceId": INSTANCE}


def _profiles(stubbed: Stubbed, applications: list[dict[str, Any]], permissions: list[str] | None = None) -> None:
    """Answer for one security profile, "Agent"; it is asked for its permissions where `permissions` are given."""
    connect = stubbed["connect"]
    summaries = [{"Id": "p-1", "Name": "Agent", "Arn": f"{INSTANCE}/security-profile/p-1"}]
    connect.add_response("list_security_profiles", {"SecurityProfileSummaryList": summaries}, _IN_INSTANCE)
    of_profile = {**_IN_INSTANCE, "SecurityProfileId": "p-1"}
    connect.add_response("list_security_profile_applications", {"Applications": applications}, of_profile)
    if permissions is not None:
        connect.add_response("list_security_profile_permissions", {"Permissions": permissions}, of_profile)


def _expect_update(stubbed: Stubbed, **change: Any) -> None:
    stubbed["connect"].add_response(
        "update_security_profile", {}, {**_IN_INSTANCE, "SecurityProfileId": "p-1", **change}
    )


def test_grant_merges_and_loses_nobody() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OTHER], ["BasicAgentAccess"])
    _expect_update(stubbed, Applications=[OTHER, OURS], Permissions=["BasicAgentAccess", GUIDES])
    assert grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_grant_sends_only_the_list_that_changes() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OURS, OTHER], ["BasicAgentAccess"])
    _expect_update(stubbed, Permissions=["BasicAgentAccess", GUIDES])
    assert grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_grant_that_is_there_writes_nothing() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OURS, OTHER], [GUIDES])
    assert not grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_where_a_service_opens_the_page_it_is_granted_and_guides_are_not() -> None:
    stubbed = Stubbed()
    service = {**OURS, "Namespace": "popdesk-service"}
    _profiles(stubbed, [OURS, OTHER])
    _expect_update(stubbed, Applications=[OTHER, OURS, service])
    assert grant(stubbed.aws, SERVED, "Agent")
    _profiles(stubbed, [OTHER, OURS, service])
    assert not grant(stubbed.aws, SERVED, "Agent")
    _profiles(stubbed, [OTHER, OURS, service])
    _expect_update(stubbed, Applications=[OTHER])
    assert withdraw(stubbed.aws, SETTINGS) == ["Agent"]  # whatever opens it by now
    stubbed.done()


def test_grant_dry_run_writes_nothing() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [], [])
    assert grant(stubbed.aws, SETTINGS, "Agent", dry_run=True)
    stubbed.done()


@pytest.mark.parametrize(
    ("applications", "permissions", "said"),
    [(10, 1, "it has 10 applications"), (1, 500, "it has 500 permissions")],
)
def test_grant_where_no_place_is_left_is_refused_before_it_is_tried(
    applications: int, permissions: int, said: str
) -> None:
    stubbed = Stubbed()
    others = [{**OTHER, "Namespace": f"other-{number}"} for number in range(applications)]
    _profiles(stubbed, others, [f"Permission.{number}" for number in range(permissions)])
    with pytest.raises(UserError, match=said):
        grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_grant_to_an_unknown_profile_names_the_known_ones() -> None:
    stubbed = Stubbed()
    summaries = [{"Id": "p-1", "Name": "Agent"}, {"Id": "p-2", "Name": "Admin"}]
    stubbed["connect"].add_response("list_security_profiles", {"SecurityProfileSummaryList": summaries}, _IN_INSTANCE)
    with pytest.raises(UserError, match="Admin, Agent"):
        grant(stubbed.aws, SETTINGS, "Agents")


def test_what_was_granted_is_taken_away_and_nothing_else() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OURS, OTHER])
    _expect_update(stubbed, Applications=[OTHER])
    assert withdraw(stubbed.aws, SETTINGS) == ["Agent"]
    stubbed.done()


def test_a_profile_without_the_application_is_not_written() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OTHER])
    assert withdraw(stubbed.aws, SETTINGS) == []
    stubbed.done()


def test_an_instance_that_is_gone_has_nothing_to_take_away() -> None:
    stubbed = Stubbed()
    stubbed["connect"].add_client_error("list_security_profiles", "ResourceNotFoundException", "no such instance")
    assert withdraw(stubbed.aws, SETTINGS) == []


def test_merge_repairs_a_grant_without_access() -> None:
    half = {**OURS, "ApplicationPermissions": []}
    assert merged_applications([half, OTHER], "popdesk") == [OTHER, OURS]
