"""A release from beginning to end: stack, Lambda, page, smoke test, automatic rollback, destroy.

The template is the real one, and the page is asked of the rehearsed CloudFront; the build is a small one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from ops.cloud.artifacts import make_artifacts_bucket
from ops.cloud.aws import Aws
from ops.cloud.change_set import discard_plan
from ops.cloud.deployment import Packages, PreparedRelease, Result, execute, prepare_built
from ops.cloud.destroy import destroy
from ops.cloud.events import Events
from ops.cloud.names import artifacts_bucket
from ops.cloud.releases import ReleaseConflict
from ops.cloud.rollback import plan_rollback, rollback
from ops.cloud.stack import read_stack
from ops.errors import UserError
from tests.aws.account import ACCOUNT, REGION, SITE, STACK, deployable_settings
from tests.aws.moto_server import MotoServer
from tests.aws.world import lambda_zip, looking_on, make_site, open_test_aws


class Account:
    """An account into which releases go."""

    def __init__(self, server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
        server.reset()
        monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
        self.server, self.url = server, server.url
        self.settings = deployable_settings()
        self.events = Events(pause=server.wait)
        self.aws = self.open()
        self.raw = looking_on(self.url).client("s3")

    def open(self) -> Aws:
        return open_test_aws(self.url)

    def prepare(
        self, text: str, code: str = "first", aws: Aws | None = None, events: Events | None = None
    ) -> PreparedRelease:
        return prepare_built(
            aws or self.aws, self.settings, make_site(text), Packages(lambda_zip(code)), events or self.events
        )

    def release(self, text: str, code: str = "first", aws: Aws | None = None) -> Result:
        return execute(aws or self.aws, self.prepare(text, code, aws), self.events)

    def live(self) -> str:
        """Return the live page's text."""
        return bytes(self.raw.get_object(Bucket=SITE, Key="site/index.html")["Body"].read()).decode()

    def live_lambda(self) -> str:
        client = self.aws.client("lambda")
        return str(client.get_alias(FunctionName=f"{STACK}-lookup", Name="live")["FunctionVersion"])


