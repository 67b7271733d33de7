"""The roles of the bootstrap allow what CloudFormation does in their name, which no emulator checks.

What its handlers call is in the schemas of the resource types, which cfn-lint brings along. What a called service asks
its caller for in turn is not: that is in DEPENDENT, from reports of those who were refused it.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from deploy.environment import INFRASTRUCTURE
from deploy.template import Template
from support.bootstrap_rights import missing

TEMPLATES = [Template(path) for path in sorted((INFRASTRUCTURE / "templates").glob("*.yaml"))]
TYPES = sorted({kind for template in TEMPLATES for kind in template.resources.values()})
PARAMETER_TYPES = {parameter["Type"] for template in TEMPLATES for parameter in template.parameters.values()}
HANDLERS = ("create", "read", "update", "delete")
"""The handlers that stacks use."""

SAME_ACTION = "no action of IAM: who may put it may delete it"
NOT_CALLED = {
    "AWS::AutoScaling::AutoScalingGroup": {
        "autoscaling:*LoadBalancers": "LoadBalancerNames",
        "autoscaling:*LifecycleHook": "LifecycleHookSpecificationList",
        "autoscaling:*NotificationConfiguration": "NotificationConfigurations",
        "autoscaling:*TrafficSources": "TrafficSources",
        "autoscaling:*InstanceRefresh": "our update policy replaces instances by itself",
        "ec2:Get*": "MixedInstancesPolicy",
        "managed-fleets:*": "our groups belong to no managed fleet",
        "ssm:Get*": "the image of our launch template is an id",
        "vpc-lattice:*": "TrafficSources",
    },
    "AWS::AutoScaling::ScalingPolicy": {"cloudwatch:GetMetricData": "PredictiveScalingConfiguration"},
    "AWS::EC2::EIP": {"ec2:AcceptAddressTransfer": "TransferAddress", "ec2:AssociateAddress": "InstanceId"},
    "AWS::EC2::NatGateway": {
        "ec2:*ssociateNatGatewayAddress": "SecondaryAllocationIds",
        "ec2:*ssignPrivateNatGatewayAddress": "SecondaryPrivateIpAddressCount",
    },
    "AWS::EC2::Subnet": {"ec2:*ssociateSubnetCidrBlock": "Ipv6CidrBlock"},
    "AWS::EC2::VPC": {
        "ec2:CreateVpcEncryptionControl": "VpcEncryptionControl",
        "ec2:ModifyVpcTenancy": "InstanceTenancy",
    },
    "AWS::EC2::VPCEndpoint": {"vpc-lattice:*": "ServiceNetworkArn", "vpce:AllowMultiRegion": "ServiceRegion"},
    "AWS::EC2::VPCGatewayAttachment": {"ec2:*tachVpnGateway": "VpnGatewayId"},
    "AWS::ElasticLoadBalancingV2::Listener": {"cognito-idp:*": "people log in with OpenID Connect, not with Cognito"},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "elasticloadbalancing:ModifyCapacityReservation": "MinimumLoadBalancerCapacity",
        "elasticloadbalancing:ModifyIpPools": "Ipv4IpamPoolId",
        "elasticloadbalancing:SetIpAddressType": "IpAddressType",
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"elasticloadbalancing:*egisterTargets": "Targets"},
    "AWS::IAM::Role": {
        "iam:*tachRolePolicy": "ManagedPolicyArns",
        "iam:DeleteRolePermissionsBoundary": "nothing may take a boundary off",
    },
    "AWS::Lambda::Alias": {
        "codedeploy:*": "our aliases have no update policy",
        "lambda:*ProvisionedConcurrencyConfig": "ProvisionedConcurrencyConfig",
    },
    "AWS::Lambda::Function": {
        "elasticfilesystem:*": "FileSystemConfigs",
        "kms:CreateGrant": "KmsKeyArn",
        "kms:Decrypt": "KmsKeyArn",
        "kms:Encrypt": "KmsKeyArn",
        "kms:GenerateDataKey": "KmsKeyArn",
        "lambda:*CodeSigningConfig": "CodeSigningConfigArn",
        "lambda:AssociateRuntimeAlias": "RuntimeManagementConfig",
        "lambda:GetLayerVersion": "Layers",
        "lambda:PassCapacityProvider": "CapacityProviderConfig",
        "lambda:PutFunctionRecursionConfig": "RecursiveLoop",
        "lambda:PutFunctionScalingConfig": "FunctionScalingConfig",
        "lambda:PutRuntimeManagementConfig": "RuntimeManagementConfig",
        "s3:GetObjectVersion": "the key of a package never holds another",
        "s3files:*": "FileSystemConfigs",
    },
    "AWS::Lambda::Version": {
        "lambda:PutFunctionScalingConfig": "FunctionScalingConfig",
        "lambda:PutProvisionedConcurrencyConfig": "ProvisionedConcurrencyConfig",
        "lambda:PutRuntimeManagementConfig": "RuntimePolicy",
    },
    "AWS::Logs::LogGroup": {
        "firehose:TagDeliveryStream": "DataProtectionPolicy",
        "logs:*DataProtectionPolicy": "DataProtectionPolicy",
        "logs:*IndexPolicy": "FieldIndexPolicies",
        "logs:*KmsKey": "KmsKeyId",
        "logs:*eResourcePolicy": "ResourcePolicyDocument",
        "logs:PutBearerTokenAuthentication": "BearerTokenAuthenticationEnabled",
        "logs:PutLogGroupDeletionProtection": "DeletionProtectionEnabled",
        "logs:PutResourcePolicy": "ResourcePolicyDocument",
        "s3:REST.PUT.OBJECT": "DataProtectionPolicy",
    },
    "AWS::RDS::DBInstance": {
        "iam:ListRoles": "AssociatedRoles",
        "kms:CreateGrant": "KmsKeyId",
        "rds:*DBInstanceAutomatedBackupsReplication": "AutomaticBackupReplicationRegion",
        "rds:*RoleToDBInstance": "AssociatedRoles",
        "rds:CreateDBInstanceReadReplica": "SourceDBInstanceIdentifier",
        "rds:PromoteReadReplica": "SourceDBInstanceIdentifier",
        "rds:RemoveRoleFromDBInstance": "AssociatedRoles",
        "rds:RestoreDBInstanceToPointInTime": "RestoreTime",
    },
    "AWS::S3::Bucket": {
        "s3:*Acl": "AccessControl",
        "s3:*Metadata*": "MetadataConfiguration",
        "s3:*ObjectLock*": "ObjectLockEnabled",
        "s3:*Replication*": "ReplicationConfiguration",
        "s3:*Website": "WebsiteConfiguration",
        "s3:DeleteBucketAnalyticsConfiguration": "AnalyticsConfigurations",
        "s3:DeleteBucketCors": SAME_ACTION,
        "s3:DeleteBucketEncryption": SAME_ACTION,
        "s3:DeleteBucketLifecycle": SAME_ACTION,
        "s3:DeleteBucketMetricsConfiguration": "MetricsConfigurations",
        "s3:DeleteObject": "nothing is in a new bucket",
        "s3:PutAccelerateConfiguration": "AccelerateConfiguration",
        "s3:PutAnalyticsConfiguration": "AnalyticsConfigurations",
        "s3:PutBucketAbac": "AbacStatus",
        "s3:PutBucketLogging": "LoggingConfiguration",
        "s3:PutIntelligentTieringConfiguration": "IntelligentTieringConfigurations",
        "s3:PutInventoryConfiguration": "InventoryConfigurations",
        "s3:PutMetricsConfiguration": "MetricsConfigurations",
        "s3tables:*": "MetadataTableConfiguration",
    },
    "AWS::SNS::Topic": {"sns:PutDataProtectionPolicy": "DataProtectionPolicy"},
    "AWS::SecretsManager::Secret": {"secretsmanager:*Re*Region*": "ReplicaRegions"},
}
"""What handlers can call and do not for us: the property that no template sets, or a sentence that says why."""


@dataclass(frozen=True)
class Dependent:
    """Actions that are needed beside those that a handler or a command is known to call."""

    role: str
    actions: tuple[str, ...]
    needed_by: str
    """A type of resources or parameters, or a call of the deploy command."""
    source: str

    def __str__(self) -> str:
        return f"{self.needed_by} {' '.join(self.actions)}"


DOCS = "https://docs.aws.amazon.com"
DEPENDENT = [
    Dependent(
        "ExecutionRole",
        ("ec2:GetSecurityGroupsForVpc",),
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3917",
    ),
    Dependent(
        "ExecutionRole",
        ("ec2:DescribeVpcPeeringConnections", "iam:CreateServiceLinkedRole"),
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        f"{DOCS}/aws-managed-policy/latest/reference/ElasticLoadBalancingFullAccess.html",
    ),
    Dependent(
        "ExecutionRole",
        ("ec2:CreateTags", "ec2:RunInstances", "iam:CreateServiceLinkedRole", "iam:PassRole"),
        "AWS::AutoScaling::AutoScalingGroup",
        f"{DOCS}/autoscaling/ec2/userguide/ec2-auto-scaling-api-permissions.html",
    ),
    Dependent(
        "ExecutionRole",
        ("autoscaling:DescribeScheduledActions",),  # an update policy looks for them
        "AWS::AutoScaling::AutoScalingGroup",
        "https://github.com/docker-archive/for-aws/issues/15",
    ),
    Dependent(
        "ExecutionRole",
        ("kms:DescribeKey", "secretsmanager:CreateSecret", "secretsmanager:TagResource"),  # the key is that of AWS
        "AWS::RDS::DBInstance",
        "https://github.com/aws-ia/terraform-aws-eks-ack-addons/issues/45",
    ),
    Dependent(
        "ExecutionRole",
        ("rds:AddTagsToResource", "rds:CreateDBSnapshot"),  # the final snapshot, with the tags of the instance
        "AWS::RDS::DBInstance",
        "https://github.com/aws-solutions/instance-scheduler-on-aws/issues/572",
    ),
    Dependent(
        "ExecutionRole",
        ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        "AWS::Lambda::Function",
        "https://github.com/serverless/serverless/issues/8209",
    ),
    Dependent(
        "ExecutionRole",
        ("lambda:InvokeFunction",),
        "Custom::Schema",
        "https://github.com/KensioSoftware/yulin/issues/1329",
    ),
    Dependent(
        "ExecutionRole",
        ("iam:PassRole",),
        "AWS::EC2::FlowLog",
        "https://github.com/RiotGames/cloud-inquisitor/issues/150",
    ),
    Dependent(
        "ExecutionRole",
        ("logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
        "AWS::EC2::FlowLog",
        "https://github.com/iann0036/iam-dataset/issues/12",
    ),
    Dependent(
        "ExecutionRole",
        ("secretsmanager:GetSecretValue",),  # the client secret of a login is a dynamic reference
        "AWS::ElasticLoadBalancingV2::Listener",
        f"{DOCS}/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html",
    ),
    Dependent(
        "ExecutionRole",
        ("ssm:GetParameters",),
        "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
        "https://github.com/aws-samples/sample-OpenClaw-on-AWS-with-Bedrock/issues/65",
    ),
    Dependent(
        "PlanRole",
        ("ssm:GetParameters",),
        "cloudformation:CreateChangeSet",
        "https://github.com/aws/aws-cdk/issues/20959",
    ),
    Dependent(
        "PlanRole",
        ("cloudformation:DetectStackResourceDrift",),
        "cloudformation:DetectStackDrift",
        "https://alchemy.run/providers/aws/cloudformation/detectstackdrift",
    ),
    Dependent(
        "PlanRole",
        ("cloudformation:BatchDescribeTypeConfigurations",),  # some roles were refused it, others did without
        "cloudformation:DetectStackDrift",
        f"{DOCS}/AWSCloudFormation/latest/APIReference/API_BatchDescribeTypeConfigurations.html",
    ),
    Dependent(
        "PlanRole",
        ("ec2:DescribeVpcAttribute",),  # without it drift is reported that there is not
        "cloudformation:DetectStackDrift",
        "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2138",
    ),
]


@cache
def schema(kind: str) -> Any:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


def called(kind: str) -> set[str]:
    """Return what the handlers of a type can call."""
    handlers = schema(kind)["handlers"]
    return {action for name in HANDLERS if name in handlers for action in handlers[name]["permissions"]}


def matching(pattern: str, actions: set[str]) -> set[str]:
    return {action for action in actions if fnmatch.fnmatchcase(action, pattern)}


def properties(kind: str) -> set[str]:
    """Return the properties that templates set of resources of a type."""
    return {
        name
        for template in TEMPLATES
        for logical_id, found in template.resources.items()
        if found == kind
        for name in template.document["Resources"][logical_id].get("Properties", {})
    }


@pytest.mark.parametrize("kind", [kind for kind in TYPES if not kind.startswith("Custom::")])
def test_cloudformation_may_do_what_the_handlers_of_a_type_call(kind: str) -> None:
    actions = called(kind)
    for pattern in NOT_CALLED.get(kind, {}):
        actions -= matching(pattern, actions)
    assert missing("ExecutionRole", actions) == set()


@pytest.mark.parametrize("kind", NOT_CALLED)
def test_what_is_not_called_belongs_to_properties_that_no_template_sets(kind: str) -> None:
    assert kind in TYPES
    for pattern, reason in NOT_CALLED[kind].items():
        assert missing("ExecutionRole", matching(pattern, called(kind))), f"{pattern} leaves nothing out"
        if " " not in reason:
            assert reason in schema(kind)["properties"], f"{kind} has no property {reason}"
            assert reason not in properties(kind), f"{reason} is set: {pattern} is called"


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_a_role_allows_what_services_ask_their_caller_for(dependent: Dependent) -> None:
    assert missing(dependent.role, dependent.actions) == set(), dependent.source


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_what_needs_the_dependent_actions_is_still_there(dependent: Dependent) -> None:
    if dependent.needed_by.startswith("cloudformation:"):
        assert missing(dependent.role, [dependent.needed_by]) == set()
    else:
        assert dependent.needed_by in {*TYPES, *PARAMETER_TYPES}
