"""The EC2 resource types that MiniStack's CloudFormation lacks, based on its EC2 API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

import re
from functools import partial
from typing import Any

from ministack.services import ec2, ssm
from ministack.services.cloudformation import provisioners

from ministack_extensions.resource_types import Attributes, Properties, add_type, complete_type

ARM_IMAGE = (
    "ami-0a2023a1b2c3d4e5f",
    "al2023-ami-2023.9.20251020.0-kernel-6.12-arm64",
    "Amazon Linux 2023 AMI",
    "",
    "/dev/xvda",
    "137112412989",
    "amazon",
)
ALLOW_ALL = {
    "IpProtocol": "-1",
    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    "Ipv6Ranges": [],
    "PrefixListIds": [],
    "UserIdGroupPairs": [],
}
ARM_IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-arm64"


def add_network() -> None:
    """Add the types, the CidrBlock of AWS::EC2::VPC, and the machine image of the application's instances."""
    add_type("AWS::EC2::EIP", _allocate, _retag_address, _release, tagged=True)
    retag_gateway, retag_log = partial(_retag, "NatGatewayId"), partial(_retag, "Id")
    add_type("AWS::EC2::NatGateway", _create_nat_gateway, retag_gateway, _delete_nat_gateway, tagged=True)
    add_type("AWS::EC2::FlowLog", _create_flow_log, retag_log, _delete_flow_log, tagged=True)
    for name, egress in (("Ingress", False), ("Egress", True)):
        add_type(
            f"AWS::EC2::SecurityGroup{name}",
            partial(_authorize, egress),
            partial(_describe, egress),
            partial(_revoke, egress),
        )
    complete_type("AWS::EC2::VPC", lambda vpc, properties: {"CidrBlock": ec2._vpcs[vpc]["CidrBlock"]})
    ec2._STUB_AMIS.append(ARM_IMAGE)
    ssm._PUBLIC_AMI_PARAMETERS[ARM_IMAGE_PARAMETER] = ARM_IMAGE[0]


def _created(answer: tuple[int, Any, bytes], prefix: str) -> str:
    """Return the id in an answer of the EC2 API."""
    (identifier,) = re.findall(rf"<\w+>({prefix}-\w+)<", answer[2].decode())
    return str(identifier)


def _retag(attribute: str, resource: str, old: Properties, new: Properties) -> Attributes:
    provisioners._ec2_apply_tags(resource, new, old)
    return {attribute: resource}


def _allocate(properties: Properties) -> tuple[str, Attributes]:
    allocation = _created(ec2._allocate_address({}), "eipalloc")
    provisioners._ec2_apply_tags(allocation, properties)
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocation(address: str) -> str | None:
    return next((name for name, record in ec2._addresses.items() if record["PublicIp"] == address), None)


def _retag_address(address: str, old: Properties, new: Properties) -> Attributes:
    allocation = _allocation(address)
    if allocation is None:
        raise ValueError(f"The address {address} does not exist")
    provisioners._ec2_apply_tags(allocation, new, old)
    return {"AllocationId": allocation, "PublicIp": address}


def _release(address: str, properties: Properties) -> None:
    allocation = _allocation(address)
    if allocation is None:
        return
    if ec2._addresses[allocation]["AssociationId"]:
        raise ValueError(f"Address {address} is in use.")
    ec2._release_address({"AllocationId": allocation})


def _create_nat_gateway(properties: Properties) -> tuple[str, Attributes]:
    if properties["SubnetId"] not in ec2._subnets:
        raise ValueError(f"The subnet ID '{properties['SubnetId']}' does not exist")
    allocation = properties.get("AllocationId", "")
    if allocation:
        address = ec2._addresses.get(allocation)
        if address is None:
            raise ValueError(f"The allocation ID '{allocation}' does not exist")
        if address["AssociationId"]:
            raise ValueError(f"Elastic IP address [{allocation}] is already associated")
        ec2._associate_address({"AllocationId": allocation})
    gateway = _created(ec2._create_nat_gateway(properties), "nat")
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _delete_nat_gateway(gateway: str, properties: Properties) -> None:
    record = ec2._nat_gateways.get(gateway)
    if record is None or record["State"] == "deleted":
        return
    record["State"] = "deleted"  # AWS shows it for another hour
    if record["AllocationId"] in ec2._addresses:
        ec2._addresses[record["AllocationId"]]["AssociationId"] = None


def _create_flow_log(properties: Properties) -> tuple[str, Attributes]:
    flow_log = _created(ec2._create_flow_logs({**properties, "ResourceId.1": properties["ResourceId"]}), "fl")
    provisioners._ec2_apply_tags(flow_log, properties)
    return flow_log, {"Id": flow_log}


def _delete_flow_log(flow_log: str, properties: Properties) -> None:
    ec2._delete_flow_logs({"FlowLogId.1": flow_log})


def _authorize(egress: bool, properties: Properties) -> tuple[str, Attributes]:
    group = ec2._security_groups.get(properties["GroupId"])
    if group is None:
        raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
    permissions = group["IpPermissionsEgress" if egress else "IpPermissions"]
    (permission,) = provisioners._ec2_sg_permissions([properties])
    rule = ec2._sg_rule_id(group["GroupId"], egress, permission)
    if any(ec2._sg_rule_id(group["GroupId"], egress, known) == rule for known in permissions):
        raise ValueError("the specified rule already exists")
    permission["SecurityGroupRuleId"] = rule
    # The first separate rule replaces the default rule of a new group, which allows everything:
    # https://github.com/aws-cloudformation/cfn-language-discussion/issues/157
    permissions[:] = [known for known in permissions if known != ALLOW_ALL]
    permissions.append(permission)
    return rule, {"Id": rule}


def _describe(egress: bool, rule: str, old: Properties, new: Properties) -> Attributes:
    """Change the description of a rule; any other change replaces the rule."""
    _revoke(egress, rule, old)
    _authorize(egress, new)
    return {"Id": rule}


def _revoke(egress: bool, rule: str, properties: Properties) -> None:
    group = ec2._security_groups.get(properties["GroupId"])
    if group is not None:
        ec2._revoke_sg_rules_by_id(group, group["GroupId"], [rule], egress)
