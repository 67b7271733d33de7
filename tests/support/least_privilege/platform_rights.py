"""Rights that AWS, or an AWS agent on the instance, uses on behalf of a service."""

import json

from support.clouds import FUNCTIONS
from support.emulated_environment import ACCOUNT
from support.least_privilege.recorded import Cloud
from support.least_privilege.rights import Right

LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
NOT_THE_CODE_ITSELF = json.dumps({"Null": {"lambda:SourceFunctionArn": True}})
SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)


def platform_rights(cloud: Cloud) -> dict[Right, str]:
    """Return these rights, each with its reason."""
    regional = f"{cloud.environment.region}:{ACCOUNT}"
    rights: dict[Right, str] = {}

    def allow(service: str, resource: str, *actions: str, reason: str, condition: str = "") -> None:
        rights.update({Right(service, action, resource, condition): reason for action in actions})

    for service in FUNCTIONS:
        stack = FUNCTIONS[service][0]
        group = cloud.physical_id(stack, "SweepLogGroup" if service == "sweep" else "LogGroup")
        allow(service, f"arn:aws:logs:{regional}:log-group:{group}:*", *LOG, reason="Lambda writes the log")
        allow(service, "*", "xray:PutTelemetryRecords", "xray:PutTraceSegments", reason="Lambda traces")
        for resource, actions in {
            f"arn:aws:ec2:{regional}:*/*": (  # the form for all ids that Lambda requires
                "ec2:AssignPrivateIpAddresses",
                "ec2:DeleteNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ),
            f"arn:aws:ec2:{regional}:network-interface/*": ("ec2:CreateNetworkInterface",),
            f"arn:aws:ec2:{regional}:subnet/*": ("ec2:CreateNetworkInterface",),
            f"arn:aws:ec2:{regional}:security-group/{cloud.outputs['network']['ClientSecurityGroupId']}": (
                "ec2:CreateNetworkInterface",
            ),
            "*": ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
        }.items():
            allow(service, resource, *actions, reason="Lambda joins the network", condition=NOT_THE_CODE_ITSELF)
    for service in ("thumbnail", "annotate"):
        queue = f"arn:aws:sqs:{regional}:{cloud.outputs[service]['DeadLettersName']}"
        allow(service, queue, "sqs:SendMessage", reason="Lambda stores the events that failed for good")

    group = cloud.physical_id("web", "LogGroup")
    allow("web", f"arn:aws:logs:{regional}:log-group:{group}:*", *LOG, reason="the CloudWatch agent writes the log")
    allow("web", "*", *SESSION_MANAGER, reason="the Session Manager agent")
    bundle = f"arn:aws:s3:::{cloud.outputs['bootstrap']['ArtifactBucket']}/{cloud.parameter('web', 'ArtifactKey')}"
    allow("web", bundle, "s3:GetObject", reason="the instance installs itself; tests/infrastructure/boot proves it")
    return rights