@pytest.fixture
def account(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(moto_server, monkeypatch)


def test_first_release_makes_everything_and_the_page_is_right(account: Account) -> None:
    result = account.release("one")
    assert result.released
    assert "<title>one</title>" in account.live()
    assert account.live_lambda() == "1"


def test_what_the_build_has_to_say_is_told(account: Account) -> None:
    told: list[str] = []
    site = replace(make_site("one"), notes=("it starts slower",))
    prepare_built(account.aws, account.settings, site, Packages(lambda_zip("first")), Events(on_note=told.append))
    assert told == ["it starts slower"]


def test_nothing_changed_is_nothing_done_in_few_calls(account: Account) -> None:
    account.release("one")
    calls: list[str] = []
    aws = open_test_aws(account.url)
    aws.before = lambda service, operation, _: calls.append(f"{service}.{operation}")
    work = account.prepare("one", aws=aws)
    assert work.nothing_to_do
    assert not execute(aws, work, account.events).released
    assert len(calls) <= 6, calls
    assert not {"s3.put_object", "cloudformation.create_change_set"} & set(calls)


def test_what_a_hand_deleted_comes_back_when_asked_for(account: Account) -> None:
    account.release("one")
    key = "site/assets/shared-000.css"
    account.raw.delete_object(Bucket=SITE, Key=key)
    work = account.prepare("one")
    assert execute(account.aws, work, account.events).written == 0, "nobody asked"
    assert execute(account.aws, work, account.events, repair=True).written == 1
    assert account.raw.head_object(Bucket=SITE, Key=key)


def test_new_page_and_new_code_go_and_come_back_together(account: Account) -> None:
    first = account.release("one")
    work = account.prepare("two", code="second")
    assert work.difference.function
    assert [change.resource for change in work.plan.changes] == ["Lookup"]
    execute(account.aws, work, account.events)
    assert ("<title>two</title>" in account.live(), account.live_lambda()) == (True, "2")
    place = work.place
    assert place is not None
    assert rollback(account.aws, place, plan_rollback(account.aws, place)).release == first.release
    assert ("<title>one</title>" in account.live(), account.live_lambda()) == (True, "1")


def test_settings_change_goes_through_a_change_set(account: Account) -> None:
    account.release("one")
    account.settings = deployable_settings(log_retention_days=7)
    work = account.prepare("one")
    assert {change.resource for change in work.plan.changes} == {"LookupLogs"}
    discard_plan(account.aws, work.plan)
    assert account.prepare("one").plan.change_set, "forgotten is not applied"
    account.release("one")
    assert account.prepare("one").nothing_to_do


def test_plan_of_a_first_release_leaves_no_stack(account: Account) -> None:
    work = account.prepare("one")
    assert {change.action for change in work.plan.changes} == {"Add"}
    discard_plan(account.aws, work.plan)
    assert not read_stack(account.aws, STACK).exists


def _deny_an_asset(account: Account) -> None:
    policy = json.loads(account.raw.get_bucket_policy(Bucket=SITE)["Policy"])
    spoilt = f"arn:aws:s3:::{SITE}/site/assets/shared-000.css"
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": spoilt})
    account.raw.put_bucket_policy(Bucket=SITE, Policy=json.dumps(policy))


def _drop_a_header(account: Account) -> None:
    cloudfront = account.aws.client("cloudfront")
    distribution = read_stack(account.aws, STACK).outputs["DistributionId"]
    config = cloudfront.get_distribution(Id=distribution)["Distribution"]["DistributionConfig"]
    identity = config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    found = cloudfront.get_response_headers_policy(Id=identity)
    config = found["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    del config["SecurityHeadersConfig"]["ContentTypeOptions"]
    cloudfront.update_response_headers_policy(Id=identity, IfMatch=found["ETag"], ResponseHeadersPolicyConfig=config)


@pytest.mark.parametrize("spoil", [_deny_an_asset, _drop_a_header])
def test_failed_smoke_test_rolls_back_by_itself(account: Account, spoil: Callable[[Account], None]) -> None:
    """Somebody's hand in the bucket's policy or in CloudFront's: what agents get is not what was released."""
    account.release("one")
    work = account.prepare("two", code="second")
    spoil(account)
    with pytest.raises(UserError, match="is live again") as caught:
        execute(account.aws, work, account.events)
    assert caught.value.exit_code == 5
    assert "<title>one</title>" in account.live()
    assert account.live_lambda() == "1"


def test_change_set_made_obsolete_by_another_release_changes_nothing_live(account: Account) -> None:
    account.release("zero")
    slow = account.prepare("slow", code="slow")
    account.release("quick", code="quick")
    before = account.live(), account.live_lambda()
    with pytest.raises(UserError, match="somebody else") as caught:
        execute(account.aws, slow, account.events)
    assert caught.value.exit_code == 4
    assert (account.live(), account.live_lambda()) == before


def test_overtaken_after_its_stack_was_applied_changes_nothing_live(account: Account) -> None:
    account.release("zero")
    slow = account.prepare("slow")
    account.release("quick")
    with pytest.raises(ReleaseConflict):
        execute(account.aws, slow, account.events)
    assert "<title>quick</title>" in account.live()


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.thorough)])
def test_every_call_of_a_whole_release_may_fail(account: Account, step: int) -> None:
    """The stack's calls too: page and Lambda are a whole release each time, and running again finishes."""
    last = 1 - step
    account.release(f"page {last}", code=f"code{last}")
    for number in range(1, 60, step):
        aws, seen = account.open(), 0

        def fail(*_: Any, number: int = number) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                raise ConnectionClosedError(endpoint_url="made up by the test")

        aws.after = fail
        exit_code = 0
        try:
            account.release(f"page {number}", code=f"code{number}", aws=aws)
        except UserError as error:
            exit_code = error.exit_code
        assert exit_code in (0, 1), "nobody else was there"
        assert any(f"<title>page {which}</title>" in account.live() for which in (number - step, number))
        account.server.wait()  # until then it is said that the stack is being changed
        account.release(f"page {number}", code=f"code{number}")
        assert f"<title>page {number}</title>" in account.live()
        newest = account.aws.client("lambda").list_versions_by_function(FunctionName=f"{STACK}-lookup")["Versions"][-1]
        assert account.live_lambda() == newest["Version"]
        if not exit_code and seen < number:
            assert number > 15
            return
    raise AssertionError("a release makes more calls than that?")


def test_destroy_leaves_nothing(account: Account) -> None:
    account.release("one")
    account.release("two")
    stack = read_stack(account.aws, STACK)
    destroy(account.aws, stack, ACCOUNT, account.events)
    assert account.raw.list_buckets()["Buckets"] == []
    assert not read_stack(account.aws, STACK).exists
    destroy(account.aws, read_stack(account.aws, STACK), ACCOUNT, account.events)


def test_artifacts_bucket_is_private_and_made_once(account: Account) -> None:
    bucket = artifacts_bucket(STACK, ACCOUNT, REGION)
    for _ in range(2):
        make_artifacts_bucket(account.aws, bucket, ACCOUNT)
    blocked = account.raw.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert "aws:SecureTransport" in account.raw.get_bucket_policy(Bucket=bucket)["Policy"]
