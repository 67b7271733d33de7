"""The parameters of deployed stacks, and the packages of their functions."""

from typing import Any

from support.clouds import Cloud


def stack_parameters(aws: Any, stack: str) -> dict[str, str]:
    """Return the parameters of a stack by its full name; `aws` makes clients."""
    (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}


def package_place(aws: Any, cloud: Cloud, stack: str) -> tuple[str, str]:
    """Return bucket and key of the package of a stack's function, whose name begins with that of the stack."""
    parameters = stack_parameters(aws, cloud.outputs[stack]["FunctionName"].partition("-Function-")[0])
    return parameters["ArtifactBucket"], parameters["ArtifactKey"]


def read_package(aws: Any, cloud: Cloud, stack: str) -> bytes:
    """Return the package of a stack's function."""
    bucket, key = package_place(aws, cloud, stack)
    content: bytes = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
