"""The roles of the bootstrap stack allow what CloudFormation does on their behalf, which no emulator checks.

The resource type schemas in cfn-lint list the calls of CloudFormation's handlers. They lack the rights that a called
service requires of its caller in turn: DEPENDENT has these, from bug reports.
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

SAME_ACTION = "not an IAM action: the right to put includes the right to delete"
NOT_CALLED = {
    "AWS::AutoScaling::AutoScalingGroup": {
        "autoscaling:*LoadBalancers": "LoadBalancerNames",
        "autoscaling:*LifecycleHook": "LifecycleHookSpecificationList",
        "autoscaling:*NotificationConfiguration": "NotificationConfigurations",
        "autoscaling:*TrafficSources": "TrafficSources",
        "autoscaling:*InstanceRefresh": "our update policy replaces instances instead",
        "ec2:Get*": "MixedInstancesPolicy",
        "managed-fleets:*": "our groups are not part of a managed fleet",
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
        "iam:DeleteRolePermissionsBoundary": "nothing may remove a boundary",
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
        "s3:GetObjectVersion": "a package key is never reused",
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
        "s3:DeleteObject": "a new bucket is empty",
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
"""Calls that our stacks do not trigger, with the reason: a property that no template sets, or a sentence."""


@dataclass(frozen=True)
class Dependent:
    """Actions that are needed in addition to the documented calls of a handler or a command."""

    actions: tuple[str, ...]
    needed_by: str
    """A type of resources or parameters, or a call of the deploy command."""
    source: str
    role: str = "ExecutionRole"

    def __str__(self) -> str:
        return f"{self.needed_by} {' '.join(self.actions)}"


DOCS = "https://docs.aws.amazon.com"
DEPENDENT = [
    Dependent(
        ("ec2:GetSecurityGroupsForVpc",),
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3917",
    ),
    Dependent(
        ("ec2:DescribeVpcPeeringConnections", "iam:CreateServiceLinkedRole"),
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        f"{DOCS}/aws-managed-policy/latest/reference/ElasticLoadBalancingFullAccess.html",
    ),
    Dependent(
        ("ec2:CreateTags", "ec2:RunInstances", "iam:CreateServiceLinkedRole", "iam:PassRole"),
        "AWS::AutoScaling::AutoScalingGroup",
        f"{DOCS}/autoscaling/ec2/userguide/ec2-auto-scaling-api-permissions.html",
    ),
    Dependent(
        ("autoscaling:DescribeScheduledActions",),  # read by update policies
        "AWS::AutoScaling::AutoScalingGroup",
        "https://github.com/docker-archive/for-aws/issues/15",
    ),
    Dependent(
        ("kms:DescribeKey", "secretsmanager:CreateSecret", "secretsmanager:TagResource"),  # the key is managed by AWS
        "AWS::RDS::DBInstance",
        "https://github.com/aws-ia/terraform-aws-eks-ack-addons/issues/45",
    ),
    Dependent(
        ("rds:AddTagsToResource", "rds:CreateDBSnapshot"),  # the final snapshot, with the tags of the instance
        "AWS::RDS::DBInstance",
        "https://github.com/aws-solutions/instance-scheduler-on-aws/issues/572",
    ),
    Dependent(
        ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        "AWS::Lambda::Function",
        "https://github.com/serverless/serverless/issues/8209",
    ),
    Dependent(
        ("lambda:InvokeFunction",),
        "Custom::Schema",
        "https://github.com/KensioSoftware/yulin/issues/1329",
    ),
    Dependent(
        ("iam:PassRole",),
        "AWS::EC2::FlowLog",
        "https://github.com/RiotGames/cloud-inquisitor/issues/150",
    ),
    Dependent(
        ("logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
        "AWS::EC2::FlowLog",
        "https://github.com/iann0036/iam-dataset/issues/12",
    ),
    Dependent(
        ("secretsmanager:GetSecretValue",),  # the client secret of a login is a dynamic reference
        "AWS::ElasticLoadBalancingV2::Listener",
        f"{DOCS}/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html",
    ),
    Dependent(
        ("ssm:GetParameters",),
        "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
        "https://github.com/aws-samples/sample-OpenClaw-on-AWS-with-Bedrock/issues/65",
    ),
    Dependent(
        ("ssm:GetParameters",),
        "cloudformation:CreateChangeSet",
        "https://github.com/aws/aws-cdk/issues/20959",
        "PlanRole",
    ),
    Dependent(
        ("cloudformation:DetectStackResourceDrift",),
        "cloudformation:DetectStackDrift",
        "https://alchemy.run/providers/aws/cloudformation/detectstackdrift",
        "PlanRole",
    ),
    Dependent(
        ("cloudformation:BatchDescribeTypeConfigurations",),  # denied to some roles, which reported it
        "cloudformation:DetectStackDrift",
        f"{DOCS}/AWSCloudFormation/latest/APIReference/API_BatchDescribeTypeConfigurations.html",
        "PlanRole",
    ),
    Dependent(
        ("ec2:DescribeVpcAttribute",),  # without it, false drift is reported
        "cloudformation:DetectStackDrift",
        "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2138",
        "PlanRole",
    ),
]


@cache
def schema(kind: str) -> Any:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


def called(kind: str) -> set[str]:
    """Return the actions that the handlers of a type can call."""
    handlers = schema(kind)["handlers"]
    return {action for name in HANDLERS if name in handlers for action in handlers[name]["permissions"]}


def matching(pattern: str, actions: set[str]) -> set[str]:
    return {action for action in actions if fnmatch.fnmatchcase(action, pattern)}


def properties(kind: str) -> set[str]:
    """Return the properties that templates set on resources of a type."""
    return {
        name
        for template in TEMPLATES
        for logical_id, found in template.resources.items()
        if found == kind
        for name in template.document["Resources"][logical_id].get("Properties", {})
    }


@pytest.mark.parametrize("kind", [kind for kind in TYPES if not kind.startswith("Custom::")])
def test_cloudformation_may_make_the_calls_of_a_types_handlers(kind: str) -> None:
    actions = called(kind)
    for pattern in NOT_CALLED.get(kind, {}):
        actions -= matching(pattern, actions)
    assert missing("ExecutionRole", actions) == set()


@pytest.mark.parametrize("kind", NOT_CALLED)
def test_calls_are_excluded_only_for_properties_that_no_template_sets(kind: str) -> None:
    assert kind in TYPES
    for pattern, reason in NOT_CALLED[kind].items():
        assert missing("ExecutionRole", matching(pattern, called(kind))), f"{pattern} excludes nothing"
        if " " not in reason:
            assert reason in schema(kind)["properties"], f"{kind} has no property {reason}"
            assert reason not in properties(kind), f"{reason} is set, so {pattern} is called"


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_a_role_allows_dependent_actions(dependent: Dependent) -> None:
    assert missing(dependent.role, dependent.actions) == set(), dependent.source


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_dependent_actions_are_still_needed(dependent: Dependent) -> None:
    if dependent.needed_by.startswith("cloudformation:"):
        assert missing(dependent.role, [dependent.needed_by]) == set()
    else:
        assert dependent.needed_by in {*TYPES, *PARAMETER_TYPES}
