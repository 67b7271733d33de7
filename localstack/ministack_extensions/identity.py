"""AWS::IAM::OIDCProvider, with which GitHub workflows assume roles.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-oidcprovider.html
"""

from ministack.core import responses
from ministack.services import iam

from ministack_extensions.resource_types import Attributes, Properties, add_type


def add_identity() -> None:
    """Add the type."""
    add_type("AWS::IAM::OIDCProvider", _create, _change, _delete, tagged=True)


def _create(properties: Properties) -> tuple[str, Attributes]:
    host = properties["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{responses.get_account_id()}:oidc-provider/{host}"
    if arn in iam._oidc_providers:
        raise ValueError(f"Provider with url {properties['Url']} already exists.")
    iam._oidc_providers[arn] = {"Arn": arn, "Url": properties["Url"], "CreateDate": iam._now()}
    return arn, _change(arn, {}, properties)


def _change(arn: str, old: Properties, new: Properties) -> Attributes:
    iam._oidc_providers[arn].update(
        ClientIDList=list(new.get("ClientIdList", [])),
        ThumbprintList=list(new.get("ThumbprintList", [])),
        Tags=list(new.get("Tags", [])),
    )
    return {"Arn": arn}


def _delete(arn: str, properties: Properties) -> None:
    iam._oidc_providers.pop(arn, None)
