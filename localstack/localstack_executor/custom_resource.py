"""Custom resources: CloudFormation invokes a function, which sends its answer with a PUT to a presigned URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from localstack.config import internal_service_url
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceProvider

from localstack_executor.texts import as_texts

ANSWERS = "cloudformation-custom-resource-answers"
"""The bucket for the answers of functions."""

DEFAULT_SECONDS = 3600
FUNCTION_SECONDS = 900  # the longest time-out of a function
POLL_SECONDS = 0.2


class CustomResourceProvider(ResourceProvider):  # type: ignore[misc] # LocalStack is in another environment
    """Creates, updates and deletes custom resources. An update cannot replace the physical resource."""

    TYPE = "AWS::CloudFormation::CustomResource"
    SCHEMA = {  # noqa: RUF012 - like its base class
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/PhysicalResourceId"],
        "createOnlyProperties": ["/properties/ServiceToken"],
        "required": ["ServiceToken"],
    }

    def create(self, request: Any) -> Any:
        """Let the function create it."""
        return _request(request, "Create", request.desired_state)

    def update(self, request: Any) -> Any:
        """Let the function update it."""
        before = request.previous_state
        old = {name: before[name] for name in before if name in request.desired_state}
        more = {"PhysicalResourceId": before["PhysicalResourceId"], "OldResourceProperties": _sent(old)}
        return _request(request, "Update", request.desired_state, more)

    def delete(self, request: Any) -> Any:
        """Let the function delete it."""
        state = request.previous_state or request.desired_state
        return _request(request, "Delete", state, {"PhysicalResourceId": state["PhysicalResourceId"]})


def _request(request: Any, kind: str, properties: dict[str, Any], more: dict[str, Any] | None = None) -> Any:
    more = more or {}
    request_id = str(uuid4())
    s3, functions = _client(request, "s3"), _client(request, "lambda")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ANSWERS)
    place = {"Bucket": ANSWERS, "Key": request_id}
    event = {
        "RequestType": kind,
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": s3.generate_presigned_url("put_object", Params=place),
        "StackId": request.stack_id,
        "RequestId": request_id,
        "ResourceType": request.resource_type,
        "LogicalResourceId": request.logical_resource_id,
        "ResourceProperties": _sent(properties),
        **more,
    }
    deadline = time.monotonic() + int(properties.get("ServiceTimeout", DEFAULT_SECONDS))
    called = functions.invoke(FunctionName=properties["ServiceToken"], Payload=json.dumps(event))
    if "FunctionError" in called:  # AWS would wait until the end of ServiceTimeout
        return _failed(f"The function failed: {called['Payload'].read().decode(errors='replace')}")
    while time.monotonic() < deadline:
        with suppress(s3.exceptions.NoSuchKey):
            answer = json.loads(s3.get_object(**place)["Body"].read())
            break
        time.sleep(POLL_SECONDS)
    else:
        return _failed("CloudFormation did not receive a response from your Custom Resource.")
    if answer["Status"] != "SUCCESS":
        return _failed(f"Received response status [FAILED] from custom resource. Message returned: {answer['Reason']}")
    if answer["PhysicalResourceId"] != more.get("PhysicalResourceId", answer["PhysicalResourceId"]):
        return _failed("The function returned another physical id: this emulator cannot replace custom resources.")
    model = {**properties, **answer.get("Data", {}), "PhysicalResourceId": answer["PhysicalResourceId"]}
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def _sent(properties: dict[str, Any]) -> Any:
    """Return the properties as the function gets them."""
    return as_texts({name: value for name, value in properties.items() if name != "ServiceTimeout"})


def _failed(reason: str) -> Any:
    return ProgressEvent(status=OperationStatus.FAILED, resource_model={}, message=reason)


def _client(request: Any, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=request.region_name,
        endpoint_url=internal_service_url(),
        aws_access_key_id=request.account_id,
        aws_secret_access_key="test",  # noqa: S106 - LocalStack accepts any
        config=Config(read_timeout=FUNCTION_SECONDS, retries={"max_attempts": 0}),
    )
