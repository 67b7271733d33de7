"""AWS::IAM::OIDCProvider in the emulator."""

from typing import Any
from uuid import uuid4

import pytest

from support.emulated_account import Account


@pytest.fixture
def url() -> str:
    return f"https://tokens-{uuid4().hex[:8]}.example"


def provider(url: str, *clients: str) -> dict[str, Any]:
    return {
        "Resources": {
            "Provider": {
                "Type": "AWS::IAM::OIDCProvider",
                "Properties": {"Url": url, "ClientIdList": list(clients), "Tags": [{"Key": "team", "Value": "web"}]},
            }
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Provider", "Arn"]}}},
    }


def find(account: Account, arn: str) -> Any:
    return account.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_iam_returns_the_provider(account: Account, stack: str, url: str) -> None:
    arn = account.deploy(stack, provider(url, "sts.amazonaws.com")).outputs["Arn"]
    assert arn == f"arn:aws:iam::000000000000:oidc-provider/{url.removeprefix('https://')}"
    found = find(account, arn)
    assert (found["Url"], found["ClientIDList"]) == (url, ["sts.amazonaws.com"])
    assert {"Key": "team", "Value": "web"} in found["Tags"]


def test_new_clients_change_a_provider_in_place(account: Account, stack: str, url: str) -> None:
    arn = account.deploy(stack, provider(url, "one")).outputs["Arn"]
    update = account.deploy(stack, provider(url, "one", "two"))
    assert (update.changes, update.outputs["Arn"]) == ({"Provider": ("Modify", "False")}, arn)
    assert find(account, arn)["ClientIDList"] == ["one", "two"]


def test_a_new_url_replaces_a_provider(account: Account, stack: str, url: str) -> None:
    before = account.deploy(stack, provider(url, "one")).outputs["Arn"]
    update = account.deploy(stack, provider(url.replace("tokens", "others"), "one"))
    assert update.changes == {"Provider": ("Modify", "True")}
    iam = account.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=before)


def test_a_second_provider_with_the_same_url_is_refused(account: Account, stack: str, url: str) -> None:
    template = provider(url, "one")
    template["Resources"]["Second"] = {**template["Resources"]["Provider"], "DependsOn": "Provider"}
    creation = account.deploy(stack, template)
    assert creation.status == "ROLLBACK_COMPLETE"
    assert "already exists" in creation.failures["Second"]


def test_deleting_a_stack_deletes_its_provider(account: Account, stack: str, url: str) -> None:
    arn = account.deploy(stack, provider(url, "one")).outputs["Arn"]
    account.delete(stack)
    iam = account.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
